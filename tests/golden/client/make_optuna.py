"""Writes optuna.db, a study of every kind that import-optuna must read or leave out, and optuna.json, what it gives.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_optuna.py [DIRECTORY]

The file holds times, so its bytes differ from run to run; optuna.json does not.
"""
import json
import math
import sys
from pathlib import Path

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

here = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
(here / "optuna.db").unlink(missing_ok=True)
optuna.logging.set_verbosity(optuna.logging.ERROR)
storage = f"sqlite:///{here / 'optuna.db'}"
ratio, percent = FloatDistribution(0, 1), IntDistribution(0, 100)


def add(study, params, distributions, state=TrialState.COMPLETE, values=None):
    study.add_trial(create_trial(params=params, distributions=distributions, state=state, values=values))


merge = optuna.create_study(study_name="merge", storage=storage, directions=["maximize", "minimize"])
rows = []
for i in range(7):
    x = [0.1 * i, 1 - 0.1 * i, 1 / (i + 3)]
    values = [math.sin(sum(x)), math.pi * x[2]]
    add(merge, {"x2": x[2], "x0": x[0], "x1": x[1], "k": i, "kind": "abc"[i % 3]},
        {"x0": ratio, "x1": ratio, "x2": ratio, "k": percent, "kind": CategoricalDistribution(["a", "b", "c"])}, values=values)
    rows.append({"ratios": x, "scores": {"reward": values[0], "tasks": values[1]}, "source": f"optuna merge #{i}"})
all_x = {"x0": 0.5, "x1": 0.5, "x2": 0.5}
add(merge, {"x0": 0.5, "x1": 0.5}, {"x0": ratio, "x1": ratio}, values=[1, 1])  # 7: conditional
add(merge, all_x, dict.fromkeys(all_x, ratio), values=[math.inf, 1])  # 8: infinite
add(merge, all_x, dict.fromkeys(all_x, ratio), state=TrialState.FAIL)  # 9
merge.ask(dict.fromkeys(all_x, ratio))  # 10: runs for ever

single = optuna.create_study(study_name="single — ä", storage=storage, direction="minimize")


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    trial.report(x, 0)
    if trial.number == 2:
        raise optuna.TrialPruned
    return (x - 0.25) ** 2


single.sampler = optuna.samplers.RandomSampler(seed=1)
single.optimize(objective, n_trials=4)
kept = [t for t in single.trials if t.state == TrialState.COMPLETE]
(here / "optuna.json").write_text(json.dumps({
    "merge": rows,
    "single": [{"ratios": [t.params["x"]], "scores": {"loss": t.value}, "source": f"optuna single — ä #{t.number}"}
               for t in kept]}, indent=1, ensure_ascii=False) + "\n")
