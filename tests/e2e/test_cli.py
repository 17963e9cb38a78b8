"""paretoctl as people and scripts use it."""
import csv
import io
import json
import subprocess

import pytest
from helpers import FIXTURES, program


@pytest.fixture
def search_file(world):
    path = world.directory / "search.json"
    path.write_text(json.dumps(world.synthetic(trials=8)))
    return path


def test_help_and_version(world):
    said = world.ctl("--help").stdout
    for command in ("submit", "searches", "watch", "front", "trials", "plan", "preflight", "export", "pause", "resume",
                    "cancel", "workers"):
        assert command in said
    assert "paretoctl front" in world.ctl("front", "--help").stdout
    assert world.ctl("--version").stdout.startswith("paretoctl ")


@pytest.mark.parametrize("name, arguments", [("paretod", ["--help"]), ("paretod", ["--version"]),
                                             ("pareto-worker", ["--help"]), ("pareto-worker", ["--version"])])
def test_daemon_and_worker_help(name, arguments):
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and name in done.stdout


@pytest.mark.parametrize("name", ["paretod", "pareto-worker", "paretoctl"])
def test_wrong_usage_ends_with_2(name):
    done = subprocess.run([program(name), "--no-such-flag"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "no-such-flag" in done.stderr


def test_exit_codes(world):
    assert world.ctl("front", "77", check=False).returncode == 1
    assert world.ctl("fornt", "77", check=False).returncode == 2
    assert "front" in world.ctl("fornt", "77", check=False).stderr
    nobody = subprocess.run([program("paretoctl"), "--daemon", f"unix:{world.directory}/nobody", "searches"],
                            capture_output=True, text=True, timeout=30)
    assert nobody.returncode == 3 and nobody.stderr


def test_submit_watch_front(fleet, search_file):
    done = fleet.ctl("submit", search_file, "--watch", "--set", "budget.trials=10")
    search = fleet.api.get("/v1/searches")["searches"][0]
    assert search["state"] == "done" and search["progress"]["done"] == 10
    assert str(search["id"]) in done.stdout
    front = fleet.api.front(search["id"])

    shown = json.loads(fleet.ctl("front", search["id"], "--json").stdout)
    assert [p["trial"] for p in shown["points"]] == [p["trial"] for p in front["points"]]

    rows = list(csv.DictReader(io.StringIO(fleet.ctl("front", search["id"], "--csv").stdout)))
    assert [int(row["trial"]) for row in rows] == [p["trial"] for p in front["points"]]
    for row, point in zip(rows, front["points"]):
        numbers = set()
        for value in row.values():
            try:
                numbers.add(float(value).hex())
            except (TypeError, ValueError):
                pass
        assert {float(x).hex() for x in point["ratios"] + [s["mean"] for s in point["scores"]]} <= numbers

    table = fleet.ctl("front", search["id"], "--plot").stdout
    assert all(f"{p['trial']}" in table for p in front["points"])
    assert len(fleet.ctl("trials", search["id"], "--csv").stdout.splitlines()) == 11
    assert search["name"] in fleet.ctl("searches").stdout
    assert len(json.loads(fleet.ctl("workers", "--json").stdout)["workers"]) == 2


def test_watch_says_how_it_ended(world, search_file):
    world.ctl("submit", search_file)
    world.ctl("cancel", 1)
    assert world.ctl("watch", 1, check=False).returncode == 4


def test_the_same_key_is_the_same_search(world, search_file):
    for _ in range(2):
        world.ctl("submit", search_file, "--key", "k")
    assert len(world.api.get("/v1/searches")["searches"]) == 1


def test_pause_resume_cancel(world, search_file):
    world.ctl("submit", search_file)
    for verb, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        world.ctl(verb, 1)
        assert world.api.search(1)["state"] == state
    refused = world.ctl("resume", 1, check=False)
    assert refused.returncode == 1 and refused.stderr


def test_wrong_search_names_the_fields(world, search_file):
    spec = json.loads(search_file.read_text())
    spec["objectives"][1]["goal"] = "most"
    spec["budgett"] = {}
    search_file.write_text(json.dumps(spec))
    done = world.ctl("submit", search_file, check=False)
    assert done.returncode == 1
    assert "objectives[1].goal" in done.stderr and "budgett" in done.stderr


def test_plan_of_a_file_and_of_a_search(world):
    spec = world.synthetic(trials=2, strategy={"type": "sweep", "sweep_points": 2})
    spec["models"] = {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")}
    spec["evaluator"]["merge"] = "plan"
    path = world.directory / "plan.json"
    path.write_text(json.dumps(spec))
    said = world.ctl("plan", path).stdout
    assert "lm_head.weight" in said and "model.embed_tokens.weight" in said
    plan = json.loads(world.ctl("plan", path, "--json").stdout)
    assert len(plan["ratios"]) == 3 and len({t["name"] for t in plan["tensors"]}) == len(plan["tensors"])
    search = world.api.submit(spec)
    assert world.api.get(f"/v1/searches/{search}/plan") == plan
    assert json.loads(world.ctl("plan", search, "--json").stdout) == plan
