"""Writes ehvi.json: expected hypervolume improvement of independent normals, everything minimised.

"botorch"  BoTorch's analytic ExpectedHypervolumeImprovement and its derivatives by autograd, m = 2, 3, 4; float64.
"far"      ln EHVI and its derivatives in 60 to 400 digits (mpmath) over BoTorch's boxes, for points far behind and far ahead of the front.
"sampled"  a mean over draws, each draw's improvement by moocore, with its standard error.

    python3 -m venv v && v/bin/pip install -r requirements.txt && v/bin/python make_ehvi.py > ehvi.json
"""

import json

import moocore
import mpmath as mp
import numpy
import torch
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.utils.multi_objective.box_decompositions.non_dominated import NondominatedPartitioning
from botorch.utils.testing import MockModel, MockPosterior

rng = numpy.random.default_rng(20260102)
torch.set_default_dtype(torch.float64)


def front(n, m):
    x = numpy.abs(rng.standard_normal((n, m)))
    return 1 - x / numpy.linalg.norm(x, axis=1, keepdims=True)


def partition(points, reference):
    return NondominatedPartitioning(ref_point=-torch.tensor(reference), Y=-torch.tensor(points))


def botorch_case(points, reference, mean, sd):
    mu = torch.tensor(mean, requires_grad=True)
    sigma = torch.tensor(sd, requires_grad=True)
    model = MockModel(MockPosterior(mean=-mu.view(1, 1, -1), variance=(sigma**2).view(1, 1, -1)))
    acquisition = ExpectedHypervolumeImprovement(
        model=model, ref_point=(-numpy.asarray(reference)).tolist(), partitioning=partition(points, reference)
    )
    value = acquisition(torch.zeros(1, 1, 1))
    value.backward()
    return {"value": value.item(), "d_mean": mu.grad.tolist(), "d_sd": sigma.grad.tolist()}


def precise_case(points, reference, mean, sd, digits):
    """BoTorch's cells are lower and upper corners of the maximised region."""
    cells = partition(points, reference).get_hypercell_bounds()
    with mp.workdps(digits):
        total, d_mean, d_sd = mp.mpf(0), [mp.mpf(0) for _ in mean], [mp.mpf(0) for _ in sd]
        for low, high in zip((-cells[1]).tolist(), (-cells[0]).tolist()):
            factors, by_mean, by_sd = [], [], []
            for lower, upper, mu, s in zip(low, high, map(mp.mpf, mean), map(mp.mpf, sd)):
                value, cumulative, density = mp.mpf(0), mp.mpf(0), mp.mpf(0)
                for c, sign in ((upper, 1), (lower, -1)):
                    if abs(c) > 1e9:
                        continue
                    z = (c - mu) / s
                    probability = mp.erfc(-z / mp.sqrt(2)) / 2
                    value += sign * s * (mp.npdf(z) + z * probability)
                    cumulative += sign * probability
                    density += sign * mp.npdf(z)
                factors.append(value)
                by_mean.append(-cumulative)
                by_sd.append(density)
            total += mp.fprod(factors)
            for j in range(len(mean)):
                others = mp.fprod(factors[:j] + factors[j + 1 :])
                d_mean[j] += others * by_mean[j]
                d_sd[j] += others * by_sd[j]
        return {
            "log": float(mp.log(total)),
            "d_mean": [float(d / total) for d in d_mean],
            "d_sd": [float(d / total) for d in d_sd],
        }


def sampled_case(points, reference, mean, sd, n):
    before = moocore.hypervolume(points, ref=reference)
    gains = numpy.zeros(n)
    for i, y in enumerate(mean + sd * rng.standard_normal((n, len(mean)))):
        if (y < reference).all():
            gains[i] = moocore.hypervolume(numpy.vstack([points, y]), ref=reference) - before
    return {"value": gains.mean(), "stderr": gains.std() / numpy.sqrt(n)}


def given(points, reference, mean, sd):
    return {"points": points.tolist(), "reference": list(reference), "mean": list(mean), "sd": list(sd)}


cases = {"botorch": [], "far": [], "sampled": []}
for m in (2, 3, 4):
    for n in (0, 1, 5, 12):
        points, reference = front(n, m), [1.1] * m
        if n == 12:
            points[6:9] = numpy.round(points[6:9] * 8) / 8
        for scale in (0.05, 0.5, 3.0):
            mean, sd = rng.uniform(-0.3, 0.9, m), scale * rng.uniform(0.5, 1.5, m)
            if n == 0:  # BoTorch wants a point: one outside changes nothing
                points = numpy.full((1, m), 1.1)
            cases["botorch"].append(given(points, reference, mean, sd) | botorch_case(points, reference, mean, sd))
for m in (2, 3, 4):
    points, reference = front(8, m), [1.1] * m
    for behind, scale, digits in ((0.5, 0.1, 60), (3, 0.1, 400), (3, 1e-3, 400), (1e3, 1, 400), (1e6, 1, 400), (3e4, 1e3, 400), (-2, 1e-9, 60), (0.2, 1e-9, 60), (0.3, 1e5, 60), (-1e6, 1, 60)):
        mean, sd = 0.3 + behind * rng.uniform(0.8, 1.2, m), scale * rng.uniform(0.8, 1.2, m)
        cases["far"].append(given(points, reference, mean, sd) | precise_case(points, reference, mean, sd, digits))
for m in (2, 3, 4):
    points, reference = front(10, m), [1.1] * m
    mean, sd = rng.uniform(0.1, 0.6, m), rng.uniform(0.2, 0.4, m)
    cases["sampled"].append(given(points, reference, mean, sd) | sampled_case(points, numpy.asarray(reference), mean, sd, 200000))
print(json.dumps(cases).replace('{"points"', '\n{"points"'))
