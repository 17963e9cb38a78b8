"""A program that is started once and gets one job after another: what becomes of it, and of the jobs."""
import json
import os
import subprocess
from pathlib import Path

import pytest
from helpers import program, wait_until

RESIDENT = Path(__file__).resolve().parent / "resident.py"


def spec_of(world, trials=12, options=(), **more):
    spec = world.synthetic(trials=trials, **more)
    spec["evaluator"] = {"type": "resident", "merge": "none", "time_limit_s": 60, "start_limit_s": 30,
                         "argv": ["/usr/bin/python3", "-S", "-E", str(RESIDENT), "--record",
                                  str(world.directory / "record"), *map(str, options)]}
    return spec


def record(world, *kinds):
    """The lines of these kinds, in words."""
    path = world.directory / "record"
    rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if row[0] in kinds]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def all_gone(world):
    """The programs that were started, and what they started."""
    return not any(is_alive(int(pid)) for _, pid in record(world, "start", "child"))


def scratch_of(world):
    return [name for directory in world.directory.glob("scratch*") for name in os.listdir(directory)
            if name.startswith("paretod-job-")]


def run_to_the_end(world, spec, timeout_s=120):
    search = world.api.submit(spec)
    world.api.wait_state(search, "done", timeout_s)
    return search


def means(world, search):
    return [{score["metric"]: score["mean"] for score in world.api.get(f"/v1/searches/{search}/trials/{trial['number']}")
             ["scores"]} for trial in world.api.trials(search)]


def test_one_start_for_many_trials(world):
    worker = world.start_worker()
    search = run_to_the_end(world, spec_of(world, held_out=True))
    assert len(record(world, "start")) == 1
    jobs = record(world, "job")
    assert [int(row[1]) for row in jobs] == list(range(1, len(jobs) + 1)) and len(jobs) > 12
    assert {row[4] for row in jobs} == {"search", "heldout"}
    assert all(trial["state"] == "done" for trial in world.api.trials(search))
    assert worker.terminate() == 0
    assert record(world, "end") and all_gone(world) and not scratch_of(world)


def test_a_crash_fails_one_attempt(world):
    world.start_worker()
    search = run_to_the_end(world, spec_of(world, options=("--crash-at", 3)))
    trials = world.api.trials(search)
    assert all(trial["state"] == "done" for trial in trials)
    assert len(record(world, "start")) == 2
    assert [row[5] for row in record(world, "job") if row[3] == "3"] == ["1", "2"]
    assert any("ended with status 7; its last words: out of memory" in p.text() for p in world.processes)


def test_an_error_is_the_trials_alone(world):
    world.start_worker()
    search = run_to_the_end(world, spec_of(world, options=("--error-at", 3), attempts=2))
    trials = world.api.trials(search)
    assert [t["number"] for t in trials if t["state"] != "done"] == [3]
    assert "the evaluator says: no such tensor" in str(world.api.get(f"/v1/searches/{search}/trials/3"))
    assert len(record(world, "start")) == 1


def test_a_late_answer_is_refused(world):
    world.start_worker()
    search = run_to_the_end(world, spec_of(world, options=("--late-at", 3)))
    assert all(mean["synthetic.reward"] < 10 for mean in means(world, search))
    assert len(record(world, "start")) == 1
    assert any("late_answer" in p.text() for p in world.processes)


def test_a_program_that_never_is_ready(world):
    world.start_worker()
    spec = spec_of(world, trials=5, options=("--never-ready", 1), attempts=1,
                   strategy={"type": "sweep", "sweep_points": 2})
    spec["evaluator"]["start_limit_s"] = 0.3
    spec["budget"]["trials"] = 2
    search = world.api.submit(spec)
    world.api.wait_front(search, lambda front: front["state"] in ("done", "failed"), 60, "the search ends")
    trials = world.api.trials(search)
    assert all(trial["state"] == "quarantined" for trial in trials) and len(trials) == 2
    assert "start_limit_s 0.3" in str(world.api.get(f"/v1/searches/{search}/trials/0"))
    assert len(record(world, "start")) == 2 and all_gone(world)


