"""A search from submission to its end, through the API."""
import csv
import io
import json
import re
import shutil

import pytest
from helpers import ROOT, Answer, UnixConnection, wait_until


def dominates(a, b, goals):
    """Whether point a is at least as good in everything and better in something."""
    gain = [(x["mean"] - y["mean"]) * (1 if goal == "max" else -1)
            for x, y, goal in zip(a["scores"], b["scores"], goals)]
    return all(g >= 0 for g in gain) and any(g > 0 for g in gain)


def check_front(front):
    goals = [objective["goal"] for objective in front["objectives"]]
    every = front["points"] + [p for p in front["sweep"] if not p["on_front"]] + front["dominated"]
    assert len({p["trial"] for p in every}) == len(every)
    assert all(p["on_front"] for p in front["points"]) and not any(p["on_front"] for p in front["dominated"])
    first = [p["scores"][0]["mean"] for p in front["points"]]
    assert first == sorted(first)
    assert not any(dominates(a, b, goals) for a in every for b in front["points"])
    assert all(any(dominates(a, b, goals) for a in front["points"]) for b in every if not b["on_front"])
    mean = [p["mean_ratio"] for p in front["sweep"]]
    assert mean == sorted(mean) and all(len(set(p["ratios"])) == 1 for p in front["sweep"])


def test_from_submission_to_front(fleet):
    search = fleet.api.submit(fleet.synthetic(trials=20))
    front = fleet.api.wait_state(search, "done")
    assert front["progress"] == {"total": 20, "done": 20, "failed": 0, "stopped": 0, "running": 0, "ready": 0}
    assert front["groups"] and len(front["groups"]) == 3
    check_front(front)
    assert len(front["sweep"]) == 5
    # normalised by the endpoints, reference at -0.1: more than the endpoints alone, at most the square
    assert 0.21 < front["sweep_hypervolume"] <= front["hypervolume"] < 1.21 + 1e-9
    trials_done = [n for n, _ in front["hypervolume_history"]]
    volumes = [v for _, v in front["hypervolume_history"] if v is not None]  # null before both endpoints
    assert trials_done == sorted(trials_done) and trials_done[-1] == 20
    assert all(b >= a - 1e-12 for a, b in zip(volumes, volumes[1:])) and volumes[-1] == front["hypervolume"]
    base, tuned = front["sweep"][0], front["sweep"][-1]
    assert (base["mean_ratio"], tuned["mean_ratio"]) == (0, 1)
    assert base["scores"][1]["mean"] == 0.9 and tuned["scores"][0]["mean"] == 2.0
    assert base["scores"][0]["stderr"] == pytest.approx(0.05 / 3**0.5)


def test_trials_and_their_items(fleet):
    search = fleet.api.submit(fleet.synthetic(trials=9))
    fleet.api.wait_state(search, "done")
    trials = fleet.api.trials(search, limit=4)
    assert [t["number"] for t in trials] == list(range(9))
    assert all(t["state"] == "done" and t["attempts"] == 0 and t["worker"] and len(t["ratios"]) == 3 for t in trials)
    assert all("items" not in score for t in trials for score in t["scores"])
    one = fleet.api.get(f"/v1/searches/{search}/trials/3")
    assert one["ratios"] == trials[3]["ratios"]
    assert {score["metric"]: len(score["items"]) for score in one["scores"]} == {
        "synthetic.reward": 3, "synthetic.tasks": 3, "synthetic.kl": 3}
    assert fleet.api.call("GET", f"/v1/searches/{search}/trials/9").status == 404


