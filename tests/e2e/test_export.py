"""The checkpoint people ship: complete, valid, and byte for byte the same again."""
import hashlib
import json
import shutil
import struct
import subprocess

import pytest
import yaml
from helpers import FIXTURES, program


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
    assert copied | {"model.safetensors", "paretod.json", "README.md", "paretod.manifest.json"} == set(digests(one))
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


def test_the_same_bytes_from_another_place_and_with_other_threads(exported):
    world, search = exported
    one, two, moved = world.directory / "one", world.directory / "two", world.directory / "moved"
    world.ctl("export", search, 4, "--out", one, "--threads", 1)
    shutil.copytree(FIXTURES / "base", moved)
    # reformatted: the config says the same
    config = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps(dict(reversed(config.items()))))
    world.ctl("export", search, 4, "--out", two, "--threads", 3, "--base", moved)
    assert digests(one) == digests(two)
    card = (two / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front == {"base_model": ["base", "tuned-rsf"], "base_model_relation": "merge", "library_name": "transformers",
                     "tags": ["merge", "paretod"]}
    kept = world.api.get(f"/v1/searches/{search}/digests")
    assert kept["base"]["digest"] in card and kept["tuned"]["digest"] in card
    assert str(moved) not in card + (two / "paretod.json").read_text()


def test_other_files_are_refused_by_tensor(exported):
    world, search = exported
    other = world.directory / "other"
    shutil.copytree(FIXTURES / "tuned-rsf", other)
    shutil.copy(FIXTURES / "tuned-dpo/model.safetensors", other)
    done = world.ctl("export", search, 4, "--out", world.directory / "x", "--tuned", other, check=False)
    assert done.returncode == 1 and "models.tuned" in done.stderr and ".weight" in done.stderr
    assert not (world.directory / "x").exists()


def test_several_trials_are_what_each_is_alone(exported):
    world, search = exported
    many = world.directory / "many"
    said = json.loads(world.ctl("export", search, "2,4,5", "--out", many, "--json").stdout)
    trials = world.api.trials(search)
    for item, number in zip(said["exports"], (2, 4, 5), strict=True):
        assert item["trial"] == number and item["ratios"] == trials[number]["ratios"]
        assert item["directory"] == str(many / f"trial-{number}") and item["warnings"] == []
        assert all(abs(a - b) < 0.02 for a, b in zip(item["ratios"], item["effective"], strict=True))
        alone = world.directory / f"alone-{number}"
        world.ctl("export", search, number, "--out", alone)
        assert digests(alone) == digests(many / f"trial-{number}")
        lineage = json.loads((alone / "paretod.json").read_text())
        assert lineage["trial"] == number and lineage["effective"] == item["effective"]
        assert [s["mean"] for s in lineage["scores"]] == [o["mean"] for o in trials[number]["objectives"]]
    assert said["digests"]["base"] == world.api.get(f"/v1/searches/{search}/digests")["base"]["digest"]


def test_shards_are_what_one_file_is(exported):
    world, search = exported
    whole, shards = world.directory / "whole", world.directory / "shards"
    world.ctl("export", search, 4, "--out", whole)
    world.ctl("export", search, 4, "--out", shards, "--max-shard-size", "1MB")
    index = json.loads((shards / "model.safetensors.index.json").read_text())
    files = sorted(set(index["weight_map"].values()))
    assert len(files) > 2 and sorted(p.name for p in shards.glob("*.safetensors")) == files
    parts = {name: digest for file in files for name, digest in tensors(shards / file).items()}
    assert parts == tensors(whole / "model.safetensors")


def test_more_shards_than_the_usual_limit_of_files(exported):
    """Each shard is a file that stays open; the soft limit of a shell is for others."""
    world, search = exported
    out = world.directory / "many"
    done = subprocess.run(["prlimit", "--nofile=48:4096", program("paretoctl"), "--daemon", world.address, "export",
                           str(search), "4", "--out", str(out), "--max-shard-size", "1"],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(list(out.glob("*.safetensors"))) > 48


def test_a_recipe_gives_the_trial_again(exported):
    world, search = exported
    one, back, recipe = world.directory / "one", world.directory / "back", world.directory / "recipe.yml"
    world.ctl("export", search, 4, "--out", one)
    printed = world.ctl("export", search, 4, "--format", "mergekit").stdout
    world.ctl("export", search, 4, "--format", "mergekit", "--out", recipe)
    assert recipe.read_text() == printed
    said = yaml.safe_load(printed)
    assert said["merge_method"] == "linear" and said["dtype"] == "float32" and said["out_dtype"] == "bfloat16"
    assert [s["sources"][0]["layer_range"] for s in said["slices"]] == [[0, 3], [3, 6], [6, 8]]
    assert [s["sources"][1]["parameters"]["weight"] for s in said["slices"]] == world.api.trials(search)[4]["ratios"]
    world.ctl("export", "--from-yaml", recipe, "--out", back)
    assert digests(back)["model.safetensors"] == digests(one)["model.safetensors"]
    assert digests(back)["tokenizer.json"] == digests(one)["tokenizer.json"]
