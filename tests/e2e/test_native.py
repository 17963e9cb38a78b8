"""The native evaluator over the real small pair, in the worker's memory."""
import json
import shutil
from pathlib import Path

import pytest
from helpers import FIXTURES, ROOT, wait_until

ITEMS = 24  # of each task and half: enough to compare, quick enough for a sanitizer's build
COMPARED = [("facts", "em", 0), ("facts", "f1", 1e-12), ("reading", "f1", 1e-12), ("sums", "em", 0), ("choice", "acc", 0),
            ("distil", "loglik", 2e-3)]
GOLDEN = ROOT / "tests/golden/lab"


@pytest.fixture
def pair(world):
    """(spec, ids): a search over the fixtures with the first items of every task; ids by (task, half)."""
    bundle = world.directory / "bundle"
    bundle.mkdir()
    about = json.loads((FIXTURES / "bundle/bundle.json").read_text())
    ids = {}
    for task in about["tasks"]:
        taken = []
        for line in (FIXTURES / "bundle" / task["file"]).read_text().splitlines():
            item = json.loads(line)
            chosen = ids.setdefault((task["name"], item["half"]), [])
            if len(chosen) < ITEMS:
                chosen.append(item["id"])
                taken.append(line)
        (bundle / task["file"]).write_text("\n".join(taken) + "\n")
    (bundle / "bundle.json").write_text(json.dumps(about))
    shutil.copy(FIXTURES / "bundle/vocab.json", bundle)
    shutil.copytree(FIXTURES / "reward", world.directory / "reward")
    spec = {
        "name": "native", "groups": {"count": 3},
        "models": {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")},
        "objectives": [{"name": "reward", "metric": "chat.reward", "goal": "max"},
                       {"name": "tasks", "mean_of": ["facts.em", "reading.f1", "sums.em", "choice.acc"], "goal": "max"},
                       {"name": "distil", "metric": "distil.loglik", "goal": "max"}],
        "evaluator": {"type": "native", "bundle": str(bundle)},
        "strategy": {"type": "hma", "sweep_points": 3, "means": [0.5], "objective": "reward"},
        "budget": {"trials": 6},
    }
    return spec, ids


def test_a_wrong_bundle_is_refused_at_submit(world, pair):
    spec, _ = pair
    shutil.rmtree(world.directory / "reward")
    items = world.directory / "bundle/facts.jsonl"
    items.write_text(items.read_text().replace('"search"', '"serch"', 1))
    answer = world.api.call("POST", "/v1/searches", body=spec)
    assert answer.status == 422, answer
    assert {field["field"] for field in answer.json["fields"]} == {"evaluator.bundle"}
    said = " ".join(field["error"] for field in answer.json["fields"])
    assert 'facts.jsonl:1: half must be "search" or "heldout", not "serch"' in said and "/config.json" in said


def golden_items(model):
    """{(task, metric): {item id: value}} as PyTorch computed them."""
    tasks = json.loads((GOLDEN / f"scores-{model}.json").read_text())["tasks"]
    values = {}
    for task, about in tasks.items():
        for item in about["items"]:
            for metric, value in item.items():
                if isinstance(value, float):
                    values.setdefault((task, metric), {})[item["id"]] = value
    return values


def test_small_search_and_its_endpoints(world, pair):
    spec, ids = pair
    world.start_worker()
    world.start_worker()
    search = world.api.submit(spec)
    front = world.api.wait_state(search, "done", 180)
    assert front["progress"]["done"] == 6 and front["progress"]["failed"] == 0
    assert front["points"] and front["heldout"]["hypervolume"] is not None
    assert all(p["heldout"] for p in front["points"] + front["sweep"])
    base, tuned = front["sweep"][0], front["sweep"][-1]
    assert tuned["scores"][0]["mean"] > base["scores"][0]["mean"], "alignment raises the reward"

    # greedy answers and likelihoods of the endpoints are PyTorch's, item by item
    for point, model in ((base, "base"), (tuned, "tuned-rsf")):
        golden = golden_items(model)
        one = world.api.get(f"/v1/searches/{search}/trials/{point['trial']}")
        scores = {s["metric"]: s for s in one["scores"] if s["half"] == "search"}
        for task, metric, tolerance in COMPARED:
            want = [golden[task, metric][i] for i in ids[task, "search"]]
            got = scores[f"{task}.{metric}"]["items"]
            assert len(got) == len(want) == ITEMS
            # a tie in the last bit may turn one greedy token; more than one item is a fault
            apart = [i for i, (a, b) in enumerate(zip(got, want)) if abs(a - b) > tolerance]
            assert len(apart) <= (1 if tolerance < 1e-6 else 0), (model, task, metric, got, want)


def test_stopped_worker_gives_its_trial_back(world, pair):
    spec, _ = pair
    spec["budget"]["trials"] = 2
    spec["strategy"] = {"type": "sweep", "sweep_points": 2}
    spec["held_out"] = False
    spec["evaluator"]["bundle"] = str(FIXTURES / "bundle")  # all items: long enough to be stopped in the middle
    first = world.start_worker()
    search = world.api.submit(spec)
    maps = Path(f"/proc/{first.popen.pid}/maps")
    wait_until(lambda: "tuned-rsf" in maps.read_text(), 30, "the worker has the lease and opens the pair")
    status = first.terminate()
    assert status == 0
    wait_until(lambda: world.api.front(search)["progress"]["running"] == 0, 5, "the lease is given back, not expired")
    done = {t["number"] for t in world.api.trials(search) if t["state"] == "done"}
    assert not done, "stopped before the end of the first trial"
    second = world.start_worker()
    world.api.wait_state(search, "done", 120)
    assert [t["attempts"] for t in world.api.trials(search)] == [0, 0], "a lease given back is no failed attempt"
    assert all(str(second.popen.pid) in t["worker"] for t in world.api.trials(search))
