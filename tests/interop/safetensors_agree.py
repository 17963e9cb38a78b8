"""Random files by the `safetensors` package, read and written anew by our safetensors_copy, must be the same bytes; and the
package must read what we wrote. Usage: safetensors_agree.py SAFETENSORS_COPY"""

import ctypes
import os
import random
import subprocess
import sys
import tempfile

from safetensors import TensorSpec, safe_open, serialize

DTYPES = {"bool": 8, "float4_e2m1fn_x2": 8, "uint8": 8, "int8": 8, "float8_e5m2": 8, "float8_e4m3fn": 8,
          "float8_e8m0fnu": 8, "float8_e4m3fnuz": 8, "float8_e5m2fnuz": 8, "int16": 16, "uint16": 16, "float16": 16,
          "bfloat16": 16, "int32": 32, "uint32": 32, "float32": 32, "complex64": 64, "float64": 64, "int64": 64,
          "uint64": 64}
LETTERS = "abzAZ09._-/\\\"\n\t\r\b\f\x01\x1f\x7f éß漢😀"
FILES, SEED = 2000, 1


def make(rng):
    kept, specs = [], {}
    for _ in range(rng.randint(0, 12)):
        dtype = rng.choice(list(DTYPES))
        shape = [rng.choice([0, 1, 1, 2, 3, 5]) for _ in range(rng.randint(dtype == "float4_e2m1fn_x2", 4))]
        n = DTYPES[dtype] // 8
        for size in shape:
            n *= size
        data = ctypes.create_string_buffer(rng.randbytes(n), max(n, 1))
        kept.append(data)
        name = "".join(rng.choice(LETTERS) for _ in range(rng.randint(0, 12)))
        specs[name] = TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(data), data_len=n)
    return serialize(specs, {"format": "pt"})


def main():
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as directory:
        names = [(os.path.join(directory, f"{i}.in"), os.path.join(directory, f"{i}.out")) for i in range(FILES)]
        for one, _ in names:
            with open(one, "wb") as file:
                file.write(make(rng))
        for at in range(0, FILES, 500):
            subprocess.run([sys.argv[1], *(name for pair in names[at:at + 500] for name in pair)], check=True)
        for i, (one, other) in enumerate(names):
            with open(one, "rb") as a, open(other, "rb") as b:
                if a.read() != b.read():
                    sys.exit(f"file {i} of seed {SEED} differs")
            with safe_open(other, "np") as file:
                file.keys()
    print(f"{FILES} files are the same to the byte")


main()
