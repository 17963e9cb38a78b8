"""Hypervolume against evaluations, a picture a cell: docs/optimizer-CELL.svg, from the runs in bench/results.

    plot.py [--files a.jsonl,b.jsonl] [--out docs]

A line is the median of the seeds, a band the quartiles.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy

from problems import ROOT, Problem
from table import FILES, OURS, Ideals, read

COLOURS = {
    OURS: "#d62728",
    "botorch/qLogNEHVI": "#1f5fa8",
    "optuna/GP": "#2a8f5b",
    "optuna/TPE": "#b8860b",
    "optuna/NSGA-II": "#8e6bbf",
    "pymoo/NSGA-II": "#5f8f9f",
    "random": "#8a8a8a",
}
TITLES = {
    "branin-currin": "Branin-Currin with noise",
    "dtlz2": "DTLZ2, 6 dimensions, exact",
    "dtlz2-noise": "DTLZ2, 6 dimensions, noise 0.05",
    "zdt1": "ZDT1, 4 dimensions",
    "hma-3": "merge of 3 groups, noise 0.02",
    "hma-8": "merge of 8 groups, noise 0.02",
    "hma-26": "merge of 26 groups, noise 0.02",
    "slice-8": "merge of 8 groups, mean ratio 0.4",
    "slice-26": "merge of 26 groups, mean ratio 0.4",
    "pair": "shipped pair, 3 groups",
}


def spread(heights, least):
    """Label heights at least `least` apart, order kept, as near to their lines as that allows."""
    order = numpy.argsort(heights)
    placed = numpy.array(heights, dtype=float)[order]
    for _ in range(200):
        for i in range(len(placed) - 1):
            short = least - (placed[i + 1] - placed[i])
            if short > 0:
                placed[i] -= short / 2
                placed[i + 1] += short / 2
    out = numpy.empty(len(placed))
    out[order] = placed
    return out


def draw(cell, optimizers, largest, path):
    problem = Problem(cell, 1)
    start = len(problem.design)
    figure, axes = plt.subplots(figsize=(6.4, 3.8))
    ends = []
    for name, rows in optimizers.items():
        curves = numpy.array([r["hypervolume"] for r in rows.values()])
        x = numpy.arange(start, start + curves.shape[1])
        low, median, high = numpy.quantile(curves, [0.25, 0.5, 0.75], axis=0)
        colour = COLOURS.get(name, "#444444")
        axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.plot(x, median, color=colour, linewidth=2 if name == OURS else 1.3)
        ends.append((median[-1], f"{name} ({len(rows)})", colour))
    axes.axhline(largest, color="#bbbbbb", linewidth=0.8, linestyle=":")
    bottom, top = axes.get_ylim()
    last = start + curves.shape[1] - 1
    heights = spread([e[0] for e in ends], (top - bottom) * 0.055)
    for (_, text, colour), height in zip(ends, heights):
        axes.annotate(text, (last, height), xytext=(5, 0), textcoords="offset points", color=colour, fontsize=8,
                      va="center", annotation_clip=False)
    axes.annotate("largest possible", (start, largest), xytext=(3, 3), textcoords="offset points", color="#999999", fontsize=7)
    axes.set_xlim(start, last)
    axes.set_xlabel("evaluations", fontsize=9)
    axes.set_ylabel("hypervolume of the true values", fontsize=9)
    axes.set_title(TITLES.get(cell, cell), fontsize=10, loc="left")
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", default=FILES)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    options = parser.parse_args()
    plt.rcParams["svg.hashsalt"] = "optimizer"  # the same file from the same rows
    plt.rcParams["svg.fonttype"] = "none"
    plt.rcParams["path.simplify_threshold"] = 1.0
    ideals = Ideals()
    for cell, optimizers in read(options.files).items():
        largest = numpy.mean([ideals.of(cell, s) for s in range(1, 41)])
        draw(cell, optimizers, largest, options.out / f"optimizer-{cell}.svg")
    ideals.save()


if __name__ == "__main__":
    main()
