#!/usr/bin/env python3
"""An evaluator that tells its scores slice by slice, and ends early when the search has seen enough."""
import json
import math
import random
import select
import sys
import time

ITEMS = 400
job = json.loads(sys.stdin.readline())  # one line: standard input stays open, for the word to stop
slices = job.get("slices", 1)
items = list(range(ITEMS))
random.Random(0).shuffle(items)  # the same in every trial, and slices that are alike


def answer(item):
    """A made-up item: (was the reply good, was the task solved). A seed an item: trials share their luck."""
    time.sleep(0.002)  # a model would take longer; faster than the search thinks, and nothing is ever stopped
    luck = random.Random(f"{job['seed']} {job['half']} {item}")
    mean = sum(job["ratios"]) / len(job["ratios"])
    return luck.random() < 0.2 + 0.6 * mean, luck.random() < 0.9 - 0.5 * job["ratios"][-1] ** 2


def scores(done):
    """Of all items so far."""
    result = {}
    for i, name in enumerate(["toy.reward", "toy.tasks"]):
        values = [float(pair[i]) for pair in done]
        mean = math.fsum(values) / len(values)
        spread = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
        result[name] = {"mean": mean, "stderr": (spread / len(values)) ** 0.5, "n": len(values)}
    return result


def told_to_stop():
    return select.select([sys.stdin], [], [], 0)[0] and bool(sys.stdin.readline())


resume = job.get("resume", {"slices_done": 0, "state": []})  # of a trial that was stopped and goes on
done = resume["state"]
for i in range(resume["slices_done"] + 1, slices + 1):
    done += [answer(item) for item in items[i - 1::slices]]
    if i < slices:
        print(json.dumps({"slice": i, "of": slices, "items": len(done), "scores": scores(done), "state": done}), flush=True)
        if told_to_stop():
            sys.exit()  # the slice that was printed last is the result
print(json.dumps({"items": len(done), "scores": scores(done)}))
