#!/bin/sh
# Trains everything and writes the fixtures and golden values. Run lab/setup.sh first.
# Usage: lab/train.sh [OUT [FIXTURES [GOLDEN]]]
#   OUT       keeps every stage's result (default lab/out); a stage whose result is there is skipped, so a run that
#             was cut short goes on where it stopped
#   FIXTURES  default tests/fixtures         GOLDEN  default tests/golden/lab
# The R-Tuning pair has a base of its own and comes last; SEEDS (5) are compared, whole-1 is the fixture.
# One thread a job; tuned-rsf and tuned-dpo are trained side by side. LAB_SCALE=.1 makes a quick, poor pair.
set -eu
case "${1:-}" in -h|--help) sed -n '2,8s/^# //p' "$0"; exit 0;; esac
lab=$(cd "$(dirname "$0")" && pwd)
out=$(realpath -m "${1:-$lab/out}")
fixtures=$(realpath -m "${2:-$lab/../tests/fixtures}")
golden=$(realpath -m "${3:-$lab/../tests/golden/lab}")
options="--scale ${LAB_SCALE:-1}"
export OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1
run() { script=$1; shift; "$lab/.venv/bin/python" "$lab/$script" "$@"; }

run train_base.py --stage pretrain --out "$out" $options
run train_base.py --stage instruct --out "$out" $options
run train_reward.py --out "$out" $options
run train_dpo.py --out "$out" $options & dpo=$!
run train_rsf.py --out "$out" $options
wait $dpo
run bundle.py --out "$out" --fixtures "$fixtures"
run reference_logits.py --fixtures "$fixtures"
run reference_scores.py --fixtures "$fixtures" --golden "$golden"
run golden_metrics.py --golden "$golden"
run evaluate.py --bundle "$fixtures/bundle" --json "$out/scores.json" \
    "$fixtures/base" "$fixtures/tuned-rsf" "$fixtures/tuned-dpo"
run check_fixtures.py --fixtures "$fixtures"

run train_rtuning_base.py --out "$out" $options
seeds=$(seq "${SEEDS:-5}")
for seed in $seeds; do
    run train_rtuned.py --out "$out" $options --seed "$seed"
    run train_plain.py --out "$out" $options --seed "$seed"
    run train_plain.py --out "$out" $options --seed "$seed" --rate 1e-3 --name plain-0.001
    run train_rtuned.py --out "$out" $options --seed "$seed" --rate 3e-4 --frozen 0 --name whole
    run train_plain.py --out "$out" $options --seed "$seed" --rate 3e-4 --frozen 0 --name plain-whole
done
run rtuning_eval.py --out "$out" --half heldout --seeds "${SEEDS:-5}" --json "$out/rtuning/scores.json"
run rtuning_eval.py --out "$out" --half heldout --seeds "${SEEDS:-5}" --name whole --name plain-whole
run rtuning_fixtures.py --out "$out" --fixtures "$fixtures"
