"""Other optimizers on the cells of problems.c, one JSON line a run.

    peers.py [--seeds 40] [--cells a,b] [--optimizers a,b] [--out FILE] [--stop FILE]

Runs that FILE has already are skipped, so it can be ended and started again at any time; a file --stop ends it after
the run in progress. Cheap optimizers come first; the dear ones bring every cell to 10 seeds, then 20, then all.

Every optimizer gets the same initial design and the same noise for the same seed, proposes `batch` points at a time
(pending ones handled as it does by itself), and is judged by the true hypervolume of all that it evaluated.
"""

import argparse
import importlib.metadata
import json
import os
import time
import traceback
import warnings
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import moocore
import numpy

from problems import ROOT, Problem, cell_names

SPARE = {"hma-3", "dtlz2-3"}  # only when asked for


def run_random(problem, seed):
    """Uniform points of the box or of the slice."""
    for i in range(problem.evaluations - len(problem.design)):
        problem.evaluate(problem.random(i))
    return raw_front(problem)


def raw_front(problem):
    return numpy.flatnonzero(moocore.is_nondominated(numpy.array(problem.y)))


# BoTorch, with the settings of its multi-objective tutorial; but all raw samples and restarts are evaluated together where
# the tutorial takes five at a time: the same numbers in a third of the time. SLSQP, on a slice, would treat ten restarts as
# one problem ten times as large, so there it stays at five.
BATCHED = {"init_batch_limit": 512, "batch_limit": 10, "maxiter": 200}


def botorch_model(problem):
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models.gp_regression import SingleTaskGP
    from botorch.models.model_list_gp_regression import ModelListGP
    from botorch.models.transforms.input import Normalize
    from botorch.models.transforms.outcome import Standardize
    from gpytorch.mlls.sum_marginal_log_likelihood import SumMarginalLogLikelihood

    x = torch.tensor(numpy.array(problem.x), dtype=torch.double)
    y = -torch.tensor(numpy.array(problem.y), dtype=torch.double)
    box = torch.tensor([[0.0] * problem.d, [1.0] * problem.d], dtype=torch.double)
    models = []
    for j in range(problem.m):
        known = torch.full_like(y[:, j : j + 1], problem.noise[j] ** 2)  # exact scores are known to be: 0
        models.append(
            SingleTaskGP(
                x,
                y[:, j : j + 1],
                known,
                input_transform=Normalize(d=problem.d, bounds=box),
                outcome_transform=Standardize(m=1),
            )
        )
    model = ModelListGP(*models)
    fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
    return model, x, box


def botorch_propose(problem, model, x, box, q):
    import torch
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.optim.optimize import optimize_acqf
    from botorch.sampling.normal import SobolQMCNormalSampler

    acquisition = qLogNoisyExpectedHypervolumeImprovement(
        model=model,
        ref_point=(-problem.reference).tolist(),
        X_baseline=x,
        prune_baseline=True,
        cache_root=True,
        sampler=SobolQMCNormalSampler(sample_shape=torch.Size([128])),
    )
    equality = None
    if problem.mean is not None:
        weights = torch.full((problem.d,), 1 / problem.d, dtype=torch.double)
        equality = [(torch.arange(problem.d), weights, problem.mean)]
    candidates, _ = optimize_acqf(
        acq_function=acquisition,
        bounds=box,
        q=q,
        num_restarts=10,
        raw_samples=512,
        options=BATCHED if equality is None else BATCHED | {"batch_limit": 5},
        sequential=True,
        equality_constraints=equality,
    )
    return candidates.detach().numpy()


def run_botorch(problem, seed):
    """qLogNEHVI; its answer is the front of posterior means."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    while len(problem.x) < problem.evaluations:
        q = min(problem.batch, problem.evaluations - len(problem.x))
        for candidate in botorch_propose(problem, *botorch_model(problem), q):
            problem.evaluate(candidate)
    model, x, _ = botorch_model(problem)
    mean = -model.posterior(x).mean.detach().numpy()
    return numpy.flatnonzero(moocore.is_nondominated(mean))


# Optuna, defaults but for what is said.


def optuna_sampler(name, problem, seed):
    from optuna.samplers import GPSampler, NSGAIISampler, TPESampler

    if name == "gp":
        return GPSampler(seed=seed, deterministic_objective=not any(problem.noise))
    # NSGA-II's default population, 50, would leave no second generation in most cells.
    return TPESampler(seed=seed) if name == "tpe" else NSGAIISampler(seed=seed, population_size=20)


def run_optuna(name):
    def run(problem, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        names = [f"x{i:02d}" for i in range(problem.d)]
        study = optuna.create_study(directions=["minimize"] * problem.m, sampler=optuna_sampler(name, problem, seed))
        for point in problem.design:
            study.enqueue_trial(dict(zip(names, map(float, point))))
        while len(problem.x) < problem.evaluations:
            left = problem.evaluations - len(problem.x)
            design_left = len(problem.design) - len(problem.x)
            trials = []
            for _ in range(min(problem.batch, left, design_left) if design_left > 0 else min(problem.batch, left)):
                trial = study.ask()
                trials.append((trial, [trial.suggest_float(n, 0, 1) for n in names]))
            for trial, point in trials:
                study.tell(trial, list(map(float, problem.evaluate(point))))
        return [t.number for t in study.best_trials]

    return run


def run_pymoo(problem, seed):
    """NSGA-II, its population and offspring sized for the budget; on a slice its children are projected on it."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.population import Population
    from pymoo.core.problem import Problem as PymooProblem
    from pymoo.core.repair import NoRepair, Repair
    from pymoo.problems.static import StaticProblem

    class Slice(Repair):
        def _do(self, _, points, **kwargs):
            return numpy.array([project(p, problem.mean) for p in points])

    description = PymooProblem(n_var=problem.d, n_obj=problem.m, xl=0.0, xu=1.0)
    algorithm = NSGA2(
        pop_size=20,
        n_offsprings=problem.batch,
        sampling=Population.new("X", problem.design),
        repair=NoRepair() if problem.mean is None else Slice(),
    )
    algorithm.setup(description, termination=("n_eval", 10**9), seed=seed, verbose=False)
    while len(problem.x) < problem.evaluations:
        asked = algorithm.ask()[: problem.evaluations - len(problem.x)]
        told = numpy.array([problem.evaluate(p) for p in asked.get("X")])
        algorithm.evaluator.eval(StaticProblem(description, F=told), asked)
        if len(problem.x) < problem.evaluations:
            algorithm.tell(infills=asked)
    return raw_front(problem)


