#!/usr/bin/env bash
# Makes pair.jsonl anew: the shipped pair's real scores at 11 equal ratios and 160 Sobol points of 3 groups, search half.
#
#   bench/optimizer/make_pair.sh         then make_pair.py, which makes pair_table.h of it
#
# Minutes on two cores. The scores are deterministic: a second run gives the same file.
set -euo pipefail
cd "$(dirname "$0")/../.."
{ cmake --preset release && cmake --build --preset release; } >/dev/null
bin=$PWD/build/release
dir=$(mktemp -d)
pids=()
end() {
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$dir"
}
trap end EXIT
export PARETOD_DAEMON=unix:$dir/sock
"$bin/daemon/paretod" --db "$dir/db" --listen "unix:$dir/sock" 2>"$dir/daemon.log" &
pids+=($!)
for i in 1 2; do
    mkdir "$dir/scratch-$i"
    "$bin/worker/pareto-worker" --scratch "$dir/scratch-$i" 2>"$dir/worker-$i.log" &
    pids+=($!)
done
for _ in $(seq 100); do
    "$bin/client/paretoctl" searches >/dev/null 2>&1 && break
    sleep 0.1
done
jq --arg fixtures "$PWD/tests/fixtures" '.name = "pair" | .strategy = {type: "sobol"} | .budget.trials = 171 |
    .models = {base: ($fixtures + "/base"), tuned: ($fixtures + "/tuned-rsf")} |
    .evaluator.bundle = $fixtures + "/bundle"' deploy/quickstart.json >"$dir/search.json"
id=$("$bin/client/paretoctl" --json submit "$dir/search.json" | jq -r .id)
"$bin/client/paretoctl" watch "$id" >/dev/null
"$bin/client/paretoctl" --json trials "$id" | jq -c '.trials[] |
    {ratios, mean: [.objectives[].mean], stderr: [.objectives[].stderr]}' >bench/optimizer/pair.jsonl
