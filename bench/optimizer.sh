#!/usr/bin/env bash
# Figures of the optimizer: bayes beside other optimizers on the cells of bench/optimizer/problems.c, time of a proposal and
# memory, the strategies without a model, the hypervolume.
#
#   bench/optimizer.sh [--json] [--seeds N] [--peers] [--plots]
#
#   --seeds N   of ours in every cell (40)
#   --peers     first run what bench/results/optimizer.jsonl lacks of the other optimizers: about a day for 40 seeds
#   --plots     draw docs/optimizer-*.svg
#
# Without --json tables; with it one object a line: {"what","value","unit","peer","peer_value","ratio","target","ok"}.
# The cells and all peers need bench/.venv, which bench/setup.sh makes (BENCH_PYTHON: another Python with the same
# packages); without it only what our own programs tell is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
json=no seeds=40 peers=no plots=no
while [ $# -gt 0 ]; do
    case $1 in
    --json) json=yes ;;
    --seeds) seeds=${2:?}; shift ;;
    --peers) peers=yes ;;
    --plots) plots=yes ;;
    *) sed -n '2,13p' "$0" >&2; exit 2 ;;
    esac
    shift
done
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

{ cmake --preset release && cmake --build --preset release --target optimizer proto; } >/dev/null
bin=build/bench
mkdir -p $bin
read -ra libs < <(pkg-config --libs nlopt openblas libcjson)
for name in direct cells calibration; do
    cc -O3 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -ffp-contract=off -I. "bench/optimizer/$name.c" \
        bench/optimizer/run.c bench/optimizer/problems.c \
        build/release/optimizer/liboptimizer.a build/release/proto/libproto.a \
        "${libs[@]}" -lm -o $bin/$name
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${BENCH_PYTHON:-bench/.venv/bin/python}
[ -x "$python" ] || python=
title() { [ $json = yes ] || printf '\n%s\n' "$1"; }

# bayes and the peers, cell by cell.
if [ -n "$python" ]; then
    [ $peers = no ] || "$python" bench/optimizer/peers.py --seeds "$seeds" >&2
    "$python" bench/optimizer/ours.py $bin/cells --seeds "$seeds" --jobs "$(nproc)"
    if [ $json = yes ]; then "$python" bench/optimizer/table.py --json; else "$python" bench/optimizer/table.py; fi
    [ $plots = no ] || "$python" bench/optimizer/plot.py
fi

# Chance to be on the front as insight says it, against the truth (calibration.c says what the columns are).
if [ $json = no ]; then
    title "Confidence of the front: cell, bin, mean claimed, share truly on the front, trials"
    $bin/calibration 10 branin-currin dtlz2-noise hma-3 hma-8
fi

# One proposal on one core; CPU time.
title "A proposal, 2 objectives, 32 groups, one core"
seconds=null
[ -z "$python" ] ||
    seconds=$("$python" bench/optimizer/proposal.py 1000 32 3 | jq .seconds)
proposal() { # proposal SCORES REPEATS PEER_SECONDS
    local got peer='' target=null
    got=$($bin/cells proposal "$1" 32 "$2")
    [ "$3" = null ] || peer=botorch/qLogNEHVI
    [ "$1" != 1000 ] || target=100
    [ "$1" != 10000 ] || target=1000
    report "proposal bayes, $1 scores, no cache" "$(jq .cold_ms <<<"$got")" ms "$peer" \
        "$(jq -n "$3 | if . then . * 1000 else . end")" $target "<="
    report "proposal bayes, $1 scores, one new since the last" "$(jq .warm_ms <<<"$got")" ms "$peer" \
        "$(jq -n "$3 | if . then . * 1000 else . end")" null "<="
    [ "$1" != 10000 ] ||
        report "memory of bayes, $1 scores (peak)" "$(jq .memory_mib <<<"$got")" MiB "" null 300 "<="
}
proposal 100 5 null
proposal 1000 5 "$seconds"
proposal 10000 2 null

# Strategies without a model. Hypervolume in units of the two ends, mean of 40 seeds; scores with noise 0.01, volume of the
# true values.
title "Strategies without a model"
mean_of() { awk -v name="$2" '$1 == name { print $4 }' "$1"; } # mean_of FILE NAME
for groups in 3 8; do
    $bin/direct quality $groups 0.01 >"$work/quality"
    random=$(mean_of "$work/quality" random+sweep)
    for name in random sweep sobol hma/LN_COBYLA scalarize/LN_COBYLA hma/LN_SBPLX scalarize/LN_SBPLX; do
        target=null
        case $name in hma/LN_COBYLA | scalarize/LN_SBPLX) target=$random ;; esac
        report "hypervolume $name, $groups groups, 60 trials" "$(mean_of "$work/quality" $name)" "" "random+sweep" \
            "$random" "$target" ">="
    done
done
for groups in 3 8 32; do
    $bin/direct ask $groups >"$work/ask"
    while read -r name k ms; do
        target=null
        case $name-$groups in LN_COBYLA-[38] | LN_BOBYQA-[38]) target=2 ;; esac
        report "proposal $name, $k groups, 400 scores known" "$ms" ms "" null "$target" "<="
    done <"$work/ask"
done

read -r ms volume <<<"$($bin/direct volume)"
if [ -n "$python" ]; then
    read -r peer_ms peer_volume <<<"$($bin/direct points | "$python" bench/optimizer/volume.py)"
    awk -v a="$volume" -v b="$peer_volume" 'BEGIN { exit !(a - b < 1e-12 && b - a < 1e-12) }' ||
        { echo "volumes differ: $volume, moocore $peer_volume" >&2; exit 1; }
    report "hypervolume of 1000 points, 3 objectives" "$ms" ms moocore "$peer_ms" 1 "<="
else
    report "hypervolume of 1000 points, 3 objectives" "$ms" ms "" null 1 "<="
fi
