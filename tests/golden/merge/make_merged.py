"""Prints merged.json: hashes of merged tensors of every dtype, output and rounding, by formula.py, for
tests/unit/merge/test_merge_golden.c. Checks formula.py itself against PyTorch on the way.

    python tests/golden/merge/make_merged.py >tests/golden/merge/merged.json
    # Python that sees Debian's python3-torch, with tests/golden/merge/requirements.txt

Element i of base has the low bits of splitmix(i); tuned is base with its last bits changed (three of four elements), a
number of its own (one of four), or equal (one of sixteen). No NaN and no infinity: lerp.safetensors has those.
"""

import json
import sys

import numpy as np
import torch
import xxhash
from formula import BITS, draws, exact, merge, mix64, nearest, stochastic, widen

SIZES = [1, 31, 33, 2047, 4099, 10000]
RATIOS = [0.1, 0.5, 0.7, -0.25, 1.5]
TOP = {"BF16": 14, "F16": 14, "F32": 30, "F64": 62}  # a bit of the exponent
EXPONENT = {"BF16": 0x7F80, "F16": 0x7C00, "F32": 0x7F800000, "F64": 0x7FF0000000000000}
TORCH = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}


def finite(bits, dtype):
    mask = np.uint64(EXPONENT[dtype])
    return np.where(bits & mask == mask, bits ^ np.uint64(1 << TOP[dtype]), bits)


def pair(n, dtype):
    i = np.arange(n, dtype=np.uint64)
    with np.errstate(over="ignore"):
        one = mix64((i + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))
        two = mix64((i + np.uint64(n + 1)) * np.uint64(0x9E3779B97F4A7C15))
    width = np.uint64((1 << np.dtype(BITS[dtype]).itemsize * 8) - 1)
    base = finite(one & width, dtype)
    near = base ^ (two & np.uint64(7))
    tuned = np.where(i % np.uint64(4) == 3, finite(two & width, dtype), near)
    tuned = np.where(i % np.uint64(16) == 5, base, tuned)
    return base.astype(BITS[dtype]), tuned.astype(BITS[dtype])


def raw(bits, dtype):
    """The torch tensor of stored bits."""
    size = np.dtype(BITS[dtype]).itemsize
    return torch.from_numpy(bits.view({2: np.int16, 4: np.int32}[size]).copy()).view(TORCH[dtype])


def check_torch(base, tuned, ratio, dtype, out, got):
    """Nearest, against PyTorch: the formula bit for bit, torch.lerp within its rounding."""
    b, t = raw(base, dtype).float(), raw(tuned, dtype).float()
    want = torch.where(b == t, b, b + torch.tensor(ratio, dtype=torch.float32) * (t - b))
    assert torch.equal(want.to(TORCH[out]), raw(got, out)), (dtype, out, ratio)
    lerp = torch.lerp(b, t, ratio)
    off = (lerp - want).abs() / torch.maximum(b.abs(), t.abs()).clamp(min=1e-30)
    off = off[torch.isfinite(lerp) & torch.isfinite(want)]
    assert off.numel() == 0 or off.max() < 2**-21, (dtype, ratio, off.max())
    return int((lerp.to(TORCH[out]) == raw(got, out)).sum()), len(base)


def check_unbiased(seed):
    """Of many draws of the same numbers the mean is the number, and each is one of its two neighbours."""
    rng = np.random.default_rng(seed)
    for dtype, out in (("F32", "BF16"), ("F32", "F16")):
        x = (rng.standard_normal(2000) * 10.0 ** rng.uniform(-6, 3, 2000)).astype(np.float32)
        down = stochastic(x, out, np.zeros(len(x), np.uint32))
        up = stochastic(x, out, np.full(len(x), 65535, np.uint32))
        low, high = widen(down, out).astype(np.float64), widen(up, out).astype(np.float64)
        unit = np.abs(high - low)
        total, times = np.zeros(len(x)), 400
        for k in range(times):
            got = widen(stochastic(x, out, draws(k, "w", len(x), dtype == out)), out).astype(np.float64)
            assert np.all((got == low) | (got == high))
            total += got
        some = unit > 0
        off = ((total / times - x)[some] / unit[some])
        z = off.mean() / (off.std() / np.sqrt(some.sum()))
        print(f"{dtype} to {out}: mean error {off.mean():.5f} units, z {z:.2f}", file=sys.stderr)
        assert abs(z) < 4 and np.all(np.abs(off) < 0.15)


def main():
    cases, agree, total = [], 0, 0
    for dtype in BITS:
        for out in dict.fromkeys((dtype, "F32", "BF16", "F16")):
            for rounding in ("nearest", "stochastic"):
                for k, n in enumerate(SIZES):
                    ratio, seed, name = RATIOS[k % len(RATIOS)], k * 1000003, f"model.layers.{k}.é.weight"
                    base, tuned = pair(n, dtype)
                    bits = merge(name, base, tuned, ratio, dtype, out, rounding, seed)
                    if rounding == "nearest" and dtype != "F64":
                        some, of = check_torch(base, tuned, ratio, dtype, out, bits)
                        agree, total = agree + some, total + of
                    cases.append({"name": name, "dtype": dtype, "out": out, "rounding": rounding, "n": n,
                                  "ratio": ratio, "seed": seed, "hash": xxhash.xxh3_128_hexdigest(bits.tobytes())})
    check_unbiased(1)
    print(f"torch.lerp gives the same stored number {agree} times of {total}", file=sys.stderr)
    print("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]")


torch.set_num_threads(1)
main()