def project(point, mean):
    """The nearest point of the box with this mean; one that has it stays as it is."""
    if abs(point.mean() - mean) < 1e-12:
        return point
    low, high = -1.0 - mean, 1.0 + mean
    for _ in range(100):
        shift = (low + high) / 2
        if numpy.clip(point + shift, 0, 1).mean() < mean:
            low = shift
        else:
            high = shift
    return numpy.clip(point + high, 0, 1)


OPTIMIZERS = {  # name: (runs it, its package, a run takes minutes)
    "random": (run_random, None, False),
    "pymoo/NSGA-II": (run_pymoo, "pymoo", False),
    "optuna/NSGA-II": (run_optuna("nsga2"), "optuna", False),
    "optuna/TPE": (run_optuna("tpe"), "optuna", False),
    "botorch/qLogNEHVI": (run_botorch, "botorch", True),
    "optuna/GP": (run_optuna("gp"), "optuna", True),
}


def can_run(optimizer, cell):
    """Optuna has no constraint that would keep a mean."""
    return not (cell.startswith("slice") and optimizer.startswith("optuna"))


def rounded(x):
    return float(f"{x:.5g}")


def one_run(cell, optimizer, seed):
    run, package, _ = OPTIMIZERS[optimizer]
    problem = Problem(cell, seed)
    for point in () if optimizer.startswith("optuna") or optimizer.startswith("pymoo") else problem.design:
        problem.evaluate(point)
    wall, cpu = time.perf_counter(), time.process_time()
    answer = run(problem, seed)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert len(problem.x) == problem.evaluations
    assert numpy.array_equal(numpy.array(problem.x[: len(problem.design)]), problem.design)
    return {
        "cell": cell,
        "optimizer": optimizer,
        "version": importlib.metadata.version(package) if package else "1",
        "seed": seed,
        "design": len(problem.design),
        "evaluations": problem.evaluations,
        "hypervolume": [rounded(v) for v in problem.curve()],
        "answer_hypervolume": rounded(problem.hypervolume([problem.truth[i] for i in answer])),
        "seconds_per_proposal": rounded(cpu / (problem.evaluations - len(problem.design))),
        "violation": rounded(problem.violation()),
    }, wall


def done_runs(path):
    if not path.exists():
        return set()
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return {(row["cell"], row["optimizer"], row["seed"]) for row in rows}


def order(cells, optimizers, seeds):
    """(cell, optimizer, seed): cheap optimizers, then the dear ones in stages; seeds outside, cells inside."""
    dear = [o for o in optimizers if OPTIMIZERS[o][2]]
    for optimizer in (o for o in optimizers if o not in dear):
        yield from ((c, optimizer, s) for s in range(1, seeds + 1) for c in cells)
    start = 1
    for stage in (10, 20, seeds):
        for optimizer in dear:
            yield from ((c, optimizer, s) for s in range(start, min(stage, seeds) + 1) for c in cells)
        start = max(start, stage + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--cells", default=",".join(c for c in cell_names() if c not in SPARE))
    parser.add_argument("--optimizers", default=",".join(OPTIMIZERS))
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results/optimizer.jsonl")
    parser.add_argument("--stop", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    have = done_runs(options.out)
    for cell, optimizer, seed in order(options.cells.split(","), options.optimizers.split(","), options.seeds):
        if (cell, optimizer, seed) in have or not can_run(optimizer, cell):
            continue
        if options.stop and options.stop.exists():
            print("stopped", flush=True)
            return
        try:
            row, wall = one_run(cell, optimizer, seed)
        except Exception:  # the others go on; the next start tries it again
            print(f"{cell} {optimizer} {seed} failed\n{traceback.format_exc()}", flush=True)
            continue
        with options.out.open("a") as out:
            out.write(json.dumps(row, separators=(",", ":")) + "\n")
        print(f"{time.strftime('%H:%M:%S')} {cell} {optimizer} {seed}: {row['hypervolume'][-1]:g}, answer "
              f"{row['answer_hypervolume']:g}, {wall:.1f} s, {row['seconds_per_proposal']:g} s a proposal", flush=True)


if __name__ == "__main__":
    main()