def test_trials_csv_says_the_same(fleet):
    search = fleet.api.submit(fleet.synthetic(trials=9))
    fleet.api.wait_state(search, "done")
    answer = fleet.api.call("GET", f"/v1/searches/{search}/trials.csv")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    trials = fleet.api.trials(search)
    assert len(rows) == len(trials) == 9
    names = [f"{name}{part}" for name in ("reward", "tasks") for part in ("", " stderr", " heldout", " heldout stderr")]
    ratios = [f"{which} group {i}" for which in ("ratio", "effective") for i in (1, 2, 3)]
    assert list(rows[0]) == ["trial", "stream", "step", "kind", "state", "on_front", *ratios, *names,
                             "failed", "worker", "merge_s", "evaluate_s", "wall_s", "reason", "share", "path", "watermark",
                             "repeat_of", "gain", "confidence", "verdict",
                             *(f"{name} posterior{part}" for name in ("reward", "tasks") for part in ("", " sd"))]
    on_front = {str(p["trial"]) for p in fleet.api.front(search)["points"]}
    assert {row["trial"] for row in rows if row["on_front"] == "true"} == on_front
    assert all(row["on_front"] in ("true", "false") and row["failed"] == "0" and row["worker"] for row in rows)
    for row, trial in zip(rows, trials):
        numbers = set()
        for value in row.values():
            try:
                numbers.add(float(value).hex())
            except ValueError:
                pass
        wanted = trial["ratios"] + [o[key] for o in trial["objectives"] for key in ("mean", "stderr")]
        assert {float(x).hex() for x in wanted} <= numbers, (row, trial)


def test_held_out_scores_of_front_and_sweep(fleet):
    search = fleet.api.submit(fleet.synthetic(trials=10, held_out=True))
    front = fleet.api.wait_state(search, "done")
    confirmed = {p["trial"] for p in front["points"]} | {p["trial"] for p in front["sweep"]}
    assert front["confirm"] == {"total": len(confirmed), "done": len(confirmed), "failed": 0}
    for p in front["points"] + front["sweep"]:
        assert p["heldout"][0]["mean"] == pytest.approx(p["scores"][0]["mean"] + 0.01)
    assert all(p["heldout"] is None for p in front["dominated"])
    assert front["heldout"]["hypervolume"] >= front["heldout"]["sweep_hypervolume"] > 0


def test_held_out_volumes_wait_for_the_last_score(fleet):
    """The volume of the points that are scored so far would be taken for the front's."""
    gate = fleet.directory / "gate"
    search = fleet.api.submit(fleet.synthetic(trials=8, held_out=True, options=("--gate", gate, "--gate-half", "heldout")))
    front = fleet.api.wait_front(search, lambda f: f["state"] == "confirming" and f["progress"]["done"] == 8, 60,
                                 "the confirmation begins")
    assert front["heldout"] is None and all(p["heldout"] is None for p in front["points"])
    gate.touch()
    confirming = fleet.api.wait_front(search, lambda f: f["confirm"]["done"] > 0, 30, "held-out scores come in")
    assert confirming["state"] == "done" or confirming["heldout"] is None
    assert fleet.api.wait_state(search, "done")["heldout"]["hypervolume"] > 0


def test_why_a_held_out_half_failed(fleet):
    search = fleet.api.submit(fleet.synthetic(trials=8, attempts=2, held_out=True, options=("--fail-half", "heldout")))
    front = fleet.api.wait_state(search, "done")
    confirmed = {p["trial"] for p in front["points"] + front["sweep"]}
    assert front["confirm"] == {"total": len(confirmed), "done": 0, "failed": len(confirmed)}
    assert front["heldout"] is None
    for restarted in (False, True):
        if restarted:
            fleet.daemon.kill()
            fleet.start_daemon()
        reasons = {t["number"]: t["reason"] for t in fleet.api.trials(search)}
        assert {n for n, reason in reasons.items() if reason and "always fails" in reason} == confirmed


def test_three_objectives_one_minimised(fleet):
    search = fleet.api.submit(fleet.synthetic(trials=14, objectives=("reward", "tasks", "kl"),
                                              strategy={"type": "scalarize", "sweep_points": 3, "streams": 3}))
    front = fleet.api.wait_state(search, "done")
    assert [o["goal"] for o in front["objectives"]] == ["max", "max", "min"]
    check_front(front)
    assert {p["kind"] for p in front["points"] + front["dominated"]} - {"sweep"} == {"scalarize"}


