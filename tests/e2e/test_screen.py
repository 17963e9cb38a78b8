"""Trials that are scored in part first, and completed at the end where the front needs them."""
import collections

from helpers import ROOT, wait_until
from test_slices import check_log, events, record, spec_of

SCREEN = 0.5


def screen_of(world, trials=14, **more):
    spec = spec_of(world, trials=trials, early_stop=0, **more)
    spec["strategy"] |= {"screen": SCREEN, "sweep_points": 9}
    return spec


def check_screening(world, search, anchors=(0, 1, 2, 4, 6)):
    """Anchors are whole at once, the others after a stop, at most one; the front is whole."""
    check_log(world, search)
    kinds = collections.defaultdict(list)
    for kind, trial, share, _ in events(world, search):
        if kind != "slice":
            kinds[trial].append((kind, share))
    by_number = {t["number"]: t for t in world.api.trials(search)}
    assert set(by_number) == set(kinds)
    for trial, seen in kinds.items():
        words = [kind for kind, _ in seen]
        assert words in (["done"],) if trial in anchors else words in (["stopped"], ["stopped", "reopened", "done"]), (trial, seen)
        assert trial in anchors or seen[0] == ("stopped", SCREEN)
        assert by_number[trial]["state"] == ("stopped" if words == ["stopped"] else "done")
        assert by_number[trial]["share"] == (SCREEN if words == ["stopped"] else 1)
    front = {point["trial"] for point in world.api.call("GET", f"/v1/searches/{search}/front").json["points"]}
    completed = {trial for trial, seen in kinds.items() if len(seen) == 3}
    assert front <= completed | set(anchors)
    return completed


def test_the_front_is_completed(fleet):
    """Its trials go on where they stopped: no slice is evaluated twice; what is held out is whole."""
    search = fleet.api.submit(screen_of(fleet, held_out=True, options=("--wait", 1)))
    fleet.api.wait_state(search, "done", 180)
    completed = check_screening(fleet, search)
    assert completed and len(completed) < 9
    runs = collections.Counter((row[0], row[3]) for row in record(fleet) if row[1] == "search" and row[3] != "stop")
    assert set(runs.values()) == {1}
    assert {int(row[0]) for row in record(fleet) if row[1] == "heldout"} <= completed | {0, 1, 2, 4, 6}


def test_killed_while_the_front_is_completed(stage):
    """The daemon dies when some go on, and knows afterwards which."""
    stage.start_daemon()
    stage.start_worker()
    search = stage.api.submit(screen_of(stage, options=("--wait", 1)))
    wait_until(lambda: any(kind == "reopened" for kind, *_ in events(stage, search)), 120, "trials go on")
    stage.daemon.kill()
    before = events(stage, search)
    stage.start_daemon()
    stage.api.wait_state(search, "done", 120)
    assert events(stage, search)[:len(before)] == before
    assert check_screening(stage, search) >= {trial for kind, trial, *_ in before if kind == "reopened"}


def test_on_the_shipped_pair(fleet):
    fixtures = ROOT / "tests/fixtures"
    spec = {"models": {"base": str(fixtures / "base"), "tuned": str(fixtures / "tuned-rsf")}, "groups": {"count": 2},
            "objectives": [{"name": "reward", "metric": "chat.reward", "goal": "max"},
                           {"name": "facts", "metric": "facts.em", "goal": "max"}],
            "evaluator": {"type": "native", "bundle": str(fixtures / "bundle"), "slices": 4},
            "strategy": {"type": "bayes", "sweep_points": 2, "design": 4, "screen": SCREEN},
            "budget": {"trials": 9}, "held_out": False}
    search = fleet.api.submit(spec)
    fleet.api.wait_state(search, "done", 400)
    check_screening(fleet, search, anchors=(0, 1, 2, 3, 4))
