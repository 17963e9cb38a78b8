"""Writes hypervolume.json: sets of points with their hypervolume by moocore.

    python3 -m venv v && v/bin/pip install -r requirements.txt && v/bin/python make_hypervolume.py > hypervolume.json
"""

import json

import moocore
import numpy

rng = numpy.random.default_rng(20260101)
cases = []


def add(name, points, reference):
    points = numpy.asarray(points, dtype=float)
    volume = moocore.hypervolume(points, ref=reference) if len(points) else 0.0
    cases.append(
        {"name": name, "points": points.tolist(), "reference": list(map(float, reference)), "volume": float(volume)}
    )


def front(n, m):
    x = numpy.abs(rng.standard_normal((n, m)))
    return 1 - x / numpy.linalg.norm(x, axis=1, keepdims=True)


for m in (2, 3, 4):
    add(f"one point m={m}", [[0.25] * m], [1.0] * m)
    add(f"point on the reference m={m}", [[1.0] + [0.0] * (m - 1)], [1.0] * m)
    add(f"all beyond the reference m={m}", rng.uniform(1, 2, (5, m)), [1.0] * m)
    add(f"some beyond the reference m={m}", rng.uniform(0, 1.6, (40, m)), [1.0] * m)
    add(f"random m={m}", rng.uniform(0, 1, (50, m)), [1.0] * m)
    add(f"front m={m}", front(60, m), [1.1] * m)
    add(f"duplicates m={m}", numpy.repeat(front(12, m), 3, axis=0), [1.1] * m)
    add(f"ties on a grid m={m}", numpy.round(front(60, m) * 6), [7.0] * m)
    add(f"negative and uneven scales m={m}", rng.uniform(-1, 0, (30, m)) * numpy.array([1e-3, 50, 1e4, 3.0])[:m], [0.0] * m)
    add(f"one coordinate equal m={m}", numpy.column_stack([front(20, m)[:, :-1], numpy.full(20, 0.5)]), [1.1] * m)

print(json.dumps(cases, indent=None).replace('{"name"', '\n{"name"'))
