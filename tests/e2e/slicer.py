"""An evaluator command that tells its scores slice by slice: noisy, the same items in every trial.

    --record FILE   append "TRIAL HALF ATTEMPT SLICE", and "TRIAL HALF ATTEMPT stop" when it is told to stop
    --wait S        look for the word to stop for S seconds after every slice
    --gate FILE     after slice --gate-slice of the first attempt wait until FILE exists
    --gate-slice N  default 2
"""
import json
import os
import random
import select
import sys
import time

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
job = json.loads(sys.stdin.readline())
slices, ratios = job.get("slices", 1), job["ratios"]
ITEMS = 80


def record(what):
    if "--record" in options:
        with open(options["--record"], "a") as out:
            out.write(f"{job['trial']} {job['half']} {job['attempt']} {what}\n")


def told_to_stop():
    if not select.select([sys.stdin], [], [], float(options.get("--wait", 0)))[0]:
        return False
    word = sys.stdin.readline()
    assert json.loads(word) == {"stop": True}, word
    assert sys.stdin.readline() == "", "the input ends behind the word"
    return True


def value(name, item):
    luck = random.Random(f"{job['seed']} {job['half']} {name} {item}").gauss(0, 0.2)
    if name == "reward":
        return sum(ratios) / len(ratios) + luck
    # trials that are uneven lose: far below the front
    return 1 - max(ratios) ** 2 - 2 * (max(ratios) - min(ratios)) + luck


def scores(done):
    return {f"synthetic.{name}": {"mean": sum(values) / len(values), "items": values}
            for name, values in ((name, [value(name, item) for item in done]) for name in ("reward", "tasks"))}


resume = job.get("resume", {"slices_done": 0, "state": []})
done = resume["state"]
for i in range(resume["slices_done"] + 1, slices + 1):
    done += range(i - 1, ITEMS, slices)
    record(i)
    if i == slices:
        break
    print(json.dumps({"slice": i, "of": slices, "items": len(done), "scores": scores(done), "state": done}), flush=True)
    if told_to_stop():
        record("stop")
        sys.exit()
    while job["attempt"] == 1 and i == int(options.get("--gate-slice", 2)) and not os.path.exists(options.get("--gate", "/")):
        time.sleep(0.02)
print(json.dumps({"items": len(done), "scores": scores(done)}))
