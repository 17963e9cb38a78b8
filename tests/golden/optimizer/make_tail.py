"""Writes tail.json: the normal tail, by mpmath in 60 digits.

t, excess = E[max(X - t, 0)] / P(X > t), mills = P(X > t) / density(t); z, log_h = ln E[max(X + z, 0)], slope = its derivative.

    python3 -m venv v && v/bin/pip install -r requirements.txt && v/bin/python make_tail.py > tail.json
"""

import json

import mpmath as mp


def tail(t):
    """P(X > t) / density, and E[max(X - t, 0)] / P(X > t)."""
    t = mp.mpf(t)
    if t > 2000:
        r = mp.mpf(0)
        for n in range(80, 1, -1):
            r = n / (t + r)
        excess = 1 / (t + r)
        return 1 / (t + excess), excess
    with mp.workdps(60 + int(3 * mp.log(t + 2, 10))):
        mills = mp.exp(t * t / 2) * mp.erfc(t / mp.sqrt(2)) * mp.sqrt(mp.pi / 2)
        return mills, (1 - t * mills) / mills


def loss(z):
    """ln h(z), and its derivative."""
    z = mp.mpf(z)
    mills, excess = tail(abs(z))
    log_density = -z * z / 2 - mp.log(2 * mp.pi) / 2
    if z <= 0:
        return log_density + mp.log(mills * excess), 1 / excess
    density = mp.exp(log_density)
    h = z + density * mills * excess
    return mp.log(h), (1 - density * mills) / h


mp.mp.dps = 60
points = [0, 5e-324, 1e-12] + [i / 16 for i in range(1, 320)] + [37.5 * 1.7**i for i in range(12)] + [1e6, 1e9, 1e15, 1e100, 1e300]
places = [s * x for x in [1e-12, 1e-3] + [i / 8 for i in range(1, 96)] + [2.0**i for i in range(4, 30)] + [1e9] for s in (-1, 1)]
cases = {
    "tail": [[t, float(tail(t)[1]), float(tail(t)[0])] for t in points],
    "loss": [[z, float(loss(z)[0]), float(loss(z)[1])] for z in [0.0] + places],
}
print(json.dumps(cases).replace("], [", "],\n["))
