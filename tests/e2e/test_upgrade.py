"""A search that an earlier version began: its database is brought up, and the search goes on as if nothing had been."""
import sqlite3

from helpers import FIXTURES, ROOT, wait_until

TABLES = ("search", "trial", "score", "lease", "event", "partial")


def downgrade(path, version):
    """Writes the same rows as a database of this schema version, without what that version did not know."""
    new = sqlite3.connect(path)
    rows = {table: [dict(zip([c[0] for c in cursor.description], row)) for row in cursor]
            for table in TABLES for cursor in [new.execute(f"SELECT * FROM {table}")]}
    application = new.execute("PRAGMA application_id").fetchone()[0]
    new.close()
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    old = sqlite3.connect(path)
    old.executescript((ROOT / f"tests/unit/store/schema-{version}.sql").read_text())
    tables = {row[0] for row in old.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in (t for t in TABLES if t in tables):
        known = [column[1] for column in old.execute(f"PRAGMA table_info({table})")]
        for row in rows[table]:
            old.execute(f"INSERT INTO {table} ({','.join(known)}) VALUES ({','.join('?' * len(known))})",
                        [row[column] for column in known])
    old.execute(f"PRAGMA application_id = {application}")
    old.execute(f"PRAGMA user_version = {version}")
    old.commit()
    old.close()


def plain(trials):
    return [{key: t[key] for key in ("number", "stream", "step", "state", "ratios", "objectives", "attempts")} for t in trials]


def test_a_search_of_schema_1_goes_on(world):
    spec = world.synthetic(trials=16)
    spec["models"] = {"base": str(FIXTURES / "base"), "tuned": str(FIXTURES / "tuned-rsf")}
    spec["evaluator"]["merge"] = "plan"
    calm = world.api.submit(spec)
    world.start_worker()
    world.api.wait_state(calm, "done")
    expected = plain(world.api.trials(calm))

    record = world.directory / "record"
    spec["evaluator"]["argv"] += ["--record", str(record), "--take", "0.05"]
    search = world.api.submit(spec)
    world.api.wait_front(search, lambda f: f["progress"]["done"] >= 6, 60, "a part of it is done")
    world.api.post(f"/v1/searches/{search}/pause")
    wait_until(lambda: world.api.front(search)["progress"]["running"] == 0, 30, "nothing is under way")
    assert world.daemon.terminate() == 0
    downgrade(world.directory / "db/paretod.db", 1)

    world.start_daemon()
    found = world.api.search(search)
    assert (found["state"], found["digests"], found["warnings"]) == ("paused", None, [])
    for part in ("preflight", "digests"):
        world.api.get(f"/v1/searches/{search}/{part}", expect=404)
    assert world.api.get(f"/v1/searches/{search}/plan")["tensors"]
    world.api.post(f"/v1/searches/{search}/resume")
    world.api.wait_state(search, "done")
    assert plain(world.api.trials(search)) == expected
    assert {t["effective"] for t in world.api.trials(search)} == {None}
    assert plain(world.api.trials(calm)) == expected
    assert world.api.search(world.api.submit(spec))["digests"]  # new searches know their pair
