#!/usr/bin/env bash
# Which questions does a model answer rightly? Ours beside a PyTorch loop, on the shipped base and the same questions, one
# thread each.
#
#   bench/identify.sh [--json]
#
# The questions are those of the shipped bundle that are answered with words, both halves. The peer is bench/identify.py: a question at a
# time, as the published code of R-Tuning, and 64 at a time. Neither counts loading the model. Needs lab/.venv (lab/setup.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
json=no
case "${1:-}" in
--json) json=yes ;;
'') ;;
*) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
python=$PWD/lab/.venv/bin/python
[ -x "$python" ] || { echo "bench/identify.sh: lab/.venv is missing; run lab/setup.sh" >&2; exit 1; }
runs=5

worker=${PARETO_WORKER:-build/release/worker/pareto-worker} # one that is built already may be named
if [ -z "${PARETO_WORKER:-}" ]; then
    deploy/packages.sh build >&2
    { cmake --preset release && cmake --build --preset release --target pareto-worker; } >/dev/null
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fixtures=$PWD/tests/fixtures

mkdir "$dir/bundle"
cp "$fixtures/bundle/vocab.json" "$dir/bundle/"
for task in facts reading sums; do
    jq -c '.half = "search"' "$fixtures/bundle/$task.jsonl"
done >"$dir/bundle/known.jsonl"
bundle() { # bundle SAMPLES METRICS
    jq -n --argjson samples "$1" --argjson metrics "$2" '{format: "paretod-bundle-1", name: "known", vocab: "vocab.json",
        eos_id: 2, pad_id: 0, tasks: [{name: "known", type: "identify", file: "known.jsonl", metrics: $metrics,
        max_new_tokens: 15, stop_ids: [2], stop_text: ".", samples: $samples}]}' >"$dir/bundle/bundle.json"
}
jq -n --arg base "$fixtures/base" --arg tuned "$fixtures/tuned-rsf" --arg bundle "$dir/bundle" '{name: "identify", models: {base: $base, tuned: $tuned},
    groups: {count: 1}, objectives: [{name: "certain", metric: "known.certain", goal: "max"}],
    evaluator: {type: "native", bundle: $bundle}}' >"$dir/search.json"

ours() { # the member of the worker's answer, of the run whose evaluation took the median time
    for _ in $(seq $runs); do
        "$worker" --evaluate "$dir/search.json" --ratios 0 | jq -r "[.evaluate_s, ($1)] | @tsv"
    done | sort -g | awk '{ x[NR] = $2 } END { print x[int((NR + 1) / 2)] }'
}
peer() { # peer BATCH MEMBER
    OMP_NUM_THREADS=1 "$python" bench/identify.py "$dir/bundle" "$fixtures/base" --batch "$1" 2>/dev/null | jq ".$2"
}

bundle 0 '["certain"]'
n=$(wc -l <"$dir/bundle/known.jsonl")
[ "$json" = yes ] || echo "$n questions, $(ours '.scores[0] | .mean * .n | round') certain"
seconds=$(ours .evaluate_s)
report "identify, a question at a time" "$seconds" s "PyTorch, 1" "$(peer 1 seconds)" 0.1 "ratio<="
report "identify" "$seconds" s "PyTorch, 64" "$(peer 64 seconds)" null "ratio<="
bundle 10 '["certain", "entropy"]'
report "identify with 10 sampled answers" "$(ours .evaluate_s)" s "" null null "<="
