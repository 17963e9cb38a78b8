"""What is known of a pair before its first trial: by paretoctl alone, and with every search that is submitted."""
import json
import shutil

import pytest
from helpers import FIXTURES


@pytest.fixture
def search(world):
    spec = world.synthetic(trials=2, strategy={"type": "sweep", "sweep_points": 2})
    spec["models"] = {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")}
    spec["evaluator"]["merge"] = "plan"
    return spec


def write(world, spec):
    path = world.directory / "search.json"
    path.write_text(json.dumps(spec))
    return path


def test_the_shipped_pair(world, search):
    path = write(world, search)
    said = world.ctl("preflight", path).stdout
    assert "LlamaForCausalLM" in said and "layers 3-5" in said and "Ready: the pair can be merged as asked." in said
    report = json.loads(world.ctl("preflight", path, "--json").stdout)
    assert report["ok"] and report["findings"] == []
    assert sum(g["parameters"] for g in report["groups"]) == report["models"]["base"]["parameters"] == 1607808
    # what a digest is made of is a promise: searches that are stored have theirs
    assert report["models"]["base"]["digest"] == "ce35c1c000513504512e128c312fb4c1"
    assert report["models"]["tuned"]["digest"] == "57aff5d3dd4357ece41e3fc4e9c5f524"
    for group in report["groups"]:
        for rounding in ("nearest", "stochastic"):
            for asked, got in zip(report["ratios"], group["effective"][rounding]):
                assert abs(asked - got) < 0.001


def test_the_daemon_keeps_the_same_report(world, search):
    local = json.loads(world.ctl("preflight", write(world, search), "--json").stdout)
    number = world.api.submit(search)
    kept = json.loads(world.ctl("preflight", number, "--json").stdout)
    for report in (local, kept):
        report["needs"].pop("merge_s")  # measured
        report["needs"].pop("free_bytes")  # of this machine; the daemon says nothing of it
    assert kept == local
    digests = world.api.get(f"/v1/searches/{number}/digests")
    assert digests["tuned"]["digest"] == local["models"]["tuned"]["digest"]


def test_a_broken_pair(world, search):
    tuned = world.directory / "tuned"
    shutil.copytree(FIXTURES / "tuned-rsf", tuned)
    config = json.loads((tuned / "config.json").read_text())
    (tuned / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 12, "num_attention_heads": 8}))
    (tuned / "tokenizer.json").unlink()
    search["models"]["tuned"] = str(tuned)
    done = world.ctl("preflight", write(world, search), check=False)
    assert done.returncode == 1
    assert "✗ models: config.json: num_attention_heads is 4 in models.base and 8 in models.tuned" in done.stdout
    assert "✗ models.tuned: config.json says 12 layers, the tensors make 8" in done.stdout
    assert "! models.tuned: has no tokenizer.json" in done.stdout
    assert "2 errors, 1 warning: this search would be refused, or its trials would fail." in done.stdout
    refused = world.ctl("submit", write(world, search), check=False)
    assert refused.returncode == 1 and "12 layers" in refused.stderr and "num_attention_heads" in refused.stderr


def test_a_cut_file(world, search):
    tuned = world.directory / "tuned"
    shutil.copytree(FIXTURES / "tuned-rsf", tuned)
    weights = (tuned / "model.safetensors").read_bytes()
    (tuned / "model.safetensors").write_bytes(weights[:100000])
    search["models"]["tuned"] = str(tuned)
    done = world.ctl("preflight", write(world, search), check=False)
    assert done.returncode == 1 and "✗ models.tuned: " in done.stdout and "model.safetensors" in done.stdout
