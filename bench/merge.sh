#!/usr/bin/env bash
# The merge engine: in memory beside memcpy, to disk beside cp and mergekit, and its memory.
#
#   bench/merge.sh [--json] [--rounds N] [--dir DIR]
#
# The pair on disk is generated (bench/pair.py): bf16, the width of a 7B model, two layers (1.3 GB a checkpoint). DIR (default:
# $TMPDIR or /tmp) needs 11 GB. Exports use two threads, and "with sync" is what paretoctl does: fsync, manifest, rename.
# Beside them cp copies as many bytes as the export writes, in the same rounds; figures are the least of N (5) rounds, because
# what else the machine does can only add. Cold figures need root (/proc/sys/vm/drop_caches) and are left out without it.
# mergekit is left out until bench/mergekit.sh has been run; its start (its imports) does not count.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/report.sh
json=no rounds=5 place=${TMPDIR:-/tmp}
while [ $# -gt 0 ]; do
    case $1 in
    --json) json=yes ;;
    --rounds) rounds=$2 && shift ;;
    --dir) place=$2 && shift ;;
    *) sed -n '2,11p' "$0" >&2; exit 2 ;;
    esac
    shift
done

deploy/packages.sh build >&2
{ cmake --preset release && cmake --build --preset release --target merge worker proto; } >/dev/null
work=$(mktemp -d "$place/merge-XXXXXX")
trap 'rm -rf "$work"' EXIT
compile() { # compile PROGRAM LIBRARY…
    local name=$1
    shift
    # shellcheck disable=SC2046
    cc -O3 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -I. "bench/$name.c" "${@/#/build/release/}" \
        $(pkg-config --libs libcjson libxxhash libpcre2-8 yaml-0.1 libuv libcurl) -lm -lpthread -o "$work/$name"
}
compile merge worker/libworker.a wire/libwire.a merge/libmerge.a proto/libproto.a
compile export merge/libmerge.a proto/libproto.a

# --- in memory ---

"$work/merge" memory >"$work/memory"
copy=$(jq -r 'select(.what == "memcpy") | .best_gbs' "$work/memory")
best=$(jq -r 'select(.kernel) | .kernel' "$work/memory" | head -n 1)
jq -r 'select(.kernel) | [.what, .kernel, .effect, .best_gbs] | @tsv' "$work/memory" |
    while IFS=$'\t' read -r what kernel effect gbs; do
        target=null
        # the target is for the kernel that runs, the machine's best: the first one
        [ "$what-$effect-$kernel" != "bf16 nearest-true-$best" ] || target=0.85
        [ "$effect" = true ] && effect=', effective ratio' || effect=
        report "$what, $kernel$effect" "$gbs" GBs memcpy "$copy" "$target" "ratio>="
    done
"$work/merge" again "$work/again" | jq -r '[.groups, .one_ms, .full_ms, .target] | @tsv' |
    while IFS=$'\t' read -r groups one full target; do
        report "merge again after 1 of $groups groups" "$one" ms "all groups" "$full" "$target" "ratio<="
    done

# --- to disk ---

bench/pair.py "$work/two" --layers 2 --shard-bytes 1000000000
now() { date +%s.%N; }
cold() { sync && echo 3 >/proc/sys/vm/drop_caches; }
warm() { cat "$work"/two/*/*.safetensors >/dev/null; }
note() { # note NAME COMMAND…: appends the seconds of the command to the file NAME
    local name=$1 began
    shift
    began=$(now)
    "$@" >"$work/out"
    awk -v a="$began" -v b="$(now)" 'BEGIN { print b - a }' >>"$work/seconds-$name"
    rm -rf "$work/copy" "$work"/export-[0-9]*
}
copy() { # copy [sync]: as many bytes as the export writes
    cp -r "$work/two/base" "$work/copy"
    [ $# -eq 0 ] || sync "$work"/copy/* "$work/copy"
}
copy_four() {
    mkdir "$work/copy"
    for i in 1 2 3 4; do cp -r "$work/two/base" "$work/copy/$i"; done
    sync "$work"/copy/*/*
}
export_pair() { "$work/export" "$work/two/base" "$work/two/tuned" "$work/export" runs=1 keep=1 "$@"; }
least() { sort -g "$work/seconds-$1" | head -n 1; }

warm
for _ in $(seq "$rounds"); do
    note cp copy
    note ours export_pair scratch=1
    note cp-sync copy sync
    note ours-sync export_pair
    note one export_pair threads=1
    note cp-four copy_four
    note four export_pair k=4
done
report "to disk, warm, no sync" "$(least ours)" s cp "$(least cp)" 1.11 "ratio<="
report "to disk, warm, with sync" "$(least ours-sync)" s "cp, sync" "$(least cp-sync)" 1.11 "ratio<="
report "to disk, warm, with sync, one thread" "$(least one)" s "cp, sync" "$(least cp-sync)" null "ratio<="
report "to disk, warm, with sync, 4 trials in one pass" "$(least four)" s "4 cp, sync" "$(least cp-four)" null "ratio<="

if [ -w /proc/sys/vm/drop_caches ]; then
    for _ in $(seq $(((rounds + 1) / 2))); do
        cold
        note cold-cp copy sync
        cold
        note cold-ours export_pair
    done
    report "to disk, cold, with sync (reads twice as much)" "$(least cold-ours)" s "cp, sync" "$(least cold-cp)" null "ratio<="
fi

# --- beside mergekit ---

mergekit() { build/mergekit/bin/mergekit-yaml "$work/recipe.yml" "$work/copy" --no-copy-tokenizer "$@" >"$work/mergekit" 2>&1; }
start_only() { build/mergekit/bin/mergekit-yaml --help; }
if [ -x build/mergekit/bin/mergekit-yaml ]; then
    printf 'models:\n- {model: %s, parameters: {weight: 0.6}}\n- {model: %s, parameters: {weight: 0.4}}\n' \
        "$work/two/base" "$work/two/tuned" >"$work/recipe.yml"
    printf 'merge_method: linear\ndtype: bfloat16\n' >>"$work/recipe.yml"
    warm
    for _ in $(seq $(((rounds + 1) / 2))); do
        note mergekit mergekit
        note mergekit-start start_only
    done
    theirs=$(awk -v a="$(least mergekit)" -v b="$(least mergekit-start)" 'BEGIN { print a - b }')
    report "to disk, warm, with sync" "$(least ours-sync)" s mergekit "$theirs" 0.2 "ratio<="
fi

# --- memory ---

rss() { # rss PAIR [NAME=VALUE…]
    local pair=$1
    shift
    "$work/export" "$pair/base" "$pair/tuned" "$work/export" runs=1 "$@" | jq .rss_mib
}
small=$(rss "$work/two")
reading=$(PARETOD_READ=pread rss "$work/two")
many=$(rss "$work/two" k=4)
rm -rf "$work/two"
bench/pair.py "$work/more" --layers 6 --shard-bytes 2000000000
large=$(rss "$work/more")
report "memory, 2 layers of 7B width (1.3 GB)" "$small" MiB "" null 1024 "<="
report "memory, 6 layers (3 GB)" "$large" MiB "2 layers" "$small" 1024 "<="
report "memory, 2 layers, pread" "$reading" MiB "" null 1024 "<="
report "memory, 2 layers, 4 trials in one pass" "$many" MiB "" null 1024 "<="
