#!/usr/bin/env python3
"""Merges by the plan with PyTorch and scores a task of log-likelihoods: a start for models too big for the
native evaluator, or of another architecture. Needs torch, transformers and safetensors.

usage: loglik_torch.py ITEMS.jsonl        (items as docs/EVALUATORS.md says: half, prompt, answer)
"""
import json
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

job = json.loads(sys.stdin.readline())
base, tuned = (load_file(job[end] + "/model.safetensors") for end in ("base", "tuned"))
for name, ratio in job["tensors"].items():  # the ratio of every tensor; 1 = tuned
    b, t = base[name].float(), tuned[name].float()
    base[name] = (t if ratio == 1 else b + ratio * (t - b)).to(base[name].dtype)
model = AutoModelForCausalLM.from_pretrained(job["tuned"], torch_dtype=torch.float32)
model.load_state_dict(base, strict=False)  # strict=False: tied heads are stored once
model.eval()

values = []
with torch.no_grad():
    for line in open(sys.argv[1], encoding="utf-8"):
        item = json.loads(line)
        if item["half"] != job["half"]:
            continue
        ids = torch.tensor([item["prompt"] + item["answer"]])
        answer_n = len(item["answer"])
        logs = model(ids).logits[0, -answer_n - 1 : -1].double().log_softmax(-1)
        values.append(logs.gather(1, ids[0, -answer_n:, None]).mean().item())
metric = job["objectives"][0]["metrics"][0]
print(json.dumps({"scores": {metric: {"mean": sum(values) / len(values), "items": values}}}))
