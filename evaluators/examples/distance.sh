#!/bin/sh
# How far is the merged checkpoint from both ends? Bytes of the weights that differ, with nothing but cmp.
# A real evaluator calls its own program here:  accuracy=$(my-eval --model "$PARETOD_CHECKPOINT")
set -eu
weights=model.safetensors

differ() {
    cmp -l "$PARETOD_CHECKPOINT/$weights" "$1/$weights" | wc -l || exit 1
}

echo "trial $PARETOD_TRIAL, $PARETOD_HALF half" >&2
from_base=$(differ "$PARETOD_BASE")
from_tuned=$(differ "$PARETOD_TUNED")
exact='"stderr":0' # a count has no noise, and a model of the scores need not guess it
printf '{"scores":{"bytes.from_base":{"mean":%d,%s},"bytes.from_tuned":{"mean":%d,%s}}}\n' \
    "$from_base" "$exact" "$from_tuned" "$exact"
