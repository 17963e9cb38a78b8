"""Trials that were stopped and go on: from where they stopped, on whichever worker, with the bits of an uninterrupted run."""
import json
import re
import sqlite3
import subprocess

import jsonschema
import pytest
from helpers import FIXTURES, program, wait_until
from meddler import Meddler
from test_openapi import routes, strict
from test_slices import check_log, events, record, spec_of as sliced

SLICES = 4
EVALUATED = re.compile(r"evaluated .*trial=(\d+) half=search slices=(\d)/4 resumed=(\d) items=(\d+) ")
STOPPED = {1: 1, 3: 2, 4: 1}  # trial: slices


@pytest.fixture
def meddle(stage):
    """meddle(stop) starts a daemon and a proxy before it."""
    proxies = []

    def start(stop):
        stage.lease_s = 2
        stage.start_daemon()
        proxies.append(Meddler(stage.port, stop))
        return proxies[0]

    yield start
    for proxy in proxies:
        proxy.close()


def native(world):
    return {
        "name": "resumed", "groups": {"count": 3},
        "models": {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")},
        "objectives": [{"name": "reward", "metric": "chat.reward", "goal": "max"},
                       {"name": "tasks", "mean_of": ["facts.em", "reading.f1", "translation.bleu", "choice.acc"], "goal": "max"},
                       {"name": "distil", "metric": "distil.loglik", "goal": "max"}],
        "evaluator": {"type": "native", "bundle": str(FIXTURES / "bundle"), "slices": SLICES},
        "strategy": {"type": "bayes", "sweep_points": 3, "design": 2, "early_stop": 1e-9},
        "budget": {"trials": 6}, "held_out": False,
    }


def evaluated(processes):
    """[(trial, slices done, resumed, items)] of the search halves, as these workers' logs have them."""
    return [tuple(map(int, found)) for p in processes for found in EVALUATED.findall(p.text())]


def stopped_results(proxy):
    return {trial: body for trial, body in proxy.results if body["slices_done"] < body["slices"]}


def states_left(world):
    base = sqlite3.connect(f"file:{world.directory / 'db' / 'paretod.db'}?mode=ro", uri=True)
    try:
        return base.execute("SELECT trial FROM partial").fetchall()
    finally:
        base.close()


def uninterrupted(world, spec, ratios, slices):
    """{metric: score} of one evaluation without a daemon."""
    path = world.directory / "search.json"
    path.write_text(json.dumps(spec))
    done = subprocess.run([program("pareto-worker"), "--evaluate", path, "--ratios", ",".join(map(repr, ratios)), "--scratch",
                           world.directory / "once", "--slices", str(slices)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {score["metric"]: score for score in json.loads(done.stdout.splitlines()[-1])["scores"]}


def check_scores(world, spec, search, trials, slices=1):
    """Every bit of the means, standard errors and values of items."""
    for trial in trials:
        one = world.api.get(f"/v1/searches/{search}/trials/{trial}")
        assert one["state"] == "done"
        want = uninterrupted(world, spec, one["ratios"], slices)
        got = {score["metric"]: score for score in one["scores"] if score["half"] == "search"}
        assert set(got) == set(want)
        for metric, score in got.items():
            for member in ("mean", "stderr", "n", "items"):
                assert score[member] == want[metric].get(member), (trial, metric, member)


def resumed_trials(world, search, runs):
    """Trials that went on, after a look at the logs: items are evaluated once."""
    reopened = {trial for kind, trial, *_ in events(world, search) if kind == "reopened"}
    assert reopened, "no trial went on"
    shares = {trial: share for kind, trial, share, _ in events(world, search) if kind == "stopped"}
    for trial in reopened:
        ends = [run for run in runs if run[0] == trial and run[1] == SLICES]
        assert [run[2] / SLICES for run in ends] == [shares[trial]], "it went on from where it stopped"
    whole = {items for kind, _, _, items in events(world, search) if kind == "done"}
    assert len(whole) == 1
    for trial in reopened:
        assert sum(run[3] for run in runs if run[0] == trial) == whole.copy().pop()
    return reopened


def test_native_trials_go_on_with_the_same_bits(stage, meddle):
    proxy = meddle(STOPPED)
    worker = stage.start_worker(address=proxy.address)
    spec = native(stage)
    search = stage.api.submit(spec)
    stage.api.wait_state(search, "done", 180)
    check_log(stage, search)
    trials = resumed_trials(stage, search, evaluated([worker]))
    check_scores(stage, spec, search, trials)
    assert not states_left(stage), "nothing is kept of a search that is done"
    sent = stopped_results(proxy)
    for trial in trials:
        resume = next(lease["resume"] for number, lease in proxy.leases if number == trial and "resume" in lease)
        assert resume == {key: sent[trial][key] for key in ("slices_done", "slices", "items", "state")}


def test_another_worker_goes_on_after_a_crash_of_everything(stage, meddle):
    proxy = meddle(STOPPED)
    first = stage.start_worker(address=proxy.address)
    spec = native(stage)
    search = stage.api.submit(spec)
    wait_until(lambda: stopped_results(proxy), 120, "a trial was stopped")
    stage.daemon.kill()
    first.kill()
    stage.start_daemon()
    second = stage.start_worker()
    stage.api.wait_state(search, "done", 180)
    check_log(stage, search)
    runs = evaluated([first, second])
    trials = resumed_trials(stage, search, runs)
    assert trials & {run[0] for run in evaluated([second]) if run[2]}, "the second worker went on with what the first had done"
    check_scores(stage, spec, search, trials)


def check_messages(proxy):
    """Leases with what they go on from and results with what they leave are as openapi.yaml says."""
    lease = routes()["POST /v1/leases"]["responses"]["200"]["content"]["application/json"]["schema"]
    result = routes()["POST /v1/leases/{}/result"]["requestBody"]["content"]["application/json"]["schema"]
    for schema, messages in ((lease, proxy.leases), (result, proxy.results)):
        valid = jsonschema.Draft202012Validator(strict(schema))
        for _, message in messages:
            valid.validate(message)
    assert any("resume" in message for _, message in proxy.leases) and any("state" in message for _, message in proxy.results)


def test_programs_go_on_from_their_state(stage, meddle):
    proxy = meddle(STOPPED)
    worker = stage.start_worker(address=proxy.address)
    spec = sliced(stage, trials=8, early_stop=1e-9, options=("--wait", 0.5))
    search = stage.api.submit(spec)
    stage.api.wait_state(search, "done", 180)
    check_log(stage, search)
    trials = resumed_trials(stage, search, evaluated([worker]))
    check_messages(proxy)
    for trial in trials:
        assert [row[3] for row in record(stage) if row[0] == str(trial) and row[3] != "stop"] == ["1", "2", "3", "4"]
    del spec["evaluator"]["argv"][-2:]
    check_scores(stage, spec, search, trials, SLICES)  # its sums follow the order of the slices


def test_a_state_that_does_not_fit_begins_anew(stage, meddle):
    """It is changed on disk: by one digit, and to something else. The log says so, the scores are right."""
    proxy = meddle({1: 1})
    first = stage.start_worker(address=proxy.address)
    spec = native(stage)
    search = stage.api.submit(spec)
    wait_until(lambda: stopped_results(proxy), 120, "a trial was stopped")
    first.kill()
    stage.daemon.kill()
    base = sqlite3.connect(stage.directory / "db" / "paretod.db")
    with base:
        base.execute("UPDATE partial SET state = json_set(state, '$.tasks.distil.loglik[0]', -1.25)")
    base.close()
    stage.start_daemon()
    second = stage.start_worker()
    stage.api.wait_state(search, "done", 180)
    reopened = {trial for kind, trial, *_ in events(stage, search) if kind == "reopened"}
    assert reopened == {1} and "state_ignored" in second.text()
    assert [run[2] for run in evaluated([second]) if run[0] == 1] == [0]
    check_scores(stage, spec, search, reopened)
