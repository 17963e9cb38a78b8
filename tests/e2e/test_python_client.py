"""client/python: the example of its README, its promises against a real daemon, and Optuna's studies."""
import json
import math
import os
import re
import subprocess
import sys
import threading
import time

import pytest
from helpers import ROOT, Process, wait_until

PACKAGE = ROOT / "client/python"
GOLDEN = ROOT / "tests/golden/client"
sys.path.insert(0, str(PACKAGE))
import paretod  # noqa: E402


def search(groups=2, trials=12, objectives=("up", "down"), strategy=None, **more):
    return {"name": "python", "groups": {"count": groups},
            "objectives": [{"name": o, "metric": f"m.{o}", "goal": "min" if o == "down" else "max"} for o in objectives],
            "strategy": strategy or {"type": "sobol", "sweep_points": 3},
            "budget": {"trials": trials, "attempts": 2}, **more}


def evaluate(trial):
    return {"up": sum(trial.ratios), "down": (math.dist(trial.ratios, [0.2] * len(trial.ratios)), 0.25)}


def study_of(world, client="test", **more):
    return paretod.create_study(search(**more), world.address, client=client)


def run(world, *arguments, code=None):
    argv = [sys.executable, *(["-c", code] if code else []), *map(str, arguments)]
    return subprocess.run(argv, text=True, capture_output=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(PACKAGE), "PARETOD_DAEMON": world.address if world else ""})


def test_the_readme_example(world):
    (code,) = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.S)
    done = run(world, code=code)
    assert done.returncode == 0, done.stderr
    *lines, volume = done.stdout.splitlines()
    (row,) = world.api.get("/v1/searches")["searches"]
    assert row["state"] == "done" and row["progress"]["done"] == 24
    assert {int(line.split()[0]) for line in lines} == {p["trial"] for p in world.api.front(row["id"])["points"]}
    _, value, *_, sweep = volume.split()
    assert 0.2 < float(sweep) <= float(value) < 2  # its ends differ in both objectives
    again = run(world, code=code)
    assert (again.returncode, again.stdout) == (0, done.stdout), again.stderr


def test_ask_and_tell(world):
    study = study_of(world)
    assert study.objectives == ["up", "down"] and study.directions == ["maximize", "minimize"]
    first, second = study.ask(), study.ask()
    assert first.number != second.number and first.attempt == 1 and first.repeat_of is None
    assert first["group 1"] == first[0] == first.params["group 1"] == first.suggest_float("group 1", 0, 1)
    with pytest.raises(KeyError, match="group 2"):
        first["group 3"]
    assert study.tell(first, [1, (2, 0.5)]) is False
    assert study.tell(first, [1, 2]) is True
    assert study.tell(second.number, {"up": {"mean": 3, "n": 10}, "m.down": 4}) is False
    done = {t.number: t for t in study.trials if t.state == "done"}
    assert done[first.number].values == [1, 2] and done[first.number].stderrs == [None, 0.5]
    assert done[second.number].values == [3, 4] and done[second.number].params == second.params
    assert {t.number for t in study.best_trials} == {first.number, second.number}


@pytest.mark.parametrize("values", [
    {"up": math.nan, "down": 1}, [1], [1, math.inf], {"up": (1, 2, 3), "down": 1}, {"up": {"stderr": 1}, "down": 1}])
def test_wrong_values_are_not_sent(world, values):
    study = study_of(world)
    trial = study.ask()
    with pytest.raises(ValueError):
        study.tell(trial, values)
    assert study.tell(trial, [1, 1]) is False


def test_errors_say_what_the_daemon_says(world):
    with pytest.raises(paretod.Invalid, match="objectives\\[0\\].goal: is missing") as caught:
        paretod.create_study({"groups": {"count": 2}, "objectives": [{"metric": "f"}]}, world.address)
    assert caught.value.fields[0]["field"] == "objectives[0].goal" and caught.value.status == 422
    with pytest.raises(paretod.NotFound, match="there is no search"):
        paretod.load_study(99, world.address)
    study = study_of(world)
    with pytest.raises(paretod.Invalid, match="no metric \"m.down\""):
        study.tell(study.ask(), {"up": 1})
    with pytest.raises(paretod.Gone):
        study.tell(11, [1, 1])
    with pytest.raises(paretod.Invalid) as caught:
        paretod.create_study(search(trials=0), world.address)
    assert str(caught.value).count("budget.trials") == 1
    study.cancel()
    with pytest.raises(paretod.SearchOver, match="cancelled"):
        study.ask()


