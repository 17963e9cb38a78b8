"""Writes optimizer/sobol_table.h from the Joe-Kuo direction numbers that SciPy carries (new-joe-kuo-6).

    python3 -m venv v && v/bin/pip install -r requirements.txt && v/bin/python make_sobol_table.py > sobol_table.h
"""

import os

import numpy
import scipy.stats

ROWS = 64

path = os.path.join(os.path.dirname(scipy.stats.__file__), "_sobol_direction_numbers.npz")
data = numpy.load(path)
print("/* Direction numbers of the Sobol sequence, dimensions 1 to 64: S. Joe and F. Y. Kuo, SIAM J. Sci. Comput. 30")
print(" * (2008) 2635-2654, file new-joe-kuo-6. Made by tests/golden/optimizer/make_sobol_table.py.")
print(" * Included by sobol.c only. */")
print("#ifndef OPTIMIZER_SOBOL_TABLE_H\n#define OPTIMIZER_SOBOL_TABLE_H\n\n#include <stdint.h>\n")
print(f"#define SOBOL_TABLE_N {ROWS}\n")
print("/* The primitive polynomial x^degree + … + 1; inner: its degree - 1 inner coefficients, the highest first. */")
print("struct sobol_row {\n    uint8_t degree;\n    uint16_t inner;\n    uint16_t m[9];\n};\n")
print("// clang-format off\nstatic const struct sobol_row sobol_table[SOBOL_TABLE_N] = {")
for row in range(ROWS):
    poly = int(data["poly"][row])
    degree = poly.bit_length() - 1
    inner = (poly >> 1) & ((1 << max(degree - 1, 0)) - 1)
    m = ", ".join(str(int(v)) for v in data["vinit"][row][: max(degree, 1)])
    print(f"    {{{degree}, {inner}, {{{m}}}}},")
print("};\n// clang-format on\n\n#endif")
