#!/usr/bin/env bash
# From a fresh Debian 12 machine to a Pareto front: packages, build, daemon, two workers, the shipped search.
#
#   deploy/quickstart.sh                run it; again: goes on with an unfinished search, or starts a new one
#   deploy/quickstart.sh --stop         end the daemon and the workers that it started
#
#   --dir DIR     keeps all state in DIR (default .quickstart beside the README)
#   --port PORT   dashboard on 127.0.0.1:PORT (default 7878, or a free one when that is taken)
#   --json        the last line of output is one JSON object
#   --search FILE another search.json than deploy/quickstart.json
set -euo pipefail
unset CDPATH          # cd would print the directory
export LC_ALL=C.UTF-8 # awk and jq agree on the decimal point
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$repo/.quickstart port='' json=no stop=no search=$repo/deploy/quickstart.json

usage() { sed -n '2,10p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'; }
say() { printf '%s\n' "$*"; }
fail() { printf 'quickstart: %s\n' "$*" >&2; exit 2; }
while [ $# -gt 0 ]; do
    case $1 in
    --dir) [ -n "${2:-}" ] || fail "--dir needs a directory"; dir=$2; shift ;;
    --port)
        [[ ${2:-} =~ ^[0-9]{1,5}$ ]] && [ "$((10#$2))" -le 65535 ] || # 0: any free one
            fail "--port needs a number up to 65535"
        port=$((10#$2))
        shift
        ;;
    --search) [ -f "${2:-}" ] || fail "--search needs a file"; search=$(realpath "$2"); shift ;;
    --json) json=yes ;;
    --stop) stop=yes ;;
    --help | -h) usage; exit 0 ;;
    *) echo "quickstart: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done
again=$(printf %q "$0")
[ "$dir" = "$repo/.quickstart" ] || again+=$(printf ' --dir %q' "$dir")
if [ "$stop" = yes ] && [ ! -d "$dir" ]; then
    say "nothing runs: there is no $dir"
    exit 0
fi
dir=$(realpath -m "$dir")
bin=$repo/build/release ctl=$repo/build/release/client/paretoctl
socket=$dir/paretod.sock
export PARETOD_DAEMON=unix:$socket
[ "$(printf %s "$socket" | wc -c)" -le 107 ] || # what sockaddr_un has room for
    fail "$socket is longer than the 107 bytes that a socket may have; give --dir a shorter one, as --dir /tmp/quickstart"
mkdir -p "$dir"

# The process of a pid file, when it is alive and still the program we started.
alive() { # alive NAME PROGRAM
    local pid
    pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
    [ "$(basename "$(readlink "/proc/$pid/exe" 2>/dev/null)" | sed 's/ (deleted)$//')" = "$2" ] && echo "$pid"
}

end() { # end NAME PROGRAM
    local pid
    pid=$(alive "$1" "$2") || { rm -f "$dir/$1.pid"; return 0; }
    kill "$pid" 2>/dev/null || true # it may end by itself meanwhile
    for _ in $(seq 200); do
        alive "$1" "$2" >/dev/null || break
        sleep 0.1
    done
    if alive "$1" "$2" >/dev/null; then
        say "$1 did not end within 20 s; killing it"
        kill -9 "$pid" 2>/dev/null || true
    fi
    rm -f "$dir/$1.pid"
    say "stopped $1"
    stopped=yes
}

if [ "$stop" = yes ]; then
    stopped=no
    end worker-1 pareto-worker
    end worker-2 pareto-worker
    end paretod paretod
    [ "$stopped" = yes ] || say "nothing runs in $dir"
    exit 0
fi

# In a session of its own, so that Ctrl-C here leaves it alone. It must not hold our standard output open either, or a
# pipe after this script never ends.
start() { # start NAME COMMAND…
    local name=$1
    shift
    [ ! -e "$dir/$name.log" ] || mv "$dir/$name.log" "$dir/$name.log.1"
    setsid "$@" >"$dir/$name.log" 2>&1 </dev/null &
    echo $! >"$dir/$name.pid"
}

