"""Programs of other people ask for trials and tell their scores: what is promised to workers holds for them too."""
import json
import math
import re
import shutil
import subprocess
import threading

import pytest
from helpers import ROOT, wait_until


def external(groups=2, trials=12, strategy=None, objectives=("up", "down"), **more):
    return {
        "name": "external",
        "groups": {"count": groups},
        "objectives": [{"name": o, "metric": f"mine.{o}", "goal": "min" if o == "down" else "max"} for o in objectives],
        "evaluator": {"type": "external"},
        "strategy": strategy or {"type": "sobol", "sweep_points": 3},
        "budget": {"trials": trials, "attempts": 3},
        **more,
    }


def scores(ratios):
    return {"up": sum(ratios) / len(ratios), "mine.down": {"mean": math.dist(ratios, [0.2] * len(ratios)), "stderr": 0.5}}


def ask(world, search, client="me", expect=200, **more):
    answer = world.api.call("POST", f"/v1/searches/{search}/ask", {"client": client, "wait_s": 5, **more})
    assert answer.status == expect, answer
    return answer.json if answer.body else None


def tell(world, search, expect=200, **body):
    return world.api.post(f"/v1/searches/{search}/tell", body, expect=expect)


def trial_of(world, search, number):
    return world.api.get(f"/v1/searches/{search}/trials/{number}")


def finish(world, search, client="me"):
    told = {}
    while world.api.search(search)["state"] == "running":
        answer = world.api.call("POST", f"/v1/searches/{search}/ask", {"client": client, "wait_s": 5})
        if answer.status == 200:
            trial = answer.json
            told[trial["trial"]] = trial["ratios"]
            assert tell(world, search, lease=trial["lease"], scores=scores(trial["ratios"])) == {
                "duplicate": False, "stop": False}
    return told


def test_whoever_has_a_trial_is_named(world):
    search = world.api.submit(external())
    first, second = ask(world, search, "gpu 1")["trial"], ask(world, search, "gpu 2")
    assert trial_of(world, search, first)["worker"] == "gpu 1"
    tell(world, search, lease=second["lease"], failed="out of memory")
    assert trial_of(world, search, second["trial"])["worker"] is None  # nobody now, and nobody finished it
    again = ask(world, search, "gpu 3")
    assert again["trial"] == second["trial"]
    rows = {t["number"]: t["worker"] for t in world.api.trials(search)}
    assert rows.items() >= {first: "gpu 1", again["trial"]: "gpu 3"}.items()
    table = world.api.call("GET", f"/v1/searches/{search}/trials.csv").body.decode()
    assert '"gpu 1"' in table and '"gpu 3"' in table
    tell(world, search, trial=first, scores=scores([0.5, 0.5]))
    assert trial_of(world, search, first)["worker"] == "gpu 1"


def test_a_whole_search(world):
    search = world.api.submit(external())
    told = finish(world, search)
    assert sorted(told) == list(range(12))
    front = world.api.wait_state(search, "done")
    assert front["hypervolume"] is not None
    for row in world.api.trials(search):
        assert row["state"] == "done" and row["ratios"] == told[row["number"]]
        assert row["worker"] == "me"
        up, down = row["objectives"]
        assert up["mean"] == sum(row["ratios"]) / 2
        assert down["stderr"] == 0.5 and up["stderr"] is None
    ask(world, search, expect=409)


def test_workers_are_not_given_it(fleet):
    search = fleet.api.submit(external(trials=4))
    other = fleet.api.submit(fleet.synthetic(trials=4, strategy={"type": "sobol", "sweep_points": 2}))
    fleet.api.wait_state(other, "done")
    assert fleet.api.search(search)["progress"]["done"] == 0
    finish(fleet, search)
    assert {row["worker"] for row in fleet.api.trials(search)} == {"me"}


def test_a_search_of_workers_answers_no_asks(world):
    search = world.api.submit(world.synthetic())
    assert "workers" in ask(world, search, expect=409)["error"]
    ask(world, search + 1, expect=404)


def test_a_search_of_workers_is_told_nothing(fleet):
    search = fleet.api.submit(fleet.synthetic(trials=4, strategy={"type": "sobol", "sweep_points": 2}))
    fleet.api.wait_state(search, "done")
    for body in ({"scores": {"up": 1}}, {"failed": "no GPU"}, {"scores": {"up": 1}, "share": 0.5}):
        assert "workers" in tell(fleet, search, trial=0, expect=409, **body)["error"]
    tell(fleet, search + 1, trial=0, scores={"up": 1}, expect=404)


