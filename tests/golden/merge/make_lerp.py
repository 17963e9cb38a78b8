"""Makes lerp.safetensors: what PyTorch says base + r * (tuned - base) is, for test_merge.c to compare bit for bit.

Run with Debian's python3-torch:  /usr/bin/python3 tests/golden/merge/make_lerp.py

The formula is written out in float32 (float64 for F64) and rounded once. torch.lerp is not used, because for a weight
of 0.5 and more it computes tuned - (tuned - base) * (1 - r), which rounds differently. Where both are equal the value
is kept, so that equal infinities do not become NaN.

Tensors: "base.DTYPE", "tuned.DTYPE", "merged.DTYPE.RATIO". NaN payloads are PyTorch's own; compare NaN as NaN.
"""

import itertools
import json
import os
import struct

import torch

RATIOS = [0.1, 0.35, 0.5, 0.9]
NAMES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "F64": torch.float64}
RANDOM = 240


def specials(dtype):
    """Zeros, ends of the range, subnormals, infinities, NaN, and neighbours whose middle is a tie."""
    info = torch.finfo(dtype)
    return [0.0, -0.0, 1.0, 1.0 + info.eps, 1.0 + 2 * info.eps, -1.0 - info.eps, info.max, -info.max, info.tiny,
            info.tiny * info.eps, -info.tiny * info.eps * 3, info.tiny * 0.5, float("inf"), float("-inf"), float("nan")]


def pair(dtype, generator):
    cross = list(itertools.product(specials(dtype), repeat=2))
    special = torch.tensor(cross, dtype=torch.float64)
    scale = torch.pow(10.0, torch.rand(RANDOM, 1, generator=generator, dtype=torch.float64) * 8 - 6)
    near = torch.randn(RANDOM, 2, generator=generator, dtype=torch.float64) * scale
    near[: RANDOM // 2, 1] = near[: RANDOM // 2, 0] * (1 + 0.01 * near[: RANDOM // 2, 1])
    both = torch.cat([special, near])
    return both[:, 0].to(dtype), both[:, 1].to(dtype)


def merge(base, tuned, ratio):
    wide = torch.float64 if base.dtype == torch.float64 else torch.float32
    b, t = base.to(wide), tuned.to(wide)
    change = t - b
    change = ratio * change
    same = (b == t) & (torch.signbit(b) == torch.signbit(t))
    return torch.where(same, b, b + change).to(base.dtype)


def raw(tensor):
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.numpy().tobytes()


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    header, data = {"__metadata__": {"format": "pt", "torch": torch.__version__}}, b""
    for name, dtype in NAMES.items():
        base, tuned = pair(dtype, generator)
        tensors = {f"base.{name}": base, f"tuned.{name}": tuned}
        tensors.update({f"merged.{name}.{ratio}": merge(base, tuned, ratio) for ratio in RATIOS})
        for key, tensor in tensors.items():
            part = raw(tensor)
            header[key] = {"dtype": name, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(part)]}
            data += part
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "lerp.safetensors"), "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


main()
