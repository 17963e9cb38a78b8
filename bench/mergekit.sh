#!/usr/bin/env bash
# Makes build/mergekit, an environment with mergekit from PyPI (pinned in bench/mergekit.txt) on Debian's python3-torch,
# and prints the path of its python. A second run changes nothing.
#
#   python=$(bench/mergekit.sh) && "$(dirname "$python")/mergekit-yaml" recipe.yml DIR
#
# Needs python3-venv and python3-torch (deploy/packages.sh lab) and, the first time, the package registry.
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,7s/^# \?//p' "$0"; exit 0 ;; esac
cd "$(dirname "$0")/.."
venv=$PWD/build/mergekit pins=bench/mergekit.txt
export TRANSFORMERS_VERBOSITY=error

# the copy of the pins is the mark of a finished installation
if ! cmp -s "$pins" "$venv/pins.txt"; then
    rm -rf "$venv"
    mkdir -p build
    {
        /usr/bin/python3 -m venv --system-site-packages "$venv" &&
            "$venv/bin/python" -m pip install --quiet --no-deps --requirement "$pins" &&
            "$venv/bin/python" -c 'import mergekit.scripts.run_yaml' &&
            cp "$pins" "$venv/pins.txt"
    } >&2 || {
        echo "mergekit could not be installed: run deploy/packages.sh lab, and is the package registry reached?" >&2
        exit 1
    }
fi
echo "$venv/bin/python"
