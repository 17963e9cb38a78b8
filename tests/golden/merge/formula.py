"""The merge formula, both roundings and the draws, written a second time, in numpy: docs/MERGING.md's text as a program.

Stored numbers are arrays of their bits: uint16 for BF16 and F16, uint32 for F32, uint64 for F64.
"""

import numpy as np
import xxhash

BITS = {"BF16": np.uint16, "F16": np.uint16, "F32": np.uint32, "F64": np.uint64}
BLOCK = 2048


def widen(bits, dtype):
    """The numbers, as f32 (F64: f64)."""
    if dtype == "BF16":
        return (bits.astype(np.uint32) << 16).view(np.float32)
    if dtype == "F16":
        return bits.view(np.float16).astype(np.float32)
    return bits.view(np.float64 if dtype == "F64" else np.float32)


def nearest(x, dtype):
    """f32 to stored bits, ties to even. No NaN here."""
    if dtype == "F32":
        return x.view(np.uint32)
    if dtype == "F16":
        with np.errstate(over="ignore"):
            return x.astype(np.float16).view(np.uint16)
    bits = x.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def mix64(x):
    """SplitMix64's finalizer."""
    with np.errstate(over="ignore"):
        x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)


def draws(seed, name, n, interleaved):
    """16 bits for every element of a tensor. interleaved: BF16 to BF16, where neighbours share one mixed number."""
    digest = xxhash.xxh3_128(int(seed).to_bytes(8, "little") + name.encode()).intdigest()
    key = np.uint64(digest & 0xFFFFFFFFFFFFFFFF)
    i = np.arange(n, dtype=np.uint64)
    block, within = i // np.uint64(BLOCK), i % np.uint64(BLOCK)
    with np.errstate(over="ignore"):
        of_block = mix64(key + (block + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))
    group, place = within // np.uint64(32), within % np.uint64(32)
    lane, upper = (place // 2, place % 2) if interleaved else (place % 16, place // 16)
    number = (group * np.uint64(16) + lane.astype(np.uint64)).astype(np.uint32)
    low, high = of_block.astype(np.uint32), (of_block >> np.uint64(32)).astype(np.uint32)
    with np.errstate(over="ignore"):
        x = number * np.uint32(0x9E3779B9) + low
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x += high
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
    return np.where(upper == 1, x >> np.uint32(16), x & np.uint32(0xFFFF))


def stochastic(x, dtype, u):
    """f32 to one of its two neighbours, the upper one (in magnitude) with the chance that the lower one is off by; u: 16
    bits an element. Numbers that are stored exactly stay; at the end of the range nearest decides."""
    bits = x.view(np.uint32).astype(np.uint64)
    magnitude, sign, u = bits & np.uint64(0x7FFFFFFF), bits >> np.uint64(31) << np.uint64(15), u.astype(np.uint64)
    if dtype == "F32":
        return x.view(np.uint32)
    if dtype == "BF16":
        drawn = (magnitude + u >> np.uint64(16)) | sign
        return np.where(magnitude < 0x7F7F0000, drawn, nearest(x, dtype)).astype(np.uint16)
    normal = magnitude - (np.uint64(112) << np.uint64(23)) + (u >> np.uint64(3)) >> np.uint64(13)
    in_units = np.abs(np.where(magnitude < np.uint64(113 << 23), x, 0).astype(np.float64)) * 2.0**24
    tiny = np.floor(in_units * 65536).astype(np.uint64) + u >> np.uint64(16)
    drawn = np.where(magnitude < np.uint64(113 << 23), tiny, normal) | sign
    return np.where(magnitude < 0x477FE000, drawn, nearest(x, dtype)).astype(np.uint16)


def exact(base, tuned, ratio, dtype):
    """base + ratio (tuned - base), each operation rounded by itself; base where both are equal. f64 for F64."""
    b, t = widen(base, dtype), widen(tuned, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        step = t - b
        mixed = b + b.dtype.type(ratio) * step
    return np.where(b == t, b, mixed)


def merge(name, base, tuned, ratio, dtype, out, rounding, seed):
    """The stored bits of a merged tensor."""
    if ratio in (0, 1):
        side = tuned if ratio else base
        if dtype == out:
            return side
        x = widen(side, dtype)
    else:
        x = exact(base, tuned, ratio, dtype)
    if out == "F64":
        return x.view(np.uint64)
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    if rounding == "nearest":
        return nearest(x, out)
    return stochastic(x, out, draws(seed, name, len(x), dtype == "BF16" and out == "BF16"))
