#!/usr/bin/env bash
# Writes export.json anew: the hash (XXH3, 128 bits) of every file of the shipped pair's exports.
#
#   tests/golden/merge/make_export.sh        PARETOD_BUILD is the build directory (default build/dev)
#
# A trial can be made again, today and after an upgrade: that is a promise of paretod, and these numbers are it. New cases
# may be added; a changed number of an old one means that people's trials come out as other bytes, and is a break of the
# promise that CHANGELOG.md must tell. check_export.py says of the weights the same by an implementation of its own.
set -euo pipefail
cd "$(dirname "$0")/../../.."
build=${PARETOD_BUILD:-build/dev}
cmake --preset dev -B "$build" >/dev/null
cmake --build "$build" --target merge_test_export_golden >/dev/null
"$build/tests/merge_test_export_golden" print | jq . >tests/golden/merge/export.json.new
mv tests/golden/merge/export.json.new tests/golden/merge/export.json
