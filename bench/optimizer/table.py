"""The tables of the runs in bench/results.

    table.py [--json] [--files a.jsonl,b.jsonl]

Hypervolumes are of true values. `difference` is ours less BoTorch's, paired by seed, with its 95 % bootstrap interval.
`to 95 %`: evaluations until 95 % of the problem's largest possible hypervolume (ideal.py), the median of the seeds.
"""

import argparse
import collections
import json
import statistics

import numpy

from ideal import ideal
from problems import ROOT, Problem, cell_names

OURS, RIVAL = "paretod/bayes", "botorch/qLogNEHVI"
FILES = "bench/results/ours.jsonl,bench/results/optimizer.jsonl"


def read(files):
    """{cell: {optimizer: {seed: row}}}"""
    cells = collections.defaultdict(lambda: collections.defaultdict(dict))
    for name in files.split(","):
        path = ROOT / name
        for line in path.read_text().splitlines() if path.exists() else []:
            row = json.loads(line)
            cells[row["cell"]][row["optimizer"]][row["seed"]] = row
    return {c: cells[c] for c in cell_names() if c in cells}


class Ideals:
    """Largest hypervolumes, computed once and kept beside the build."""

    def __init__(self):
        self.path = ROOT / "build/bench/ideal.json"
        self.known = json.loads(self.path.read_text()) if self.path.exists() else {}

    def of(self, cell, seed):
        key = f"{cell} {seed}"
        if key not in self.known:
            self.known[key] = ideal(Problem(cell, seed))
        return self.known[key]

    def save(self):
        self.path.write_text(json.dumps(self.known))


def reached(row, target):
    """Evaluations until the target; infinite when it was not reached."""
    for i, v in enumerate(row["hypervolume"]):
        if v >= target:
            return row["design"] + i
    return float("inf")


def difference(ours, other):
    """Mean of the paired differences and its 95 % bootstrap interval; None with fewer than 2 common seeds."""
    seeds = sorted(set(ours) & set(other))
    if len(seeds) < 2:
        return None
    d = numpy.array([ours[s]["hypervolume"][-1] - other[s]["hypervolume"][-1] for s in seeds])
    rng = numpy.random.default_rng(1)
    means = d[rng.integers(0, len(d), (10000, len(d)))].mean(axis=1)
    return len(seeds), float(d.mean()), float(numpy.quantile(means, 0.025)), float(numpy.quantile(means, 0.975))


def summary(cell, rows, ideals):
    last = [r["hypervolume"][-1] for r in rows.values()]
    return {
        "seeds": len(rows),
        "mean": statistics.mean(last),
        "quartiles": [float(q) for q in numpy.quantile(last, [0.25, 0.5, 0.75])],
        "answer": statistics.mean(r["answer_hypervolume"] for r in rows.values()),
        "to_95": statistics.median(reached(r, 0.95 * ideals.of(cell, s)) for s, r in rows.items()),
        "seconds": statistics.mean(r["seconds_per_proposal"] for r in rows.values()),
        "violation": max(r["violation"] for r in rows.values()),
    }


def text_table(cell, optimizers, ideals):
    problem = Problem(cell, 1)
    largest = statistics.mean(ideals.of(cell, s) for s in range(1, 41))
    print(f"\n{cell}: {problem.evaluations} evaluations, {len(problem.design)} of them the design, "
          f"{problem.batch} at a time; largest possible hypervolume {largest:.5g}")
    print(f"  {'':18} seeds     mean   lower   median    upper   answer  to 95 %  s/proposal  outside")
    rows = {o: summary(cell, r, ideals) for o, r in optimizers.items()}
    for name, r in sorted(rows.items(), key=lambda item: -item[1]["mean"]):
        to_95 = f"{r['to_95']:.0f}" if numpy.isfinite(r["to_95"]) else "never"
        low, median, high = r["quartiles"]
        print(f"  {name:18} {r['seeds']:5} {r['mean']:8.5g} {low:8.5g} {median:8.5g} {high:8.5g} {r['answer']:8.5g} "
              f"{to_95:>7} {r['seconds']:11.2g} {r['violation']:8.1g}")
    got = difference(optimizers.get(OURS, {}), optimizers.get(RIVAL, {}))
    if got:
        print(f"  ours less BoTorch: {got[1]:+.4g}, 95 % [{got[2]:+.4g}, {got[3]:+.4g}], {got[0]} common seeds")


def figure(what, value, unit, peer, peer_value, target, ok, **more):
    ratio = value / peer_value if value is not None and peer_value else None
    print(json.dumps({"what": what, "value": value, "unit": unit, "peer": peer, "peer_value": peer_value,
                      "ratio": ratio, "target": target, "ok": ok} | more))


def finite(x):
    return x if numpy.isfinite(x) else None


def json_lines(cell, optimizers, ideals):
    rows = {o: summary(cell, r, ideals) for o, r in optimizers.items()}
    ours = rows.pop(OURS, None)
    if ours is None:
        return
    for name, peer in rows.items():
        common = set(optimizers[OURS]) & set(optimizers[name])
        value, peer_value = (statistics.mean(optimizers[o][s]["hypervolume"][-1] for s in common) if common else None
                             for o in (OURS, name))
        got = difference(optimizers[OURS], optimizers[name])
        figure(f"hypervolume, {cell}", value, "", name, peer_value, peer_value, value >= peer_value if common else None,
               seeds=len(common), difference=got[1:] if got else None)
        figure(f"proposal, {cell}", ours["seconds"], "s", name, peer["seconds"], None, None)
    others = [(r["to_95"], o) for o, r in rows.items() if o != RIVAL]
    if others and cell.startswith("hma"):
        least, name = min(others)
        budget = len(next(iter(optimizers[OURS].values()))["hypervolume"]) + Problem(cell, 1).design.shape[0] - 1
        half = least / 2 if numpy.isfinite(least) else budget / 2
        figure(f"evaluations to 95 % of the largest hypervolume, {cell}", finite(ours["to_95"]), "", name, finite(least),
               half, ours["to_95"] <= half)
    figure(f"violation, {cell}", ours["violation"], "", None, None, 1e-9, ours["violation"] <= 1e-9)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--files", default=FILES)
    options = parser.parse_args()
    ideals = Ideals()
    for cell, optimizers in read(options.files).items():
        (json_lines if options.json else text_table)(cell, optimizers, ideals)
        ideals.save()


if __name__ == "__main__":
    main()
