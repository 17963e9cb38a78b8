"""Searches that ask a model: every trial comes out of the log again, whatever was killed; given trials, budgets, insight."""
import csv
import io
import random
import os

import pytest
from helpers import wait_until

BAYES = {"type": "bayes", "sweep_points": 5, "design": 4}


def exact(values):
    return [float(v).hex() for v in values]


def replay(world, search):
    """Every trial of the search, derived again page by page."""
    found, start = [], 0
    while start is not None:
        page = world.api.get(f"/v1/searches/{search}/replay?from={start}&count=7")
        found += page["trials"]
        start = page["next"]
    return found


def check_replay(world, search):
    trials = {t["number"]: t for t in world.api.trials(search)}
    again = replay(world, search)
    assert sorted(trials) == [t["trial"] for t in again]
    for t in again:
        assert t["same"], t
        assert exact(t["again"]) == exact(t["ratios"]) == exact(trials[t["trial"]]["ratios"])
        assert t["watermark"] == trials[t["trial"]]["watermark"] and t["path"] == trials[t["trial"]]["path"]
    return again


@pytest.mark.parametrize("strategy", ("bayes", "quadratic"))
def test_trials_come_out_again_after_kills(fragile, strategy):
    world = fragile
    seed = int(os.environ.get("E2E_SEED", "0")) or random.randrange(1, 2**31)
    print(f"E2E_SEED={seed}")
    chance = random.Random(seed)
    world.start_worker(2)
    spec = world.synthetic(trials=20, strategy={**BAYES, "type": strategy}, attempts=50, held_out=True,
                           options=("--take", 0.05))
    search = world.api.submit(spec)
    for _ in range(5):
        revision = world.api.front(search)["revision"]
        steps = chance.randrange(2, 9)
        world.api.wait_front(search, lambda f: f["revision"] >= revision + steps or f["state"] == "done", 90, "changes")
        before = {t["number"]: exact(t["ratios"]) for t in world.api.trials(search)}
        world.daemon.kill()
        world.start_daemon()
        after = {t["number"]: exact(t["ratios"]) for t in world.api.trials(search)}
        assert before.items() <= after.items(), "a trial that was given out is another now"
    world.api.wait_state(search, "done", 120)
    again = check_replay(world, search)
    modelled = [t for t in again if t["path"] not in ("direct", "design")]
    assert len(modelled) == 11 and all(t["watermark"] >= 5 for t in modelled)
    assert [t["watermark"] for t in modelled] == sorted(t["watermark"] for t in modelled)
    assert any(t["path"] == "model" for t in modelled)


def test_direct_strategies_come_out_again(world):
    world.start_worker(2)
    search = world.api.submit(world.synthetic(trials=16, strategy={"type": "scalarize", "sweep_points": 5, "streams": 2}))
    world.api.wait_state(search, "done")
    assert {t["path"] for t in check_replay(world, search)} == {"direct"}
    assert world.api.get(f"/v1/searches/{search}/replay?from=16")["trials"] == []
    world.api.get(f"/v1/searches/{search}/replay?count=101", expect=400)


def known_front(world, search):
    """The front, when its insight covers every event."""
    return world.api.wait_front(search, lambda f: f["insight"] and f["insight"]["watermark"] == f["insight"]["events"],
                                60, "an insight into everything")


def front_knows(front):
    assert front["state"] == "done" and front["insight"]
    return front["insight"]["watermark"] == front["insight"]["events"] == 18


def csv_knows(text):
    rows = list(csv.DictReader(io.StringIO(text)))
    return len(rows) == 18 and all(row["confidence"] for row in rows)


# what is asked first when the search is over, and whether the answer knows all of it
LAST_LOOKS = {
    "front": front_knows,
    "front?wait=30": front_knows,  # whoever waits for news too
    "front?front=raw": front_knows,
    "trials": lambda page: all(t["confidence"] is not None for t in page["trials"]),
    "trials/7": lambda trial: trial["confidence"] is not None,
    "trials.csv": csv_knows,
}


def test_whatever_is_shown_of_a_finished_search_knows_all_of_it(world):
    world.start_worker(2)
    search = world.api.submit(world.synthetic(trials=18, strategy=BAYES))
    world.api.wait_state(search, "done", 120)
    assert front_knows(world.api.front(search))
    for look, knows in LAST_LOOKS.items():
        world.daemon.kill()  # no insight outlives the daemon
        world.start_daemon()
        early = world.api.get(f"/v1/searches/{search}/front?wait=0")
        assert early["insight"] is None and early["answer"] == "raw"
        answer = world.api.call("GET", f"/v1/searches/{search}/{look}")
        assert answer.status == 200 and knows(answer.json if look != "trials.csv" else answer.body.decode()), look


