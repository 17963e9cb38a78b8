"""pareto-worker --evaluate: one evaluation by hand, without a daemon."""
import json
import os
import subprocess

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
    for ratios in ("0.1,0.5", "0.5,0.9"):
        done = evaluate(tmp_path, "--ratios", ratios)
        assert done.returncode == 1 and not done.stdout
        assert "outside of this search's ratio.min and ratio.max, 0.2 to 0.8" in done.stderr
    assert evaluate(tmp_path, "--ratios", "0.2,0.8").returncode == 0
    search = json.loads((tmp_path / "search.json").read_text())
    search["groups"]["freeze"] = {"group 1": 0}
    (tmp_path / "search.json").write_text(json.dumps(search))
    assert evaluate(tmp_path, "--ratios", "0,0.8").returncode == 0


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
