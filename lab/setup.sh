#!/bin/sh
# Makes lab/.venv: Debian's PyTorch seen through --system-site-packages, the rest pinned from PyPI.
# Usage: lab/setup.sh        (needs python3-venv and python3-torch; a second run changes nothing)
set -eu
case "${1:-}" in -h|--help) sed -n '2,3s/^# //p' "$0"; exit 0;; esac
cd "$(dirname "$0")"
[ -x .venv/bin/python ] || /usr/bin/python3 -m venv --system-site-packages .venv
.venv/bin/python -m pip install --quiet --requirement requirements.txt
.venv/bin/python -c 'import torch, transformers; print("torch", torch.__version__, "transformers", transformers.__version__)'
