#!/usr/bin/env bash
# Items saved by stopping trials early, on the shipped pair: the same search with strategy.early_stop 0 and others.
#
#   bench/early_stop.sh [--json] [--seeds N] [--trials N] [--slices N] [--early-stop "X …"]
#
# Every seed is searched with 0 and with each X (0.02), with one worker, so that all see their scores in the order of their trials.
# Items are those that the workers evaluated, search half, as they say themselves: a trial that is taken up again counts twice.
# The hypervolume is that of the trials that were scored whole, in endpoint-normalised units; low and high are the model's
# interval, where the strategy gives one. $PARETOD_BUILD: a build that is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
. bench/daemon.sh
json=no seeds=5 trials=46 slices=8 early_stop=0.02
while [ $# -gt 0 ]; do
    case $1 in
    --json) json=yes ;;
    --seeds) seeds=${2:?}; shift ;;
    --trials) trials=${2:?}; shift ;;
    --slices) slices=${2:?}; shift ;;
    --early-stop) early_stop=${2:?}; shift ;;
    *) sed -n '2,9p' "$0" >&2; exit 2 ;;
    esac
    shift
done

daemon_build
daemon_start "$bin" 1

search() { # search SEED EARLY_STOP: {"items", "whole", "stopped", "hypervolume", "low", "high", "seconds"}
    local id front began=$SECONDS
    jq --argjson seed "$1" --argjson stop "$2" --argjson trials "$trials" --argjson slices "$slices" \
        --arg fixtures "$PWD/tests/fixtures" '
        .strategy = {type: "bayes", early_stop: $stop} | .budget.trials = $trials | .seed = $seed | .held_out = false |
        .name = "early-stop" | .models = {base: ($fixtures + "/base"), tuned: ($fixtures + "/tuned-rsf")} |
        .evaluator.bundle = $fixtures + "/bundle" | .evaluator.slices = $slices' deploy/quickstart.json >"$dir/search.json"
    id=$("$bin/client/paretoctl" --json submit "$dir/search.json" | jq -r .id)
    "$bin/client/paretoctl" watch "$id" >/dev/null
    front=$("$bin/client/paretoctl" --json front "$id")
    grep " search=$id " "$dir/worker-1.log" | grep -o 'evaluated .*' >"$dir/evaluated" # one line an evaluation
    jq -nc --argjson front "$front" --argjson seconds $((SECONDS - began)) \
        --argjson items "$(sed 's/.* items=\([0-9]*\).*/\1/' "$dir/evaluated" | jq -s add)" \
        --argjson stopped "$(jq -Rn '[inputs | capture("slices=(?<d>[0-9]+)/(?<s>[0-9]+)") | select(.d != .s)] | length' \
            "$dir/evaluated")" \
        '{items: $items, stopped: $stopped, hypervolume: $front.hypervolume, seconds: $seconds,
          median: $front.insight.hypervolume.median, low: $front.insight.hypervolume.low,
          high: $front.insight.hypervolume.high}'
}

row() { # row SEED RUN JSON
    jq -r --arg seed "$1" --arg run "$2" 'def f: if . == null then "-" else . * 1e4 | round / 1e4 end;
        [$seed, $run, .items, .stopped, (.hypervolume | f), (.median | f), (.low | f), (.high | f), .seconds] | @tsv' <<<"$3" >&2
}

printf 'seed\tstop\titems\tstopped\thv\tmodel\tlow\thigh\ts\n' >&2
for seed in $(seq "$seeds"); do
    for stop in 0 $early_stop; do
        one=$(search "$seed" "$stop")
        row "$seed" "$stop" "$one"
        jq -c --argjson seed "$seed" --argjson stop "$stop" '. + {seed: $seed, stop: $stop}' <<<"$one" >>"$dir/all"
    done
done

mean() { jq -s "[.[] | select(.stop == $1) | $2] | add / length" "$dir/all"; } # mean STOP MEMBER
for stop in $early_stop; do
    what="early stop $stop, $seeds seeds"
    report "$what: items" "$(mean "$stop" .items)" "" "early stop 0" "$(mean 0 .items)" 0.5 "ratio<="
    report "$what: hypervolume" "$(mean "$stop" .hypervolume)" "" "early stop 0" "$(mean 0 .hypervolume)" 0.995 "ratio>="
    report "$what: trials stopped" "$(mean "$stop" .stopped)" "" "" null null "<="
done
