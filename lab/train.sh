#!/bin/sh
# Trains everything and writes the fixtures and golden values. Run lab/setup.sh first.
# Usage: lab/train.sh [OUT [FIXTURES [GOLDEN]]]
#   OUT       keeps every stage's result (default lab/out); a stage whose result is there is skipped, so a run that
#             was cut short goes on where it stopped
#   FIXTURES  default tests/fixtures         GOLDEN  default tests/golden/lab
# The R-Tuning pair has a base of its own and comes last; SEEDS (5) are compared, whole-1 is the fixture, and the
# tables of docs/RTUNING.md are OUT/rtuning/tables.md.
# One thread a job; tuned-rsf and tuned-dpo are trained side by side. LAB_SCALE=.1 makes a quick, poor pair.
set -eu
case "${1:-}" in -h|--help) sed -n '2,9s/^# //p' "$0"; exit 0;; esac
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
seeds=${SEEDS:-5}
whole="--rate 3e-4 --frozen 0"
for seed in $(seq "$seeds"); do
    tune() { script=$1; shift; run "$script" --out "$out" $options --seed "$seed" "$@"; }
    tune train_rtuned.py
    tune train_rtuned.py --split entropy --name unsupervised
    tune train_plain.py
    tune train_plain.py --rate 1e-3 --name plain-0.001
    tune train_rtuned.py $whole --name whole
    tune train_rtuned.py $whole --split entropy --name unsupervised-whole
    tune train_replaced.py $whole
    tune train_plain.py $whole --name plain-whole
done
for fold in 1 2 3; do
    run train_rtuned.py --out "$out" $options $whole --seed "$fold" --fold "$fold" --name whole-crossed
    run train_plain.py --out "$out" $options $whole --seed "$fold" --fold "$fold" --name plain-whole-crossed
done
run rtuning_ask.py --out "$out" --seeds "$seeds"
run rtuning_eval.py --out "$out" --seeds "$seeds"
run rtuning_tables.py --out "$out"
run rtuning_fixtures.py --out "$out" --fixtures "$fixtures"
