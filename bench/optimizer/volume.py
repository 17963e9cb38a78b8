"""moocore on the 1000 points of `direct points` (standard input): one line "milliseconds volume"."""

import math
import sys
import time

import moocore
import numpy

points = numpy.array([list(map(float, line.split())) for line in sys.stdin])
best, end = math.inf, time.perf_counter() + 0.5
while time.perf_counter() < end:
    start = time.perf_counter()
    volume = moocore.hypervolume(points, ref=[1.1] * 3)
    best = min(best, time.perf_counter() - start)
print(f"{best * 1e3:.5f} {volume:.15g}")