@pytest.mark.parametrize("strategy", ["sweep", "sobol"])
def test_other_strategies(fleet, strategy):
    sweep_points = 8 if strategy == "sweep" else 3
    search = fleet.api.submit(fleet.synthetic(trials=8, strategy={"type": strategy, "sweep_points": sweep_points}))
    front = fleet.api.wait_state(search, "done")
    assert front["progress"]["done"] == 8
    check_front(front)


def test_idempotency_key(world):
    spec = world.synthetic()
    search = world.api.submit(spec, key="one")
    again = world.api.call("POST", "/v1/searches", body=spec, headers={"Idempotency-Key": "one"})
    assert again.status == 200 and again.json["id"] == search
    other = world.api.call("POST", "/v1/searches", body={**spec, "name": "other"}, headers={"Idempotency-Key": "one"})
    assert other.status == 409 and other.json["error"]
    assert world.api.submit(spec, key="two") != search
    assert len(world.api.get("/v1/searches")["searches"]) == 2


def test_idempotency_key_survives_a_crash(world):
    spec = world.synthetic()
    search = world.api.submit(spec, key="one")
    world.daemon.kill()
    world.start_daemon()
    again = world.api.call("POST", "/v1/searches", body=spec, headers={"Idempotency-Key": "one"})
    assert again.status == 200 and again.json["id"] == search


def test_a_key_answers_when_the_checkpoints_are_gone(world):
    spec = world.synthetic()
    models = world.directory / "models"
    for name, fixture in (("base", "base"), ("tuned", "tuned-rsf")):
        shutil.copytree(ROOT / "tests/fixtures" / fixture, models / name)
    spec["models"] = {"base": str(models / "base"), "tuned": str(models / "tuned")}
    spec["groups"] = {"count": 2}
    spec["evaluator"]["merge"] = "plan"
    search = world.api.submit(spec, key="one")
    shutil.rmtree(models)
    again = world.api.call("POST", "/v1/searches", body=spec, headers={"Idempotency-Key": "one"})
    assert again.status == 200 and again.json["id"] == search
    assert world.api.call("POST", "/v1/searches", body=spec, headers={"Idempotency-Key": "two"}).status == 422
    assert world.api.get(f"/v1/searches/{search}/plan")["layers"] > 0


def test_every_wrong_field_is_named_at_once(world):
    spec = world.synthetic()
    spec["objectives"][0]["goal"] = "up"
    spec["strategy"]["means"] = [1.5]
    spec["budget"]["trails"] = 3
    spec["sede"] = 1
    answer = world.api.call("POST", "/v1/searches", body=spec)
    assert answer.status == 422
    fields = {f["field"]: f["error"] for f in answer.json["fields"]}
    assert {"objectives[0].goal", "strategy.means", "budget.trails", "sede"} <= set(fields), fields
    assert "trials" in fields["budget.trails"] and "seed" in fields["sede"]
    assert world.api.get("/v1/searches")["searches"] == []


@pytest.mark.parametrize("body", [b"", b"{", b'{"name": "a", "name": "b"}', b"[1]", b"\xff\xfe", b"{" * 5000])
def test_what_is_no_search_is_refused_in_a_sentence(world, body):
    answer = world.api.call("POST", "/v1/searches", body=body)
    assert 400 <= answer.status < 500 and answer.json["error"] and answer.json["code"]


def test_missing_checkpoints_are_refused_at_submission(world):
    spec = world.synthetic()
    spec["models"] = {"base": "/nowhere/base", "tuned": "/nowhere/tuned"}
    spec["evaluator"]["merge"] = "plan"
    answer = world.api.call("POST", "/v1/searches", body=spec)
    assert answer.status == 422 and "/nowhere/base" in answer.body.decode()


