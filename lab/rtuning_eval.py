"""Scores of what rtuning_ask.py has kept, by scikit-learn: of every model and seed, and gains over plain tuning.

OUT/rtuning/scores.json: "scores": {name: [a table a seed]}, "gains": {"NAME less NAME by …": {"in.ap": …}}, each
with its mean and two standard errors: over seeds, and over the entities asked about (a jackknife, all questions about one
entity left out at a time, so that its phrasings are not counted as if they were independent).
"""
import argparse
import json
import math
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

import rtuning
import rtuning_ask
import stage

BINS = 15
DOMAINS = "in", "out"
CONFIDENCES = {     # what ranks the answers
    "both": lambda a: (a["confidence"] + a["sure"]) / 2, "answer": lambda a: a["confidence"],
    "sure": lambda a: a["sure"], "product": lambda a: a["product"],
    "product and sure": lambda a: (a["product"] + a["sure"]) / 2}
# ours, its confidence, theirs, its confidence
GAINS = [("rtuned", "both", "plain", "answer"), ("rtuned", "both", "plain-0.001", "answer"),
         ("whole", "both", "plain-whole", "answer"),
         ("unsupervised", "both", "plain-0.001", "share"), ("unsupervised-whole", "both", "plain-whole", "share"),
         ("unsupervised", "both", "plain-0.001", "answer"), ("unsupervised-whole", "both", "plain-whole", "answer")]


def calibration_error(right, confidence):
    """ECE of Guo et al. (2017): equally wide bins ((b - 1) / BINS, b / BINS], 0 in the first."""
    which = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return sum(abs(confidence[which == b].mean() - right[which == b].mean()) * (which == b).mean()
               for b in range(BINS) if (which == b).any())


def defined(score):
    """NaN where there are not both right and wrong answers."""
    return lambda right, confidence: score(right, confidence) if 0 < right.sum() < len(right) else math.nan


METRICS = {"ap": defined(average_precision_score), "auroc": defined(roc_auc_score), "ece": calibration_error}


def mean(values):
    return float(values.mean()) if len(values) else math.nan


def refuses(asked):
    """P(sure) is at most .5, or, where there is no verdict, an expression was written."""
    return asked["sure"] <= 0.5 if "sure" in asked else asked["refused"]


def score_domain(asked, base):
    """Scores of one model's answers to the answerable questions of a domain. base: what base answered to the same."""
    right, willing = asked["right"], ~refuses(asked)
    table = {"accuracy": mean(right), "over-refusal": mean(~willing[base["right"]]),
             "over-refusal in writing": mean(asked["refused"][base["right"]]), "willing": mean(willing),
             "accuracy of answered": mean(right[willing]), "base's accuracy of answered": mean(base["right"][willing])}
    for name, confidence in CONFIDENCES.items():
        if "sure" in asked or "sure" not in name and name != "both":
            table |= {f"{m} {name}": score(right, confidence(asked)) for m, score in METRICS.items()}
    if "majority" in asked:
        table |= {"accuracy of majority": mean(asked["majority"]), "mean share": mean(asked["share"])}
        table |= {f"{m} share": score(asked["majority"], asked["share"]) for m, score in METRICS.items()}
    if "sure of majority" in asked:
        table |= {f"{m} of theirs": score(asked["theirs"], asked["sure of majority"]) for m, score in METRICS.items()}
    return table


def score(rows, asked, base):
    """-> {"in.ap both": …, "refusal.invented name": …}"""
    def chosen(keep):
        keep = np.array([bool(keep(row)) for row in rows])
        return [{key: values[keep] for key, values in a.items()} for a in (asked, base)]
    table = {}
    for domain in DOMAINS:
        found = score_domain(*chosen(lambda row: row.get("domain") == domain))
        table |= {f"{domain}.{key}": value for key, value in found.items()}
    sets = {row["subject"]: lambda row, s=row["subject"]: row.get("subject") == s for row in rows if "subject" in row}
    sets |= {f"never met, {d}": lambda row, d=d: row.get("domain") == d and not row["told"] for d in DOMAINS}
    sets["unanswerable"] = lambda row: "answers" not in row
    for name, keep in sets.items():
        found, _ = chosen(keep)
        table |= {f"refusal.{name}": mean(refuses(found)), f"refusal in writing.{name}": mean(found["refused"])}
    return table


