#!/usr/bin/env bash
# Makes bench/.venv with the Python libraries that the figures are compared with. Optional: without it those
# comparisons are left out.
set -euo pipefail
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/pip install --quiet --requirement requirements.txt