def test_pause_resume_cancel(world):
    gate = world.directory / "gate"
    api = world.api
    search = api.submit(world.synthetic(trials=12, options=("--gate", gate)))
    world.start_worker()
    api.wait_front(search, lambda f: f["progress"]["running"] == 1, 30, "one trial is running")
    assert api.post(f"/v1/searches/{search}/pause")["state"] == "paused"
    gate.touch()
    front = api.wait_front(search, lambda f: f["progress"]["running"] == 0, 30, "the running trial ends")
    assert front["state"] == "paused" and front["progress"]["done"] == 1
    assert api.call("POST", f"/v1/searches/{search}/pause", body={}).status == 409
    assert api.post(f"/v1/searches/{search}/resume")["state"] == "running"
    api.wait_front(search, lambda f: f["progress"]["done"] >= 3, 30, "it goes on")
    gate.unlink()
    assert api.post(f"/v1/searches/{search}/cancel")["state"] == "cancelled"
    for verb in ("pause", "resume"):
        refused = api.call("POST", f"/v1/searches/{search}/{verb}", body={})
        assert refused.status == 409 and refused.json["error"], refused
    assert "cancelled" in {t["state"] for t in api.trials(search)}
    # the worker learns of it by its heartbeat or result, and is free for others
    other = api.submit(world.synthetic(trials=5, strategy={"type": "sweep", "sweep_points": 5}))
    gate.touch()
    api.wait_state(other, "done")


def test_a_failure_is_retried_and_never_a_score(fleet):
    marks = fleet.directory / "marks"
    marks.mkdir()
    search = fleet.api.submit(fleet.synthetic(trials=6, options=("--fail-first", marks)))
    fleet.api.wait_state(search, "done")
    assert [t["attempts"] for t in fleet.api.trials(search)] == [1] * 6, "attempts are those that failed"
    assert all(t["state"] == "done" for t in fleet.api.trials(search))


def test_what_keeps_failing_is_quarantined_with_the_reason(fleet):
    spec = fleet.synthetic(trials=10, attempts=2, options=("--fail-above", 0.9))
    search = fleet.api.submit(spec)
    front = fleet.api.wait_state(search, "done")
    trials = fleet.api.trials(search)
    bad = [t for t in trials if t["ratios"][0] > 0.9]
    assert bad and front["progress"]["failed"] == len(bad) and front["progress"]["done"] == 10 - len(bad)
    for t in bad:
        assert (t["state"], t["attempts"], t["scores"], t["objectives"]) == ("quarantined", 2, [], None)
        assert "too great" in t["reason"]
        assert t["worker"], "who made its last attempt"
        line = rf'warn job_failed search={search} trial={t["number"]} half=search attempt=2 worker="\S+" reason=".*too great'
        assert re.search(line, fleet.daemon.text()), line
    shown = {p["trial"] for p in front["points"] + front["sweep"] + front["dominated"]}
    assert not shown & {t["number"] for t in bad}
    assert front["hypervolume"] is None  # an endpoint is not known


def test_a_missing_metric_is_a_failure_that_names_it(world):
    spec = world.synthetic(trials=2, attempts=1, strategy={"type": "sweep", "sweep_points": 2})
    spec["objectives"][0]["metric"] = "synthetic.nothing"
    world.start_worker()
    search = world.api.submit(spec)
    wait_until(lambda: world.api.search(search)["progress"]["failed"] == 2, 30, "both trials fail")
    assert "synthetic.nothing" in world.api.trials(search)[0]["reason"]


