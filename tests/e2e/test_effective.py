"""The ratios as they were really applied: kept with the trial, warned of where they are not what was asked for."""
import csv
import io

import pytest
from helpers import FIXTURES


@pytest.fixture
def halved(fleet):
    """A finished search whose evaluator says that half of each ratio came out, and nothing of the last one."""
    spec = fleet.synthetic(trials=8, strategy={"type": "sobol", "sweep_points": 3}, options=("--effective", 0.5))
    search = fleet.api.submit(spec)
    fleet.api.wait_state(search, "done")
    return search


def plain(trials):
    """Without what a model makes of the scores, which comes when it comes."""
    return [{k: v for k, v in t.items() if k not in ("confidence", "verdict", "posterior")} for t in trials]


def test_what_came_out_is_kept(fleet, halved):
    trials = fleet.api.trials(halved)
    for trial in trials:
        assert trial["effective"] == [ratio * 0.5 for ratio in trial["ratios"][:-1]] + [None]
        astray = [ratio for ratio in trial["ratios"][:-1] if ratio * 0.5 > 0.02]
        assert len(trial["warnings"]) == len(astray)
        assert all("was asked for" in text and "so says the evaluator" in text for text in trial["warnings"])
    front = fleet.api.front(halved)
    by_number = {trial["number"]: trial["effective"] for trial in trials}
    for point in front["points"] + front["sweep"] + front["dominated"]:
        assert point["effective"] == by_number[point["trial"]]
    table = csv.DictReader(io.StringIO(fleet.api.call("GET", f"/v1/searches/{halved}/trials.csv").body.decode()))
    for row in table:
        effective = by_number[int(row["trial"])]
        assert [row[f"effective group {i}"] for i in (1, 2, 3)] == [f"{x:.17g}" for x in effective[:-1]] + [""]
    fleet.daemon.kill()
    fleet.start_daemon()
    assert plain(fleet.api.trials(halved)) == plain(trials)


def test_paretoctl_marks_it(fleet, halved):
    for command in ("trials", "front"):
        said = fleet.ctl(command, halved).stdout
        assert "1.00→0.50* 1.00→0.50* 1.00" in said, said
        assert "* asked for→what came out" in said
    shown = fleet.ctl("front", halved, "--csv").stdout
    assert "effective group 1" in shown.splitlines()[0]


def test_a_merge_can_be_told_otherwise(fleet):
    spec = fleet.synthetic(trials=2, strategy={"type": "sweep", "sweep_points": 2}, options=("--effective", 0.5))
    spec["models"] = {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")}
    spec["evaluator"]["merge"] = "plan"
    search = fleet.api.submit(spec)
    fleet.api.wait_state(search, "done")
    (text, *_) = next(t["warnings"] for t in fleet.api.trials(search) if t["warnings"])
    assert text.endswith('set output.rounding to "stochastic" or output.dtype to "F32"'), text


def test_a_search_that_says_nothing_is_not_warned_of(fleet):
    search = fleet.api.submit(fleet.synthetic(trials=5))
    fleet.api.wait_state(search, "done")
    assert all((t["effective"], t["warnings"]) == (None, []) for t in fleet.api.trials(search))
    assert "→" not in fleet.ctl("trials", search).stdout


def test_a_merge_tells_what_it_did(fleet):
    spec = fleet.synthetic(trials=5, strategy={"type": "sweep", "sweep_points": 5})
    spec["models"] = {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")}
    spec["evaluator"]["merge"] = "directory"
    search = fleet.api.submit(spec)
    fleet.api.wait_state(search, "done")
    for trial in fleet.api.trials(search):
        for asked, came_out in zip(trial["ratios"], trial["effective"], strict=True):
            assert asked == came_out if asked in (0, 1) else abs(asked - came_out) < 0.02
        assert trial["warnings"] == []