@pytest.mark.parametrize("address", ["", "unix:", "nowhere", "http://host/path", "host:port", "ftp://host:1"])
def test_wrong_addresses(address):
    with pytest.raises(ValueError, match="is no address of paretod: give \"unix:/path\""):
        paretod.create_study(search(), address)


def test_nobody_there_is_said_at_once(tmp_path):
    began = time.monotonic()
    for address in (f"unix:{tmp_path}/nobody", "127.0.0.1:1"):
        with pytest.raises(paretod.Unreachable, match=f"no answer from paretod at {address}: .*is it running, with --listen there"):
            paretod.load_study(1, address)
    assert time.monotonic() - began < 30  # and not a minute each


@pytest.mark.parametrize("name", ["python", 1.0, None, True])
def test_load_study_takes_a_number(name):
    with pytest.raises(TypeError, match="load_study takes the number of a search; .* lists them"):
        paretod.load_study(name, "unix:/nobody")


def test_words_for_mistakes(world):
    study = study_of(world)
    trial = study.ask()
    with pytest.raises(TypeError, match="takes the share of the items that is scored .*, then the scores"):
        trial.report({"up": 1, "down": 1}, 0.5)
    with pytest.raises(ValueError, match="one of 'complete', 'failed', 'fail', 'stopped', 'pruned', not 'done'"):
        study.tell(trial, [1, 1], state="done")
    assert repr(study) == f"Study(id={study.id}, name='python', daemon={world.address!r}, client='test')"
    assert repr(trial) == f"Trial(number={trial.number}, ratios={trial.ratios})"


def test_what_is_waited_for_is_said_once(world, caplog):
    mine = study_of(world, trials=3, client="mine")
    other = paretod.load_study(mine.id, world.address, client="other")
    held = [other.ask() for _ in range(3)]
    for _ in range(2):
        with pytest.raises(TimeoutError):
            mine.ask(timeout=2)
    (record,) = caplog.records
    numbers = ", ".join(f"{n} (other/{n})" for n in sorted(t.number for t in held))
    assert f"other clients than 'mine' hold trial {numbers}, until" in record.getMessage() and record.name == "paretod"


def test_over_tcp(world):
    study = paretod.create_study(search(trials=3), f"http://127.0.0.1:{world.port}")
    study.optimize(evaluate)
    assert study.state == "done"


def test_a_key_is_one_search(world):
    studies = [paretod.create_study(search(), world.address, key="k") for _ in range(2)]
    assert studies[0].id == studies[1].id
    assert paretod.create_study(search(), world.address).id != studies[0].id


def test_optimize(world):
    study = study_of(world, trials=30)
    threads, seen, meeting = set(), [], threading.Barrier(3, timeout=60)

    def together(trial):
        if threading.get_ident() not in threads:
            threads.add(threading.get_ident())
            meeting.wait()  # each thread has a trial before one of them has two
        return evaluate(trial)

    study.optimize(together, n_trials=7, n_jobs=3, callbacks=[lambda s, t: seen.append(t.number)])
    assert len(seen) == 7 and len(threads) == 3
    study.optimize(evaluate, n_jobs=4)
    assert study.state == "done" and [t.state for t in study.trials] == ["done"] * 30
    study.optimize(evaluate)  # nothing left: nothing happens


def test_failures_in_the_loop(world):
    study = study_of(world, trials=4)

    def broken(trial):
        if trial.number == 1:
            raise RuntimeError("no power")
        return evaluate(trial)

    with pytest.raises(RuntimeError):
        study.optimize(broken)
    study.optimize(broken, catch=RuntimeError)
    by = {t.number: t for t in study.trials}
    assert by[1].state == "quarantined" and "RuntimeError: no power" in by[1].row["reason"]
    assert [by[n].state for n in (0, 2, 3)] == ["done"] * 3


def by_another(study, trial, up):
    """Somebody else tells a trial that we hold."""
    study.daemon.post(f"/v1/searches/{study.id}/tell", {"trial": trial.number, "scores": {"up": up, "down": 1}})


def test_a_tell_that_comes_too_late(world):
    study = study_of(world)
    trial = study.ask()
    by_another(study, trial, 0.25)
    with pytest.raises(paretod.Conflict, match="has other scores"):
        study.tell(trial, {"up": 0.5, "down": 1})
    assert trial.told and study.ask().number != trial.number  # it is not held any more


