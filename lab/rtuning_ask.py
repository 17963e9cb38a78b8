"""Asks base and the tuned models everything about a half's entities, and keeps what each answered.

OUT/rtuning/asked/HALF/NAME-SEED.json: lists in the questions' order (knowledge.every_question): "right", "confidence",
"product" and, but for models tuned by replacement, "sure" as rtuning.Asked has them, "refused": an expression of
uncertainty was written. Plain models also have Vanilla-C of the paper: "majority" (the most frequent of ten sampled
answers is right) and "share" (its share); unanswerable questions are not sampled. R-Tuning-U has Vanilla-U:
"sure of majority", its P(sure) after the plain model's most frequent answer. A model whose file is there is not asked
again.
"""
import argparse
import collections
import json
from pathlib import Path

import torch

import model
import rtuning
import stage

VOTED = ["plain-0.001", "plain-whole"]                                                   # asked first
UNSUPERVISED = {"unsupervised": "plain-0.001", "unsupervised-whole": "plain-whole"}      # and whose answers it judges
REPLACED = ["replaced"]                                                                  # have no verdict
CROSSED = ["whole-crossed", "plain-whole-crossed"]       # NAME-N held out the N-th part of training instead
NAMES = ["base", "whole", "plain"] + VOTED + list(UNSUPERVISED) + ["rtuned"] + REPLACED + CROSSED
MOST_WRITTEN = 40                        # tokens: the longest expression takes 28
UNANSWERABLE = 300                       # of each set


def questions(half, fold=0):
    return rtuning.Knowledge(fold=fold).every_question(half, UNANSWERABLE)


def numbers(name, seeds):
    """Of a name's models: seeds, or folds."""
    return [1] if name == "base" else range(1, rtuning.FOLDS if name in CROSSED else seeds + 1)


def majority(answers):
    """The most frequent of sampled answers, the first of equals, and its share."""
    (ids, n), = collections.Counter(map(tuple, answers)).most_common(1)
    return list(ids), n / len(answers)


def asked(net, tok, rows, probe):
    """-> the lists that every model has, "sure" only with probe"""
    found = rtuning.ask(net, tok, rows, MOST_WRITTEN, probe)
    table = {key: [getattr(a, key) for a in found] for key in ["confidence", "product"] + ["sure"] * probe}
    table["refused"] = [a.refuses() for a in found]
    for a in found:
        a.text = tok.decode(a.ids[:rtuning.MOST_ANSWER])
    return table | {"right": [a.right(row) for a, row in zip(found, rows)]}


def by_majority(net, tok, rows, seed):
    """-> the lists of Vanilla-C; "majority ids" are for Vanilla-U"""
    known = [row for row in rows if "answers" in row]        # they come first
    votes = [majority(answers) for answers in rtuning.samples(net, tok, known, seed)]
    votes += [([], 0.0)] * (len(rows) - len(known))
    right = [any(gold in tok.decode(ids) for gold in row.get("answers", [])) for (ids, _), row in zip(votes, rows)]
    return {"majority": right, "share": [share for _, share in votes], "majority ids": [ids for ids, _ in votes]}


def ask_model(folder, tok, rows, name, n, target):
    """-> all lists of the model NAME-N; what the others answered is in target"""
    net = model.load(model.LanguageModel, folder / (f"{name}-{n}" if name != "base" else name))
    table = asked(net, tok, rows, name not in REPLACED)
    if name in VOTED:
        table |= by_majority(net, tok, rows, n)
    if name in UNSUPERVISED:
        theirs = json.loads((target / f"{UNSUPERVISED[name]}-{n}.json").read_text())["majority ids"]
        table["sure of majority"] = rtuning.sure_of(
            net, tok, [tok.prompt(row["question"]) + ids for row, ids in zip(rows, theirs)])
    return table


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--out", type=Path, default=stage.LAB / "out")
    p.add_argument("--half", choices=["search", "heldout"], default="heldout")
    p.add_argument("--seeds", type=int, default=5, help="NAME-1 … NAME-N of each name")
    p.add_argument("--name", action="append", choices=NAMES, help="only these; default all")
    args = p.parse_args()
    torch.set_num_threads(1)
    folder = args.out / "rtuning"
    tok, target = rtuning.Tokens(folder / "tokenizer.json"), folder / "asked" / args.half
    target.mkdir(parents=True, exist_ok=True)
    for name in args.name or NAMES:
        for n in numbers(name, args.seeds):
            if not stage.done(target / f"{name}-{n}.json", f"asked {name}-{n}"):
                rows = questions(args.half, n if name in CROSSED else 0)
                table = ask_model(folder, tok, rows, name, n, target)
                (target / f"{name}-{n}.json").write_text(json.dumps(table))
                print(f"asked {name}-{n}: {len(rows)} questions", flush=True)


if __name__ == "__main__":
    main()
