#!/usr/bin/env bash
# The native evaluator beside PyTorch: one half of the shipped bundle, all tasks, one thread each.
#
#   bench/evaluate.sh [--json]
#
# The peer is lab/evaluate.py (batched, bf16-rounded weights in float32, Debian's PyTorch); its figure is what one more
# checkpoint (the average at ratio 0.5) costs, so that starting Python is not counted against it. Without lab/.venv
# (lab/setup.sh) it is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
json=no
case "${1:-}" in
--json) json=yes ;;
'') ;;
*) sed -n '2,8p' "$0" >&2; exit 2 ;;
esac
runs=5

deploy/packages.sh build >&2
{ cmake --preset release && cmake --build --preset release; } >/dev/null
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
jq --arg fixtures "$PWD/tests/fixtures" '
    .models = {base: ($fixtures + "/base"), tuned: ($fixtures + "/tuned-rsf")} | .evaluator.bundle = $fixtures + "/bundle" |
    .objectives = [{name: "all", mean_of: ["facts.em", "reading.f1", "translation.bleu", "sums.em", "choice.acc",
                                           "chat.reward", "distil.loglik"], goal: "max"}] |
    .strategy = {type: "sweep"}' deploy/quickstart.json >"$dir/search.json"

median() { sort -g | awk '{ x[NR] = $1 } END { print x[int((NR + 1) / 2)] }'; }

ours() { # the member of the worker's answer, median of all runs
    for _ in $(seq $runs); do
        build/release/worker/pareto-worker --evaluate "$dir/search.json" --ratios 0.5,0.5,0.5 | jq ".$1"
    done | median
}

peer_seconds() { # peer_seconds [RATIO]: evaluates both ends, and their average at RATIO
    local began
    began=$(date +%s.%N)
    OMP_NUM_THREADS=1 lab/.venv/bin/python lab/evaluate.py --bundle tests/fixtures/bundle --half search \
        tests/fixtures/base tests/fixtures/tuned-rsf ${1:+--ratios "$1"} >/dev/null 2>&1
    awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { print b - a }'
}

peer=null
if [ -x lab/.venv/bin/python ]; then
    peer=$(awk -v a="$(peer_seconds)" -v b="$(peer_seconds 0.5)" 'BEGIN { printf "%.3f", b - a }')
fi
report "evaluate one half, all tasks" "$(ours evaluate_s)" s PyTorch "$peer" 0.5 "ratio<="
report "merge in memory" "$(ours merge_s)" s "" null null "<="
