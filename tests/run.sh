#!/usr/bin/env bash
# Installs, builds and runs every test. The last line is "N passed, M failed".
#
#   tests/run.sh            everything
#   tests/run.sh unit       only the C tests and the layer check
#   tests/run.sh e2e        only the end-to-end tests (the real programs, the browser)
#   tests/run.sh fuzz       only the fuzz targets, a short run of each (tests/fuzz.sh for a long one)
#
# PARETOD_BUILD is the build directory (default build/dev).
set -uo pipefail
cd "$(dirname "$0")/.." || exit
part=${1:-all}
case $part in all | unit | e2e | fuzz) ;; *) sed -n '2,9p' "$0" >&2; exit 2 ;; esac

build=$(realpath -m "${PARETOD_BUILD:-build/dev}")
results=$build/results
passed=0 failed=0

step() { printf '\n== %s\n' "$*"; }

count() { # count NAME PASSED FAILED
    passed=$((passed + $2))
    failed=$((failed + $3))
    printf '%-44s %3d passed' "$1" "$2"
    [ "$3" -eq 0 ] && echo || echo ", $3 FAILED"
}

# One C test program; TAP to a file, so that cases are counted and not only programs.
run_unit() {
    local name
    name=$(basename "$1")
    CMOCKA_MESSAGE_OUTPUT=TAP timeout 600 "$1" >"$2/$name.tap" 2>"$2/$name.err"
    echo $? >"$2/$name.rc"
}
export -f run_unit

unit_tests() {
    step "layers"
    if tests/layers.sh; then count layers 1 0; else count layers 0 1; fi
    step "unit tests"
    find "$build/tests" -maxdepth 1 -type f -perm -u+x -name '*_test_*' -print0 | sort -z |
        xargs -0 -P 2 -n 1 bash -c 'run_unit "$2" "$1"' _ "$results"
    local tap name ok not_ok rc
    for tap in "$results"/*.tap; do
        name=$(basename "$tap" .tap)
        ok=$(grep -cE '^\s*ok [0-9]+' "$tap")
        not_ok=$(grep -cE '^\s*not ok [0-9]+' "$tap")
        rc=$(cat "$results/$name.rc")
        # a crash, a leak or a program without tests reports no failed case, and is a failure all the same
        { [ "$rc" -ne 0 ] && [ "$not_ok" -eq 0 ]; } || [ $((ok + not_ok)) -eq 0 ] && not_ok=$((not_ok + 1))
        count "$name" "$ok" "$not_ok"
        [ "$not_ok" -eq 0 ] || { grep -vE '^\s*ok ' "$tap" | head -n 40; tail -n 40 "$results/$name.err"; }
    done
}

e2e_tests() {
    step "end-to-end tests"
    local xml=$results/e2e.xml
    PARETOD_BUILD=$build /usr/bin/python3 -m pytest -q -p no:cacheprovider --junitxml="$xml" tests/e2e ||
        echo "pytest ended with status $?"
    local counts
    if counts=$(/usr/bin/python3 - "$xml" <<'P'
import sys
import xml.etree.ElementTree as tree
suites = tree.parse(sys.argv[1]).getroot().iter("testsuite")
total = bad = skipped = 0
for suite in suites:
    total += int(suite.get("tests")); skipped += int(suite.get("skipped"))
    bad += int(suite.get("failures")) + int(suite.get("errors"))
print(total - bad - skipped, bad + skipped)  # a test that cannot run here is not passed
P
    ); then
        # shellcheck disable=SC2086
        count end-to-end $counts
    else
        count end-to-end 0 1
    fi
}

# The same start every time; a target that hardly ran is not passed.
fuzz_tests() {
    local log=$results/fuzz.log seconds=20
    step "fuzz targets, $seconds s each"
    PARETOD_FUZZ_BUILD=${PARETOD_BUILD:+$build-fuzz} PARETOD_FUZZ_JOBS=2 tests/fuzz.sh "$seconds" >"$log" 2>&1
    sed '$d' "$log"
    if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        count fuzz "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    else
        tail -n 1 "$log"
        count fuzz 0 1
    fi
}

step "packages and build ($build)"
deploy/packages.sh test || {
    echo "0 passed, 1 failed"
    exit 1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
[ "$part" = fuzz ] || { cmake --preset dev -B "$build" && cmake --build "$build"; } >"$log" 2>&1 || {
    grep -E 'error|warning|FAILED' "$log" | head -n 40
    tail -n 20 "$log"
    echo "the build failed"
    echo "0 passed, 1 failed"
    exit 1
}
rm -rf "$results"
mkdir -p "$results"
case $part in unit | all) unit_tests ;; esac
case $part in fuzz | all) fuzz_tests ;; esac
case $part in e2e | all) e2e_tests ;; esac
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
