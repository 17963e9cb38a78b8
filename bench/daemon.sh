# shellcheck shell=bash
# Sourced by the scripts of this folder: a private daemon and its workers in a scratch directory, all gone at the exit.
#
#   daemon_build                  sets $bin: $PARETOD_BUILD as it is, else the release preset, built now
#   daemon_start BUILD WORKERS    sets $dir (the scratch directory), $daemon_pid, $worker_pids (an array) and, for paretoctl,
#                                 $PARETOD_DAEMON. Logs: $dir/daemon.log, $dir/worker-1.log …

daemon_build() {
    bin=${PARETOD_BUILD:-}
    [ -z "$bin" ] || return 0
    deploy/packages.sh build >&2
    { cmake --preset release && cmake --build --preset release; } >/dev/null
    bin=$PWD/build/release
}

daemon_end() {
    kill "$daemon_pid" "${worker_pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$dir"
}

daemon_start() {
    local build=$1 i
    dir=$(mktemp -d) daemon_pid='' worker_pids=()
    trap daemon_end EXIT
    export PARETOD_DAEMON=unix:$dir/sock
    "$build/daemon/paretod" --db "$dir/db" --listen "unix:$dir/sock" 2>"$dir/daemon.log" &
    daemon_pid=$!
    for i in $(seq "$2"); do
        mkdir "$dir/scratch-$i"
        "$build/worker/pareto-worker" --scratch "$dir/scratch-$i" 2>"$dir/worker-$i.log" &
        worker_pids+=($!)
    done
    for _ in $(seq 100); do
        "$build/client/paretoctl" searches >/dev/null 2>&1 && return
        sleep 0.1
    done
    tail -n 3 "$dir/daemon.log" >&2
    return 1
}