def test_news_of_the_end_come_with_the_last_insight(world):
    world.start_worker(2)
    search = world.api.submit(world.synthetic(trials=18, strategy=BAYES))
    etag, front = None, {"state": "running"}
    while front["state"] != "done":
        answer = world.api.call("GET", f"/v1/searches/{search}/front?wait=20",
                                headers={"If-None-Match": etag} if etag else {})
        if answer.status == 200:
            etag, front = answer.headers["ETag"], answer.json
    assert front_knows(front)


def test_insight_is_part_of_the_front(world):
    world.start_worker(2)
    search = world.api.submit(world.synthetic(trials=18, strategy=BAYES))
    world.api.wait_state(search, "done", 120)
    front = known_front(world, search)
    volume = front["insight"]["hypervolume"]
    assert front["answer"] == "posterior" and volume["low"] <= volume["median"] <= volume["high"]
    assert len(front["insight"]["fit_rms"]) == 2 and front["insight"]["events"] == 18
    members = {p["trial"]: p for p in front["points"]}
    assert members and all(p["verdict"] in ("front", "doubtful", "dominated") for p in members.values())
    assert {front["picks"][p] for p in ("knee", "certain", "least_tax")} - {None} <= set(members)
    for point in front["points"] + front["sweep"] + front["dominated"]:
        assert 0 <= point["confidence"] <= 1 and point["share"] == 1
        for score, posterior in zip(point["scores"], point["posterior"]):
            assert abs(score["mean"] - posterior["mean"]) < 6 * (posterior["sd"] + score["stderr"])
    raw = world.api.get(f"/v1/searches/{search}/front?front=raw")
    assert raw["answer"] == "raw" and raw["insight"] == front["insight"]
    one = world.api.get(f"/v1/searches/{search}/trials/{front['points'][0]['trial']}")
    assert one["posterior"] == front["points"][0]["posterior"]
    table = world.api.call("GET", f"/v1/searches/{search}/trials.csv").body.decode().splitlines()
    assert "confidence,verdict" in table[0] and len({line.count(",") for line in table}) == 1
    for wrong in ("front=best", "tax=2", "tax=much"):
        world.api.get(f"/v1/searches/{search}/front?{wrong}", expect=400)
    strict = world.api.get(f"/v1/searches/{search}/front?tax=0")
    assert strict["picks"]["knee"] == front["picks"]["knee"]


def test_direct_searches_are_looked_into_when_asked(world):
    world.start_worker(2)
    search = world.api.submit(world.synthetic(trials=12))
    world.api.wait_state(search, "done")
    front = known_front(world, search)
    assert front["answer"] == "raw"
    assert world.api.get(f"/v1/searches/{search}/front?front=posterior")["answer"] == "posterior"


def given(ratios, reward, tasks, **more):
    return {"ratios": ratios, "scores": {"reward": reward, "tasks": {"mean": tasks, "stderr": 0.01}}, **more}


def test_given_trials_are_done_from_the_start(world):
    spec = world.synthetic(trials=12, strategy=BAYES, held_out=True)
    spec["given"] = [given([0.1, 0.2, 0.3], 0.5, 0.8, source="a paper"), given([0.9, 0.1, 0.4], 0.75, 0.6),
                     given([0.2, 0.2, 0.9], 9.0, 9.0)]
    search = world.api.submit(spec)
    for _ in range(2):
        trials = {t["number"]: t for t in world.api.trials(search)}
        assert [trials[i]["kind"] for i in range(3)] == ["given"] * 3
        assert [trials[i]["state"] for i in range(3)] == ["done"] * 3
        assert trials[0]["worker"] == "a paper" and trials[1]["worker"] is None
        assert [o["mean"] for o in trials[1]["objectives"]] == [0.75, 0.6]
        assert [o["stderr"] for o in trials[1]["objectives"]] == [None, 0.01]
        assert [s["metric"] for s in world.api.get(f"/v1/searches/{search}/trials/0")["scores"]] == ["reward", "tasks"]
        assert world.api.front(search)["progress"]["done"] == 3
        world.daemon.kill()
        world.start_daemon()
    world.start_worker(2)
    world.api.wait_state(search, "done", 120)
    assert len(world.api.trials(search)) == 15
    check_replay(world, search)
    raw = world.api.get(f"/v1/searches/{search}/front?front=raw")
    assert [(p["trial"], p["heldout"]) for p in raw["points"]] == [(2, None)]  # it cannot be scored again here


@pytest.mark.parametrize("budget, reason", (
    ({"items": 30}, "the budget of 30 items was used up"),
    ({"gain": 0.5}, "the expected gain in hypervolume fell below 0.5"),
))
def test_budgets_end_a_search_early(world, budget, reason):
    world.start_worker(1)
    spec = world.synthetic(trials=60, strategy=BAYES, held_out=True)
    spec["budget"].update(budget)
    search = world.api.submit(spec)
    world.api.wait_state(search, "done", 120)
    assert world.api.search(search)["reason"] == reason
    done = [t for t in world.api.trials(search) if t["state"] == "done"]
    assert 9 < len(done) < 16, len(done)
    world.daemon.kill()
    world.start_daemon()
    assert world.api.search(search)["reason"] == reason
