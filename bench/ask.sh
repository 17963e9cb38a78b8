#!/usr/bin/env bash
# How long an ask takes that is answered from the queue: the time of the HTTP request over a Unix socket, commit to disk included.
#
#   bench/ask.sh [--json] [--asks N] [--given N] [--groups N]
#
# An external search of two objectives, bayes, with N (1000) given trials and N (32) groups. Each ask is told at once, so that the
# model is always at work in the background; one that comes when nothing is ready (204) is asked again and not counted.
# The peer is GET /healthz in the same run: no disk, no search; what is left of it on a busy machine is the machine.
# $PARETOD_BUILD: a build that is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
. bench/daemon.sh
json=no asks=200 given=1000 groups=32
while [ $# -gt 0 ]; do
    case $1 in
    --json) json=yes ;;
    --asks) asks=${2:?}; shift ;;
    --given) given=${2:?}; shift ;;
    --groups) groups=${2:?}; shift ;;
    *) sed -n '2,9p' "$0" >&2; exit 2 ;;
    esac
    shift
done

daemon_build
daemon_start "$bin" 0

post() { # post PATH < BODY: the answer goes to $dir/answer; prints status and seconds
    curl -sS --unix-socket "$dir/sock" -H 'Content-Type: application/json' --data-binary @- -o "$dir/answer" \
        -w '%{http_code} %{time_total}\n' "http://localhost/v1/$1"
}

# Smooth in every ratio, with the front between 0 and 1.
scores='def scores: {up: (add / length), down: ((map((. - 0.2) * (. - 0.2)) | add) / length)};'
jq -nc --argjson n "$given" --argjson k "$groups" "$scores"'
    def ratio($i; $j): ($i * 0.6180339887498949 * ($j + 1) + $j * 0.7548776662466927) | . - floor;
    {name: "ask", groups: {count: $k}, evaluator: {type: "external"}, budget: {trials: 10000},
     objectives: [{name: "up", metric: "up", goal: "max"}, {name: "down", metric: "down", goal: "min"}],
     strategy: {type: "bayes", sweep_points: 0, design: 0}, seed: 1,
     given: [range($n) as $i | [range($k) as $j | ratio($i; $j)] | {ratios: ., scores: scores}]}' | post searches >"$dir/status"
read -r status _ <"$dir/status"
[ "$status" = 201 ] || { cat "$dir/answer" >&2; exit 1; }
id=$(jq .id "$dir/answer")

for _ in $(seq "$asks"); do
    while read -r status seconds < <(post "searches/$id/ask" <<<'{"client": "bench"}'); [ "$status" = 204 ]; do sleep 0.02; done
    [ "$status" = 200 ] || { cat "$dir/answer" >&2; exit 1; }
    echo "$seconds" >>"$dir/seconds"
    curl -sS --unix-socket "$dir/sock" -o /dev/null -w '%{time_total}\n' http://localhost/healthz >>"$dir/healthz"
    jq -c "$scores"'{lease, scores: (.ratios | scores)}' "$dir/answer" >"$dir/tell"
    post "searches/$id/tell" <"$dir/tell" >"$dir/status"
done

at() { # at PERCENT FILE: milliseconds
    sort -g "$2" | awk -v p="$1" '{x[NR] = $1} END {i = int((NR * p + 99) / 100); print x[i] * 1e3}'
}
what="ask, $given trials, $groups groups, $asks asks"
for percent in 50 95; do
    report "$what: $percent %" "$(at "$percent" "$dir/seconds")" ms healthz "$(at "$percent" "$dir/healthz")" 5 "<="
done
