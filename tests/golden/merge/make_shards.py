"""Prints shards.json: how huggingface_hub divides tensors into files, for tests/unit/merge/test_shards_golden.c.

    python tests/golden/merge/make_shards.py >tests/golden/merge/shards.json      # with tests/golden/merge/requirements.txt

Tensor i of a case is "model.layers.i.w" of sizes[i] bytes; files[i] is the file it comes to.
"""

import json
import random

from huggingface_hub.serialization._base import split_state_dict_into_shards_factory


def case(sizes, limit):
    state = {f"model.layers.{i}.w": size for i, size in enumerate(sizes)}
    split = split_state_dict_into_shards_factory(
        state, get_storage_size=lambda size: size, get_storage_id=lambda size: None,
        filename_pattern="model{suffix}.safetensors", max_shard_size=limit)
    return {"limit": limit, "sizes": sizes, "files": [split.tensor_to_filename[name] for name in state],
            "total": sum(sizes)}


def main():
    rng = random.Random(1)
    cases = [case([1], 1), case([5, 5, 5], 15), case([5, 5, 6], 15), case([16], 15), case([16, 1], 15), case([1, 16], 15),
             case([1, 16, 1], 15), case([16, 16, 16], 15), case([15, 15], 15), case([10, 20, 5, 20, 3, 9], 15),
             case([0, 15, 0, 1, 0], 15), case([0, 0], 1)]
    for _ in range(30):
        limit = rng.randint(1, 60)
        cases.append(case([rng.choice([0, 1, limit, limit + 1, rng.randint(0, 80)]) for _ in range(rng.randint(1, 25))], limit))
    print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")


main()
