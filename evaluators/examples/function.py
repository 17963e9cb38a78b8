#!/usr/bin/env python3
"""A function instead of a model: three groups that add unequally to a reward and cost unequally in the tasks."""
import json
import sys

job = json.loads(sys.stdin.readline())
gain = [0.5, 0.3, 0.2]  # of each group, in the reward
tax = [0.1, 0.3, 0.6]  # of each group, in the tasks
reward = sum(g * (1 - (1 - r) ** 2) for g, r in zip(gain, job["ratios"]))
tasks = 1 - sum(t * r**2 for t, r in zip(tax, job["ratios"]))
scores = {"toy.reward": {"mean": reward, "stderr": 0}, "toy.tasks": {"mean": tasks, "stderr": 0}}  # exact: no noise
print(json.dumps({"scores": scores}))
