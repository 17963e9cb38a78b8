"""Writes sobol.json: the first points of the Sobol sequence by SciPy, without scrambling.

    python3 -m venv v && v/bin/pip install -r requirements.txt && v/bin/python make_sobol.py > sobol.json
"""

import json
import warnings

from scipy.stats import qmc

warnings.simplefilter("ignore")  # 20 points are not a power of two: here they are compared, not integrated with
cases = []
for d in (1, 2, 3, 8, 21, 64):
    cases.append({"d": d, "first": 0, "points": qmc.Sobol(d, scramble=False).random(20).tolist()})
late = qmc.Sobol(64, scramble=False)
late.fast_forward(100000)
cases.append({"d": 64, "first": 100000, "points": late.random(2).tolist()})
print(json.dumps(cases).replace('{"d"', '\n{"d"'))
