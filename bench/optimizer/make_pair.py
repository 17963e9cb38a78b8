"""Makes pair_table.h of pair.jsonl: the shipped pair's scores as smooth functions of three ratios.

A cubic radial basis with a linear polynomial (a thin-plate-like spline),

    f(r) = p0 + p . r + sum_i c_i |r - r_i|^3

per objective, its smoothing chosen by leaving one point out at a time: counts of right items jump where one item's answer
turns, and the surface should not. Objectives are minimised, so scores change sign. The reference is a tenth of the ends'
range beyond the worse end; the noise is the mean reported standard error.
"""

import json
from pathlib import Path

import numpy

HERE = Path(__file__).resolve().parent
SMOOTHING = [0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]


def solve(x, y, smoothing):
    n, d = x.shape
    phi = numpy.linalg.norm(x[:, None] - x[None], axis=2) ** 3
    p = numpy.hstack([numpy.ones((n, 1)), x])
    # |r|^3 is conditionally positive definite with this sign, so smoothing adds to the diagonal.
    left = numpy.block([[phi + smoothing * numpy.eye(n), p], [p.T, numpy.zeros((d + 1, d + 1))]])
    got = numpy.linalg.solve(left, numpy.concatenate([y, numpy.zeros(d + 1)]))
    return got[:n], got[n:]


def value(x, c, p, at):
    return p[0] + at @ p[1:] + (numpy.linalg.norm(at[:, None] - x[None], axis=2) ** 3) @ c


def left_out(x, y, smoothing):
    errors = []
    for i in range(len(x)):
        keep = numpy.arange(len(x)) != i
        errors.append(value(x[keep], *solve(x[keep], y[keep], smoothing), x[i : i + 1])[0] - y[i])
    return float(numpy.sqrt(numpy.mean(numpy.square(errors))))


def row(values):
    return "{" + ", ".join(f"{v:.17g}" for v in values) + "}"


def main():
    trials = [json.loads(line) for line in (HERE / "pair.jsonl").read_text().splitlines()]
    x = numpy.array([t["ratios"] for t in trials])
    y = -numpy.array([t["mean"] for t in trials])
    noise = numpy.array([t["stderr"] for t in trials]).mean(axis=0)
    fits = []
    for j in range(y.shape[1]):
        errors = [left_out(x, y[:, j], s) for s in SMOOTHING]
        best = SMOOTHING[int(numpy.argmin(errors))]
        fits.append(solve(x, y[:, j], best))
        print(f"objective {j}: smoothing {best:g}, left-out error {min(errors):.4g}, of values that spread {y[:, j].std():.4g}")
    ends = numpy.array([[value(x, *f, numpy.full((1, 3), e))[0] for f in fits] for e in (0.0, 1.0)])
    reference = ends.max(axis=0) + 0.1 * abs(ends[1] - ends[0])
    print(f"ends {ends.tolist()}, noise {noise.tolist()}, reference {reference.tolist()}")
    lines = [
        "/* Made by make_pair.py of pair.jsonl; not to be edited. */",
        "// clang-format off",
        f"#define PAIR_N {len(x)}",
        f"#define PAIR_NOISE {row(noise)}",
        f"#define PAIR_REFERENCE {row(reference)}",
        "static const double pair_x[PAIR_N][3] = {",
        *(f"    {row(p)}," for p in x),
        "};",
        "static const double pair_c[PAIR_N][2] = {",
        *(f"    {row([f[0][i] for f in fits])}," for i in range(len(x))),
        "};",
        "static const double pair_p[4][2] = {",
        *(f"    {row([f[1][i] for f in fits])}," for i in range(4)),
        "};",
        "",
    ]
    (HERE / "pair_table.h").write_text("\n".join(lines))


main()
