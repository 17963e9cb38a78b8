"""Ours on the cells of problems.c, one JSON line a run, as peers.py writes them.

    ours.py PROGRAM [--seeds 40] [--cells a,b] [--strategy bayes] [--jobs 1] [--out FILE]

PROGRAM is cells.c, compiled. A row's version is the state of optimizer/ in git; rows of another state are done anew.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
from pathlib import Path

from problems import ROOT, cell_names

SPARE = {"dtlz2-3"}  # only when asked for


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def version():
    changed = git("status", "--porcelain", "--", "optimizer", "proto/rng.c")
    return git("rev-parse", "--short=10", "HEAD:optimizer") + ("+changes" if changed else "")


def run(program, cell, seed, strategy):
    line = subprocess.run(
        [program, "run", cell, str(seed), strategy],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    ).stdout
    return json.loads(line)


def kept(path, now):
    """Rows that need not be done anew."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if row["version"] == now and "changes" not in now]


def write(path, rows):
    fresh = path.with_suffix(".new")
    rows = sorted(rows, key=lambda r: (r["optimizer"], r["cell"], r["seed"]))
    fresh.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))
    fresh.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--cells", default=",".join(c for c in cell_names() if c not in SPARE))
    parser.add_argument("--strategy", default="bayes")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results/ours.jsonl")
    options = parser.parse_args()
    now = version()
    rows = kept(options.out, now)
    have = {(row["cell"], row["optimizer"], row["seed"]) for row in rows}
    wanted = [
        (cell, seed)
        for seed in range(1, options.seeds + 1)
        for cell in options.cells.split(",")
        if (cell, f"paretod/{options.strategy}", seed) not in have
    ]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(run, options.program, cell, seed, options.strategy) for cell, seed in wanted]
        for done in concurrent.futures.as_completed(runs):
            rows.append(done.result() | {"version": now})
            write(options.out, rows)


if __name__ == "__main__":
    main()
