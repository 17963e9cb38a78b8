"""Searches that a model leads, with the real programs: derived again after kills, and what people are shown of them."""
import csv
import io
import json
import sqlite3

import pytest
from helpers import wait_until

BAYES = {"type": "bayes", "sweep_points": 5, "design": 4}


def replayed(world, search):
    return world.ctl("replay", search, check=False)


def test_a_front_that_says_how_sure_it_is(fleet):
    search = fleet.api.submit(fleet.synthetic(trials=24, strategy=BAYES))
    fleet.api.wait_state(search, "done")
    front = wait_until(lambda: (f := fleet.api.front(search))["insight"] and f["insight"]["watermark"] == 24 and f, 60,
                       "the model knows all")
    assert front["answer"] == "posterior" and front["picks"]["knee"] is not None
    assert {p["path"] for p in front["points"] + front["dominated"]} >= {"design", "model"}

    text = fleet.ctl("front", search, "--plot").stdout
    assert "confidence" in text and "reward fit" in text and "picks: knee: trial" in text and "by the model" in text
    for word, member in (("knee", "knee"), ("least-tax", "least_tax"), ("certain", "certain")):
        done = fleet.ctl("front", search, "--pick", word, check=False)
        trial = front["picks"][member]
        assert (done.returncode, done.stdout) == ((0, f"{trial}\n") if trial is not None else (1, ""))
    raw = json.loads(fleet.ctl("front", search, "--raw", "--json").stdout)
    assert raw["answer"] == "raw" and raw["hypervolume"] == front["hypervolume"]
    rows = list(csv.DictReader(io.StringIO(fleet.ctl("front", search, "--all", "--csv").stdout)))
    assert len(rows) == 24 and all(0 <= float(row["confidence"]) <= 1 for row in rows)
    assert "model" in fleet.ctl("trials", search).stdout

    assert replayed(fleet, search).stdout == "24 trials derived again: all the same\n"


@pytest.mark.parametrize("strategy", [BAYES, {"type": "quadratic", "sweep_points": 5},
                                      {"type": "bayes", "sweep_points": 5, "mean": 0.5},
                                      {"type": "hma", "sweep_points": 5, "means": [0.3, 0.6]}])
def test_derived_again_after_kills(stage, strategy):
    """The daemon dies between trials and in the middle of them; what it proposed comes out again to the bit."""
    stage.start_daemon()
    search = stage.api.submit(stage.synthetic(trials=22, strategy=strategy, options=("--take", 0.02)))
    for slots in (2, 1):
        stage.start_worker(slots)
    for done in (3, 9, 14):
        wait_until(lambda: stage.api.search(search)["progress"]["done"] >= done, 60, f"{done} trials are scored")
        stage.daemon.kill()
        stage.start_daemon()
    stage.api.wait_state(search, "done", timeout_s=120)
    said = replayed(stage, search)
    assert (said.returncode, said.stdout) == (0, "22 trials derived again: all the same\n"), said
    if "mean" in strategy:
        free = [t for t in stage.api.trials(search) if t["kind"] == "bayes"]
        assert free and all(abs(sum(t["ratios"]) / 3 - 0.5) < 1e-9 for t in free)


def test_replay_notices(world):
    """A ratio that somebody changed in the database is found."""
    spec = {**world.synthetic(trials=8, strategy={"type": "bayes", "sweep_points": 3, "design": 2}),
            "evaluator": {"type": "external"}}
    search = world.api.submit(spec)
    while (asked := world.api.call("POST", f"/v1/searches/{search}/ask", {"client": "a", "wait_s": 20})).status != 409:
        if asked.status == 200:
            x = asked.json["ratios"]
            world.api.post(f"/v1/searches/{search}/tell", {"lease": asked.json["lease"],
                                                          "scores": {"reward": sum(x), "tasks": 1 - x[0] * x[1]}})
    assert replayed(world, search).stdout == "8 trials derived again: all the same\n"
    world.daemon.terminate()
    with sqlite3.connect(world.directory / "db/paretod.db") as db:
        (ratios,) = db.execute("SELECT ratios FROM trial WHERE search = ? AND number = 7", (search,)).fetchone()
        changed = bytearray(ratios)
        changed[0] ^= 1  # the last bit of the first ratio
        db.execute("UPDATE trial SET ratios = ? WHERE search = ? AND number = 7", (bytes(changed), search))
    world.start_daemon()
    said = replayed(world, search)
    assert said.returncode == 1 and said.stdout.startswith("trial 7 ("), said
    assert "1 not the same" in said.stdout
