#!/usr/bin/env bash
# Measures whole searches on the shipped pair: a private daemon, two workers, every strategy at the same budget.
#
#   bench/search.sh [--json] [--trials N] [--tuned tuned-rsf|tuned-dpo]
#
# Without --json a table; with it one object a line: {"what","value","unit","peer","peer_value","ratio","target","ok"}.
# The peer of every hypervolume is the search's own sweep (plain model averaging), scored in the same run.
# $PARETOD_BUILD: a build that is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
. bench/daemon.sh
json=no trials=46 tuned=tuned-rsf
while [ $# -gt 0 ]; do
    case $1 in
    --json) json=yes ;;
    --trials) trials=${2:?}; shift ;;
    --tuned) tuned=${2:?}; shift ;;
    *) sed -n '2,8p' "$0" >&2; exit 2 ;;
    esac
    shift
done

daemon_build
daemon_start "$bin" 2

rss_mib() { awk '/VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

one() { # one STRATEGY-JSON
    local name id began seconds front trials_json
    name=$(jq -r .type <<<"$1")
    jq --argjson strategy "$1" --argjson trials "$trials" --arg fixtures "$PWD/tests/fixtures" --arg tuned "$tuned" '
        .strategy = $strategy | .budget.trials = $trials | .name = "bench-" + $strategy.type |
        .models = {base: ($fixtures + "/base"), tuned: ($fixtures + "/" + $tuned)} |
        .evaluator.bundle = $fixtures + "/bundle"' deploy/quickstart.json >"$dir/search.json"
    began=$(date +%s.%N)
    id=$("$bin/client/paretoctl" --json submit "$dir/search.json" | jq -r .id)
    "$bin/client/paretoctl" watch "$id" >/dev/null
    seconds=$(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')
    front=$("$bin/client/paretoctl" --json front "$id")
    trials_json=$("$bin/client/paretoctl" --json trials "$id")
    report "$name: hypervolume, search half" "$(jq .hypervolume <<<"$front")" "" sweep \
        "$(jq .sweep_hypervolume <<<"$front")" "$(jq .sweep_hypervolume <<<"$front")" ">="
    report "$name: hypervolume, held-out half" "$(jq '.heldout.hypervolume' <<<"$front")" "" sweep \
        "$(jq '.heldout.sweep_hypervolume' <<<"$front")" null ">="
    report "$name: search" "$seconds" s "" null 180 "<="
    report "$name: merge, a trial" "$(jq '[.trials[].merge_s] | add / length' <<<"$trials_json")" s "" null null "<="
    report "$name: evaluate, a trial" "$(jq '[.trials[].evaluate_s] | add / length' <<<"$trials_json")" s "" null null "<="
    # from the grant of the lease to the acknowledged result, less what the worker says it worked
    report "$name: overhead, a trial" "$(jq '[.trials[] | .wall_s - .merge_s - .evaluate_s] | add / length' \
        <<<"$trials_json")" s "" null null "<="
}

one '{"type": "sweep"}'
one '{"type": "hma", "objective": "reward"}'
one '{"type": "scalarize"}'
one '{"type": "sobol"}'
report "resident memory, daemon (peak)" "$(rss_mib "$daemon_pid")" MiB "" null null "<="
report "resident memory, worker (peak)" "$(rss_mib "${worker_pids[-1]}")" MiB "" null null "<="