def test_the_loop_goes_on_after_a_tell_that_comes_too_late(world, caplog):
    study = study_of(world)
    late = []

    def slowly(trial):
        if trial.number in (1, 4, 5):
            late.append(trial.number)
            by_another(study, trial, 0.25)
        if trial.number == 4:
            raise ArithmeticError("too late to fail")
        if trial.number == 5:
            trial.report(0.5, evaluate(trial))
            raise paretod.TrialStopped
        return evaluate(trial)

    study.optimize(slowly, catch=ArithmeticError)
    assert study.state == "done" and sorted(late) == [1, 4, 5]
    assert [t.values[0] for t in study.trials if t.number in late] == [0.25] * 3
    said = [r.getMessage() for r in caplog.records if "too late" in r.getMessage()]
    assert [f"trial {n} was told" in text for n, text in zip((1, 4), said)] == [True, True]


def test_parts(world):
    study = study_of(world)

    def part(trial):
        trial.report(0.5, {"up": (1, 0.1), "down": (1, 0.1)})
        assert trial.should_stop() is False
        if trial.number == 0:
            raise paretod.TrialStopped
        return evaluate(trial)

    study.optimize(part, n_trials=2)
    assert [t.state for t in study.trials if t.number < 2] == ["stopped", "done"]
    with pytest.raises(ValueError, match="report"):
        study.tell(study.ask(), state="stopped")


def test_a_hopeless_trial_is_stopped(world):
    """After two reports the model knows: the daemon says so with the answer to a later one."""
    study = study_of(world, trials=12, strategy={"type": "bayes", "sweep_points": 3, "design": 4, "early_stop": 0.2})

    def score(ratios):
        return {"up": (sum(ratios), 0.01), "down": (math.dist(ratios, [0, 0]) ** 2, 0.01)}

    def parts(trial):
        bad = trial.number == 5
        scores = {"up": (-9, 0.01), "down": (9, 0.01)} if bad else score(trial.ratios)
        trial.report(0.25, scores)
        trial.report(0.5, scores)
        if not bad:
            return scores

        def told_to_stop():
            trial.report(0.75, scores)  # again and again changes nothing
            return trial.should_stop()

        wait_until(told_to_stop, 60, "the daemon says stop")
        raise paretod.TrialStopped

    study.optimize(parts)
    rows = {t.number: t for t in study.trials}
    assert rows[5].state == "stopped" and rows[5].row["share"] == 0.75 and rows[5].values is None
    assert study.state == "done" and 5 not in {t.number for t in study.best_trials}
    assert world.ctl("replay", study.id).stdout == "12 trials derived again: all the same\n"
    assert "stopped 75 %" in world.ctl("trials", study.id).stdout


def test_a_program_that_dies_goes_on(world):
    """kill -9 between ask and tell: under the same name the trial is there again, at once."""
    code = ("import paretod, sys, time\n"
            f"study = paretod.create_study({search()!r}, key='k', client='host')\n"
            "trial = study.ask(lease_s=600)\nprint('trial', trial.number, trial.lease, flush=True)\n")
    log = world.directory / "program.log"
    env = {"PYTHONPATH": str(PACKAGE), "PARETOD_DAEMON": world.address}
    program = Process("program", [sys.executable, "-u", "-c", code + "time.sleep(600)"], log, env=env)
    world.processes.append(program)
    wait_until(lambda: program.text().endswith("\n"), 30, "it asks")
    program.kill()
    study = paretod.create_study(search(), world.address, key="k", client="host")
    trial = study.ask(timeout=10)
    assert ["trial", str(trial.number), trial.lease] == program.text().split()
    assert study.tell(trial, evaluate(trial)) is False


def test_the_daemon_may_be_killed_meanwhile(world):
    """Requests are repeated until there is an answer, and count once."""
    study = study_of(world, trials=20)
    port = world.port

    def slow(trial):
        time.sleep(0.05)
        return evaluate(trial)

    loop = threading.Thread(target=lambda: study.optimize(slow, n_jobs=2))
    loop.start()
    for done in (2, 6, 10):
        wait_until(lambda: world.api.search(study.id)["progress"]["done"] >= done, 60, f"{done} trials are told")
        world.daemon.kill()
        world.start_daemon(port)
    loop.join(120)
    assert not loop.is_alive() and study.state == "done"
    assert [(t.state, t.row["attempts"]) for t in study.trials] == [("done", 0)] * 20


