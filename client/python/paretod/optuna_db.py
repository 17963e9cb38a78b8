"""A study of Optuna, read from its SQLite file without Optuna: completed trials as rows for "given".

Tables studies, study_directions, trials, trial_params, trial_values of Optuna 3, 4 and 5 (schema versions to 12). The file is
opened read-only. Nothing is flipped: scores stay in the study's own unit, and the goals of the search must be its directions.
"""
import json
import math
import os
import sqlite3
import urllib.parse

ROWS_MAX = 10000
SOURCE_BYTES = 63
GOALS = {"MAXIMIZE": "max", "MINIMIZE": "min"}
WORDS = {"MAXIMIZE": "maximised", "MINIMIZE": "minimised"}


class ImportRefused(Exception):
    """A sentence that says what to do."""


def _columns(db, table):
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def _file(storage):
    """The path of a file, or of Optuna's "sqlite:///FILE"."""
    path = str(storage)
    if path.startswith("sqlite:///"):
        return path[len("sqlite:///"):].split("?")[0]
    if "://" in path:
        raise ImportRefused(f"{path}: only SQLite files are read; give FILE or sqlite:///FILE")
    return path


def _open(path):
    path = _file(path)
    if not os.path.isfile(path):
        raise ImportRefused(f"{path}: there is no such file")
    try:
        db = sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True)
        if not {"study_id", "study_name"} <= _columns(db, "studies") or not _columns(db, "trial_values"):
            raise ImportRefused(f"{path}: is no SQLite storage of Optuna 3 or later (it lacks studies or trial_values)")
        return db
    except sqlite3.Error as error:
        raise ImportRefused(f"{path}: {error}") from None


def study_names(path):
    db = _open(path)
    try:
        return [name for (name,) in db.execute("SELECT study_name FROM studies ORDER BY study_id")]
    finally:
        db.close()


def _find(db, path, name):
    names = [n for (n,) in db.execute("SELECT study_name FROM studies ORDER BY study_id")]
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        what = f"there is no study {name!r}" if name is not None else "name one with --study"
        raise ImportRefused(f"{path}: {what}; it has {', '.join(map(repr, names)) or 'none'}")
    (study,) = db.execute("SELECT study_id FROM studies WHERE study_name = ?", (name,)).fetchone()
    directions = [d for (d,) in db.execute(
        "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", (study,))]
    return study, name, directions


def _check(name, directions, objectives):
    if len(directions) != len(objectives):
        theirs = ", ".join(f"objective {i} is {WORDS.get(d, d)}" for i, d in enumerate(directions))
        raise ImportRefused(f"study {name!r} has {len(directions)} objectives, and {len(objectives)} are named: "
                            f"{', '.join(o for o, _ in objectives)}; in the study {theirs}")
    for i, (direction, (objective, goal)) in enumerate(zip(directions, objectives)):
        theirs = GOALS.get(direction)
        if goal is not None and goal != theirs:
            raise ImportRefused(f"objective {i} of study {name!r} is {WORDS.get(direction, direction)}, but \"{objective}\" has the goal "
                                f"\"{goal}\"; nothing is flipped, so name the objectives in the study's order, or change the goal")


def _categorical(distribution):
    try:
        return "Categorical" in json.loads(distribution)["name"]
    except (ValueError, KeyError, TypeError):
        return False


def _params(db, study, ratios):
    """{trial_id: {name: value}} of the named parameters."""
    found = {}
    for trial, name, value, distribution in db.execute(
            "SELECT p.trial_id, p.param_name, p.param_value, p.distribution_json FROM trial_params p JOIN trials t "
            "USING (trial_id) WHERE t.study_id = ? AND t.state = 'COMPLETE'", (study,)):
        if name not in ratios:
            continue
        if _categorical(distribution):
            raise ImportRefused(f"parameter {name!r} is categorical; a ratio is a number")
        found.setdefault(trial, {})[name] = value
    return found


def _names(db, study):
    """Of all parameters."""
    return [n for (n,) in db.execute("SELECT DISTINCT p.param_name FROM trial_params p JOIN trials t USING (trial_id) "
                                     "WHERE t.study_id = ? AND t.state = 'COMPLETE' ORDER BY p.param_name", (study,))]


def _values(db, study):
    """{trial_id: {objective: value}}, finite ones."""
    kind = "v.value_type" if "value_type" in _columns(db, "trial_values") else "'FINITE'"
    found = {}
    for trial, objective, value, finite in db.execute(
            f"SELECT v.trial_id, v.objective, v.value, {kind} FROM trial_values v JOIN trials t USING (trial_id) "
            "WHERE t.study_id = ? AND t.state = 'COMPLETE'", (study,)):
        if finite == "FINITE" and value is not None and math.isfinite(value):
            found.setdefault(trial, {})[objective] = value
    return found


def _source(name, number):
    tail = f" #{number}"
    head = f"optuna {name}".encode()[:SOURCE_BYTES - len(tail.encode())].decode(errors="ignore")
    return head + tail


def read_study(path, study, ratios, objectives):
    """(rows, notes): rows for "given", and sentences about what was left out. ratios: names of parameters in the order of the
    groups. objectives: [(name, "max" | "min" | None)] in the study's order. Raises ImportRefused."""
    db = _open(path)
    try:
        study_id, name, directions = _find(db, path, study)
        _check(name, directions, objectives)
        params, values = _params(db, study_id, set(ratios)), _values(db, study_id)
        known = set().union(*params.values()) if params else set()
        for ratio in ratios:
            if ratio not in known:
                raise ImportRefused(f"no completed trial of study {name!r} has a parameter {ratio!r}; they have "
                                    f"{', '.join(map(repr, _names(db, study_id))) or 'none'}")
        rows, lacking, infinite = [], 0, 0
        for trial, number in db.execute("SELECT trial_id, number FROM trials WHERE study_id = ? AND state = 'COMPLETE' "
                                        "ORDER BY number", (study_id,)):
            if set(params.get(trial, ())) != set(ratios):
                lacking += 1
            elif len(values.get(trial, ())) != len(objectives):
                infinite += 1
            else:
                rows.append({"ratios": [params[trial][r] for r in ratios],
                             "scores": {o: values[trial][i] for i, (o, _) in enumerate(objectives)},
                             "source": _source(name, number)})
    finally:
        db.close()
    notes = [f"objective {i} \"{o}\" is {WORDS.get(d, d)} in the study: the search must have the goal \"{GOALS.get(d)}\""
             for i, ((o, goal), d) in enumerate(zip(objectives, directions)) if goal is None]
    if lacking:
        notes.append(f"{lacking} trials are left out: they have not all of the parameters {', '.join(ratios)}")
    if infinite:
        notes.append(f"{infinite} trials are left out: a value is missing or infinite")
    if len(rows) > ROWS_MAX:
        notes.append(f"{len(rows)} trials are more than a search takes: the last {ROWS_MAX} are kept")
        rows = rows[-ROWS_MAX:]
    return rows, notes
