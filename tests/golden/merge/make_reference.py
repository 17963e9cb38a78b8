"""Makes reference.safetensors: every dtype that the `safetensors` package can write, by that package, for
tests/unit/merge/test_safetensors_reference.c, which reads it and writes the same bytes.

    python tests/golden/merge/make_reference.py            # with tests/golden/merge/requirements.txt

The package cannot write F6_E2M3 and F6_E3M2. A packed pair of F4 is one element of its dtype "float4_e2m1fn_x2".
Metadata has one key, because the package writes several in an order of chance.
"""

import ctypes
import os

from safetensors import TensorSpec, serialize

# name of the package: bits
DTYPES = {"bool": 8, "float4_e2m1fn_x2": 8, "uint8": 8, "int8": 8, "float8_e5m2": 8, "float8_e4m3fn": 8,
          "float8_e8m0fnu": 8, "float8_e4m3fnuz": 8, "float8_e5m2fnuz": 8, "int16": 16, "uint16": 16, "float16": 16,
          "bfloat16": 16, "int32": 32, "uint32": 32, "float32": 32, "complex64": 64, "float64": 64, "int64": 64,
          "uint64": 64}
SHAPES = [[1], [0, 3], [2, 3], [1, 1, 5], [1, 1, 1, 1, 1, 1, 1, 3]]
NAMES = ["model.layers.10.w", "model.layers.9.w", "\"quoted\" \\ / name", "é ü 漢 😀", "a\nb\tc\rd\be\ff", "", "\x7f", "Z", "a"]


def content(n, salt):
    return bytes((i * 37 + salt * 101 + (i * i >> 3)) & 255 for i in range(n))


def specs():
    out, kept = {}, []

    def add(name, dtype, shape):
        n = DTYPES[dtype] // 8
        for size in shape:
            n *= size
        data = ctypes.create_string_buffer(content(n, len(out)), max(n, 1))
        kept.append(data)
        out[name] = TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(data), data_len=n)

    for dtype in DTYPES:
        for shape in SHAPES:
            add(f"{dtype}.{'x'.join(map(str, shape))}", dtype, shape)
        if dtype != "float4_e2m1fn_x2":
            add(f"{dtype}.scalar", dtype, [])
    for i, name in enumerate(NAMES):
        add(name, "bfloat16" if i % 2 else "float32", [i + 1])
    return out, kept


def main():
    tensors, kept = specs()
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.safetensors"), "wb") as out:
        out.write(serialize(tensors, {"format": "pt"}))
    del kept


main()
