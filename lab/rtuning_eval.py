"""Scores of the R-Tuning stages by scikit-learn: base, plain and R-Tuned of several seeds, and averages of the pair.

    rtuning_eval.py --seeds 5 --json out/rtuning/scores.json
    rtuning_eval.py --seeds 0 --ratios 0 .2 .4 .6 .8 1 --random 12      averages of base and whole-1
"""
import argparse
import json
import math
import random
import statistics
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

import model
import rtuning
import stage

BINS, PARTS = 15, 3


def calibration_error(confidence, right):
    """ECE of Guo et al. (2017): equally wide bins."""
    which = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return sum(abs(confidence[which == b].mean() - right[which == b].mean()) * (which == b).mean()
               for b in range(BINS) if (which == b).any())


def score(rows, found, base_right):
    """rows asked -> {"in.ap": …}. ap, auroc and ece rank by .5 answer + .5 sure, by the answer
    alone, by sure alone, and by the product of the answer's probabilities instead of their geometric mean."""
    table = {}
    for domain in "in", "out":
        chosen = [i for i, row in enumerate(rows) if row.get("domain") == domain]
        right = np.array([found[i].right(rows[i]) for i in chosen])
        answer, sure = (np.array([getattr(found[i], k) for i in chosen]) for k in ("confidence", "sure"))
        willing, known = sure > 0.5, np.array([base_right[i] for i in chosen])
        table |= {f"{domain}.accuracy": right.mean(), f"{domain}.willing": willing.mean(),
                  f"{domain}.accuracy of answered": right[willing].mean() if willing.any() else math.nan,
                  f"{domain}.over-refusal": (~willing)[known].mean()}
        product = np.array([found[i].product for i in chosen])
        ranks = {"both": (answer + sure) / 2, "answer": answer, "sure": sure, "product": product,
                 "product and sure": (product + sure) / 2}
        for name, rank in ranks.items():
            table |= {f"{domain}.ap {name}": average_precision_score(right, rank),
                      f"{domain}.auroc {name}": roc_auc_score(right, rank),
                      f"{domain}.ece {name}": calibration_error(rank, right)}
    for kind in sorted({row["subject"] for row in rows if "domain" not in row}):
        table[f"refusal.{kind}"] = statistics.mean(
            f.sure <= 0.5 for row, f in zip(rows, found) if row["subject"] == kind)
    for domain in "in", "out":
        table[f"refusal.never met, {domain}"] = statistics.mean(
            f.sure <= 0.5 for row, f in zip(rows, found) if row.get("domain") == domain and not row["told"])
    return table


def gain(rows, ours, theirs, domain):
    """AP by both of `ours` less AP by the answer alone of `theirs` (lists of one model's Asked a seed): the mean, and
    its standard errors over seeds and over questions (a jackknife of the mean)."""
    chosen = np.array([i for i, row in enumerate(rows) if row.get("domain") == domain])

    def arrays(found, rank):
        return np.array([found[i].right(rows[i]) for i in chosen]), np.array([rank(found[i]) for i in chosen])
    pairs = [(arrays(a, lambda x: (x.confidence + x.sure) / 2), arrays(b, lambda x: x.confidence))
             for a, b in zip(ours, theirs)]

    def differences(keep):
        return [average_precision_score(a[keep], p[keep]) - average_precision_score(b[keep], q[keep])
                for (a, p), (b, q) in pairs]
    n, each = len(chosen), differences(slice(None))
    left_out = [statistics.mean(differences(np.arange(n) != i)) for i in range(n)]
    spread = math.sqrt((n - 1) * statistics.pvariance(left_out))
    return statistics.mean(each), statistics.stdev(each) / math.sqrt(len(each)), spread


def blend(base, tuned, ratios):
    """Averages with one ratio for each third of the layers, embeddings with the first, norm and head with the last."""
    merged, other = model.LanguageModel(base.shape), tuned.state_dict()
    layers, state = base.shape["num_hidden_layers"], {}
    for name, tensor in base.state_dict().items():
        part = int(name.split(".")[2]) * PARTS // layers if ".layers." in name else 0 if "embed" in name else PARTS - 1
        state[name] = torch.lerp(tensor, other[name], ratios[part]).bfloat16().float()
    merged.load_state_dict(state)
    return merged


def questions(world, halves):
    """Rows of the halves, with "told": was the entity met in pre-training?"""
    told = {e.name for e in world.entities if e.told}
    rows = [row for half in halves for row in world.questions(half)]
    return [row | {"told": any(word.strip("?.") in told for word in row["question"].split())} for row in rows]


def say(groups):
    """groups: {name: [score tables]} -> a table of means, with standard errors over the seeds"""
    print("| | " + " | ".join(groups) + " |\n|---|" + "---|" * len(groups))
    for key in next(iter(groups.values()))[0]:
        cells = []
        for tables in groups.values():
            values = [t[key] for t in tables]
            error = f" ± {np.std(values, ddof=1) / math.sqrt(len(values)):.3f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{error}")
        print(f"| {key} | " + " | ".join(cells) + " |")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--out", type=Path, default=stage.LAB / "out")
    p.add_argument("--half", action="append", choices=["search", "heldout"], help="default both")
    p.add_argument("--seeds", type=int, default=5, help="NAME-1 … NAME-N of each name")
    p.add_argument("--name", action="append", help="of the stages compared, the first with the others")
    p.add_argument("--ratios", type=float, nargs="*", default=[])
    p.add_argument("--random", type=int, default=0, help="this many random vectors of three ratios")
    p.add_argument("--json", type=Path)
    args = p.parse_args()
    torch.set_num_threads(1)
    folder, world = args.out / "rtuning", rtuning.Knowledge()
    tok, rows = rtuning.Tokens(folder / "tokenizer.json"), questions(world, args.half or ["search", "heldout"])
    base = model.load(model.LanguageModel, folder / "base")
    found = rtuning.ask(base, tok, rows)
    base_right = [a.right(row) for a, row in zip(found, rows)]
    groups, answers = {"base": [score(rows, found, base_right)]}, {}
    for name in args.name or ["rtuned", "plain", "plain-0.001"] if args.seeds else []:
        nets = (model.load(model.LanguageModel, folder / f"{name}-{n}") for n in range(1, args.seeds + 1))
        answers[name] = [rtuning.ask(net, tok, rows) for net in nets]
        groups[name] = [score(rows, found, base_right) for found in answers[name]]
    rng = random.Random("ratios")
    vectors = [[r] * PARTS for r in args.ratios] + [[rng.random() for _ in range(PARTS)] for _ in range(args.random)]
    tuned = model.load(model.LanguageModel, folder / "whole-1") if vectors else None
    for v in vectors:
        net = blend(base, tuned, v)
        groups[" ".join(f"{r:.2f}" for r in v)] = [score(rows, rtuning.ask(net, tok, rows), base_right)]
    say(groups)
    for name in list(answers)[1:]:
        for domain in "in", "out":
            print("ap of {} less ap of {}, {}: {:+.4f} ± {:.4f} over seeds, ± {:.4f} over questions".format(
                list(answers)[0], name, domain, *gain(rows, answers[list(answers)[0]], answers[name], domain)))
    if args.json:
        args.json.write_text(json.dumps(groups, indent=1, default=float) + "\n")


if __name__ == "__main__":
    main()
