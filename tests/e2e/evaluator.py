"""An evaluator command without a model: smooth, deterministic scores of the ratios, in about 20 ms.

    --record FILE     append "SEARCH TRIAL HALF ATTEMPT" for every run
    --fail-above X    fail for good when the first ratio is greater than X
    --fail-at X       fail for good when every ratio is X
    --fail-half HALF  fail for good in this half
    --fail-first DIR  fail the first attempt of every trial, remembered in DIR
    --tasks-times X   the tasks' scores, not their standard errors, times X
    --gate FILE       wait until FILE exists (a test's hand on the brake)
    --gate-half HALF  only runs of this half wait
    --take S          work for S seconds
    --effective X     say that each ratio came out as X times what was asked for, the last one as unknown
"""
import json
import os
import sys
import time

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
request = json.load(sys.stdin)
ratios, half = request["ratios"], request["half"]
name = f"{request['search']} {request['trial']} {half}"

if "--record" in options:
    with open(options["--record"], "a") as out:
        out.write(f"{name} {request['attempt']}\n")
if "--gate" in options and options.get("--gate-half", half) == half:
    while not os.path.exists(options["--gate"]):
        time.sleep(0.02)
time.sleep(float(options.get("--take", 0)))
if ratios[0] > float(options.get("--fail-above", "inf")):
    sys.exit("the first ratio is too great for this evaluator")
if "--fail-at" in options and all(ratio == float(options["--fail-at"]) for ratio in ratios):
    sys.exit("this evaluator does not like these ratios")
if options.get("--fail-half") == half:
    sys.exit("this half always fails")
if "--fail-first" in options:
    mark = os.path.join(options["--fail-first"], name.replace(" ", "-"))
    if not os.path.exists(mark):
        open(mark, "w").close()
        sys.exit("the first attempt always fails")

# The last group earns most of the reward and, with the first one, loses most of the tasks: as in the papers.
k = len(ratios)
mean = sum(ratios) / k
reward = 2.0 * (0.15 * ratios[0] + 0.25 * mean + 0.6 * ratios[-1]) + (0.01 if half == "heldout" else 0.0)
tasks = 0.9 - 0.25 * ratios[0] ** 2 - 0.1 * mean**3 - 0.35 * ratios[-1] ** 2
tasks *= float(options.get("--tasks-times", 1))
kl = 0.05 + 3.0 * mean**2 + (ratios[-1] - ratios[0]) ** 2


def score(value, spread):
    return {"mean": value, "stderr": spread / 3**0.5, "n": 3, "items": [value - spread, value, value + spread]}


answer = {"scores": {"synthetic.reward": score(reward, 0.05), "synthetic.tasks": score(tasks, 0.02),
                     "synthetic.kl": score(kl, 0.1)}}
if "--effective" in options:
    answer["effective"] = [ratio * float(options["--effective"]) for ratio in ratios[:-1]] + [None]
print(json.dumps(answer))
