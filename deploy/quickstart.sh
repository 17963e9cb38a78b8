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
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=$repo/.quickstart port= json=no stop=no search=$repo/deploy/quickstart.json

usage() { sed -n '2,11p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'; }
while [ $# -gt 0 ]; do
    case $1 in
    --dir) dir=${2:?--dir needs a directory}; shift ;;
    --port) port=${2:?--port needs a number}; shift ;;
    --search) search=${2:?--search needs a file}; shift ;;
    --json) json=yes ;;
    --stop) stop=yes ;;
    --help | -h) usage; exit 0 ;;
    *) echo "quickstart: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
bin=$repo/build/release
socket=$dir/paretod.sock
export PARETOD_DAEMON=unix:$socket

say() { printf '%s\n' "$*"; }

# The process of a pid file, when it is alive and still the program we started.
alive() { # alive NAME PROGRAM
    local pid
    pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
    [ "$(basename "$(readlink "/proc/$pid/exe" 2>/dev/null)" | sed 's/ (deleted)$//')" = "$2" ] && echo "$pid"
}

end() { # end NAME PROGRAM
    local pid
    pid=$(alive "$1" "$2") || { rm -f "$dir/$1.pid"; return 0; }
    kill "$pid"
    for _ in $(seq 200); do
        alive "$1" "$2" >/dev/null || break
        sleep 0.1
    done
    if alive "$1" "$2" >/dev/null; then
        say "$1 did not end within 20 s; killing it"
        kill -9 "$pid"
    fi
    rm -f "$dir/$1.pid"
    say "stopped $1"
}

if [ "$stop" = yes ]; then
    end worker-1 pareto-worker
    end worker-2 pareto-worker
    end paretod paretod
    exit 0
fi

# a background process must not hold our standard output open, or a pipe after this script never ends
start() { # start NAME COMMAND…
    local name=$1
    shift
    nohup "$@" >>"$dir/$name.log" 2>&1 </dev/null &
    echo $! >"$dir/$name.pid"
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

start_daemon() {
    if alive paretod paretod >/dev/null; then
        say "paretod is already running"
        return
    fi
    [ -n "$port" ] || { port_taken 7878 && port=0 || port=7878; }
    : >"$dir/paretod.log"
    start paretod "$bin/daemon/paretod" --db "$dir/db" --listen "unix:$socket" --listen "127.0.0.1:$port" \
        --assets "$bin/assets"
    for _ in $(seq 100); do
        "$bin/client/paretoctl" searches >/dev/null 2>&1 && return
        alive paretod paretod >/dev/null || break
        sleep 0.1
    done
    tail -n 5 "$dir/paretod.log" >&2
    say "paretod did not start; $dir/paretod.log says why" >&2
    exit 1
}

start_worker() {
    alive "$1" pareto-worker >/dev/null && return
    mkdir -p "$dir/scratch"
    OPENBLAS_NUM_THREADS=1 start "$1" "$bin/worker/pareto-worker" --daemon "unix:$socket" --slots 1 \
        --name "$1" --scratch "$dir/scratch"
}

# The search of an earlier run when it has not ended; "" otherwise.
unfinished() {
    local id state
    id=$(cat "$dir/search.id" 2>/dev/null) || return 0
    state=$("$bin/client/paretoctl" --json searches | jq -r ".searches[] | select(.id == $id) | .state")
    case $state in
    running | confirming) echo "$id" ;;
    paused) "$bin/client/paretoctl" resume "$id" >/dev/null && echo "$id" ;;
    esac
}

"$repo/deploy/packages.sh" build
say "building (release)"
log=$dir/build.log
{ cd "$repo" && cmake --preset release && cmake --build --preset release; } >"$log" 2>&1 || {
    grep -E 'error|FAILED' "$log" | head -n 20 >&2
    say "the build failed; $log has all of it" >&2
    exit 1
}
start_daemon
start_worker worker-1
start_worker worker-2
url=$(grep -o 'address=127\.0\.0\.1:[0-9]*' "$dir/paretod.log" | tail -n 1 | sed 's|address=|http://|')
say "dashboard: $url/"

began=$(date +%s.%N)
id=$(unfinished)
if [ -n "$id" ]; then
    say "going on with search $id, which an earlier run began"
else
    id=$("$bin/client/paretoctl" --json submit "$search" | jq -r .id)
    echo "$id" >"$dir/search.id"
    say "started search $id anew: $(jq -r .name "$search")"
fi
"$bin/client/paretoctl" watch "$id"
seconds=$(echo "$(date +%s.%N) $began" | awk '{printf "%.1f", $1 - $2}')
say
"$bin/client/paretoctl" front "$id" --plot
say
say "search $id took $seconds s. The daemon and two workers go on running; end them with: deploy/quickstart.sh --stop"
say "dashboard: $url/#/searches/$id"
say "ship a point: PARETOD_DAEMON=$PARETOD_DAEMON $bin/client/paretoctl export $id TRIAL --out DIR"
if [ "$json" = yes ]; then
    "$bin/client/paretoctl" --json front "$id" |
        jq -c --arg socket "$socket" --arg url "$url" --argjson seconds "$seconds" \
            '{socket: $socket, url: $url, search: .id, trials: .progress.done, hypervolume: .hypervolume,
              sweep_hypervolume: .sweep_hypervolume, heldout: .heldout,
              front: [.points[] | {trial, ratios, scores}], seconds: $seconds}'
fi
