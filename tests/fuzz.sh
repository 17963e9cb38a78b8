#!/usr/bin/env bash
# Runs the libFuzzer targets of tests/fuzz under ASan and UBSan, one after the other (PARETOD_FUZZ_JOBS at a time).
#
#   tests/fuzz.sh SECONDS [TARGET…]    each target (default: all) for so long; new inputs stay in BUILD/corpus/TARGET
#   tests/fuzz.sh coverage [TARGET…]   what the seeds and BUILD/corpus reach, file by file (needs Debian's llvm)
#
# BUILD is PARETOD_FUZZ_BUILD, default build/fuzz. An input that breaks something is kept as BUILD/broken/TARGET-…;
# to see it again: BUILD/tests/fuzz/fuzz_TARGET FILE. Mended, it goes to tests/fuzz/corpus/TARGET.
# The last line is "N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit
what=${1:-}
[[ $what =~ ^([0-9]+|coverage)$ ]] || { sed -n '2,10p' "$0" >&2; exit 2; }
shift
build=$(realpath -m "${PARETOD_FUZZ_BUILD:-build/fuzz}")
least=2000 # inputs below which a run says nothing
memory=/dev/shm
[ -w $memory ] || memory=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$memory/paretod-fuzz-XXXXXX") # the targets write their files here
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

configure() { # configure BUILD [CMAKE OPTION…]
    local log dir=$1
    log=$(mktemp)
    shift
    if ! { cmake --preset fuzz -B "$dir" "$@" && cmake --build "$dir" --target fuzz; } >"$log" 2>&1; then
        grep -E 'error|FAILED' "$log" | head -n 40
        tail -n 20 "$log"
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
    rm -rf "$dir/seeds"
    "$dir/tests/fuzz/fuzz_seeds" "$dir/seeds"
}

targets() { # the names given, or all
    if [ $# -gt 0 ]; then
        printf '%s\n' "$@"
    else
        find "$build/tests/fuzz" -maxdepth 1 -type f -name 'fuzz_*' ! -name fuzz_seeds -printf '%f\n' | sed 's/^fuzz_//' | sort
    fi
}

# The folders of inputs of a target that are there, besides where new ones go.
inputs() {
    local dir
    for dir in "$build/seeds/$1" "tests/fuzz/corpus/$1"; do
        [ ! -d "$dir" ] || printf '%s\n' "$dir"
    done
}

# One target for SECONDS. Prints the figures; 1 when it broke or hardly ran.
run_target() {
    local name=$1 seconds=$2 log=$build/$1.log rc executed features dictionary=()
    mkdir -p "$build/corpus/$name" "$build/broken"
    [ ! -f "tests/fuzz/$name.dict" ] || dictionary=("-dict=tests/fuzz/$name.dict")
    mapfile -t dirs < <(inputs "$name")
    "$build/tests/fuzz/fuzz_$name" -seed=1 -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix="$build/broken/$name-" "${dictionary[@]}" \
        "$build/corpus/$name" "${dirs[@]}" >"$log" 2>&1
    rc=$?
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    features=$(grep -aoE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -n 1)
    printf '%-12s %10s inputs in %s s, %s\n' "$name" "${executed:-0}" "$seconds" "${features:-no coverage}"
    [ "$rc" -eq 0 ] && [ "${executed:-0}" -ge "$least" ] && return 0
    tail -n 40 "$log"
    return 1
}

# PARETOD_FUZZ_JOBS targets at a time, what each says in one piece.
fuzz() {
    local passed failed
    rm -rf "$build/done"
    mkdir -p "$build/done"
    targets "$@" | xargs -P "${PARETOD_FUZZ_JOBS:-1}" -n 1 bash -c 'if said=$(run_target "$2" "$1"); then touch "$build/done/$2"; fi
        printf "%s\n" "$said"' _ "$what"
    passed=$(find "$build/done" -type f | wc -l)
    failed=$(($(targets "$@" | wc -l) - passed))
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
export -f run_target inputs
export build least

# A second build with counters; the inputs are run once, nothing is searched.
coverage() {
    local cover=$build/cover name objects=() profiles=()
    configure "$cover" -DCMAKE_C_FLAGS="-fprofile-instr-generate -fcoverage-mapping" || return 1
    for name in $(targets "$@"); do
        mapfile -t dirs < <(inputs "$name")
        [ ! -d "$build/corpus/$name" ] || dirs+=("$build/corpus/$name")
        LLVM_PROFILE_FILE=$cover/$name.profraw "$cover/tests/fuzz/fuzz_$name" -runs=0 "${dirs[@]}" >"$cover/$name.log" 2>&1 ||
            { tail "$cover/$name.log"; return 1; }
        profiles+=("$cover/$name.profraw")
        objects+=(-object "$cover/tests/fuzz/fuzz_$name")
    done
    llvm-profdata merge -o "$cover/all.profdata" "${profiles[@]}" &&
        llvm-cov report "${objects[@]:1}" -instr-profile="$cover/all.profdata" merge proto
}

configure "$build" || { echo "0 passed, 1 failed"; exit 1; }
case $what in
coverage) coverage "$@" ;;
*) fuzz "$@" ;;
esac
