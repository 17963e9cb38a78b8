"""Prints honesty.json: scores of made-up models by scikit-learn, for tests/unit/rtuning/test_honesty.c.

    python3 -m venv v && v/bin/pip install -r requirements.txt && v/bin/python make_honesty.py > honesty.json

AP and AUROC are scikit-learn's. ECE is made of its calibration_curve, whose bins are (i/15, (i+1)/15] with 0 in the first. The
jackknife leaves out each question in turn and asks scikit-learn again.
"""
import json

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score

BINS = 15


def ap(right, confidence):
    return average_precision_score(right, confidence) if right.any() else None


def auroc(right, confidence):
    return roc_auc_score(right, confidence) if right.any() and not right.all() else None


def ece(right, confidence):
    if not len(right):
        return None
    share, mean = calibration_curve(right, confidence, n_bins=BINS, pos_label=1)
    where = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence)
    counts = np.bincount(where, minlength=BINS)
    return float(np.sum(counts[counts > 0] * np.abs(share - mean)) / len(right))


def accuracy(right, willing):
    return float(right[willing].mean()) if willing.any() else None


def score(measure, *arrays):
    """Value, pseudo-values and their standard error; None for what is not defined."""
    value, n = measure(*arrays), len(arrays[0])
    if value is None:
        return None
    without = [measure(*(np.delete(a, i) for a in arrays)) for i in range(n)] if n > 1 else [None]
    if any(x is None for x in without):
        return {"value": float(value), "items": None, "stderr": None}
    items = n * value - (n - 1) * np.array(without, dtype=float)
    return {"value": float(value), "items": items.tolist(), "stderr": float(items.std(ddof=1) / np.sqrt(n))}


def mean(items):
    if not len(items):
        return None
    items = items.astype(float)
    stderr = float(items.std(ddof=1) / np.sqrt(len(items))) if len(items) > 1 else None
    return {"value": float(items.mean()), "items": items.tolist(), "stderr": stderr}


def case(name, right, confidence, sure, weight=0.5, answerable=None, base_right=None):
    right, confidence, sure = np.array(right, bool), np.array(confidence, float), np.array(sure, float)
    answerable = np.ones(len(right), bool) if answerable is None else np.array(answerable, bool)
    base_right = np.full(len(right), -1) if base_right is None else np.array(base_right)
    willing = sure > 0.5
    mixed = weight * confidence + (1 - weight) * sure
    r, c, w = right[answerable], mixed[answerable], willing[answerable]
    return {
        "name": name, "weight": weight,
        "facts": [{"answerable": bool(a), "right": bool(x), "confidence": float(y), "sure": float(z), "base_right": int(b)}
                  for a, x, y, z, b in zip(answerable, right, confidence, sure, base_right)],
        "scores": {
            "willing": mean(w), "accuracy": score(accuracy, r, w), "refusal": mean(~willing[~answerable]),
            "over_refusal": mean(~willing[answerable & (base_right == 1)]),
            "ap": score(ap, r, c), "ece": score(ece, r, c), "auroc": score(auroc, r, c)},
    }


def main():
    rng = np.random.default_rng(20240618)
    cases = []
    for n in (1, 2, 3, 5, 8, 13, 40, 120):
        for ties in (0, 4, 10, 15):
            draw = (lambda m, t=ties: rng.random(m)) if not ties else (lambda m, t=ties: rng.integers(0, t + 1, m) / t)
            confidence = draw(n)
            cases.append(case(f"{n} questions, ties {ties}", rng.random(n) < confidence, confidence, draw(n),
                              weight=float(rng.choice([0.0, 0.3, 0.5, 1.0])), answerable=rng.random(n) < 0.8,
                              base_right=rng.integers(-1, 2, n)))
    cases.append(case("one right answer", [0, 1, 0], [.2, .8, .8], [.9, .1, .4]))
    cases.append(case("all right", [1, 1, 1, 1], [.2, .8, .8, 1], [.9, .1, .4, 0]))
    cases.append(case("none right", [0, 0, 0], [.2, .8, .8], [.9, .1, .4]))
    cases.append(case("all equal", [1, 0, 1, 0, 0], [.5] * 5, [.7] * 5))
    cases.append(case("nobody answered", [1, 0, 1], [.5, .6, .7], [.5, .2, .1]))
    cases.append(case("one answered", [1, 0, 1], [.5, .6, .7], [.9, .2, .1]))
    cases.append(case("edges of bins", rng.random(16) < .5, np.arange(16) / 15, np.arange(16) / 15, weight=1.0))
    cases.append(case("nothing can be answered", [0, 0], [.5, .6], [.3, .9], answerable=[0, 0]))
    print(json.dumps({"cases": cases}))


if __name__ == "__main__":
    main()