def standard_error(values):
    """Of their mean; NaN of a single one."""
    return np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def gain(rows, ours, theirs, domain, metric):
    """metric of `ours` less that of `theirs` (lists of (right, confidence), one a seed): the mean, and its standard
    errors over seeds and over entities."""
    entities = np.unique([row["entity"] for row in rows if row.get("domain") == domain], return_inverse=True)[1]
    keep = np.array([row.get("domain") == domain for row in rows])
    pairs = [[(right[keep], confidence[keep]) for right, confidence in pair] for pair in zip(ours, theirs)]

    def differences(some):
        return [METRICS[metric](a[some], p[some]) - METRICS[metric](b[some], q[some]) for (a, p), (b, q) in pairs]
    each, n = differences(slice(None)), entities.max() + 1
    left_out = [np.mean(differences(entities != i)) for i in range(n)]
    return {"mean": np.mean(each), "over seeds": standard_error(each),
            "over entities": math.sqrt((n - 1) * np.var(left_out))}


def crossed_gain(half, ours, theirs, domain, metric):
    """As gain, of one model a fold: all parts of the entities but the search half are held out once."""
    each = [gain(rtuning_ask.questions(half, fold), [a], [b], domain, metric)
            for fold, (a, b) in enumerate(zip(ours, theirs))]
    means = [g["mean"] for g in each]
    return {"mean": np.mean(means), "over folds": standard_error(means),
            "over entities": math.hypot(*(g["over entities"] for g in each)) / len(each)}


def ranked(asked, confidence):
    """(right, confidence) of one model; "share" is Vanilla-C's."""
    return (asked["majority"], asked["share"]) if confidence == "share" else (asked["right"],
                                                                             CONFIDENCES[confidence](asked))


def load(folder, seeds):
    """-> {name: [{key: array} a seed]} of the models that were asked"""
    found = {}
    for name in rtuning_ask.NAMES:
        paths = [folder / f"{name}-{n}.json" for n in rtuning_ask.numbers(name, seeds)]
        tables = [json.loads(path.read_text()) for path in paths if path.exists()]
        if tables:
            found[name] = [{k: np.array(v) for k, v in t.items() if k != "majority ids"} for t in tables]
    for name, other in rtuning_ask.UNSUPERVISED.items():
        for ours, theirs in zip(found.get(name, []), found.get(other, [])):
            ours["theirs"] = theirs["majority"]
    return found


def gains_of(rows, asked, half):
    """-> {"OURS less THEIRS by CONFIDENCE": {"in.ap": …}} of those that were asked; "crossed" is over the folds"""
    gains, keys = {}, [(d, m) for d in DOMAINS for m in ("ap", "ece")]
    for name, confidence, other, its in GAINS:
        if name in asked and other in asked:
            ours, theirs = [ranked(a, confidence) for a in asked[name]], [ranked(a, its) for a in asked[other]]
            gains[f"{name} less {other} by {its}"] = {f"{d}.{m}": gain(rows, ours, theirs, d, m) for d, m in keys}
    if all(name in asked for name in rtuning_ask.CROSSED):
        ours, theirs = ([ranked(a, confidence) for a in asked[first][:1] + asked[first + "-crossed"]]
                        for first, confidence in (("whole", "both"), ("plain-whole", "answer")))
        gains["crossed"] = {f"{d}.{m}": crossed_gain(half, ours, theirs, d, m) for d, m in keys}
    return gains


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--out", type=Path, default=stage.LAB / "out")
    p.add_argument("--half", choices=["search", "heldout"], default="heldout")
    p.add_argument("--seeds", type=int, default=5)
    args = p.parse_args()
    rows, folder = rtuning_ask.questions(args.half), args.out / "rtuning"
    asked = load(folder / "asked" / args.half, args.seeds)
    result = {"half": args.half, "seeds": args.seeds, "gains": gains_of(rows, asked, args.half),
              "scores": {name: [score(rows, a, asked["base"][0]) for a in tables] for name, tables in asked.items()
                         if name not in rtuning_ask.CROSSED}}
    path = folder / ("scores.json" if args.half == "heldout" else f"scores-{args.half}.json")
    path.write_text(json.dumps(result, indent=1, default=float) + "\n")
    print(path)


if __name__ == "__main__":
    main()
