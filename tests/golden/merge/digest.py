"""A checkpoint's digest (merge/files/digest.h) by another program: python digest.py DIRECTORY (one model.safetensors)."""

import json
import os
import struct
import sys

import xxhash

SILENT = ("_name_or_path", "transformers_version", "torch_dtype", "dtype")


def plain(value):
    """Sorted, without the keys that say nothing; whole numbers as such."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in sorted(value.items()) if k not in SILENT}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return int(value) if isinstance(value, float) and value == int(value) else value


def digest(directory):
    with open(os.path.join(directory, "model.safetensors"), "rb") as file:
        data = file.read()
    (n,) = struct.unpack("<Q", data[:8])
    header, text = json.loads(data[8:8 + n]), ""
    header.pop("__metadata__", None)
    for name, tensor in sorted(header.items(), key=lambda item: item[0].encode()):
        begin, end = (8 + n + offset for offset in tensor["data_offsets"])
        shape = ",".join(map(str, tensor["shape"]))
        text += f"{name} {tensor['dtype']} [{shape}] {xxhash.xxh3_128_hexdigest(data[begin:end])}\n"
    with open(os.path.join(directory, "config.json"), "rb") as file:
        config = json.dumps(plain(json.load(file)), separators=(",", ":"), ensure_ascii=False)
    text += f"config {xxhash.xxh3_128_hexdigest(config.encode())}\n"
    return xxhash.xxh3_128_hexdigest(text.encode())


if __name__ == "__main__":
    print(digest(sys.argv[1]))
