#!/usr/bin/env python3
"""Writes a pair of bf16 checkpoints of a 7B model's width, sharded as Hugging Face does, for measuring.

    bench/pair.py DIR [--layers 2] [--shard-bytes 5000000000]

DIR/base and DIR/tuned: hidden 4096, intermediate 11008, vocabulary 32000. The weights are normal numbers (0.02), the
update is normal too (0.001); both repeat after some MiB, which no reader or writer can use.
"""
import argparse
import array
import json
import os
import random
import struct

HIDDEN, INNER, VOCABULARY = 4096, 11008, 32000
POOL = 1 << 21  # numbers


def bf16(x):
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def pools():
    dice = random.Random(1)
    few = [dice.gauss(0, 0.02) for _ in range(1 << 16)]
    moved = [x + dice.gauss(0, 0.001) for x in few]
    out = []
    for values in (few, moved):
        numbers = array.array("H", map(bf16, values))
        pool = array.array("H")
        for i in range(POOL // len(numbers)):  # the two sides are turned alike
            pool += numbers[i * 977:] + numbers[: i * 977]
        out.append(pool.tobytes())
    return out


def tensors(layers):
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for i in range(layers):
        at = f"model.layers.{i}."
        yield at + "input_layernorm.weight", (HIDDEN,)
        yield at + "mlp.down_proj.weight", (HIDDEN, INNER)
        yield at + "mlp.gate_proj.weight", (INNER, HIDDEN)
        yield at + "mlp.up_proj.weight", (INNER, HIDDEN)
        yield at + "post_attention_layernorm.weight", (HIDDEN,)
        for name in "kqvo":
            yield at + f"self_attn.{name}_proj.weight", (HIDDEN, HIDDEN)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)
    yield "model.norm.weight", (HIDDEN,)


def size(shape):
    n = 2
    for x in shape:
        n *= x
    return n


def divide(all_tensors, limit):
    shards, used = [[]], 0
    for name, shape in all_tensors:
        if used and used + size(shape) > limit:
            shards.append([])
            used = 0
        shards[-1].append((name, shape))
        used += size(shape)
    return shards


def write_shard(path, members, pool, turn):
    at, header = 0, {"__metadata__": {"format": "pt"}}
    members = sorted(members)
    for name, shape in members:
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + size(shape)]}
        at += size(shape)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb", buffering=0) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        left = at
        start = turn * 4096 % len(pool)
        while left:
            left -= file.write(pool[start : start + min(left, len(pool) - start)])
            start = 0


def write(directory, shards, pool, layers):
    os.makedirs(directory)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
              "intermediate_size": INNER, "num_hidden_layers": layers, "num_attention_heads": 32,
              "vocab_size": VOCABULARY, "tie_word_embeddings": False, "torch_dtype": "bfloat16"}
    with open(f"{directory}/config.json", "w") as file:
        json.dump(config, file, indent=2)
    names = [f"model-{i + 1:05}-of-{len(shards):05}.safetensors" for i in range(len(shards))]
    if len(shards) == 1:
        names = ["model.safetensors"]
    for turn, (name, members) in enumerate(zip(names, shards)):
        write_shard(f"{directory}/{name}", members, pool, turn)
    if len(shards) > 1:
        index = {"metadata": {"total_size": sum(size(s) for shard in shards for _, s in shard)},
                 "weight_map": {t: name for name, shard in zip(names, shards) for t, _ in shard}}
        with open(f"{directory}/model.safetensors.index.json", "w") as file:
            json.dump(index, file, indent=2, sort_keys=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--shard-bytes", type=int, default=5_000_000_000)
    args = parser.parse_args()
    shards = divide(tensors(args.layers), args.shard_bytes)
    for name, pool in zip(("base", "tuned"), pools()):
        write(f"{args.directory}/{name}", shards, pool, args.layers)


main()
