#!/bin/sh
# Trains everything and writes tests/fixtures/ and tests/golden/lab/. Run lab/setup.sh first.
# Usage: lab/train.sh [OUT]     OUT (default lab/out) keeps every stage's result; a stage whose result is there is
#                               skipped, so a run that was cut short goes on where it stopped.
# One thread a job; tuned-rsf and tuned-dpo are trained side by side. LAB_SCALE=.1 makes a quick, poor pair.
set -eu
case "${1:-}" in -h|--help) sed -n '2,5s/^# //p' "$0"; exit 0;; esac
cd "$(dirname "$0")"
out=${1:-out}
options="--out $out --scale ${LAB_SCALE:-1}"
export OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1
run() { .venv/bin/python "$@"; }

run train_base.py --stage pretrain $options
run train_base.py --stage instruct $options
run train_reward.py $options
run train_dpo.py $options & dpo=$!
run train_rsf.py $options
wait $dpo
run bundle.py --out "$out"
run reference_logits.py
run reference_scores.py
run golden_metrics.py
run evaluate.py --bundle ../tests/fixtures/bundle --json "$out/scores.json" \
    ../tests/fixtures/base ../tests/fixtures/tuned-rsf ../tests/fixtures/tuned-dpo
