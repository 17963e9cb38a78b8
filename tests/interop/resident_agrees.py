#!/usr/bin/env python3
"""Does evaluators/resident score as the native evaluator does? Item by item, on the shipped bundles, at ratios between the ends.

usage: resident_agrees.py BIN PYTHON     (BIN: a build with worker/pareto-worker; PYTHON: has torch and transformers)
"""
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
FIXTURES = HERE / "tests" / "fixtures"
BIN, PYTHON = sys.argv[1:3]
# Of one item's value. Texts, and all that is counted, are equal: no token of these bundles is a tie to the last bits.
TOLERANCE = {"confidence": 1e-4, "loglik": 1e-4, "reward": 1e-3, "ece": 1e-5}


def search(evaluator, pair, bundle, metrics):
    base, tuned = pair
    return {"name": "agree", "models": {"base": str(base), "tuned": str(tuned)}, "groups": {"count": 3},
            "objectives": [{"metric": metric, "goal": "max"} for metric in metrics], "evaluator": evaluator,
            "strategy": {"type": "sweep"}, "budget": {"trials": 11}}


def evaluate(directory, name, text, *more):
    path = Path(directory) / f"{name}.json"
    path.write_text(json.dumps(text))
    found = subprocess.run([f"{BIN}/worker/pareto-worker", "--scratch", directory, "--evaluate", path, "--ratios",
                            "0.3,0.6,0.9", *more], capture_output=True, text=True)
    if found.returncode:
        sys.exit(found.stderr)
    return [json.loads(line) for line in found.stdout.splitlines()]


def compare(native, resident):
    """Scores of the same items, whole or in part."""
    assert [native.get(k) for k in ("slices", "slices_done", "items")] == [resident.get(k) for k in
                                                                           ("slices", "slices_done", "items")]
    theirs = {score["metric"]: score for score in native["scores"]}
    assert list(theirs) == [score["metric"] for score in resident["scores"]], list(theirs)
    for score in resident["scores"]:
        other = theirs[score["metric"]]
        tolerance = TOLERANCE.get(score["metric"].rpartition(".")[2], 1e-9)
        a, b = score.get("items") or [], other.get("items") or []
        assert score["n"] == other["n"] and len(a) == len(b), score["metric"]
        off = max((abs(x - y) for x, y in zip(a, b)), default=0)
        print(f"{score['metric']}: native {other['mean']:.9g}, resident {score['mean']:.9g}, items {off:.2g} apart at most")
        assert off <= tolerance and abs(score["mean"] - other["mean"]) <= tolerance, score["metric"]


def texts(result):
    return {task: {item["id"]: (item["output"], item.get("samples")) for item in items}
            for task, items in result.get("written", {}).items()}


def both(directory, pair, bundle, metrics, *more):
    argv = [PYTHON, str(HERE / "evaluators" / "resident" / "serve.py"), str(bundle)]
    kinds = {"native": {"type": "native", "bundle": str(bundle)},
             "resident": {"type": "resident", "argv": argv, "merge": "plan"},
             "directory": {"type": "resident", "argv": argv, "merge": "directory"}}
    native, resident, merged = (evaluate(directory, name, search({**kind, "written": True}, pair, bundle, metrics), *more)
                                for name, kind in kinds.items())
    assert len(native) == len(resident) == len(merged)
    for a, b, c in zip(native, resident, merged):
        compare(a, b)
        assert b["scores"] == c["scores"]  # the program's merge is the worker's, to the bit
    mine, theirs = texts(resident[-1]), texts(native[-1])
    assert mine == theirs and mine, [(task, i, mine[task][i], theirs[task][i]) for task in theirs for i in theirs[task]
                                     if mine[task][i] != theirs[task][i]][:3]
    pairs_of = zip(native[-1]["effective"], resident[-1]["effective"])
    assert all(math.isclose(x, y, rel_tol=1e-6) for x, y in pairs_of)


def sampled(bundle, directory):
    """The bundle of the R-Tuned pair, with entropies of sampled answers: written ones and, of a task more, choices."""
    copy = Path(directory) / "sampled"
    shutil.copytree(bundle, copy)
    about = json.loads((copy / "bundle.json").read_text())
    known = next(task for task in about["tasks"] if task["type"] == "identify")
    known.update(metrics=["certain", "entropy", "confidence"], samples=5, seed=11)
    about["tasks"] = [known, {**known, "name": "chosen", "file": "chosen.jsonl"}]
    (copy / "bundle.json").write_text(json.dumps(about))
    with open(copy / known["file"], encoding="utf-8") as items, open(copy / "chosen.jsonl", "w", encoding="utf-8") as out:
        for k, line in enumerate(items):
            item = json.loads(line)
            del item["answers"]
            print(json.dumps({**item, "choices": [[227], [339], [300 + k % 30, 227]], "gold": k % 3}), file=out)
    return copy


def main():
    rtuning = FIXTURES / "rtuning"
    honest, shipped = (rtuning / "base", rtuning / "tuned"), (FIXTURES / "base", FIXTURES / "tuned-rsf")
    with tempfile.TemporaryDirectory() as directory:
        both(directory, honest, rtuning / "bundle", ["honesty.ap", "knowledge.certain"])
        both(directory, honest, sampled(rtuning / "bundle", directory), ["knowledge.entropy", "chosen.entropy"], "--slices", "3")
        both(directory, shipped, FIXTURES / "bundle", ["facts.em", "reading.f1", "translation.bleu", "sums.em", "choice.acc",
                                                       "distil.loglik", "chat.reward"], "--slices", "4", "--half", "heldout")


if __name__ == "__main__":
    main()
