"""The peer of identify.sh: a PyTorch loop over the questions of an identify bundle, with transformers' Llama and its cache.

    identify.py BUNDLE MODEL [--batch N]

Prints one line of JSON: {"seconds", "questions", "certain"}; loading the model is not counted. --batch 1 is a question at a time,
as R-Tuning's published code does it; more are padded on the left. Answers are cut at the bundle's stop text and judged by substring.
"""
import argparse
import json
import time
from pathlib import Path

import torch
from transformers import DynamicCache, LlamaForCausalLM


def batches(items, n):
    """Of questions of about the same length, so that little is padded."""
    order = sorted(items, key=lambda item: len(item["prompt"])) if n > 1 else items
    for at in range(0, len(order), n):
        yield order[at:at + n]


@torch.no_grad()
def write(net, items, task, ends, pad):
    """Greedy tokens of each item up to the first of `ends`, or to max_new_tokens."""
    longest = max(len(i["prompt"]) for i in items)
    ids = torch.full((len(items), longest), pad)
    mask = torch.zeros_like(ids)
    for row, item in enumerate(items):
        ids[row, longest - len(item["prompt"]):] = torch.tensor(item["prompt"])
        mask[row, longest - len(item["prompt"]):] = 1
    past, made, open_ = DynamicCache(), [], torch.ones(len(items), dtype=torch.bool)
    while len(made) < task["max_new_tokens"] and open_.any():
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1]:]
        out = net(ids, attention_mask=mask, position_ids=places, past_key_values=past, use_cache=True,
                  num_logits_to_keep=1)
        ids = out.logits[:, -1].argmax(-1, keepdim=True)
        mask = torch.cat([mask, torch.ones_like(ids)], 1)
        open_ &= ~ends[ids[:, 0]]
        made.append(ids[:, 0])
    return torch.stack(made, 1).tolist()


@torch.no_grad()
def choose(net, item):
    """One forward pass a choice of several tokens; of one token each, one pass for all."""
    if all(len(c) == 1 for c in item["choices"]):
        last = net(torch.tensor([item["prompt"]])).logits[0, -1]
        sums = [float(last[c[0]]) for c in item["choices"]]
    else:
        sums = []
        for c in item["choices"]:
            rows = net(torch.tensor([item["prompt"] + c])).logits[0].log_softmax(-1)
            sums.append(sum(float(rows[len(item["prompt"]) + j - 1, t]) for j, t in enumerate(c)))
    return sums.index(max(sums)) == item["gold"]


def identify(net, items, task, pieces, pad, batch):
    ends = torch.tensor([i in task["stop_ids"] or task.get("stop_text", "\0") in p for i, p in enumerate(pieces)])
    certain = sum(choose(net, i) for i in items if "choices" in i)
    for some in batches([i for i in items if "answers" in i], batch):
        for item, made in zip(some, write(net, some, task, ends, pad)):
            end = next((j for j, t in enumerate(made) if ends[t]), len(made))
            text = "".join(pieces[t] for t in made[:end]).strip()
            certain += any(answer in text for answer in item["answers"])
    return certain


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("bundle", type=Path)
    p.add_argument("model", type=Path)
    p.add_argument("--batch", type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(1)
    bundle = json.loads((args.bundle / "bundle.json").read_text())
    task, pieces = bundle["tasks"][0], json.loads((args.bundle / bundle["vocab"]).read_text())
    items = [json.loads(line) for line in (args.bundle / task["file"]).read_text().splitlines()]
    net = LlamaForCausalLM.from_pretrained(args.model, torch_dtype=torch.float32).eval()
    identify(net, items[:4], task, pieces, bundle["pad_id"], args.batch)  # first calls are slower
    began = time.monotonic()
    certain = identify(net, items, task, pieces, bundle["pad_id"], args.batch)
    print(json.dumps({"seconds": time.monotonic() - began, "questions": len(items), "certain": certain}))


if __name__ == "__main__":
    main()
