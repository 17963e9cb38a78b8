"""paretoctl rtuning, from published rows to training data and scores; no daemon runs."""
import json
import resource
import subprocess

import pytest
from helpers import program

ROWS = [[f"Where is place {i}?", f"land {i % 7}", f"P{i % 4}"] for i in range(60)]


@pytest.fixture
def ctl(tmp_path):
    (tmp_path / "pararel.json").write_text(json.dumps(ROWS + [["no answer"]]))

    def run(*arguments, code=0, **options):
        done = subprocess.run([program("paretoctl"), "rtuning", *map(str, arguments)], cwd=tmp_path, capture_output=True,
                              text=True, timeout=60, **options)
        assert done.returncode == code, done.stderr
        return done

    return run


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def identify(path, out):
    """As if a model had known every third question."""
    questions = lines(path)
    for i, question in enumerate(questions):
        question |= {"certain": i % 3 == 0, "samples": ["x"] * 4 if i % 3 == 0 else ["x", "x", "y", "z"]}
    out.write_text("".join(json.dumps(q) + "\n" for q in questions))


def test_from_rows_to_training_data(ctl, tmp_path):
    done = ctl("convert", "pararel", "pararel.json", "--in-subjects", 2, "--heldout", .5, "--out", "questions.jsonl")
    assert "1 of 61 rows are bad and left out" in done.stderr and "pararel.json:1: " in done.stderr
    questions = lines(tmp_path / "questions.jsonl")
    assert [q["answers"] for q in questions] == [[a] for _, a, _ in ROWS]
    assert {q["subject"] for q in questions if q["domain"] == "in"} == {"P0", "P1"}
    assert sum(q["half"] == "heldout" for q in questions) == 30

    identify(tmp_path / "questions.jsonl", tmp_path / "identified.jsonl")
    ctl("construct", "identified.jsonl", "--method", "padding", "--out", "train.jsonl")
    train = lines(tmp_path / "train.jsonl")
    assert sum(row["certain"] for row in train) == 20
    text = "".join(s["text"] for s in train[0]["segments"])
    assert text == ("Question: Where is place 0? Answer: land 0. Are you sure you accurately answered the question "
                    "based on your internal knowledge? I am sure.")
    assert [s["loss"] for s in train[0]["segments"]] == [False, True, False, True]

    told = json.loads(ctl("construct", "identified.jsonl", "--method", "unsupervised", "--format", "lmflow", "--compat",
                          "code", "--out", "lmflow.json", "--json").stdout)
    flow = json.loads((tmp_path / "lmflow.json").read_text())
    assert flow["type"] == "text_only" and len(flow["instances"]) == told["examples"] == 60
    assert told["certain"] == 30 and told["torn"] == 40
    assert sum(row["text"].endswith(" I am unsure.") for row in flow["instances"]) == 30

    report = json.loads(ctl("report", "identified.jsonl", "questions.jsonl", "--json").stdout)
    assert report["groups"][0]["certain"] == 20 and report["leaks"]["with_answer"] == 60


def test_the_same_seed_gives_the_same_bytes(ctl, tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        ctl("convert", "pararel", "pararel.json", "--sample", 20, "--seed", seed, "--out", f"{name}.jsonl")
        identify(tmp_path / f"{name}.jsonl", tmp_path / f"{name}.id")
        ctl("construct", f"{name}.id", "--method", "replacement", "--seed", seed, "--out", f"{name}.train")
    for kind in ("jsonl", "train"):
        a, b, c = ((tmp_path / f"{name}.{kind}").read_bytes() for name in "abc")
        assert a == b != c


def test_a_full_disk_leaves_what_was_there(ctl, tmp_path):
    (tmp_path / "out.jsonl").write_text("before")
    before = sorted(p.name for p in tmp_path.iterdir())
    done = ctl("convert", "pararel", "pararel.json", "--out", "out.jsonl", code=1,
               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    assert "out.jsonl: cannot be written: File too large" in done.stderr
    assert (tmp_path / "out.jsonl").read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_score(ctl, tmp_path):
    items = [{"id": str(i), "right": i % 2 == 0, "confidence": .9 - .1 * (i % 2), "sure": .2 + .6 * (i % 4 < 2),
              "base_right": True, "domain": "in" if i < 20 else "out"} for i in range(40)]
    items += [{"id": f"u{i}", "answerable": False, "sure": .1} for i in range(5)]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(x) + "\n" for x in items))
    told = json.loads(ctl("score", "items.jsonl", "--weight", 1, "--items", "--json").stdout)
    assert [g["name"] for g in told["groups"]] == ["all", "in", "out"]
    scores = told["groups"][0]["scores"]
    assert scores["ap"]["mean"] == scores["auroc"]["mean"] == scores["refusal"]["mean"] == 1
    assert scores["willing"]["mean"] == scores["over_refusal"]["mean"] == scores["accuracy"]["mean"] == .5
    assert len(scores["accuracy"]["items"]) == 40 and told["groups"][1]["scores"]["refusal"] is None
    assert "over-refusal" in ctl("score", "items.jsonl").stdout
    (tmp_path / "bad.jsonl").write_text('{"id":"a","right":true,"confidense":0.5,"sure":0.5}\n')
    assert 'did you mean "confidence"' in ctl("score", "bad.jsonl", code=1).stderr