def test_nobody_asks_so_no_end_is_in_sight(world):
    search = world.api.submit(external())
    trial = ask(world, search)
    tell(world, search, lease=trial["lease"], scores=scores(trial["ratios"]))
    for path in (f"/v1/searches/{search}", f"/v1/searches/{search}/front"):
        assert world.api.get(path)["eta_s"] is None
    ask(world, search)
    for path in (f"/v1/searches/{search}", f"/v1/searches/{search}/front"):
        assert world.api.get(path)["eta_s"] > 0


def test_asking_again_gets_the_same_trial(world):
    search = world.api.submit(external())
    first, again, other = ask(world, search), ask(world, search), ask(world, search, client="you")
    assert again == first
    assert other["trial"] != first["trial"] and other["lease"] != first["lease"]


def test_told_twice_counts_once(world):
    search = world.api.submit(external())
    trial = ask(world, search)
    body = {"lease": trial["lease"], "scores": {"up": 1, "down": 2}}
    assert tell(world, search, **body) == {"duplicate": False, "stop": False}
    before = world.api.search(search)["revision"]
    assert tell(world, search, **body) == {"duplicate": True, "stop": False}
    assert tell(world, search, trial=trial["trial"], scores={"up": 1, "down": 2}) == {"duplicate": True, "stop": False}
    row = trial_of(world, search, trial["trial"])
    assert row["objectives"][0]["mean"] == 1
    assert world.api.search(search)["revision"] == before


@pytest.mark.parametrize("by", ["lease", "trial"])
def test_told_otherwise_is_refused(world, by):
    search = world.api.submit(external())
    trial = ask(world, search)
    name, first = {by: trial[by]}, {"up": 1, "down": {"mean": 2, "stderr": 0.5}}
    tell(world, search, scores=first, **name)
    before = world.api.search(search)["revision"]
    answer = tell(world, search, scores={**first, "up": 7}, expect=409, **name)
    assert '"up" is 1, told now is 7' in answer["error"]
    answer = tell(world, search, scores={"up": 1, "down": {"mean": 2, "stderr": 0.25}}, expect=409, **name)
    assert 'standard error of "down" is 0.5, told now is 0.25' in answer["error"]
    assert "cannot fail any more" in tell(world, search, failed="no GPU", expect=409, **name)["error"]
    tell(world, search, scores={"up": 1}, expect=422, **name)
    for same in (first, {"up": 1, "down": 2}):  # an error that is not told contradicts none
        assert tell(world, search, scores=same, **name) == {"duplicate": True, "stop": False}
    assert world.api.search(search)["revision"] == before


def test_told_by_number(world):
    search = world.api.submit(external())
    trial = ask(world, search)
    assert tell(world, search, trial=trial["trial"], scores={"up": 1, "down": 2}) == {"duplicate": False, "stop": False}
    assert trial_of(world, search, trial["trial"])["state"] == "done"
    ready = next(r["number"] for r in world.api.trials(search) if r["state"] == "ready")
    assert "ask for trials first" in tell(world, search, trial=ready, scores={"up": 1, "down": 2}, expect=409)["error"]
    tell(world, search, trial=10, scores={"up": 1, "down": 2}, expect=410)


def test_values_of_items_as_workers_send_them(world):
    search = world.api.submit(external())
    trial = ask(world, search)
    tell(world, search, lease=trial["lease"], scores=[
        {"metric": "mine.up", "mean": 0.5, "stderr": 0.25, "n": 2, "items": [0.25, 0.75]},
        {"metric": "mine.down", "mean": 1, "stderr": None, "n": 2}])
    row = trial_of(world, search, trial["trial"])
    assert row["state"] == "done" and row["objectives"][0]["stderr"] == 0.25


