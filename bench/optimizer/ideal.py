"""The largest hypervolume that a problem has: what evaluations to 95 % are counted against.

Branin-Currin, DTLZ2 and ZDT1 have published values (BoTorch, test_functions). Of an hma problem the reward depends on
x = sum a_i r_i alone, so for each x the least tax is a convex programme in r, solved by SLSQP; between the points the
front is a staircase, so the value is low by about one part in the number of points. The pair's surface is measured on a
grid.
"""

import functools
import itertools

import numpy
from scipy.optimize import minimize

from problems import Problem

KNOWN = {
    "branin-currin": 59.36011874867746,
    "dtlz2": 0.4246018366025519,
    "dtlz2-noise": 0.4246018366025519,
    "dtlz2-3": 0.8074012244017015,
    "zdt1": 120.66666666666667,
}
POINTS = 200


def shares(problem):
    return numpy.array(problem.c.a[: problem.d]), numpy.array(problem.c.b[: problem.d])


def reward_range(a, mean):
    """The least and the greatest x on the slice; without one, 0 and 1."""
    if mean is None:
        return 0.0, 1.0
    ends = []
    for order in (numpy.argsort(a), numpy.argsort(-a)):
        left, r = mean * len(a), numpy.zeros(len(a))
        for i in order:
            r[i] = min(1.0, left)
            left -= r[i]
        ends.append(float(a @ r))
    return ends[0], ends[1]


def hma_front(problem):
    a, b = shares(problem)
    low, high = reward_range(a, problem.mean)
    jumps = numpy.diff(numpy.eye(problem.d), axis=0)

    def tax(r):
        y, j = max(b @ r, 1e-300), jumps @ r
        return y**1.5 + 0.1 * j @ j, 1.5 * y**0.5 * b + 0.2 * jumps.T @ j

    start = numpy.full(problem.d, 0.5 if problem.mean is None else problem.mean)
    front = []
    for x in numpy.linspace(low, high, POINTS):
        equal = [{"type": "eq", "fun": lambda r, x=x: a @ r - x, "jac": lambda r: a}]
        if problem.mean is not None:
            n = problem.d
            equal.append({"type": "eq", "fun": lambda r: r.mean() - problem.mean, "jac": lambda r: numpy.full(n, 1 / n)})
        got = minimize(tax, start, jac=True, bounds=[(0, 1)] * problem.d, constraints=equal, method="SLSQP",
                       options={"maxiter": 300, "ftol": 1e-12})
        if got.success:
            start = got.x
            front.append(problem.true(numpy.clip(got.x, 0, 1)))
    return front


@functools.cache
def pair_volume():
    problem = Problem("pair", 1)
    axis = numpy.linspace(0, 1, 41)
    return problem.hypervolume([problem.true(r) for r in itertools.product(axis, repeat=3)])


def ideal(problem):
    if problem.cell in KNOWN:
        return KNOWN[problem.cell]
    return pair_volume() if problem.cell == "pair" else problem.hypervolume(hma_front(problem))
