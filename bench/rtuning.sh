#!/usr/bin/env bash
# Searches between base and R-Tuned on the shipped pair: does averaging with unequal ratios beat plain averaging?
#
#   bench/rtuning.sh [--json] [--seeds N] [--trials N]
#
# deploy/rtuning.json as bayes and as sobol, each with N seeds, and as a sweep of equal ratios with as many trials, all scored on
# the same items. Fronts, and all of the sweep, are kept in bench/results/rtuning.jsonl; rtuning_plot.py draws them. "Better than the
# R-Tuned end": points of the front that are, in all three objectives and on both halves. "Better than equal ratios": the share
# of the sweep's front that some point of the front is at least as good as in all, and better in one. Equal ratios are
# beaten on the held-out half by points and against points that the search half chose. $PARETOD_BUILD: a build used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
. bench/daemon.sh
json=no seeds=5 trials=60
while [ $# -gt 0 ]; do
    case $1 in
    --json) json=yes ;;
    --seeds) seeds=${2:?}; shift ;;
    --trials) trials=${2:?}; shift ;;
    *) sed -n '2,11p' "$0" >&2; exit 2 ;;
    esac
    shift
done

daemon_build
daemon_start "$bin" 2

run() { # run STRATEGY SEED: a line of $dir/runs, points as {"ratios", "front", "search": [3], "heldout": [3] or null}
    local id
    jq --arg strategy "$1" --argjson seed "$2" --argjson trials "$trials" --arg pair "$PWD/tests/fixtures/rtuning" '
        .strategy = {type: $strategy} | .seed = $seed | .budget.trials = $trials |
        .models = {base: ($pair + "/base"), tuned: ($pair + "/tuned")} |
        .evaluator.bundle = $pair + "/bundle"' deploy/rtuning.json >"$dir/search.json"
    id=$("$bin/client/paretoctl" --json submit "$dir/search.json" | jq -r .id)
    "$bin/client/paretoctl" watch "$id" >/dev/null
    "$bin/client/paretoctl" --json front "$id" >"$dir/front.json"
    "$bin/client/paretoctl" --json trials "$id" | jq -c --arg strategy "$1" --argjson seed "$2" --slurpfile front "$dir/front.json" '
        ($front[0].points | map(select(.on_front) | .trial)) as $on_front |
        ($front[0].objectives | map(.metrics[0])) as $metrics |
        def heldout: (.scores | map(select(.half == "heldout") | {(.metric): .mean}) | add) as $means |
            if $means then $metrics | map($means[.]) else null end;
        {strategy: $strategy, seed: $seed, hypervolume: $front[0].hypervolume,
         heldout_hypervolume: $front[0].heldout.hypervolume,
         points: [.trials[] | select(.state == "done") | .number as $n |
                  {ratios, front: any($on_front[]; . == $n), search: (.objectives | map(.mean)), heldout: heldout} |
                  select(.front or $strategy == "sweep")] | sort_by(.ratios)}' \
        >>"$dir/runs"
}

run sweep 1
for strategy in bayes sobol; do
    for seed in $(seq "$seeds"); do
        run "$strategy" "$seed"
    done
done
mkdir -p bench/results
cp "$dir/runs" bench/results/rtuning.jsonl

# Refusal and knowledge are raised, over-refusal is lowered: signs make all of them rise.
compared='def up: [.[0], -.[1], .[2]];
    def covers($a; $b): ($a | up) as $a | ($b | up) as $b | all(range(3); $a[.] >= $b[.]);
    def beats($a; $b): covers($a; $b) and $a != $b;
    def above($a; $b): ($a | up) as $a | ($b | up) as $b | all(range(3); $a[.] > $b[.]);
    (map(select(.strategy == "sweep"))[0].points) as $equal |
    ($equal | map(select(.ratios | all(. == 1)))[0]) as $tuned |
    ($equal | map(select(.front))) as $line |
    map(. + {fronts: (.points | map(select(.front and .heldout != null)))} | {
        strategy, seed, hypervolume, heldout_hypervolume, size: (.fronts | length),
        above_end: (.fronts | map(select(above(.search; $tuned.search) and above(.heldout; $tuned.heldout))) | length),
        beaten: ([.fronts as $f | $line[] | . as $b | any($f[]; beats(.search; $b.search))]
                 | map(select(.)) | length / ($line | length)),
        beaten_heldout: ([.fronts as $f | $line[] | . as $b | any($f[]; beats(.heldout; $b.heldout))]
                         | map(select(.)) | length / ($line | length))})'
jq -sc "$compared" "$dir/runs" >"$dir/compared"

figure() { jq "map(select(.strategy == \"$1\") | .$2) | add / length" "$dir/compared"; } # figure STRATEGY MEMBER: the mean
error() { jq "map(select(.strategy == \"$1\") | .$2) | length as \$n | (add / \$n) as \$m |
    if \$n < 2 then 0 else (map(. - \$m | . * .) | add / (\$n - 1) / \$n | sqrt) end" "$dir/compared"; }

for strategy in bayes sobol; do
    for what in "hypervolume: hypervolume, search half" "heldout_hypervolume: hypervolume, held-out half"; do
        member=${what%%:*}
        report "$strategy: ${what#*: }, $seeds seeds" "$(figure "$strategy" "$member")" "" \
            "equal ratios" "$(figure sweep "$member")" 1 "ratio>="
        report "$strategy: its standard error" "$(error "$strategy" "$member")" "" "" null null "<="
    done
    report "$strategy: points of the front" "$(figure "$strategy" size)" "" "equal ratios" "$(figure sweep size)" null ">="
    report "$strategy: better than the R-Tuned end" "$(figure "$strategy" above_end)" "" \
        "equal ratios" "$(figure sweep above_end)" null ">="
    report "$strategy: better than equal ratios, search half" "$(figure "$strategy" beaten)" "" "" null null ">="
    report "$strategy: better than equal ratios, held-out half" "$(figure "$strategy" beaten_heldout)" "" "" null null ">="
done