# Until COMMAND succeeds, for about 30 s. Not alive(): for a moment the process is still the shell, or setsid.
wait_for() { # wait_for NAME COMMAND…
    local name=$1 pid
    shift
    pid=$(cat "$dir/$name.pid")
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 5 "$dir/$name.log" >&2
    say "$name did not start; $dir/$name.log says why" >&2
    exit 1
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The address in the arguments of a daemon on our socket that somebody started by hand: its log is elsewhere.
address_by_hand() {
    local process
    for process in /proc/[0-9]*; do
        [ "$(basename "$(readlink "$process/exe" 2>/dev/null)")" = paretod ] || continue
        tr '\0' '\n' <"$process/cmdline" 2>/dev/null | grep -qxF "unix:$socket" || continue
        tr '\0' '\n' <"$process/cmdline" | grep -E '^[0-9.]+:[1-9][0-9]*$' | head -n 1
        return
    done
}

# http://ADDRESS of the running daemon's dashboard; "" when nobody can say.
dashboard() {
    local address
    if alive paretod paretod >/dev/null; then
        address=$(sed -n 's|.*listening address=\([0-9.]*:[0-9]*\).*|\1|p' "$dir/paretod.log" | tail -n 1)
    else
        address=$(address_by_hand) || true
    fi
    [ -z "$address" ] || echo "http://$address"
}

start_daemon() {
    if alive paretod paretod >/dev/null || "$ctl" searches >/dev/null 2>&1; then
        local at
        at=$(dashboard)
        say "paretod is already running"
        [ -z "$port" ] || [ "${at##*:}" = "$port" ] || say "not on port $port; to change it, stop it first: $again --stop"
        return
    fi
    [ -n "$port" ] || { port_taken 7878 && port=0 || port=7878; }
    start paretod "$bin/daemon/paretod" --db "$dir/db" --listen "unix:$socket" --listen "127.0.0.1:$port" \
        --assets "$bin/assets"
    wait_for paretod "$ctl" searches
}

is_registered() { "$ctl" workers | grep " $1 .* \(idle\|busy\) "; }

start_worker() {
    alive "$1" pareto-worker >/dev/null && return
    mkdir -p "$dir/scratch"
    OPENBLAS_NUM_THREADS=1 start "$1" "$bin/worker/pareto-worker" --daemon "unix:$socket" --slots 1 \
        --name "$1" --scratch "$dir/scratch"
    wait_for "$1" is_registered "$1"
}

# The search of an earlier run with the same file when it has not ended; "" otherwise.
unfinished() {
    local id file state
    { read -r id && read -r file; } 2>/dev/null <"$dir/search.id" || return 0
    [ "$file" = "$search" ] || return 0
    state=$("$ctl" --json searches | jq -r --arg id "$id" '.searches[] | select("\(.id)" == $id).state')
    case $state in
    running | confirming) echo "$id" ;;
    paused) "$ctl" resume "$id" >/dev/null && echo "$id" ;;
    esac
}

"$repo/deploy/packages.sh" build
say "building (release)"
log=$dir/build.log
{ cd "$repo" && cmake --preset release && cmake --build --preset release; } >"$log" 2>&1 || {
    { grep -E 'error|Error|FAILED' "$log" || tail -n 20 "$log"; } | head -n 20 >&2
    say "the build failed; $log has all of it" >&2
    exit 1
}
start_daemon
start_worker worker-1
start_worker worker-2
url=$(dashboard)
no_url="not known: paretod was started by hand; look for \"listening address=\" in its log"
say "dashboard: ${url:-$no_url}${url:+/}"

began=$(date +%s.%N)
id=$(unfinished)
if [ -n "$id" ]; then
    say "going on with search $id, which an earlier run began"
else
    id=$("$ctl" --json submit "$search" | jq -r .id)
    printf '%s\n' "$id" "$search" >"$dir/search.id"
    say "started search $id anew: $(jq -r .name "$search")"
fi
"$ctl" watch "$id" || {
    status=$?
    [ "$status" -ne 4 ] || "$ctl" searches >&2
    exit "$status"
}
seconds=$(echo "$(date +%s.%N) $began" | awk '{printf "%.1f", $1 - $2}')
say
"$ctl" front "$id" --plot
say
say "search $id took $seconds s. The daemon and two workers go on running; end them with: $again --stop"
[ -z "$url" ] || say "dashboard: $url/#/searches/$id"
say "ship a point: $(printf '%q --daemon %q' "$ctl" "$PARETOD_DAEMON") export $id knee --out DIR"
if [ "$json" = yes ]; then
    "$ctl" --json front "$id" |
        jq -c --arg socket "$socket" --arg url "$url" --argjson seconds "$seconds" \
            '{socket: $socket, url: (if $url == "" then null else $url end), search: .id, trials: .progress.done, hypervolume: .hypervolume,
              sweep_hypervolume: .sweep_hypervolume, heldout: .heldout,
              front: [.points[] | {trial, ratios, scores}], seconds: $seconds}'
fi
