"""The checkpoint people ship: complete, valid, and byte for byte the same again."""
import hashlib
import json
import struct

import pytest
from helpers import FIXTURES


def header(path):
    """The header of a safetensors file, its data region checked: no hole, no overlap, nothing after it."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8:8 + length])
    head.pop("__metadata__", None)
    at = 0
    for begin, end in sorted(tuple(t["data_offsets"]) for t in head.values()):
        assert begin == at and end >= begin
        at = end
    assert 8 + length + at == len(data)
    return head


def tensors(path):
    """{name: digest of its bytes}"""
    data = path.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    spans = {name: t["data_offsets"] for name, t in header(path).items()}
    return {name: hashlib.sha256(data[start + a:start + b]).hexdigest() for name, (a, b) in spans.items()}


def digests(directory):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(directory.iterdir())}


@pytest.fixture
def exported(fleet):
    """A small finished search over the real pair, whose evaluator does not look at the model."""
    spec = fleet.synthetic(trials=6, strategy={"type": "sobol", "sweep_points": 2})
    spec["models"] = {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")}
    spec["evaluator"]["merge"] = "plan"
    search = fleet.api.submit(spec)
    fleet.api.wait_state(search, "done")
    return fleet, search


def test_export_is_complete_and_repeatable(exported):
    world, search = exported
    ratios = world.api.trials(search)[4]["ratios"]
    assert len(set(ratios)) == 3
    one, two = world.directory / "one", world.directory / "two"
    world.ctl("export", search, 4, "--out", one)
    world.ctl("export", search, 4, "--out", two)
    assert digests(one) == digests(two)
    tuned = FIXTURES / "tuned-rsf"
    copied = {p.name for p in tuned.iterdir() if p.suffix == ".json" and "index" not in p.name}
    assert copied | {"model.safetensors", "paretod.json"} <= set(digests(one))
    want = header(tuned / "model.safetensors")
    got = header(one / "model.safetensors")
    shapes = [{name: (t["dtype"], t["shape"]) for name, t in head.items()} for head in (got, want)]
    assert shapes[0] == shapes[1]
    lineage = json.loads((one / "paretod.json").read_text())
    assert [float(x).hex() for x in lineage["ratios"]] == [float(x).hex() for x in ratios]
    assert digests(one)["config.json"] == digests(tuned)["config.json"]


def test_endpoints_are_the_checkpoints(exported):
    world, search = exported
    ends = {t["ratios"][0]: t["number"] for t in world.api.trials(search) if t["kind"] == "sweep"}
    for ratio, name in ((0.0, "base"), (1.0, "tuned-rsf")):
        out = world.directory / name
        world.ctl("export", search, ends[ratio], "--out", out)
        want, got = FIXTURES / name / "model.safetensors", out / "model.safetensors"
        assert tensors(got) == tensors(want)


def test_an_existing_directory_is_left_alone(exported):
    world, search = exported
    out = world.directory / "mine"
    out.mkdir()
    (out / "note").write_text("keep me")
    done = world.ctl("export", search, 4, "--out", out, check=False)
    assert done.returncode == 1 and "mine" in done.stderr
    assert [p.name for p in out.iterdir()] == ["note"]
    assert [p.name for p in world.directory.iterdir() if "partial" in p.name] == []


def test_an_unknown_trial_is_refused(exported):
    world, search = exported
    done = world.ctl("export", search, 99, "--out", world.directory / "x", check=False)
    assert done.returncode == 1 and done.stderr and not (world.directory / "x").exists()
