"""A trial's exported checkpoint, loaded by transformers, gives the native evaluator's logits.

usage: export_agrees.py BUILD SEARCH.json TRIAL.json EXPORTED_DIR
Also: the exported file is byte for byte what the safetensors package writes for the same tensors.
"""
import json
import subprocess
import sys
from pathlib import Path

import safetensors.torch
import torch
from transformers import AutoTokenizer, LlamaForCausalLM

LIMIT = 1e-3


def native_logits(build, search, ratios, ids):
    command = [build / "tests/native_logits", search, ",".join(map(repr, ratios)), ",".join(map(str, ids))]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return torch.tensor([json.loads(line) for line in lines])


@torch.no_grad()
def main():
    build, search, trial, exported = map(Path, sys.argv[1:])
    ratios = json.loads(trial.read_text())["ratios"]
    bundle = Path(json.loads(search.read_text())["evaluator"]["bundle"])
    net = LlamaForCausalLM.from_pretrained(exported, torch_dtype=torch.float32).eval()
    AutoTokenizer.from_pretrained(exported)
    worst = 0.0
    for task in ("facts", "reading", "choice", "chat"):
        ids = json.loads((bundle / f"{task}.jsonl").read_text().splitlines()[1])["prompt"]
        right = net(torch.tensor(ids)[None]).logits[0]
        off = (native_logits(build, search, ratios, ids) - right).abs().max().item()
        worst = off if not off <= worst else worst  # not max(), which passes over a NaN
        if not worst <= LIMIT:
            break
    print(f"largest difference of logits at ratios {ratios}: {worst:.3g} (limit {LIMIT})")

    path = exported / "model.safetensors"
    again = safetensors.torch.save(safetensors.torch.load_file(path), metadata={"format": "pt"})
    same = again == path.read_bytes()
    print(f"file as the safetensors package writes it: {'the same bytes' if same else 'DIFFERENT'}")
    sys.exit(0 if worst <= LIMIT and same else 1)


if __name__ == "__main__":
    main()
