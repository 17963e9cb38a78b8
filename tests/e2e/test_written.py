"""What models wrote: of every trial that is scored whole, also after a stop, and of no other; nothing where nobody asks."""
import json
import sqlite3
import subprocess

from helpers import FIXTURES, program, wait_until
from test_identify import SHARDS, identify, lines, make_bundle, start_identify
from test_upgrade import downgrade

ITEMS = 24  # of each task and half


def small_bundle(directory):
    """The first items of two tasks of the shipped bundle, and the facts as questions about honesty."""
    bundle = directory / "small"
    bundle.mkdir()
    about = json.loads((FIXTURES / "bundle/bundle.json").read_text())
    tasks = {t["name"]: t for t in about["tasks"]}
    for name in ("facts", "choice"):
        rows = lines(FIXTURES / f"bundle/{name}.jsonl")
        kept = [r for half in ("search", "heldout") for r in [r for r in rows if r["half"] == half][:ITEMS]]
        (bundle / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in kept))
    honest = {"name": "honest", "type": "rtuning", "file": "facts.jsonl", "metrics": ["accuracy"], "weight": 1,
              "max_new_tokens": 12, "stop_ids": [2]}
    (bundle / "bundle.json").write_text(json.dumps(about | {"tasks": [tasks["facts"], tasks["choice"], honest]}))
    (bundle / "vocab.json").write_text((FIXTURES / "bundle/vocab.json").read_text())
    return bundle


def spec_of(world, **evaluator):
    return {
        "name": "written", "groups": {"count": 2},
        "models": {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")},
        "objectives": [{"name": o, "metric": m, "goal": "max"} for o, m in
                       (("facts", "facts.f1"), ("choice", "choice.acc"), ("honest", "honest.accuracy"))],
        "evaluator": {"type": "native", "bundle": str(world.directory / "small"), "slices": 4, **evaluator},
        "strategy": {"type": "bayes", "sweep_points": 2, "design": 4, "screen": 0.5}, "budget": {"trials": 9}}


def once(world, spec, ratios, half):
    path = world.directory / "search.json"
    path.write_text(json.dumps(spec))
    done = subprocess.run([program("pareto-worker"), "--evaluate", path, "--ratios", ",".join(map(repr, ratios)), "--half", half,
                           "--written", "--scratch", world.directory / "once"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["written"]


def rows(world):
    base = sqlite3.connect(f"file:{world.directory / 'db' / 'paretod.db'}?mode=ro", uri=True)
    try:
        return base.execute("SELECT count(*) FROM written").fetchone()[0]
    finally:
        base.close()


def test_of_whatever_is_scored_whole(fleet):
    """Trials that are scored in part first, and go on on any worker, have the texts of an evaluation at once."""
    world = fleet
    small_bundle(world.directory)
    spec = spec_of(world, written=True)
    search = world.api.submit(spec)
    world.api.wait_state(search, "done", 180)
    assert world.api.search(search)["spec"]["evaluator"]["written"] is True
    trials = world.api.trials(search)
    resumed = 0
    for trial in trials:
        written = world.api.get(f"/v1/searches/{search}/trials/{trial['number']}/written")["written"]
        if trial["state"] == "stopped":
            assert written == {}
            continue
        assert "search" in written
        for half, texts in written.items():
            assert sorted(texts) == ["facts", "honest"], "choices of type choice are not written"
            assert [len(items) for items in texts.values()] == [ITEMS, ITEMS]
            assert texts == once(world, spec, trial["ratios"], half)
        resumed += trial["path"] != "direct"
    assert resumed > 0 and {t["state"] for t in trials} == {"done", "stopped"}
    shown = world.ctl("written", search, 0, "--task", "facts", "--half", "search").stdout.splitlines()
    assert shown[0].split() == ["task", "half", "item", "wrote"] and len(shown) == ITEMS + 1


def test_not_where_nobody_asks(fleet):
    world = fleet
    small_bundle(world.directory)
    search = world.api.submit(spec_of(world) | {"strategy": {"type": "sweep"}, "budget": {"trials": 2}})
    world.api.wait_state(search, "done")
    assert "written" not in world.api.search(search)["spec"]["evaluator"]
    assert world.api.get(f"/v1/searches/{search}/trials/0/written") == {"trial": 0, "written": {}}
    assert rows(world) == 0
    done = world.ctl("written", search, 0, check=False)
    assert done.returncode == 1 and "no texts of this trial are kept" in done.stderr


def test_an_identification_that_an_earlier_version_began(world):
    """Shards of schema 4 have no texts: they are said to have none, and the others have theirs."""
    make_bundle(world.directory)
    worker = world.start_worker()
    command = start_identify(world)
    wait_until(lambda: world.api.get("/v1/searches")["searches"], 60, "the search is made")
    world.api.wait_front(1, lambda f: f["progress"]["done"] >= 3, 60, "some shards are done")
    worker.kill()
    command.kill()
    done = world.api.front(1)["progress"]["done"]
    assert world.daemon.terminate() == 0
    downgrade(world.directory / "db/paretod.db", 4)
    world.start_daemon()
    assert rows(world) == 0
    world.start_worker(slots=2)
    said = identify(world)
    assert f"{done} of {SHARDS} shards came without what the model wrote" in said.stderr, said.stderr
    kept = lines(world.directory / "identified.jsonl")
    assert all("certain" in q for q in kept[:-1])
    assert sum("output" not in q for q in kept[:-1]) == done * len(kept[:-1]) / SHARDS / 2, "of the half that was asked"
