#!/usr/bin/env bash
# Makes pair.jsonl anew: the shipped pair's real scores at 11 equal ratios and 160 Sobol points of 3 groups, search half.
#
#   bench/optimizer/make_pair.sh         then make_pair.py, which makes pair_table.h of it
#
# Minutes on two cores. The scores are deterministic: a second run gives the same file.
set -euo pipefail
cd "$(dirname "$0")/../.."
. bench/daemon.sh
daemon_build
daemon_start "$bin" 2
jq --arg fixtures "$PWD/tests/fixtures" '.name = "pair" | .strategy = {type: "sobol"} | .budget.trials = 171 |
    .models = {base: ($fixtures + "/base"), tuned: ($fixtures + "/tuned-rsf")} |
    .evaluator.bundle = $fixtures + "/bundle"' deploy/quickstart.json >"$dir/search.json"
id=$("$bin/client/paretoctl" --json submit "$dir/search.json" | jq -r .id)
"$bin/client/paretoctl" watch "$id" >/dev/null
"$bin/client/paretoctl" --json trials "$id" | jq -c '.trials[] |
    {ratios, mean: [.objectives[].mean], stderr: [.objectives[].stderr]}' >bench/optimizer/pair.jsonl
