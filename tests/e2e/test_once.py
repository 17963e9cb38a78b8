"""pareto-worker --evaluate: one evaluation by hand, without a daemon."""
import json
import os
import subprocess
from pathlib import Path

from helpers import program

PROGRAM = """#!/bin/sh
read -r job
[ -z "$TALK" ] || echo talking >&2
echo '{"scores":{"toy.a":1}}'
"""


def evaluate(directory, *argv, **variables):
    return subprocess.run([program("pareto-worker"), "--evaluate", directory / "search.json", *argv],
                          capture_output=True, text=True, env={**os.environ, "TMPDIR": str(directory), **variables})


def make(directory):
    path = directory / "evaluate.sh"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    (directory / "search.json").write_text(json.dumps({
        "objectives": [{"metric": "toy.a", "goal": "max"}], "groups": {"count": 2}, "ratio": {"min": 0.2, "max": 0.8},
        "evaluator": {"type": "command", "argv": ["./evaluate.sh"], "merge": "none"}}))
    return sorted(path.name for path in directory.iterdir())


def test_ratios_beyond_the_range_are_refused(tmp_path):
    make(tmp_path)
    for ratios, what in (("0.1,0.5", '0.1 for "group 1"'), ("0.5,0.9", '0.9 for "group 2"')):
        done = evaluate(tmp_path, "--ratios", ratios)
        assert done.returncode == 1 and not done.stdout
        assert f"{what} is outside of its range in this search, 0.2 to 0.8" in done.stderr
    assert evaluate(tmp_path, "--ratios", "0.2,0.8").returncode == 0
    search = json.loads((tmp_path / "search.json").read_text())
    search["groups"]["freeze"] = {"group 1": 0}
    (tmp_path / "search.json").write_text(json.dumps(search))
    assert evaluate(tmp_path, "--ratios", "0,0.8").returncode == 0
    done = evaluate(tmp_path, "--ratios", "0.5,0.8")
    assert done.returncode == 1 and '"group 1" is frozen at 0 in this search, not 0.5' in done.stderr
    search["groups"] = {"count": 2, "tie": [["group 1", "group 2"]]}
    (tmp_path / "search.json").write_text(json.dumps(search))
    assert evaluate(tmp_path, "--ratios", "0.5,0.5").returncode == 0
    done = evaluate(tmp_path, "--ratios", "0.5,0.6")
    assert done.returncode == 1 and '"group 1" and "group 2" are tied' in done.stderr


def test_a_wrong_number_of_ratios_names_the_groups(tmp_path):
    make(tmp_path)
    done = evaluate(tmp_path, "--ratios", "0.5")
    assert done.returncode == 1 and "--ratios: this search has 2 ratios (group 1, group 2), not 1" in done.stderr
    fixtures = Path(__file__).resolve().parents[1] / "fixtures"
    search = json.loads((tmp_path / "search.json").read_text())
    search["models"] = {"base": str(fixtures / "base"), "tuned": str(fixtures / "tuned-rsf")}
    search["objectives"][0]["metric"] = "facts.em"
    search["evaluator"] = {"type": "native", "bundle": str(fixtures / "bundle")}
    (tmp_path / "search.json").write_text(json.dumps(search))
    done = evaluate(tmp_path, "--ratios", "0.5")
    assert done.returncode == 1 and "this search has 2 ratios (layers 0-3, layers 4-7), not 1" in done.stderr



def test_nothing_is_left_behind(tmp_path):
    before = make(tmp_path)
    for argv in ((), ("--scratch", tmp_path / "made")):
        done = evaluate(tmp_path, "--ratios", "0.5,0.5", *argv)
        assert done.returncode == 0 and json.loads(done.stdout)["scores"], done.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == before
    (tmp_path / "mine").mkdir()
    assert evaluate(tmp_path, "--ratios", "0.5,0.5", "--scratch", tmp_path / "mine").returncode == 0
    assert (tmp_path / "mine").is_dir()


def test_a_log_is_kept_and_named(tmp_path):
    make(tmp_path)
    done = evaluate(tmp_path, "--ratios", "0.5,0.5", "--scratch", tmp_path / "made", TALK="1")
    assert done.returncode == 0
    assert f"standard error is in {tmp_path / 'made'}" in done.stderr
    assert [path.read_text() for path in (tmp_path / "made").iterdir()] == ["talking\n"]
