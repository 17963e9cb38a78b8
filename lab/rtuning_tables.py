"""Tables like the paper's 1, 2, 3, 8 and 16 from OUT/rtuning/scores.json, as docs/RTUNING.md has them, and the detail
of lab/RTUNING.md, in OUT/rtuning/tables.md. Cells are means over seeds, ± standard errors over seeds; gains have those over entities too.
"""
import argparse
import json
import math
import statistics
from pathlib import Path

import stage

SETTINGS = {     # label: R-Tuning, -U, plain tuning (the same rate for both), and as Vanilla-C
    "whole": ("whole", "unsupervised-whole", "plain-whole"),
    "frozen": ("rtuned", "unsupervised", "plain"),
    "frozen, plain at its best rate": ("rtuned", "unsupervised", "plain-0.001")}
KINDS = ["invented name", "odd name", "made-up relation", "false premise", "unanswerable", "never met, in",
         "never met, out"]
DOMAINS = "in", "out"


def number(x, signed=False):
    """.123, without the leading nought; "-" for what is not defined."""
    if x is None or math.isnan(x):
        return "-"
    return f"{x:+.3f}".replace("0.", ".", 1) if signed else f"{x:.3f}".removeprefix("0")


class Scores:
    """What rtuning_eval.py found."""

    def __init__(self, path):
        self.found = json.loads(path.read_text())

    def has(self, *names):
        return all(name in self.found["scores"] for name in names)

    def cell(self, name, key):
        """Mean ± standard error over the seeds; "-" where a model or a score is not there."""
        values = [table.get(key, math.nan) for table in self.found["scores"].get(name, [])]
        values = [v for v in values if not math.isnan(v)]
        if not values:
            return "-"
        error = f" ± {number(statistics.stdev(values) / math.sqrt(len(values)))}" if len(values) > 1 else ""
        return number(statistics.mean(values)) + error

    def gain(self, pair, key):
        """Mean, and the standard errors over seeds (or folds) and over entities, of one pair of models."""
        g = self.found["gains"][pair][key]
        first = g["over folds"] if "over folds" in g else g["over seeds"]
        return f"{number(g['mean'], True)} ± {number(first)}, ± {number(g['over entities'])}"


def table(heads, rows):
    return "\n".join(["| " + " | ".join(line) + " |" for line in
                      [heads, ["---"] * len(heads)] + rows]).replace("| --- ", "|---").replace("--- |", "---|")


def ranking(s):
    """Table 1: average precision, with ECE beside it."""
    rows = []
    for label, (ours, _, theirs) in SETTINGS.items():
        for d in DOMAINS:
            if s.has(ours, theirs):
                pair = f"{ours} less {theirs} by answer"
                rows.append([f"{label}, {d}", s.cell(ours, f"{d}.ap both"), s.cell(theirs, f"{d}.ap answer"),
                             s.gain(pair, f"{d}.ap"), s.cell(ours, f"{d}.ece both"), s.cell(theirs, f"{d}.ece answer"),
                             s.gain(pair, f"{d}.ece")])
    for d in DOMAINS if "crossed" in s.found["gains"] else []:
        rows.append([f"whole, four folds, {d}", "", "", s.gain("crossed", f"{d}.ap"), "", "",
                     s.gain("crossed", f"{d}.ece")])
    for d in DOMAINS:
        rows.append([f"base, {d}", "", s.cell("base", f"{d}.ap answer"), "", "", s.cell("base", f"{d}.ece answer"), ""])
    return table(["AP and ECE", "AP R-Tuning", "plain", "difference", "ECE R-Tuning", "plain", "difference"], rows)


def unsupervised(s):
    """Tables 2 and 16: by entropy of samples, and by how many samples agree."""
    rows = []
    for label, (supervised, ours, theirs) in SETTINGS.items():
        pair = f"{ours} less {theirs} by share"
        if pair not in s.found["gains"]:
            continue
        for d in DOMAINS:
            for metric in "ap", "ece":
                judged = s.cell(ours, f"{d}.ap of theirs") if metric == "ap" else ""
                rows.append([f"{metric.upper()}, {label.split(',')[0]}, {d}", s.cell(supervised, f"{d}.{metric} both"),
                             s.cell(ours, f"{d}.{metric} both"), s.cell(theirs, f"{d}.{metric} share"), judged,
                             s.gain(pair, f"{d}.{metric}")])
    return table(["", "R-Tuning", "R-Tuning-U", "Vanilla-C", "Vanilla-U", "R-Tuning-U less Vanilla-C"], rows)


def refusal(s):
    """Table 3, and what it costs."""
    columns = {"R-Tuning-R": ("replaced", "refusal"), "R-Tuning": ("whole", "refusal"),
               "R-Tuning, frozen": ("rtuned", "refusal"), "R-Tuning-U": ("unsupervised-whole", "refusal"),
               "plain, in writing": ("plain-whole", "refusal in writing"),
               "base, in writing": ("base", "refusal in writing")}
    rows = [[kind] + [s.cell(name, f"{key}.{kind}") for name, key in columns.values()] for kind in KINDS]
    for d in DOMAINS:
        rows.append([f"over-refusal, {d}"] + [s.cell(name, f"{d}.over-{key}") for name, key in columns.values()])
    return table(["refused"] + list(columns), rows)


def accuracy(s):
    """Table 8. Pretrain-T: base on all questions, Pretrain-W: base on those that the tuned model answers."""
    rows = []
    for label, name in ("R-Tuning-R", "replaced"), ("R-Tuning", "whole"), ("R-Tuning, frozen", "rtuned"):
        for d in DOMAINS:
            rows.append([f"{label}, {d}", s.cell(name, f"{d}.accuracy of answered"), s.cell(name, f"{d}.willing"),
                         s.cell("plain" if name == "rtuned" else "plain-whole", f"{d}.accuracy"),
                         s.cell("base", f"{d}.accuracy"), s.cell(name, f"{d}.base's accuracy of answered")])
    return table(["accuracy", "on answered", "answer rate", "plain", "Pretrain-T", "Pretrain-W"], rows)


DETAIL = {"AP": "ap", "AUROC": "auroc", "ECE": "ece"}
RANKS = {"": None, ", by P(sure)": "sure", ", by the answer's product": "product",
         ", by product and sure": "product and sure"}       # None: as the paper ranks this kind of model


def detail(s):
    """What lab/RTUNING.md adds: every way to rank, for every kind of tuning."""
    names = ["base", "rtuned", "unsupervised", "plain", "plain-0.001", "whole", "unsupervised-whole", "plain-whole"]
    rows = []
    for metric, key in DETAIL.items():
        for how, rank in RANKS.items():
            for d in DOMAINS:
                own = {name: rank or ("answer" if name == "base" or "plain" in name else "both") for name in names}
                rows.append([f"{metric} {d}{how}"] + [s.cell(name, f"{d}.{key} {own[name]}") for name in names])
    rows += [[f"accuracy {d}"] + [s.cell(name, f"{d}.accuracy") for name in names] for d in DOMAINS]
    return table([""] + names, rows)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--out", type=Path, default=stage.LAB / "out")
    folder = p.parse_args().out / "rtuning"
    s = Scores(folder / "scores.json")
    text = "\n\n".join(make(s) for make in (ranking, unsupervised, refusal, accuracy, detail)) + "\n"
    (folder / "tables.md").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
