#!/usr/bin/env bash
# Items saved by stopping trials early, and by scoring them in part first, on the shipped pair: the same search without and with.
#
#   bench/early_stop.sh [--json] [--seeds N] [--trials N] [--slices N] [--early-stop "X …"] [--screen "X …"] [--fewer "N …"]
#
# Every seed is searched without either, with strategy.early_stop of each X (0.02), with strategy.screen of each X (0.125, 0.25) and
# without either with a budget of N trials (half), with one worker, so that all see their scores in the order of their trials.
# Items are those that the workers evaluated, search half, as they say themselves. The hypervolume is that of the trials that
# were scored as a whole, all of them on the same items, in endpoint-normalised units; low and high are the model's interval,
# where the strategy gives one. The best of many noisy scores flatters, the more so the more there are: `held out` is the
# hypervolume of the front and the sweep on items that did not choose them. $PARETOD_BUILD: a build that is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
. bench/daemon.sh
json=no seeds=5 trials=46 slices=8 early_stop=0.02 screen='0.125 0.25' fewer=
while [ $# -gt 0 ]; do
    case $1 in
    --json) json=yes ;;
    --seeds) seeds=${2:?}; shift ;;
    --trials) trials=${2:?}; shift ;;
    --slices) slices=${2:?}; shift ;;
    --early-stop) early_stop=${2?}; shift ;;
    --screen) screen=${2?}; shift ;;
    --fewer) fewer=${2?}; shift ;;
    *) sed -n '2,12p' "$0" >&2; exit 2 ;;
    esac
    shift
done

daemon_build
daemon_start "$bin" 1

search() { # search SEED STRATEGY TRIALS: {"items", "stopped", "hypervolume", "held_out", "low", "high", "seconds"}
    local id front began=$SECONDS
    jq --argjson seed "$1" --argjson strategy "$2" --argjson trials "$3" --argjson slices "$slices" \
        --arg fixtures "$PWD/tests/fixtures" '
        .strategy = {type: "bayes", early_stop: 0} + $strategy | .budget.trials = $trials | .seed = $seed |
        .held_out = true | .name = "early-stop" |
        .models = {base: ($fixtures + "/base"), tuned: ($fixtures + "/tuned-rsf")} |
        .evaluator.bundle = $fixtures + "/bundle" | .evaluator.slices = $slices' deploy/quickstart.json >"$dir/search.json"
    id=$("$bin/client/paretoctl" --json submit "$dir/search.json" | jq -r .id)
    "$bin/client/paretoctl" watch "$id" >/dev/null
    front=$("$bin/client/paretoctl" --json front "$id")
    grep " search=$id .* half=search " "$dir/worker-1.log" | grep -o 'evaluated .*' >"$dir/evaluated" # one line an evaluation
    jq -nc --argjson front "$front" --argjson seconds $((SECONDS - began)) \
        --argjson items "$(sed 's/.* items=\([0-9]*\).*/\1/' "$dir/evaluated" | jq -s add)" \
        '{items: $items, stopped: $front.progress.stopped, hypervolume: $front.hypervolume, seconds: $seconds,
          held_out: $front.heldout.hypervolume,
          median: $front.insight.hypervolume.median, low: $front.insight.hypervolume.low,
          high: $front.insight.hypervolume.high}'
}

row() { # row SEED RUN JSON
    jq -r --arg seed "$1" --arg run "$2" 'def f: if . == null then "-" else . * 1e4 | round / 1e4 end;
        [$seed, $run, .items, .stopped, (.hypervolume | f), (.held_out | f), (.median | f), (.low | f), (.high | f), .seconds] | @tsv' <<<"$3" >&2
}

runs=('whole|{}|'"$trials")
for x in $early_stop; do runs+=("early_stop $x|{\"early_stop\": $x}|$trials"); done
for x in $screen; do runs+=("screen $x|{\"screen\": $x}|$trials"); done
for n in ${fewer:-$((trials / 2))}; do runs+=("$n trials|{}|$n"); done

printf 'seed\trun\titems\tin part\thv\theld out\tmodel\tlow\thigh\ts\n' >&2
for seed in $(seq "$seeds"); do
    for run in "${runs[@]}"; do
        IFS='|' read -r name strategy n <<<"$run"
        one=$(search "$seed" "$strategy" "$n")
        row "$seed" "$name" "$one"
        jq -c --arg run "$name" '. + {run: $run}' <<<"$one" >>"$dir/all"
    done
done

mean() { jq -s --arg run "$1" "[.[] | select(.run == \$run) | $2] | add / length" "$dir/all"; } # mean RUN MEMBER
for run in "${runs[@]:1}"; do
    name=${run%%|*}
    what="$name, $seeds seeds"
    report "$what: items" "$(mean "$name" .items)" "" "whole" "$(mean whole .items)" 0.5 "ratio<="
    report "$what: hypervolume" "$(mean "$name" .hypervolume)" "" "whole" "$(mean whole .hypervolume)" 0.995 "ratio>="
    report "$what: hypervolume, held out" "$(mean "$name" .held_out)" "" "whole" "$(mean whole .held_out)" 0.995 "ratio>="
    report "$what: trials left in part" "$(mean "$name" .stopped)" "" "" null null "<="
done
