"""Writes optimizer/acquisition/tail_table.h: Chebyshev fits, by mpmath in 60 digits, of the smooth function behind tail.h.

    python3 -m venv v && v/bin/pip install -r requirements.txt && v/bin/python make_tail_table.py > tail_table.h
"""

import mpmath as mp

PIECES, DEGREE = 8, 11
mp.mp.dps = 60


def loss_over_tail(t):
    """E[max(X - t, 0)] / P(X > t) of a standard normal X."""
    if t > 3000:
        r = mp.mpf(0)
        for n in range(60, 1, -1):
            r = n / (t + r)
        return 1 / (t + r)
    with mp.workdps(60 + int(2 * mp.log(t + 2, 10))):
        tail = mp.erfc(t / mp.sqrt(2)) / 2
        return (mp.npdf(t) - t * tail) / tail


def smooth(y):
    if y == 0:
        return mp.mpf(1)
    t = 4 * (1 / y - 1)
    return loss_over_tail(t) * (t + 4)


def coefficients(piece):
    """Of powers of s, which goes from -1 to 1 over the piece."""
    nodes = [mp.cos(mp.pi * (k + mp.mpf(1) / 2) / (DEGREE + 1)) for k in range(DEGREE + 1)]
    values = [smooth((piece + (1 + s) / 2) / PIECES) for s in nodes]
    return mp.lu_solve(mp.matrix([[s**j for j in range(DEGREE + 1)] for s in nodes]), mp.matrix(values))


print("/* (t + 4) E[max(X - t, 0)] / P(X > t) of a standard normal X as a function of y = 4 / (t + 4): polynomials of")
print(" * degree 11 in s = 2 (8 y - piece) - 1 on 8 equal pieces of [0, 1], relative error under 1e-17. Made by")
print(" * tests/golden/optimizer/make_tail_table.py. Included by tail.c only. */")
print("#ifndef OPTIMIZER_ACQUISITION_TAIL_TABLE_H\n#define OPTIMIZER_ACQUISITION_TAIL_TABLE_H\n")
print(f"#define TAIL_PIECES {PIECES}\n#define TAIL_DEGREE {DEGREE}\n")
print("// clang-format off\nstatic const double tail_table[TAIL_PIECES][TAIL_DEGREE + 1] = {")
for piece in range(PIECES):
    numbers = [f"{float(c):.17g}" for c in coefficients(piece)]
    print("    {" + ",\n     ".join(", ".join(numbers[i : i + 4]) for i in range(0, DEGREE + 1, 4)) + "},")
print("};\n// clang-format on\n\n#endif")
