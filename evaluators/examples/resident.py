#!/usr/bin/env python3
"""The function of function.py in a program that stays: started once, it answers job after job."""
import json
import sys

gain = [0.5, 0.3, 0.2]  # of each group, in the reward
tax = [0.1, 0.3, 0.6]  # of each group, in the tasks


def say(**line):
    print(json.dumps(line), flush=True)


say(ready=True)  # a real one loads its models before it says so
for line in sys.stdin:
    job = json.loads(line)
    if job.get("stop"):  # the word came when the answer was on its way
        continue
    reward = sum(g * (1 - (1 - r) ** 2) for g, r in zip(gain, job["ratios"]))
    tasks = 1 - sum(t * r**2 for t, r in zip(tax, job["ratios"]))
    exact = {"toy.reward": {"mean": reward, "stderr": 0}, "toy.tasks": {"mean": tasks, "stderr": 0}}
    say(job=job["job"], scores=exact)
