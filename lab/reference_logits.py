"""Golden logits and reward scores from transformers in float32, for checking another forward pass.

Writes tests/fixtures/reference/logits.safetensors: "<model>.<i>.ids" and "<model>.<i>.logits" for base, tuned-rsf
and their average at ratio 0.5 ("merge-0.5": float32 lerp, rounded once to bf16), "reward.<i>.ids" and ".score".
"""
import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, LlamaForSequenceClassification

import stage

LOGIT_TASKS = ["facts", "sums", "choice", "chat"]
MOST_TOKENS, N_REWARDS, RATIO = 24, 8, 0.5


def items(bundle, task):
    return [json.loads(line) for line in (bundle / f"{task}.jsonl").read_text().splitlines()]


def merged(base, tuned, ratio):
    """base + ratio * (tuned - base) of two bf16 state dicts, in f32, rounded once to bf16 (nearest even)."""
    made = {}
    for name, low in base.items():
        low, high = low.float(), tuned[name].float()
        made[name] = (low + ratio * (high - low)).to(torch.bfloat16).float()
    return made


@torch.no_grad()
def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--fixtures", type=Path, default=stage.FIXTURES)
    args = p.parse_args()
    torch.set_num_threads(1)
    bundle, out = args.fixtures / "bundle", {}

    prompts = [items(bundle, task)[0]["prompt"][:MOST_TOKENS] for task in LOGIT_TASKS]
    weights = {name: load_file(str(args.fixtures / name / "model.safetensors")) for name in ("base", "tuned-rsf")}
    net = LlamaForCausalLM.from_pretrained(args.fixtures / "base", torch_dtype=torch.float32).eval()
    for name, state in (weights | {f"merge-{RATIO}": merged(*weights.values(), RATIO)}).items():
        net.load_state_dict({k: v.float() for k, v in state.items()})
        for i, ids in enumerate(prompts):
            ids = torch.tensor(ids)
            out[f"{name}.{i}.ids"], out[f"{name}.{i}.logits"] = ids, net(ids[None]).logits[0].contiguous()

    judge = LlamaForSequenceClassification.from_pretrained(args.fixtures / "reward", torch_dtype=torch.float32).eval()
    for i, item in enumerate(items(bundle, "distil")[:N_REWARDS]):
        ids = torch.tensor(item["prompt"] + item["answer"][:-1][:6 + 3 * i] + item["answer"][-1:])
        out[f"reward.{i}.ids"], out[f"reward.{i}.score"] = ids, judge(ids[None]).logits[0].contiguous()

    (args.fixtures / "reference").mkdir(exist_ok=True)
    save_file(out, str(args.fixtures / "reference" / "logits.safetensors"), metadata={"format": "pt"})
    print(f"reference: {len(out)} tensors", flush=True)


if __name__ == "__main__":
    main()
