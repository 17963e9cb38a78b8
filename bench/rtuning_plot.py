"""Draws docs/rtuning-front.svg from bench/results/rtuning.jsonl: fronts between base and R-Tuned on the held-out half.

    rtuning_plot.py [--runs bench/results/rtuning.jsonl] [--out docs/rtuning-front.svg]

Needs matplotlib (bench/setup.sh). Points are those that the search half chose.
"""
import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parent.parent
LEFT, RIGHT = (0, 1), (2, 1)  # objectives of each picture's axes: refusal, over-refusal, knowledge
NAMES = ["refuses what nobody can know", "refuses what base knows", "knowledge"]


def fronts(runs, strategy):
    return [p for r in runs if r["strategy"] == strategy for p in r["points"] if p["front"] and p["heldout"]]


def draw(axes, runs, x, y):
    equal = [r for r in runs if r["strategy"] == "sweep"][0]["points"]
    line = sorted((p for p in equal if p["heldout"]), key=lambda p: p["ratios"][0])
    axes.plot([p["heldout"][x] for p in line], [p["heldout"][y] for p in line], color="#8a8a8a", linewidth=1, zorder=1)
    chosen = [p for p in line if p["front"]]
    axes.scatter([p["heldout"][x] for p in chosen], [p["heldout"][y] for p in chosen], s=12, color="#8a8a8a", zorder=2,
                 label="equal ratios")
    found = fronts(runs, "bayes")
    axes.scatter([p["heldout"][x] for p in found], [p["heldout"][y] for p in found], s=11, color="#d62728", alpha=0.6,
                 linewidth=0, zorder=3, label="bayes")
    for ratio, name in ((0, "base"), (1, "R-Tuned")):
        point = [p["heldout"] for p in equal if all(r == ratio for r in p["ratios"])][0]
        axes.scatter(point[x], point[y], s=42, marker="s", color="#1f5fa8", zorder=4)
        axes.annotate(name, (point[x], point[y]), xytext=(-7, 6), textcoords="offset points", fontsize=8, ha="right",
                      color="#1f5fa8")
    axes.set_xlabel(NAMES[x] + ", more is better →", fontsize=8)
    axes.set_ylabel("← less is better, " + NAMES[y], fontsize=8)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.12, y=0.08)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "bench/results/rtuning.jsonl")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/rtuning-front.svg")
    options = parser.parse_args()
    plt.rcParams.update({"svg.hashsalt": "rtuning", "svg.fonttype": "none"})  # the same file from the same rows
    runs = [json.loads(line) for line in options.runs.read_text().splitlines()]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.9))
    draw(left, runs, *LEFT)
    draw(right, runs, *RIGHT)
    left.legend(fontsize=8, frameon=False, loc="upper left")
    figure.tight_layout()
    figure.savefig(options.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