WRONG = [
    ({}, "either the \"lease\" or the \"trial\""),
    ({"lease": "x"}, "is no lease of search"),
    ({"scores": {}}, "scores: must be an object"),
    ({"scores": {"up": 1}}, "no metric \"mine.down\" for the objective \"down\"; the objectives are \"up\", \"down\""),
    ({"scores": {"up": 1, "dwn": 1}}, "objective \"down\", and not known: \"dwn\"; the objectives are \"up\", \"down\""),
    ({"scores": {"upp": 1, "dwn": 1}, "share": 0.5}, "not known: \"upp\", \"dwn\"; the objectives are"),
    ({"scores": {f"x{i:0126}": 1 for i in range(40)}}, "no metric \"mine.up\""),
    ({"scores": {"é" * 60 + "x" * (i % 7): 1 for i in range(7)}}, "not known: \"éé"),
    ({"scores": {"up": "high", "down": 1}}, "scores.up: must be a finite number"),
    ({"scores": {"up": None, "down": 1}}, "scores.up: must be a finite number"),
    ({"scores": {"up": {"mean": 1, "std": 1}, "down": 1}}, "scores.up.std: is not a known key"),
    ({"scores": {"up": {"mean": 1, "stderr": -1}, "down": 1}}, "scores.up.stderr"),
    ({"scores": {"up": 1, "mine.up": 2, "down": 1}}, "stands there already"),
    ({"scores": {"up": 1, "down": 1}, "failed": "no"}, "either \"scores\", or \"failed\""),
    ({"failed": ""}, "failed: must be a sentence"),
    ({"scores": {"up": 1, "down": 1}, "share": 1}, "share: must be more than 0 and less than 1"),
    ({"scores": {"up": 1, "down": 1}, "stopped": True}, "stopped: must be"),
    ({"scores": {"up": 1, "down": 1}, "state": "complete"}, "state: is not a known key"),
]


@pytest.mark.parametrize("body,sentence", WRONG)
def test_wrong_tells_change_nothing(world, body, sentence):
    search = world.api.submit(external())
    trial = ask(world, search)
    whole = {"lease": trial["lease"], "scores": {"up": 1, "down": 1}, **body} if body else {"scores": {"up": 1, "down": 1}}
    if "failed" in body and "scores" not in body:
        del whole["scores"]
    assert sentence in tell(world, search, expect=422, **whole)["error"]
    assert trial_of(world, search, trial["trial"])["state"] == "leased"
    assert tell(world, search, lease=trial["lease"], scores={"up": 1, "down": 1})["duplicate"] is False


@pytest.mark.parametrize("body", [{}, {"client": ""}, {"client": "x" * 128}, {"client": "x", "lease_s": 9},
                                  {"client": "x", "lease_s": 86401}, {"client": "x", "lease_s": 10.5},
                                  {"client": "x", "wait_s": -1}, {"client": "x", "wait_s": "long"}])
def test_wrong_asks(world, body):
    search = world.api.submit(external())
    world.api.post(f"/v1/searches/{search}/ask", body, expect=422)


def test_failures_are_counted_and_given_out_again(world):
    search = world.api.submit(external())
    first = ask(world, search)
    for attempt in (1, 2, 3):
        trial = ask(world, search)
        assert (trial["trial"], trial["attempt"]) == (first["trial"], attempt)
        body = {"lease": trial["lease"], "failed": f"no GPU ({attempt})"}
        assert tell(world, search, **body)["duplicate"] is False
        assert tell(world, search, **body)["duplicate"] is True
    row = trial_of(world, search, first["trial"])
    assert row["state"] == "quarantined" and "no GPU (3)" in row["reason"]
    tell(world, search, lease=trial["lease"], scores={"up": 1, "down": 1}, expect=410)


def test_who_is_gone_loses_the_trial_and_may_still_tell(world):
    search = world.api.submit(external())
    trial = ask(world, search, client="gone", lease_s=10)
    row = wait_until(lambda: (r := trial_of(world, search, trial["trial"]))["attempts"] == 1 and r, 30, "the lease expires")
    assert row["state"] == "ready" and "10 s" in row["reason"]
    again = ask(world, search, client="other")
    assert again["trial"] == trial["trial"] and again["attempt"] == 2
    assert tell(world, search, lease=trial["lease"], scores={"up": 3, "down": 3})["duplicate"] is False
    assert "other scores" in tell(world, search, lease=again["lease"], scores={"up": 4, "down": 4}, expect=409)["error"]
    assert tell(world, search, lease=again["lease"], scores={"up": 3, "down": 3})["duplicate"] is True
    assert trial_of(world, search, trial["trial"])["objectives"][0]["mean"] == 3


