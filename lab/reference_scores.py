"""Golden scores of base and tuned-rsf on the bundle's search half, from transformers and sacrebleu alone.

Writes tests/golden/lab/scores-<model>.json: for every task the aggregate scores and, per item, the greedy text
with em and f1, the summed log-likelihood of every choice, or the log-likelihood of the answer. Every number is
computed in float32 one item at a time, without batching or padding. The reward task is sampled and so is left out.
"""
import argparse
import json
import statistics
from pathlib import Path

import torch
from transformers import DynamicCache, LlamaForCausalLM

import metrics
import stage

MODELS = ["base", "tuned-rsf"]


@torch.no_grad()
def greedy(net, item, task):
    """Greedy continuation -> (ids without the stop id, whether a stop id ended it)."""
    inputs, past, made = torch.tensor([item["prompt"]]), DynamicCache(), []
    for _ in range(task["max_new_tokens"]):
        step = net(inputs, past_key_values=past, use_cache=True)
        best = int(step.logits[0, -1].argmax())
        if best in task["stop_ids"]:
            return made, True
        made.append(best)
        inputs = torch.tensor([[best]])
    return made, False


@torch.no_grad()
def continuation(net, prompt, answer):
    """log-probabilities of the answer's tokens after the prompt: [len(answer)]"""
    logits = net(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
    at = torch.arange(len(prompt) - 1, len(prompt) + len(answer) - 1)
    return logits[at, torch.tensor(answer)]


def generate_task(net, task, items, pieces):
    rows = []
    for item in items:
        ids, stopped = greedy(net, item, task)
        text = "".join(pieces[i] for i in ids).strip()
        rows.append({"id": item["id"], "ids": ids, "stopped": stopped, "text": text,
                     "em": metrics.exact_match(text, item["answers"]), "f1": metrics.f1(text, item["answers"])})
    firsts = [item["answers"][0] for item in items]
    return {"em": statistics.fmean(r["em"] for r in rows), "f1": statistics.fmean(r["f1"] for r in rows),
            "bleu": metrics.bleu([r["text"] for r in rows], firsts)}, rows


def choice_task(net, task, items, pieces):
    rows = []
    for item in items:
        sums = [float(continuation(net, item["prompt"], c).sum()) for c in item["choices"]]
        normed = [s / n for s, n in zip(sums, item["chars"])]
        rows.append({"id": item["id"], "loglik": sums, "acc": float(sums.index(max(sums)) == item["gold"]),
                     "acc_norm": float(normed.index(max(normed)) == item["gold"])})
    return {m: statistics.fmean(r[m] for r in rows) for m in ("acc", "acc_norm")}, rows


def loglik_task(net, task, items, pieces):
    rows = []
    for item in items:
        logp = continuation(net, item["prompt"], item["answer"])
        rows.append({"id": item["id"], "sum": float(logp.sum()), "loglik": float(logp.mean())})
    return {"loglik": statistics.fmean(r["loglik"] for r in rows)}, rows


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--fixtures", type=Path, default=stage.FIXTURES)
    p.add_argument("--golden", type=Path, default=stage.GOLDEN)
    args = p.parse_args()
    torch.set_num_threads(1)
    folder = args.fixtures / "bundle"
    bundle = json.loads((folder / "bundle.json").read_text())
    pieces = json.loads((folder / bundle["vocab"]).read_text())
    args.golden.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        net = LlamaForCausalLM.from_pretrained(args.fixtures / name, torch_dtype=torch.float32).eval()
        tasks = {}
        for task in bundle["tasks"]:
            run = {"generate": generate_task, "choice": choice_task, "loglik": loglik_task}.get(task["type"])
            if run is None:
                continue
            items = [json.loads(line) for line in (folder / task["file"]).read_text().splitlines()]
            scores, rows = run(net, task, [i for i in items if i["half"] == "search"], pieces)
            tasks[task["name"]] = {"scores": scores, "items": rows}
            print(name, task["name"], {k: round(v, 4) for k, v in scores.items()}, flush=True)
        text = json.dumps({"model": name, "half": "search", "tasks": tasks}, separators=(",", ":"))
        (args.golden / f"scores-{name}.json").write_text(text.replace('{"id"', '\n{"id"') + "\n")


if __name__ == "__main__":
    main()
