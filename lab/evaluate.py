"""Scores checkpoints on the bundle with this lab's own PyTorch model: a table of means and standard errors.

    evaluate.py --bundle tests/fixtures/bundle --half search --half heldout tests/fixtures/base tests/fixtures/tuned-rsf
"""
import argparse
import json
import statistics
from pathlib import Path

import torch

import generate
import metrics
import model
import tokens


def load_bundle(folder):
    """-> bundle.json's object with "items" in every task."""
    bundle = json.loads((folder / "bundle.json").read_text())
    bundle["pieces"] = json.loads((folder / bundle["vocab"]).read_text())
    for task in bundle["tasks"]:
        task["items"] = [json.loads(line) for line in (folder / task["file"]).read_text().splitlines()]
        if "reward_model" in task:
            task["scorer"] = model.load(model.RewardModel, folder / task["reward_model"])
    return bundle


def text_of(pieces, ids):
    """The generated text up to the first EOS, stripped."""
    kept = ids[:ids.index(tokens.EOS)] if tokens.EOS in ids else ids
    return "".join(pieces[i] for i in kept).strip()


def score_generate(net, task, items, pieces):
    made = generate.replies(net, [i["prompt"] for i in items], task["max_new_tokens"])
    texts = [text_of(pieces, ids) for ids in made]
    golds = [i["answers"] for i in items]
    scores = {}
    for name in task["metrics"]:
        if name == "bleu":
            firsts = [g[0] for g in golds]
            scores[name] = metrics.bleu(texts, firsts), metrics.jackknife_error(texts, firsts)
        else:
            each = {"em": metrics.exact_match, "f1": metrics.f1}[name]
            scores[name] = metrics.mean_and_error([each(t, g) for t, g in zip(texts, golds)])
    return scores


@torch.no_grad()
def score_choice(net, items):
    pairs = [(i["prompt"], choice) for i in items for choice in i["choices"]]
    sums = iter([logp.sum().item() for logp in generate.answer_logprobs(net, pairs)])
    acc, acc_norm = [], []
    for i in items:
        row = [next(sums) for _ in i["choices"]]
        normed = [s / chars for s, chars in zip(row, i["chars"])]
        acc.append(float(row.index(max(row)) == i["gold"]))
        acc_norm.append(float(normed.index(max(normed)) == i["gold"]))
    return {"acc": metrics.mean_and_error(acc), "acc_norm": metrics.mean_and_error(acc_norm)}


def score_reward(net, task, items, pieces, show):
    prompts = [i["prompt"] for i in items]
    made = generate.replies(net, prompts, task["max_new_tokens"], task["temperature"], task["seed"])
    for prompt, ids in list(zip(prompts, made))[:show]:
        print("   ", text_of(pieces, prompt).replace("\n", " / "), text_of(pieces, ids))
    scores = generate.rewards(task["scorer"], [p + generate.finished(r) for p, r in zip(prompts, made)])
    return {"reward": metrics.mean_and_error(scores),
            "tokens": metrics.mean_and_error([float(len(r)) for r in made])}


@torch.no_grad()
def score_loglik(net, items):
    each = generate.answer_logprobs(net, [(i["prompt"], i["answer"]) for i in items])
    return {"loglik": metrics.mean_and_error([logp.mean().item() for logp in each])}


def evaluate(net, bundle, half, show=0):
    """-> {"task.metric": (mean, standard error)}"""
    table = {}
    for task in bundle["tasks"]:
        items = [i for i in task["items"] if i["half"] == half]
        scores = {"generate": lambda: score_generate(net, task, items, bundle["pieces"]),
                  "choice": lambda: score_choice(net, items),
                  "reward": lambda: score_reward(net, task, items, bundle["pieces"], show),
                  "loglik": lambda: score_loglik(net, items)}[task["type"]]()
        table |= {f"{task['name']}.{metric}": score for metric, score in scores.items()}
    return table


def blend(base, tuned, ratio):
    """Model averaging with one ratio for all tensors: base + ratio * (tuned - base), rounded once to bf16."""
    merged, ends = model.LanguageModel(), (base.state_dict(), tuned.state_dict())
    merged.load_state_dict({name: torch.lerp(a, ends[1][name], ratio).bfloat16().float()
                            for name, a in ends[0].items()})
    return merged


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("checkpoints", nargs="+", type=Path)
    p.add_argument("--bundle", type=Path, required=True)
    p.add_argument("--half", action="append", choices=["search", "heldout"])
    p.add_argument("--ratios", type=float, nargs="*", default=[], help="also averages of the first two checkpoints")
    p.add_argument("--json", type=Path, help="write the table here too")
    p.add_argument("--show", type=int, default=0, help="print this many chat replies of each checkpoint")
    args = p.parse_args()
    torch.set_num_threads(1)
    bundle, tables = load_bundle(args.bundle), {}
    nets = {folder.name: model.load(model.LanguageModel, folder) for folder in args.checkpoints}
    ends = list(nets.values())[:2]
    nets |= {f"{ratio:g}": blend(*ends, ratio) for ratio in args.ratios}
    for half in args.half or ["search", "heldout"]:
        rows = {name: evaluate(net, bundle, half, args.show) for name, net in nets.items()}
        tables[half] = rows
        print(f"\n| {half} half | " + " | ".join(rows) + " |\n|---|" + "---|" * len(rows))
        for metric in next(iter(rows.values())):
            cells = [f"{row[metric][0]:.3f} ± {row[metric][1]:.3f}" for row in rows.values()]
            print(f"| {metric} | " + " | ".join(cells) + " |", flush=True)
        tasks = ["facts.em", "reading.f1", "translation.bleu", "sums.em", "choice.acc"]
        means = [statistics.mean(row[t][0] for t in tasks) for row in rows.values()]
        print("| mean of five tasks | " + " | ".join(f"{m:.3f}" for m in means) + " |")
    if args.json:
        args.json.write_text(json.dumps(tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