def test_worker_stopped_the_moment_it_gets_a_lease(world):
    """The answer with the lease may cross the signal: the worker's farewell gives back what it never saw."""
    search = world.api.submit(world.synthetic(options=("--gate", world.directory / "never")))
    for _ in range(5):
        worker = world.start_worker(2)
        world.api.wait_front(search, lambda f: f["progress"]["running"] > 0, 30, "a trial is leased")
        assert worker.terminate() == 0
        assert world.api.front(search)["progress"]["running"] == 0
    assert [t["attempts"] for t in world.api.trials(search) if t["attempts"]] == []
    assert [w for w in world.api.get("/v1/workers")["workers"] if w["state"] != "lost"] == []


def test_several_searches_and_workers(world):
    for slots in (1, 2, 1):
        world.start_worker(slots)
    searches = [world.api.submit(world.synthetic(name=f"s{i}", trials=12, seed=i)) for i in range(4)]
    for search in searches:
        check_front(world.api.wait_state(search, "done", 90))
    listed = world.api.get("/v1/searches")["searches"]
    assert [s["id"] for s in listed] == sorted(searches, reverse=True)
    workers = world.api.get("/v1/workers")["workers"]
    assert sum(w["done"] for w in workers) == 48 and [w["failed"] for w in workers] == [0, 0, 0]


def test_same_search_same_trials_whatever_the_fleet(world):
    world.start_worker()
    one = world.api.submit(world.synthetic(trials=14))
    world.api.wait_state(one, "done")
    world.start_worker(3)
    two = world.api.submit(world.synthetic(trials=14))
    world.api.wait_state(two, "done")
    vectors = [[[x.hex() for x in map(float, t["ratios"])] for t in world.api.trials(s)] for s in (one, two)]
    assert vectors[0] == vectors[1]


def test_front_is_conditional(world):
    search = world.api.submit(world.synthetic())
    path = f"/v1/searches/{search}/front"
    world.api.wait_front(search, lambda f: f["progress"]["ready"] == 2, 30, "two proposals are there")  # a revision each
    etag = world.api.call("GET", path).headers["ETag"]
    same = world.api.call("GET", path, headers={"If-None-Match": etag})
    assert same.status == 304 and same.body == b"" and same.headers["ETag"] == etag
    assert world.api.call("GET", path + "?wait=1", headers={"If-None-Match": etag}).status == 304
    assert world.api.call("GET", path + "?wait=20", headers={"If-None-Match": '"other"'}).status == 200
    listed = world.api.call("GET", "/v1/searches")
    assert world.api.call("GET", "/v1/searches", headers={"If-None-Match": listed.headers["ETag"]}).status == 304


def test_results_that_do_not_add_up(world):
    """Refused in a sentence, counted as a failed attempt, and what is kept of a reason has a bound."""
    api = world.api
    search = api.submit(world.synthetic(attempts=9))
    worker = api.post("/v1/workers", {"name": "host:1", "slots": 1})["worker"]
    connection = UnixConnection(str(world.socket), 60)  # kept, as workers do: see daemon/README.md

    def post(path, body):
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return Answer(connection.getresponse())

    def deliver(verb, body):
        lease = post("/v1/leases", {"worker": worker, "wait_s": 20}).json["lease"]
        return post(f"/v1/leases/{lease}/{verb}", body)

    good = [{"metric": f"synthetic.{name}", "mean": 1, "n": 2, "items": [0, 2]} for name in ("reward", "tasks")]
    for change, word in (({"items": [0, 1, 2]}, "3 items"), ({"mean": None}, "mean"), ({"n": -1}, "n:"),
                         ({"metric": "synthetic.tasks"}, "twice"), ({"metric": "other"}, "synthetic.reward")):
        refused = deliver("result", {"scores": [{**good[0], **change}, good[1]]})
        assert refused.status == 422 and word in refused.json["error"], refused
    assert deliver("failure", {"reason": "x" * 1_000_000}).status == 200
    trial = api.trials(search)[0]
    assert trial["attempts"] == 6 and len(trial["reason"]) == 2000 and trial["state"] == "ready"
    assert deliver("result", {"scores": good}).json == {"accepted": True, "duplicate": False}
