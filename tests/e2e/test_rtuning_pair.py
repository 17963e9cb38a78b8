"""The shipped R-Tuned pair: what the native evaluator makes of it is what transformers and scikit-learn make of it, and its search
runs to a front."""
import json
import subprocess

import pytest
from helpers import FIXTURES, ROOT, program

PAIR = FIXTURES / "rtuning"
MADE = ROOT / "tests/golden/rtuning_pair"
GOLDEN = json.loads((MADE / "golden.json").read_text())
SEARCH = ROOT / "deploy/rtuning.json"
HONESTY = ("willing", "refusal", "over_refusal", "accuracy", "ap", "ece", "auroc")
CONFIDENCE = 2e-4   # both read float32; a long way round gives other last digits
PSEUDO_VALUE = 0.1  # n S - (n - 1) S(all but i): n times the difference of two scores, n = 720


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


SEARCH_HALF = [q for q in lines(PAIR / "questions.jsonl") if q["half"] == "search"]
TRAIN = lines(PAIR / "train.jsonl")


def native(ratios, half):
    """{metric: score} by the worker alone."""
    done = subprocess.run([program("pareto-worker"), "--evaluate", str(SEARCH), "--ratios", ",".join(map(str, ratios)), "--half",
                           half], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return {score["metric"]: score for score in json.loads(done.stdout)["scores"]}


@pytest.mark.parametrize("name", GOLDEN["models"])
def test_every_question_is_scored_as_by_transformers(name):
    golden = GOLDEN["models"][name]
    scores, want = native(golden["ratios"], "search"), golden["search"]
    for metric in HONESTY:
        mine = scores[f"honesty.{metric}"]
        assert mine["n"] == len(want[metric]["items"])
        assert mine["mean"] == pytest.approx(want[metric]["mean"], abs=1e-5), metric
        assert mine["stderr"] == pytest.approx(want[metric]["stderr"], abs=1e-4), metric
        if metric in ("willing", "refusal", "over_refusal"):
            assert mine["items"] == want[metric]["items"], metric
        else:
            assert mine["items"] == pytest.approx(want[metric]["items"], abs=PSEUDO_VALUE), metric
    # the task knowledge asks the answerable ones of the same questions
    asked = [i for i, q in enumerate(SEARCH_HALF) if q.get("answerable", True)]
    assert scores["knowledge.certain"]["items"] == [want["items"]["right"][i] for i in asked]
    assert scores["knowledge.confidence"]["items"] == pytest.approx([want["items"]["confidence"][i] for i in asked],
                                                                    abs=CONFIDENCE)


@pytest.mark.parametrize("name", GOLDEN["models"])
def test_the_other_half(name):
    golden = GOLDEN["models"][name]
    scores = native(golden["ratios"], "heldout")
    for metric in HONESTY:
        for key, tolerance in (("mean", 1e-5), ("stderr", 1e-4)):
            assert scores[f"honesty.{metric}"][key] == pytest.approx(golden["heldout"][metric][key], abs=tolerance), metric


def identify(world, questions, bundle, task, out):
    return world.ctl("rtuning", "identify", "--questions", questions, "--bundle", bundle, "--task", task, "--model", PAIR / "base",
                     "--shards", 12, "--out", out)


def without(path, row_keys, out):
    """The rows without what identification says."""
    out.write_text("".join(json.dumps({k: v for k, v in row.items() if k not in row_keys}) + "\n" for row in lines(path)))
    return out


def test_what_base_knows(fleet, tmp_path):
    """Identification says of every shipped question what its file says, and transformers; construct makes the same of both."""
    for path, bundle, task in ((PAIR / "train.jsonl", MADE / "train", "train"),
                               (PAIR / "questions.jsonl", PAIR / "bundle", "knowledge")):
        unknown = without(path, ("certain", "output"), tmp_path / "unknown.jsonl")
        identify(fleet, unknown, bundle, task, tmp_path / path.name)
        assert [q.get("certain") for q in lines(tmp_path / path.name)] == [q.get("certain") for q in lines(path)]
    assert [q["output"] for q in lines(tmp_path / "train.jsonl")] == [q["output"] for q in TRAIN]
    assert [int(q["certain"]) for q in TRAIN] == GOLDEN["train"]["certain"]
    for q, right in zip(SEARCH_HALF, GOLDEN["models"]["base"]["search"]["items"]["right"]):
        assert q.get("certain", False) == bool(right)

    for source in (tmp_path / "train.jsonl", PAIR / "train.jsonl"):
        fleet.ctl("rtuning", "construct", source, "--method", "padding", "--out", tmp_path / f"from-{source.parent.name}.jsonl")
    mine, shipped = (lines(tmp_path / f"from-{name}.jsonl") for name in (tmp_path.name, "rtuning"))
    assert mine == shipped
    assert [row["certain"] for row in mine] == [q["certain"] for q in TRAIN]
    for row, q in zip(mine, TRAIN):
        assert [s["text"] for s in row["segments"]][::2] == [
            f"Question: {q['question']} Answer:",
            " Are you sure you accurately answered the question based on your internal knowledge? I am"]
        assert row["segments"][1]["text"] == f" {q['answers'][0]}."
        assert row["segments"][3]["text"] == (" sure." if q["certain"] else " unsure.")


def test_the_shipped_search(fleet):
    """deploy/rtuning.json with fewer trials: a front between ends whose objectives are the golden ones."""
    spec = json.loads(SEARCH.read_text())
    spec["models"] = {end: str(PAIR / end) for end in ("base", "tuned")}
    spec["evaluator"]["bundle"] = str(PAIR / "bundle")
    spec["budget"]["trials"], spec["held_out"] = 7, False
    front = fleet.api.wait_state(fleet.api.submit(spec), "done", 240)
    assert front["progress"]["done"] == 7 and front["progress"]["failed"] == 0
    assert front["points"] and front["hypervolume"] > 0
    points = {tuple(p["ratios"]): p for p in front["points"] + front["sweep"]}
    for name in ("base", "tuned"):
        golden = GOLDEN["models"][name]
        want, scores = golden["search"], points[tuple(golden["ratios"])]["scores"]
        known = [r for r, q in zip(want["items"]["right"], SEARCH_HALF) if q.get("answerable", True)]
        assert [s["mean"] for s in scores] == pytest.approx(
            [want["refusal"]["mean"], want["over_refusal"]["mean"], sum(known) / len(known)], abs=1e-6), name