def test_a_worker_that_is_killed_leaves_nobody(fragile):
    """The kernel ends the program with its worker; the lease runs out and another worker does the rest."""
    gate = fragile.directory / "gate"
    first = fragile.start_worker()
    search = fragile.api.submit(spec_of(fragile, options=("--gate", gate)))
    wait_until(lambda: any(row[3] == "2" for row in record(fragile, "job")), 60, "trial 2 is under way")
    (_, pid), = record(fragile, "start")
    assert is_alive(int(pid))
    os.kill(first.popen.pid, 9)  # the worker alone
    first.killed = True
    first.popen.wait()
    wait_until(lambda: not is_alive(int(pid)), 30, "the program is gone")
    gate.touch()
    second = fragile.start_worker()
    fragile.api.wait_state(search, "done", 120)
    assert len(record(fragile, "start")) == 2
    assert second.terminate() == 0
    assert all(not is_alive(int(pid)) for _, pid in record(fragile, "start"))


def test_a_cancelled_job_is_stopped(world):
    """The program hears of it, answers, and is there for what comes next; another search has another program."""
    world.start_worker()
    search = world.api.submit(spec_of(world, options=("--gate", world.directory / "gate")))
    wait_until(lambda: any(row[3] == "2" for row in record(world, "job")), 60, "trial 2 is under way")
    world.api.post(f"/v1/searches/{search}/cancel")
    wait_until(lambda: record(world, "stopped"), 60, "the program hears of it")
    after = run_to_the_end(world, spec_of(world, seed=2))
    assert all(trial["state"] == "done" for trial in world.api.trials(after))
    assert len(record(world, "start")) == 2 and len(record(world, "end")) == 1


def test_two_searches_take_turns(world):
    """One slot, two searches: one program at a time, each for its own search."""
    world.start_worker()
    gate = world.directory / "gate"
    searches = [world.api.submit(spec_of(world, seed=seed, options=("--gate", gate))) for seed in (1, 2)]
    gate.touch()
    for search in searches:
        world.api.wait_state(search, "done", 180)
    starts, jobs = record(world, "start"), record(world, "job")
    assert {row[2] for row in jobs} == {str(s) for s in searches}
    changes = 1 + sum(a[2] != b[2] for a, b in zip(jobs, jobs[1:]))
    assert len(starts) == changes
    assert len(record(world, "end")) == changes - 1  # each was told by the end of its input
    assert sum(is_alive(int(pid)) for _, pid in starts) <= 1


def test_slices_are_stopped_and_gone_on_with(world):
    """screen stops every trial after a slice and completes some: from their states, in the same program."""
    world.start_worker()
    spec = spec_of(world, trials=12, options=("--items", 40, "--wait", 0.5),
                   strategy={"type": "bayes", "sweep_points": 3, "design": 4, "screen": 0.25})
    spec["evaluator"]["slices"] = 4
    search = run_to_the_end(world, spec)
    trials = world.api.trials(search)
    assert {trial["state"] for trial in trials} <= {"done", "stopped"}
    stopped, begun = record(world, "stopped"), record(world, "slice")
    assert stopped and len(record(world, "start")) == 1
    first = {}
    for _, job, slice_ in begun:
        first.setdefault(job, int(slice_))
    assert any(slice_ > 1 for slice_ in first.values()), "some went on from where they had stopped"


@pytest.mark.parametrize("shards", [4])
def test_questions_are_identified(world, shards):
    """A search of strategy identify: every job has its share of the items, and what was written comes back."""
    world.start_worker()
    spec = spec_of(world, options=("--items", 30))
    spec |= {"objectives": [{"name": "certain", "metric": "known.certain", "goal": "max"}],
             "strategy": {"type": "identify"}, "budget": {"trials": shards}}
    search = run_to_the_end(world, spec)
    found = {}
    for trial in world.api.trials(search):
        whole = world.api.get(f"/v1/searches/{search}/trials/{trial['number']}")
        items = whole["scores"][0]["items"]
        written = world.api.get(f"/v1/searches/{search}/trials/{trial['number']}/written")["written"]["search"]
        assert [item["output"] for item in written["known"]] == [f"answer {i}" for i in range(trial["number"], 30, shards)]
        found |= {i: x for i, x in zip(range(trial["number"], 30, shards), items, strict=True)}
    assert found == {i: float(i % 3 != 0) for i in range(30)}
    assert len(record(world, "start")) == 1


def test_evaluate_without_a_daemon(stage, tmp_path):
    """pareto-worker --evaluate runs it too, and nothing is left."""
    spec = spec_of(stage)
    path = tmp_path / "search.json"
    path.write_text(json.dumps(spec))
    done = subprocess.run([program("pareto-worker"), "--scratch", stage.directory / "scratch", "--evaluate", path,
                           "--ratios", "0.2,0.5,0.8", "--slices", "3"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["slices_done"] for line in lines][-1] == 3 and lines[-1]["items"] == 12
    assert record(stage, "end") and all_gone(stage) and not scratch_of(stage)
