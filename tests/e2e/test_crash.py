"""Programs killed with -9: the same trials, none twice, none lost, every double bit for bit the same."""
import os
import random
import re

import pytest
from helpers import World

TRIALS = 24
STRATEGIES = {
    "hma": {"type": "hma", "sweep_points": 5, "means": [0.25, 0.5, 0.75]},
    "scalarize": {"type": "scalarize", "sweep_points": 5, "streams": 3},
}


def exact(value):
    """Doubles as hexadecimal text, so that equal means equal in every bit."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, list):
        return [exact(v) for v in value]
    if isinstance(value, dict):
        return {k: exact(v) for k, v in value.items()}
    return value


def outcome(world, search):
    """What must not depend on who evaluated when."""
    kept = ("number", "stream", "step", "kind", "state", "ratios", "objectives")
    trials = [{key: exact(t[key]) for key in kept} for t in world.api.trials(search)]
    for t in trials:
        one = world.api.get(f"/v1/searches/{search}/trials/{t['number']}")
        t["scores"] = sorted((exact(s) for s in one["scores"]), key=lambda s: (s["half"], s["metric"]))
    return trials


def spec_of(world, strategy):
    return world.synthetic(trials=TRIALS, strategy=STRATEGIES[strategy], attempts=50, held_out=True,
                           options=("--record", world.directory / "runs", "--take", 0.05))


@pytest.fixture(scope="module")
def undisturbed():
    """The outcome of each strategy without any disturbance."""
    world = World()
    try:
        world.start_daemon()
        for _ in range(2):
            world.start_worker()
        outcomes = {}
        for strategy in STRATEGIES:
            search = world.api.submit(spec_of(world, strategy))
            world.api.wait_state(search, "done")
            outcomes[strategy] = outcome(world, search)
        faults = world.close()
        assert not faults, faults
    finally:
        world.close()
        world.remove()
    return outcomes


def runs(world):
    """[(trial, half)] of every evaluation that was started."""
    path = world.directory / "runs"
    return [(int(line.split()[1]), line.split()[2]) for line in path.read_text().splitlines()] if path.exists() else []


def at_work(front, done):
    return front["progress"]["done"] >= done and front["progress"]["running"] > 0


def check_same(world, search, want):
    got = outcome(world, search)
    assert [t["number"] for t in got] == list(range(TRIALS))
    assert got == want
    csv = world.api.call("GET", f"/v1/searches/{search}/trials.csv").body.decode().splitlines()
    assert len(csv) == TRIALS + 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_daemon_killed_again_and_again(fragile, undisturbed, strategy):
    world = fragile
    for _ in range(2):
        world.start_worker()
    search = world.api.submit(spec_of(world, strategy))
    for done in (0, 1, 4, 9, 15, 21):
        world.api.wait_front(search, lambda f: at_work(f, done) or f["state"] != "running", 60, f"{done} done")
        before = {t["number"]: exact(t["ratios"]) for t in world.api.trials(search) if t["state"] == "done"}
        evaluated = len(runs(world))
        world.daemon.kill()
        world.start_daemon()
        after = {t["number"]: exact(t["ratios"]) for t in world.api.trials(search) if t["state"] == "done"}
        assert before.items() <= after.items(), "an acknowledged result was lost"
        again = [trial for trial, half in runs(world)[evaluated + 2:] if half == "search" and trial in before]
        assert not again, f"trials {again} had a result and were evaluated again"
    world.api.wait_state(search, "done", 90)
    check_same(world, search, undisturbed[strategy])


def test_daemon_killed_at_chance_moments(fragile, undisturbed):
    seed = int(os.environ.get("E2E_SEED", "0")) or random.randrange(1, 2**31)
    print(f"E2E_SEED={seed}")
    chance = random.Random(seed)
    world = fragile
    world.start_worker(2)
    search = world.api.submit(spec_of(world, "hma"))
    for _ in range(8):
        revision = world.api.front(search)["revision"]
        steps = chance.randrange(0, 6)  # in visible changes, so that a slow machine is disturbed as often
        world.api.wait_front(search, lambda f: f["revision"] >= revision + steps or f["state"] == "done", 60, "changes")
        world.daemon.kill()
        world.start_daemon()
    world.api.wait_state(search, "done", 90)
    check_same(world, search, undisturbed["hma"])


def test_workers_killed(fragile, undisturbed):
    world = fragile
    search = world.api.submit(spec_of(world, "hma"))
    for done in (0, 3, 8, 14):
        workers = [world.start_worker(), world.start_worker()]
        world.api.wait_front(search, lambda f: at_work(f, done), 60, f"{done} done, some running")
        for worker in workers:
            worker.kill()
    world.start_worker(2)
    world.api.wait_state(search, "done", 90)
    check_same(world, search, undisturbed["hma"])
    assert any(t["attempts"] > 0 for t in world.api.trials(search))
    log = world.daemon.text()
    lost = re.search(r'warn worker_lost worker=w\S+ name="(\S+)" silent_s=2\n', log)
    assert lost, log
    job = r'warn job_failed search=\d+ trial=\d+ half=\w+ attempt=\d+ worker="%s" reason="no sign of life for 2 s"\n'
    assert re.search(job % lost.group(1), log), log


def test_everything_killed_at_once(fragile, undisturbed):
    world = fragile
    search = world.api.submit(spec_of(world, "hma"))
    for done in (2, 10):
        world.start_worker(2)
        world.api.wait_front(search, lambda f: f["progress"]["done"] >= done, 60, "trials are done")
        for process in world.processes:
            if process.alive:
                process.kill()
        world.start_daemon()
    world.start_worker(2)
    world.api.wait_state(search, "done", 90)
    check_same(world, search, undisturbed["hma"])


def test_pause_and_states_survive(fragile):
    world = fragile
    paused = world.api.submit(world.synthetic(name="paused"))
    cancelled = world.api.submit(world.synthetic(name="cancelled"))
    world.api.post(f"/v1/searches/{paused}/pause")
    world.api.post(f"/v1/searches/{cancelled}/cancel")
    world.daemon.kill()
    world.start_daemon()
    assert [world.api.search(s)["state"] for s in (paused, cancelled)] == ["paused", "cancelled"]


def test_two_daemons_cannot_share_a_database(world):
    from helpers import program
    second = world.start("second", [program("paretod"), "--db", str(world.directory / "db"), "--listen", "127.0.0.1:0"])
    second.popen.wait(30)
    assert second.popen.returncode == 1 and "in use by another paretod" in second.text()
    second.killed = True  # its status is not 0, as it should be
