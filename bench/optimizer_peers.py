"""Other libraries on the problems of bench/optimizer.c.

    optimizer_peers.py PROGRAM quality K NOISE SEEDS   lines "name k noise mean se"
    optimizer_peers.py PROGRAM volume                  one line "milliseconds volume"
"""

import math
import random
import subprocess
import sys
import time
import warnings

import moocore
import numpy

TRIALS = 60
SWEEP = 11


def problem(program, seed, k):
    lines = subprocess.run([program, "problem", str(seed), str(k)], check=True, capture_output=True, text=True).stdout
    rows = [list(map(float, line.split())) for line in lines.splitlines()]
    return [row[0] for row in rows], [row[1] for row in rows]


def score(a, b, r):
    """As synthetic_score in optimizer.c: both minimised."""
    x = sum(p * q for p, q in zip(a, r))
    y = sum(p * q for p, q in zip(b, r))
    jumps = sum((p - q) ** 2 for p, q in zip(r[1:], r[:-1]))
    return -(1 - math.exp(-2 * x)) / (1 - math.exp(-2)), y**1.5 + 0.1 * jumps


def optuna_volume(sampler, program, k, noise, seed, sweep):
    import optuna

    a, b = problem(program, seed, k)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler(seed))
    for i in range(SWEEP if sweep else 0):
        study.enqueue_trial({f"r{j}": i / (SWEEP - 1) for j in range(k)})
    truth, rng = [], random.Random(seed)

    def objective(trial):
        truth.append(score(a, b, [trial.suggest_float(f"r{j}", 0, 1) for j in range(k)]))
        return tuple(f + rng.gauss(0, noise) for f in truth[-1])

    study.optimize(objective, n_trials=TRIALS)
    return moocore.hypervolume(numpy.array(truth), ref=[0.1, 1.1])


def quality(program, k, noise, seeds):
    import optuna

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers = {
        "optuna/TPE": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
        "optuna/NSGA-II": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=15),
    }
    for name, sampler in samplers.items():
        for sweep in (False, True):
            v = [optuna_volume(sampler, program, k, noise, seed, sweep) for seed in range(1, seeds + 1)]
            print(f"{name}{'+sweep' if sweep else ''} {k} {noise} {numpy.mean(v):.5f} {numpy.std(v) / len(v) ** 0.5:.5f}")


def volume(program):
    text = subprocess.run([program, "points"], check=True, capture_output=True, text=True).stdout
    points = numpy.array([list(map(float, line.split())) for line in text.splitlines()])
    moocore.hypervolume(points, ref=[1.1] * 3)
    best, end = math.inf, time.perf_counter() + 0.5
    while time.perf_counter() < end:
        start = time.perf_counter()
        v = moocore.hypervolume(points, ref=[1.1] * 3)
        best = min(best, time.perf_counter() - start)
    print(f"{best * 1e3:.5f} {v:.15g}")


if sys.argv[2] == "quality":
    quality(sys.argv[1], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
else:
    volume(sys.argv[1])
