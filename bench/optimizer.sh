#!/usr/bin/env bash
# Figures of the optimizer: quality of the strategies at 60 trials, time of one proposal, time of a hypervolume.
#
#   bench/optimizer.sh [--json]
#
# Without --json a table; with it one object a line: {"what","value","unit","peer","peer_value","ratio","target","ok"}.
# Peers: random search of our own, and, once bench/setup.sh has made bench/.venv, Optuna and moocore.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
json=no
case ${1:-} in
'') ;;
--json) json=yes ;;
*) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac

{ cmake --preset release && cmake --build --preset release --target optimizer proto; } >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program=$work/optimizer
cc -O3 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -I. bench/optimizer.c build/release/optimizer/liboptimizer.a \
    build/release/proto/libproto.a $(pkg-config --libs nlopt libcjson) -lm -o "$program"
python=bench/.venv/bin/python
[ -x "$python" ] || python=

mean_of() { awk -v name="$2" '$1 == name { print $4 }' "$1"; } # mean_of FILE NAME

# Hypervolume in units of the two ends, mean of 40 seeds; scores with noise 0.01, volume of the true values.
for groups in 3 8; do
    ours=$work/quality-$groups theirs=$work/peers-$groups
    "$program" quality $groups 0.01 >"$ours"
    : >"$theirs"
    [ -z "$python" ] || "$python" bench/optimizer_peers.py "$program" quality $groups 0.01 40 >"$theirs"
    random=$(mean_of "$ours" random+sweep)
    for name in sweep sobol hma/LN_COBYLA scalarize/LN_COBYLA hma/LN_SBPLX scalarize/LN_SBPLX; do
        target=null
        case $name in hma/LN_COBYLA | scalarize/LN_SBPLX) target=$random ;; esac
        report "hypervolume $name, $groups groups, 60 trials" "$(mean_of "$ours" $name)" "" "random+sweep" "$random" \
            "$target" ">="
    done
    for name in random $(awk '{ print $1 }' "$theirs"); do
        peer=$(cat "$ours" "$theirs" | awk -v name="$name" '$1 == name { print $4 }')
        report "hypervolume hma/LN_COBYLA, $groups groups, 60 trials" "$(mean_of "$ours" hma/LN_COBYLA)" "" "$name" "$peer" null ">="
    done
done

for groups in 3 8 32; do
    "$program" ask $groups >"$work/ask"
    while read -r name k ms; do
        target=null
        case $name-$groups in LN_COBYLA-[38] | LN_BOBYQA-[38]) target=2 ;; esac
        report "proposal $name, $k groups, 400 scores known" "$ms" ms "" null "$target" "<="
    done <"$work/ask"
done

read -r ms volume <<<"$("$program" volume)"
if [ -n "$python" ]; then
    read -r peer_ms peer_volume <<<"$("$python" bench/optimizer_peers.py "$program" volume)"
    awk -v a="$volume" -v b="$peer_volume" 'BEGIN { exit !(a - b < 1e-12 && b - a < 1e-12) }' ||
        { echo "volumes differ: $volume, moocore $peer_volume" >&2; exit 1; }
    report "hypervolume of 1000 points, 3 objectives" "$ms" ms moocore "$peer_ms" 1 "<="
else
    report "hypervolume of 1000 points, 3 objectives" "$ms" ms "" null 1 "<="
fi
