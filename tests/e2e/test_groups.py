"""Groups by kind, frozen, tied and bounded; the ends of the published code. On the shipped pair, merged for nobody."""
import hashlib
import json
import struct

from helpers import FIXTURES


def tensors(path):
    """{name: digest of its bytes}"""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8:8 + length])
    head.pop("__metadata__", None)
    spans = {name: t["data_offsets"] for name, t in head.items()}
    return {name: hashlib.sha256(data[8 + length + a:8 + length + b]).hexdigest() for name, (a, b) in spans.items()}


def spec_of(world, **members):
    spec = world.synthetic(trials=9, strategy={"type": "sobol", "sweep_points": 3})
    spec["models"] = {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")}
    spec["evaluator"]["merge"] = "plan"
    return {**spec, **members}


def test_every_trial_keeps_to_the_ranges(fleet):
    spec = spec_of(fleet, groups={
        "count": 2, "split": "kind", "freeze": {"layers 0-3 attention": 0.125},
        "bounds": {"layers 4-7 mlp": {"min": 0.5, "max": 0.75}}, "tie": [["layers 0-3 mlp", "layers 4-7 attention"]]})
    search = fleet.api.submit(spec)
    fleet.api.wait_state(search, "done")
    plan = fleet.api.get(f"/v1/searches/{search}/plan")
    assert plan["ratios"] == ["layers 0-3 attention", "layers 0-3 mlp", "layers 4-7 attention", "layers 4-7 mlp"]
    for t in plan["tensors"]:
        if t["layer"] is not None and t["kind"] != "norm":
            assert t["group"].endswith(t["kind"]), t
    trials = fleet.api.trials(search)
    assert len(trials) == 9
    for trial in trials:
        frozen, one, two, bounded = trial["ratios"]
        assert frozen == 0.125 and one == two and 0.5 <= bounded <= 0.75, trial
    free = {(t["ratios"][1], t["ratios"][3]) for t in trials if t["kind"] != "sweep"}
    assert len(free) == len([t for t in trials if t["kind"] != "sweep"])
    said = fleet.ctl("plan", search).stdout
    assert "fixed at 0.125" in said and "as layers 0-3 mlp" in said and "0.5 to 0.75" in said


def test_means_of_a_search_with_a_frozen_group(fleet):
    """The mean is that of all groups: what was not given goes where there is room, what was given is held to it."""
    spec = spec_of(fleet, groups={"count": 3, "freeze": {"layers 0-2": 0}})
    spec["strategy"] = {"type": "hma", "sweep_points": 11}
    spec["budget"]["trials"] = 30
    search = fleet.api.submit(spec)
    fleet.api.wait_state(search, "done")
    trials = fleet.api.trials(search)
    means = fleet.api.get(f"/v1/searches/{search}")["spec"]["strategy"]["means"]
    assert [round(mean, 12) for mean in means] == [round(2 / 3 * i / 10, 12) for i in range(1, 10)]
    for trial in trials:
        assert trial["ratios"][0] == 0
        assert trial["kind"] == "sweep" or min(abs(sum(trial["ratios"]) / 3 - mean) for mean in means) < 1e-12
    unequal = [t for t in trials if t["kind"] != "sweep"]
    assert all(abs(t["ratios"][1] - t["ratios"][2]) > 0.01 for t in unequal)  # the sweep has the equal ones
    spec["strategy"]["means"] = [0.3, 0.7]
    (error,) = fleet.api.post("/v1/searches", spec, expect=422)["fields"]
    assert error["field"] == "strategy.means[1]" and "0.7 is not between 0.000666667 and 0.666" in error["error"]


def test_a_group_that_is_not_there(world):
    answer = world.api.post("/v1/searches", spec_of(world, groups={"count": 3, "freeze": {"layer 0-2": 0}}), expect=422)
    (error,) = answer["fields"]
    assert error["field"] == "groups.freeze" and 'did you mean "layers 0-2"?' in error["error"]


def test_patterns_are_checked_at_the_door(world):
    names = [{"name": "head", "tensors": "lm_head("}, {"name": "rest", "layers": [0, 7]}]
    answer = world.api.post("/v1/searches", spec_of(world, groups={"names": names}), expect=422)
    (error,) = answer["fields"]
    assert error["field"] == "groups.names[0].tensors" and "(character 9)" in error["error"]


def test_the_published_code(fleet):
    search = fleet.api.submit(spec_of(fleet, ends="paper-code", strategy={"type": "sobol", "sweep_points": 2}))
    fleet.api.wait_state(search, "done")
    trial = next(t["number"] for t in fleet.api.trials(search) if t["kind"] != "sweep")
    out = fleet.directory / "merged"
    fleet.ctl("export", search, trial, "--out", out)
    base, merged = (tensors(d / "model.safetensors") for d in (FIXTURES / "base", out))
    for name in base:
        kept = "norm" in name or "embed" in name
        assert (base[name] == merged[name]) == kept, name