def test_life_is_shown(world):
    """A lease of ten seconds outlives one that was asked for later, by somebody who shows none."""
    study = study_of(world)
    trial = study.ask(lease_s=10)
    other = world.api.post(f"/v1/searches/{study.id}/ask", {"client": "silent", "lease_s": 10, "wait_s": 20})["trial"]
    wait_until(lambda: world.api.get(f"/v1/searches/{study.id}/trials/{other}")["attempts"] == 1, 60, "the other expires")
    row = world.api.get(f"/v1/searches/{study.id}/trials/{trial.number}")
    assert (row["state"], row["attempts"]) == ("leased", 0)
    study.give_back(trial)
    assert world.api.get(f"/v1/searches/{study.id}/trials/{trial.number}")["state"] == "ready"


# --- Optuna

def imported(*arguments, code=0):
    done = run(None, "-m", "paretod", "import-optuna", *arguments)
    assert done.returncode == code, done
    return (json.loads(done.stdout) if code == 0 else None), done.stderr


def test_import_of_a_study():
    golden = json.loads((GOLDEN / "optuna.json").read_text())
    before = (GOLDEN / "optuna.db").read_bytes()
    rows, said = imported(GOLDEN / "optuna.db", "--study", "merge", "--ratios", "x0,x1,x2", "--objectives",
                          "reward:max,tasks:min")
    assert rows == golden["merge"]
    assert "1 trials are left out: they have not all" in said and "infinite" in said and "must have the goal" not in said
    rows, said = imported(GOLDEN / "optuna.db", "--study", "single — ä", "--ratios", "x", "--objectives", "loss")
    assert rows == golden["single"]
    assert "minimised" in said
    assert (GOLDEN / "optuna.db").read_bytes() == before and not list(GOLDEN.glob("optuna.db-*"))


@pytest.mark.parametrize("arguments, sentence", [
    (["--ratios", "x0", "--objectives", "a"], "name one with --study"),
    (["--study", "nil", "--ratios", "x0", "--objectives", "a"], "there is no study 'nil'; it has 'merge'"),
    (["--study", "merge", "--ratios", "x0", "--objectives", "a"], "has 2 objectives, and 1 are named"),
    (["--study", "merge", "--ratios", "x0", "--objectives", "a:max,b:max"], "objective 1 of study 'merge' is minimised"),
    (["--study", "merge", "--ratios", "x9", "--objectives", "a,b"], "has a parameter 'x9'; they have 'k', 'kind', 'x0', 'x1', 'x2'"),
    (["--study", "merge", "--ratios", "x0", "--objectives", "a,b,c"], "objective 0 is maximised, objective 1 is minimised"),
    (["--study", "merge", "--ratios", "kind", "--objectives", "a,b"], "'kind' is categorical"),
])
def test_import_refuses(arguments, sentence):
    assert sentence in imported(GOLDEN / "optuna.db", *arguments, code=1)[1]


def test_import_of_an_address_of_optuna():
    database = f"sqlite:///{GOLDEN}/optuna.db"
    assert imported(database, "--study", "single — ä", "--ratios", "x", "--objectives", "loss")[0]
    assert "only SQLite files" in imported("mysql://there/study", "--ratios", "x", "--objectives", "a", code=1)[1]


def test_a_reader_that_goes_away():
    done = subprocess.run(["bash", "-c", f"{sys.executable} -m paretod import-optuna {GOLDEN}/optuna.db --study merge "
                           "--ratios x0,x1,x2 --objectives reward:max,tasks:min | true"], text=True, capture_output=True,
                          env={**os.environ, "PYTHONPATH": str(PACKAGE)}, timeout=60)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


def test_import_of_no_study(tmp_path):
    (tmp_path / "text").write_text("no database" * 100)
    assert "not a database" in imported(tmp_path / "text", "--ratios", "x", "--objectives", "a", code=1)[1]
    assert "there is no such file" in imported(tmp_path / "absent", "--ratios", "x", "--objectives", "a", code=1)[1]
    assert not (tmp_path / "absent").exists()


def test_imported_rows_are_taken(world):
    given = json.loads((GOLDEN / "optuna.json").read_text())["merge"]
    study = paretod.create_study({**search(groups=3, objectives=("reward", "tasks"), trials=4),
                                  "objectives": [{"name": "reward", "metric": "r", "goal": "max"},
                                                 {"name": "tasks", "metric": "t", "goal": "min"}]},
                                 world.address, given=given)
    study.optimize(lambda trial: [1, 1])
    assert study.state == "done"
