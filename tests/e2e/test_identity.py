"""Which checkpoints a search was submitted with: a worker whose files are others refuses, and loses nobody a trial."""
import json
import shutil
import struct

import pytest
from helpers import FIXTURES, wait_until


@pytest.fixture
def pair(world):
    """(spec, directory of base, directory of tuned): a quick search over a copy of the fixtures."""
    sides = {}
    for side, fixture in (("base", "base"), ("tuned", "tuned-rsf")):
        sides[side] = world.directory / side
        shutil.copytree(FIXTURES / fixture, sides[side])
    spec = world.synthetic(trials=6, attempts=1)
    spec["models"] = {side: str(path) for side, path in sides.items()}
    spec["evaluator"]["merge"] = "plan"
    return spec, sides["base"], sides["tuned"]


def change_tensor(directory, index=7):
    """Flips one bit in the middle of a tensor; its name."""
    path = directory / "model.safetensors"
    bytes_ = bytearray(path.read_bytes())
    length = struct.unpack("<Q", bytes_[:8])[0]
    header = json.loads(bytes_[8:8 + length])
    name = sorted(n for n in header if n != "__metadata__")[index]
    begin, end = header[name]["data_offsets"]
    bytes_[8 + length + (begin + end) // 2] ^= 1
    path.write_bytes(bytes_)
    return name


def change_config(directory):
    path = directory / "config.json"
    config = json.loads(path.read_text())
    config["rms_norm_eps"] = 0.125
    path.write_text(json.dumps(config))
    return "config.json"


def remove(directory):
    shutil.rmtree(directory)
    return str(directory)


def refusals(world):
    return [refused for worker in world.api.get("/v1/workers")["workers"] for refused in worker["refused"]]


def wait_refusals(world, n):
    return wait_until(lambda: len(refusals(world)) == n and refusals(world), 60, f"{n} workers refuse")


def texts(world, search):
    return [warning["text"] for warning in world.api.search(search)["warnings"] if warning["field"] == "workers"]


@pytest.mark.parametrize("change, side", [(change_tensor, "base"), (change_tensor, "tuned"), (change_config, "tuned"),
                                          (remove, "base")])
def test_other_files_are_refused_and_the_right_ones_finish(world, pair, change, side):
    spec, base, tuned = pair
    directory = {"base": base, "tuned": tuned}[side]
    kept = world.directory / "kept"
    shutil.copytree(directory, kept)
    search = world.api.submit(spec)
    named = change(directory)
    world.start_worker()
    (refused,) = wait_refusals(world, 1)
    assert refused["search"] == search
    assert f"models.{side}" in refused["reason"] and named in refused["reason"], refused
    assert "give this worker the files" in refused["reason"]
    said = texts(world, search)
    assert "nobody works on this search" in said[0] and named in said[1], said
    assert "search_refused" in world.daemon.text()
    front, listed = world.api.front(search), world.ctl("searches").stdout
    assert front["stalled"] == refused["reason"] and world.api.search(search)["stalled"] == refused["reason"]
    assert f"! nobody works on search {search}: " in listed and "pause and resume the search (paretoctl workers)" in listed

    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(kept, directory)
    world.start_worker()  # the first goes on refusing: its files are looked at when it is started again
    world.api.wait_state(search, "done")
    trials = world.api.trials(search)
    assert {t["state"] for t in trials} == {"done"} and {t["attempts"] for t in trials} == {0}
    assert len({t["worker"] for t in trials}) == 1
    wait_until(lambda: not refusals(world), 10, "a search that is over is refused by nobody")
    assert texts(world, search) == []


def test_a_search_that_is_resumed_is_offered_again(world, pair):
    """Files that were away for a while, as a network's are: the worker need not be started again."""
    spec, base, _ = pair
    search = world.api.submit(spec)
    away = base.rename(world.directory / "away")
    world.start_worker()
    (refused,) = wait_refusals(world, 1)
    assert "cannot be read here" in refused["reason"], refused
    assert "pause and resume the search" in texts(world, search)[0]
    world.api.post(f"/v1/searches/{search}/pause")
    world.api.post(f"/v1/searches/{search}/resume")
    wait_until(lambda: world.daemon.text().count("search_refused") == 2, 30, "asked again, it refuses again")
    away.rename(base)
    world.api.post(f"/v1/searches/{search}/pause")
    world.api.post(f"/v1/searches/{search}/resume")
    world.api.wait_state(search, "done")
    assert {t["attempts"] for t in world.api.trials(search)} == {0}
    assert world.api.front(search)["stalled"] is None


def test_no_end_is_in_sight_while_nobody_works(world, pair):
    spec, base, _ = pair
    spec["budget"]["trials"] = 400
    search = world.api.submit(spec)
    world.start_worker()
    world.api.wait_front(search, lambda f: f["progress"]["done"] and f["eta_s"] is not None, 60, "the end is in sight")
    world.api.post(f"/v1/searches/{search}/pause")
    change_tensor(base)
    world.api.post(f"/v1/searches/{search}/resume")
    front = world.api.wait_front(search, lambda f: f["stalled"], 60, "nobody works")
    assert front["state"] == "running" and front["eta_s"] is None and world.api.search(search)["eta_s"] is None


def test_the_list_tells_when_nobody_is_left(stage):
    """The worker that would do the search is lost: nothing changed in the search, and yet its warnings did."""
    stage.lease_s = 1
    stage.start_daemon()
    api = stage.api
    search = api.submit(stage.synthetic(trials=4))
    refusing, _ = (api.post("/v1/workers", {"name": name, "slots": 1, "version": "1"})["worker"] for name in "ab")
    lease = api.post("/v1/leases", {"worker": refusing, "wait_s": 0})["lease"]
    api.post(f"/v1/leases/{lease}/release", {"refused": "models.base: other files"})
    listed = api.call("GET", "/v1/searches")
    front = api.call("GET", f"/v1/searches/{search}/front")
    assert "nobody works" not in listed.body.decode() and front.json["stalled"] is None

    def changed():
        api.call("POST", "/v1/leases", body={"worker": refusing, "wait_s": 0})  # a sign of life
        return api.call("GET", "/v1/searches", headers={"If-None-Match": listed.headers["ETag"]}).status == 200

    wait_until(changed, 20, "the list is another one")
    assert "nobody works on this search" in texts(stage, search)[0]
    again = api.call("GET", f"/v1/searches/{search}/front", headers={"If-None-Match": front.headers["ETag"]})
    assert again.status == 200 and again.json["stalled"] == "models.base: other files"
    assert again.json["revision"] == front.json["revision"]


def test_files_exchanged_between_two_trials(world, pair):
    spec, _, tuned = pair
    gate = world.directory / "gate"
    spec["evaluator"]["argv"] += ["--gate", str(gate), "--record", str(world.directory / "record")]
    spec["budget"]["attempts"] = 3
    kept = world.directory / "kept"
    shutil.copytree(tuned, kept)
    search = world.api.submit(spec)
    world.start_worker()
    wait_until((world.directory / "record").exists, 60, "a trial is evaluated")
    named = change_tensor(tuned)  # under the trial that waits at the gate: its scores are nobody's
    gate.touch()
    (refused,) = wait_refusals(world, 1)
    assert named in refused["reason"]
    trials = world.api.trials(search)
    assert [t["state"] for t in trials if t["attempts"]] == ["ready"]
    assert "changed while they were evaluated" in [t["reason"] for t in trials if t["attempts"]][0]
    shutil.rmtree(tuned)
    shutil.copytree(kept, tuned)
    world.start_worker()
    world.api.wait_state(search, "done")


def test_files_of_another_date_are_the_same_files(world, pair):
    spec, base, _ = pair
    gate = world.directory / "gate"
    spec["evaluator"]["argv"] += ["--gate", str(gate)]
    search = world.api.submit(spec)
    weights = base / "model.safetensors"
    copy = world.directory / "copy"
    shutil.copy(weights, copy)
    copy.replace(weights)  # another inode and another date, the same content
    world.start_worker()
    gate.touch()
    world.api.wait_state(search, "done")
    assert {t["attempts"] for t in world.api.trials(search)} == {0}


def test_the_pair_has_one_identity(world, pair):
    spec, base, tuned = pair
    first = world.api.search(world.api.submit(spec))["digests"]
    moved = world.directory / "elsewhere"
    shutil.copytree(base, moved)
    spec["models"]["base"] = str(moved)
    second = world.api.search(world.api.submit(spec))["digests"]
    assert first == second
    change_tensor(tuned)
    third = world.api.search(world.api.submit(spec))["digests"]
    assert third["base"] == first["base"] and third["tuned"] != first["tuned"]
