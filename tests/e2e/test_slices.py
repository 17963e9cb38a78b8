"""Evaluations in slices: what becomes of scores in part, and of the daemon's word to stop."""
import collections
import json
import sqlite3
import subprocess
from pathlib import Path

import pytest
from helpers import ROOT, program, wait_until

SLICER = Path(__file__).resolve().parent / "slicer.py"
SLICES = 4


def spec_of(world, trials=12, early_stop=0.5, strategy="bayes", options=(), **more):
    spec = world.synthetic(trials=trials, strategy={"type": strategy, "sweep_points": 3, "design": 4,
                                                    "early_stop": early_stop}, **more)
    spec["evaluator"]["argv"] = ["/usr/bin/python3", "-S", "-E", str(SLICER), "--record",
                                 str(world.directory / "record"), *map(str, options)]
    spec["evaluator"]["slices"] = SLICES
    return spec


def record(world):
    """[[trial, half, attempt, slice or "stop"]] as the evaluators saw it."""
    path = world.directory / "record"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def events(world, search):
    """[(kind, trial, share, items)] of the log, in its order."""
    base = sqlite3.connect(f"file:{world.directory / 'db' / 'paretod.db'}?mode=ro", uri=True)
    try:
        rows = base.execute("SELECT seq, kind, trial, share, items FROM event WHERE search = ? ORDER BY seq", (search,))
        rows = rows.fetchall()
    finally:
        base.close()
    assert [row[0] for row in rows] == list(range(len(rows)))
    return [row[1:] for row in rows]


def half_told(world, search):
    """Of reports that wait only the newest is sent, so the first slice may never be told."""
    return any(kind == "slice" and share == 0.5 for kind, _, share, _ in events(world, search))


def check_log(world, search):
    """What must hold of every log: a trial's shares ascend, each comes once, and it ends once."""
    shares, ends = collections.defaultdict(list), collections.Counter()
    for kind, trial, share, _ in events(world, search):
        if kind == "slice":
            assert not ends[trial] and 0 < share < 1, "a slice after the end"
            shares[trial].append(share)
        elif kind in ("done", "stopped", "failed"):
            ends[trial] += 1
        elif kind == "reopened":
            ends[trial] -= 1
    for trial, seen in shares.items():
        assert seen == sorted(set(seen)), f"trial {trial}: {seen}"
    assert set(ends.values()) == {1}
    return shares


def run_to_the_end(world, spec, timeout_s=120):
    search = world.api.submit(spec)
    world.api.wait_state(search, "done", timeout_s)
    return search


def test_slices_reach_the_log(fleet):
    """Every trial tells its slices; early_stop is so small that none is stopped."""
    search = run_to_the_end(fleet, spec_of(fleet, early_stop=1e-9, held_out=True))
    shares = check_log(fleet, search)
    assert len(shares) == 12 and all(seen[-1] == 0.75 for seen in shares.values())
    runs = collections.Counter((trial, half) for trial, half, _, slice_ in record(fleet))
    assert all(n == (SLICES if half == "search" else 1) for (_, half), n in runs.items()), "a held-out half is never cut"
    assert any(half == "heldout" for _, half in runs)
    assert all(items == 80 for kind, _, _, items in events(fleet, search) if kind == "done")
    assert all(items == 20 * 4 * share for kind, _, share, items in events(fleet, search) if kind == "slice")


@pytest.mark.parametrize("strategy", ["sobol", "bayes"])
def test_nothing_is_cut_where_nothing_may_be_stopped(fleet, strategy):
    spec = spec_of(fleet, early_stop=0, trials=6)
    if strategy == "sobol":
        spec["strategy"] = {"type": "sobol", "sweep_points": 3}
    search = run_to_the_end(fleet, spec)
    assert {kind for kind, *_ in events(fleet, search)} == {"done"}
    assert {row[3] for row in record(fleet)} == {"1"}


def test_a_worker_killed_between_slices(stage):
    """The trial is scored in the end; slices that are known already are not told twice."""
    stage.lease_s = 2
    stage.start_daemon()
    worker = stage.start_worker()
    gate = stage.directory / "gate"
    search = stage.api.submit(spec_of(stage, trials=5, early_stop=1e-9, options=("--gate", gate, "--gate-slice", 2)))
    wait_until(lambda: half_told(stage, search), 30, "the second slice is told")
    worker.kill()
    gate.touch()
    stage.start_worker()
    stage.api.wait_state(search, "done", 90)
    first = record(stage)[0][0]
    shares = check_log(stage, search)[int(first)]
    assert 0.5 in shares and set(shares) <= {0.25, 0.5, 0.75}
    attempts = {row[2] for row in record(stage) if row[0] == first}
    assert attempts == {"1", "2"}


def test_the_daemon_killed_between_slices(stage):
    """The evaluation goes on meanwhile; what it says afterwards is taken, what was acknowledged is there."""
    stage.start_daemon()
    stage.start_worker()
    gate = stage.directory / "gate"
    search = stage.api.submit(spec_of(stage, trials=5, early_stop=1e-9, options=("--gate", gate, "--gate-slice", 2)))
    wait_until(lambda: half_told(stage, search), 30, "the second slice is told")
    before = events(stage, search)
    stage.daemon.kill()
    gate.touch()
    stage.start_daemon()
    stage.api.wait_state(search, "done", 90)
    assert events(stage, search)[:len(before)] == before
    check_log(stage, search)
    assert all(row[2] == "1" for row in record(stage)), "no attempt was lost"


def test_trials_are_stopped(fleet):
    """early_stop is high, and half of the trials are far from the front: some end early, none of those that may not."""
    search = run_to_the_end(fleet, spec_of(fleet, trials=16, held_out=True, options=("--wait", 1)), 180)
    check_log(fleet, search)
    stopped = {trial: share for kind, trial, share, _ in events(fleet, search) if kind == "stopped"}
    assert stopped, "nothing was stopped"
    assert all(0.5 <= share < 1 for share in stopped.values()), "two slices at least are scored"
    assert not {0, 1, 2} & set(stopped), "the sweep is never stopped"
    told = {int(row[0]) for row in record(fleet) if row[3] == "stop"}
    assert told == set(stopped)
    assert not any(row[3] == "stop" for row in record(fleet) if row[1] == "heldout")
    by_number = {t["number"]: t for t in fleet.api.trials(search)}
    left = set(stopped) - {trial for kind, trial, _, _ in events(fleet, search) if kind == "reopened"}
    assert all(by_number[trial]["state"] == ("stopped" if trial in left else "done") for trial in stopped)
    front = {point["trial"] for point in fleet.api.call("GET", f"/v1/searches/{search}/front").json["points"]}
    assert not front & left, "scores in part are never shown as the front"
    evaluated = {int(row[0]) for row in record(fleet) if row[1] == "heldout"}
    assert evaluated and not evaluated & left


def test_the_example(tmp_path):
    done = subprocess.run([program("pareto-worker"), "--evaluate", ROOT / "evaluators/examples/slices.json", "--ratios",
                           "0.2,0.5,0.8", "--slices", "4"], capture_output=True, text=True, env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["slices_done"], line["slices"], line["items"]) for line in lines] == [(i, 4, 100 * i) for i in range(1, 5)]
    whole = subprocess.run([program("pareto-worker"), "--evaluate", ROOT / "evaluators/examples/slices.json", "--ratios",
                            "0.2,0.5,0.8"], capture_output=True, text=True, env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert json.loads(whole.stdout)["scores"] == lines[-1]["scores"], "the same scores however they are cut"
