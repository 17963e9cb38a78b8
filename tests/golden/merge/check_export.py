"""Holds export.json against other programs: the weights by formula.py, their division into files by huggingface_hub, the
bytes of the files by the `safetensors` package, the digests by digest.py. Prints what agrees; status 1 when not all does.

    python tests/golden/merge/check_export.py        # with tests/golden/merge/requirements.txt
"""

import ctypes
import json
import os
import re
import struct
import sys

import numpy as np
import xxhash
from digest import digest
from formula import BITS, merge
from huggingface_hub.serialization._base import split_state_dict_into_shards_factory
from safetensors import TensorSpec, serialize

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "..", "fixtures")
RATIOS, FIRST_LAYERS = [0.15, 0.55, 0.9], [0, 3, 6]  # of test_export_golden.c
FORMS = {"nearest": (None, "nearest", 0, 5 * 10**9), "stochastic": (None, "stochastic", 42, 5 * 10**9),
         "F32": ("F32", "nearest", 0, 5 * 10**9), "F16 stochastic": ("F16", "stochastic", 7, 5 * 10**9),
         "sharded": (None, "nearest", 0, 10**6)}
PACKAGE = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}


def load(name):
    with open(os.path.join(FIXTURES, name, "model.safetensors"), "rb") as file:
        data = file.read()
    (n,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + n])
    header.pop("__metadata__", None)
    out = {}
    for key, tensor in header.items():
        begin, end = (8 + n + offset for offset in tensor["data_offsets"])
        out[key] = (tensor["dtype"], tensor["shape"], np.frombuffer(data[begin:end], BITS[tensor["dtype"]]))
    return out


def place(name):
    """Order of the state: before the layers, the layers, after them."""
    layer = re.search(r"\.layers\.(\d+)\.", name)
    if layer:
        return 1, int(layer.group(1)), name
    return (0 if "embed" in name else 2), 0, name


def ratio_of(name):
    before, layer, _ = place(name)
    group = 0 if before == 0 else 2 if before == 2 else max(i for i, first in enumerate(FIRST_LAYERS) if first <= layer)
    return RATIOS[group]


def package_bytes(tensors):
    kept, specs = [], {}
    for name, (dtype, shape, bits) in tensors.items():
        data = ctypes.create_string_buffer(bits.tobytes(), bits.nbytes)
        kept.append(data)
        specs[name] = TensorSpec(dtype=PACKAGE[dtype], shape=shape, data_ptr=ctypes.addressof(data), data_len=bits.nbytes)
    return serialize(specs, {"format": "pt"})


def files_of(form, base, tuned):
    """{file name: bytes} of weights and index."""
    dtype, rounding, seed, limit = FORMS[form]
    state = {}
    for name in sorted(base, key=place):
        own, shape, bits = base[name]
        out = dtype or own
        state[name] = (out, shape, merge(name, bits, tuned[name][2], ratio_of(name), own, out, rounding, seed))
    split = split_state_dict_into_shards_factory(
        state, get_storage_size=lambda tensor: tensor[2].nbytes, get_storage_id=lambda tensor: None,
        filename_pattern="model{suffix}.safetensors", max_shard_size=limit)
    files = {file: package_bytes({name: state[name] for name in names})
             for file, names in split.filename_to_tensors.items()}
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        files["model.safetensors.index.json"] = (json.dumps(index, indent=2, sort_keys=True) + "\n").encode()
    return files


def main():
    with open(os.path.join(HERE, "export.json"), encoding="utf-8") as file:
        golden = json.load(file)
    base, tuned = load("base"), load("tuned-rsf")
    wrong = 0

    def check(what, got, want):
        nonlocal wrong
        print(f"{'same' if got == want else f'WRONG, we have {want}'}: {got} {what}")
        wrong += got != want

    check("digest of base", digest(os.path.join(FIXTURES, "base")), golden["digests"]["base"])
    check("digest of tuned", digest(os.path.join(FIXTURES, "tuned-rsf")), golden["digests"]["tuned"])
    for form in FORMS:
        files = files_of(form, base, tuned)
        ours = {name for name in golden[form] if "safetensors" in name}
        check(f"{form}: names", sorted(files), sorted(ours))
        for name, data in files.items():
            check(f"{form}: {name}", xxhash.xxh3_128_hexdigest(data), golden[form].get(name))
    return wrong > 0


sys.exit(main())