def test_kill_between_ask_and_tell(stage):
    """The lease is on disk before the answer: the daemon that comes back knows it, and how long it lasts."""
    stage.lease_s = 1
    stage.start_daemon()
    search = stage.api.submit(external())
    trial = ask(stage, search, lease_s=600)
    stage.daemon.kill()
    stage.start_daemon()
    assert ask(stage, search)["lease"] == trial["lease"]
    beat = stage.api.post(f"/v1/leases/{trial['lease']}/heartbeat")
    assert beat["lease_s"] == 600
    stage.daemon.kill()
    stage.start_daemon()
    assert tell(stage, search, lease=trial["lease"], scores={"up": 1, "down": 1})["duplicate"] is False
    # acknowledged means on disk
    stage.daemon.kill()
    stage.start_daemon()
    assert trial_of(stage, search, trial["trial"])["state"] == "done"
    assert tell(stage, search, lease=trial["lease"], scores={"up": 1, "down": 1})["duplicate"] is True
    assert ask(stage, search)["trial"] != trial["trial"]


def test_an_ask_waits_for_a_trial(world):
    """One adaptive stream: nobody gets its next trial before the last one is told."""
    search = world.api.submit(external(strategy={"type": "hma", "sweep_points": 0, "means": [0.5]}, trials=3))
    first = ask(world, search)
    assert world.api.call("POST", f"/v1/searches/{search}/ask", {"client": "you"}).status == 204
    got = []
    waiting = threading.Thread(target=lambda: got.append(ask(world, search, client="you", wait_s=30)))
    waiting.start()
    tell(world, search, lease=first["lease"], scores={"up": 1, "down": 1})
    waiting.join(30)
    assert got and got[0]["trial"] == first["trial"] + 1


def test_many_at_once(world):
    search = world.api.submit(external(trials=40))

    def work(client):
        while True:
            answer = world.api.call("POST", f"/v1/searches/{search}/ask", {"client": client, "wait_s": 5})
            if answer.status == 409:
                return
            if answer.status == 200:
                tell(world, search, lease=answer.json["lease"], scores=scores(answer.json["ratios"]))

    threads = [threading.Thread(target=work, args=(f"client {i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    world.api.wait_state(search, "done")
    assert [r["state"] for r in world.api.trials(search)] == ["done"] * 40


def test_parts(world):
    search = world.api.submit(external())
    trial = ask(world, search)
    assert tell(world, search, lease=trial["lease"], share=0.25, scores={"up": 1, "down": 1}) == {
        "duplicate": False, "stop": False}
    assert trial_of(world, search, trial["trial"])["state"] == "leased"
    assert tell(world, search, lease=trial["lease"], share=0.5, scores={"up": 1.5, "down": 1}, stopped=True) == {
        "duplicate": False, "stop": False}
    row = trial_of(world, search, trial["trial"])
    assert row["state"] == "stopped"
    assert tell(world, search, lease=trial["lease"], scores={"up": 1, "down": 1})["duplicate"] is True


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_the_example_with_curl(world):
    page = (ROOT / "docs/SEARCH.md").read_text()
    (block,) = re.findall(r"^(    json='Content-Type.*?\n)\n", page, re.S | re.M)
    search = world.api.submit({"groups": {"count": 2}, "evaluator": {"type": "external"}, "objectives": [
        {"metric": "reward", "goal": "max"}, {"metric": "tasks", "goal": "max"}]})
    assert search == 1
    done = subprocess.run(["bash", "-euc", block.replace("127.0.0.1:7878", f"127.0.0.1:{world.port}")], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    trial, told = map(json.loads, done.stdout.splitlines())
    assert trial[1] == [0, 0] and {"duplicate": False, "stop": False}.items() <= told.items()
    assert world.api.trials(1)[trial[0]]["state"] == "done"


def test_given_rows_stand_in_the_spec_of_the_submission_only(world):
    spec = external(given=[{"ratios": [0.25, 0.5], "scores": {"up": 1, "down": {"mean": 2, "stderr": 0.1}}}])
    search = world.api.submit(spec, key="given")
    assert "given" not in world.api.search(search)["spec"]
    again = world.api.post("/v1/searches", spec, headers={"Idempotency-Key": "given"})
    assert again["id"] == search
    wrong = external(given=[{"ratios": [0.25, 1.5], "scores": {"up": 1, "down": 2}}])
    answer = world.api.post("/v1/searches", wrong, expect=422)
    assert [f["field"] for f in answer["fields"]] == ["given[0].ratios[1]"]
