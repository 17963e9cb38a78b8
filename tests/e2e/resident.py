"""A resident evaluator without a model: evaluator.py's scores, job after job, in one process.

    --record FILE    append "start PID", "job N SEARCH TRIAL HALF ATTEMPT", "slice N I", "stopped N" and "end"
    --never-ready 1  load for ever
    --crash-at T     crash at the first attempt of trial T, after the job was read
    --late-at T      at trial T answer the job before once more, with scores of 1000
    --error-at T     fail trial T, and live
    --gate FILE      before the answer of trial 2 wait until FILE exists, or for the word to stop
    --items N        of a job, per-item values of the question numbers of its shard (default 12)
    --wait S         look for the word to stop for S seconds after every slice
"""
import json
import os
import select
import subprocess
import sys
import time

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))


def record(*what):
    if "--record" in options:
        with open(options["--record"], "a") as out:
            out.write(" ".join(map(str, what)) + "\n")


def say(**line):
    print(json.dumps(line), flush=True)


def told_to_stop(job, wait_s):
    if not select.select([sys.stdin], [], [], wait_s)[0]:
        return False
    line = sys.stdin.readline()
    if not line:
        sys.exit()
    assert json.loads(line) == {"stop": True, "job": job["job"]}, line
    return True


def is_at(job, option, attempt=1):
    return options.get(option) == str(job["trial"]) and job["attempt"] <= attempt and job["half"] == "search"


def scores(job, items):
    ratios = job["ratios"]
    mean = sum(ratios) / len(ratios)
    uneven = max(ratios) - min(ratios)
    values = {"reward": 2 * mean + 0.3 * ratios[-1] * uneven, "tasks": 0.9 - 0.5 * mean**2 - 0.1 * ratios[0] * uneven}
    if job["objectives"][0]["metrics"] == ["known.certain"]:
        return {"known.certain": [i % 3 != 0 for i in items]}
    spread = {name: [value + 0.02 * ((i * 7 + len(name)) % 5 - 2) for i in items] for name, value in values.items()}
    return {f"synthetic.{name}": some for name, some in spread.items()}


def lines(job, items):
    return {name: {"mean": sum(some) / len(some), "items": [float(x) for x in some]}
            for name, some in scores(job, items).items()}


def answer(job):
    shard = job.get("shard", {"index": 0, "of": 1})
    items = list(range(int(options.get("--items", 12))))[shard["index"]::shard["of"]]
    slices, resume = job.get("slices", 1), job.get("resume", {"slices_done": 0, "state": []})
    done = list(resume["state"])
    for i in range(resume["slices_done"] + 1, slices + 1):
        done += items[i - 1::slices]
        record("slice", job["job"], i)
        if i < slices:
            say(job=job["job"], slice=i, of=slices, items=len(done), scores=lines(job, done), state=done)
            if told_to_stop(job, float(options.get("--wait", 0))):
                record("stopped", job["job"])
                return say(job=job["job"], stopped=True)
    while "--gate" in options and job["trial"] == 2 and not os.path.exists(options["--gate"]):
        if told_to_stop(job, 0.02):
            record("stopped", job["job"])
            return say(job=job["job"], stopped=True)
    more = {"written": {"known": [{"id": f"q{i}", "output": f"answer {i}"} for i in done]}} if job.get("written") else {}
    say(job=job["job"], items=len(done), scores=lines(job, done), **more)


record("start", os.getpid())
child = subprocess.Popen(["/bin/sleep", "1000"])  # what it starts ends with it
record("child", child.pid)
while "--never-ready" in options:
    time.sleep(1)
say(ready=True, pid=os.getpid())
while line := sys.stdin.readline():
    job = json.loads(line)
    if job.get("stop"):
        continue  # it crossed the answer
    record("job", job["job"], job["search"], job["trial"], job["half"], job["attempt"])
    if is_at(job, "--crash-at"):
        print("out of memory", file=sys.stderr)
        os._exit(7)
    if is_at(job, "--late-at"):
        say(job=job["job"] - 1, scores={"synthetic.reward": 1000, "synthetic.tasks": 1000})
    if is_at(job, "--error-at", attempt=9):
        say(job=job["job"], error="no such tensor")
        continue
    answer(job)
child.kill()
record("end")
