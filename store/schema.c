#include "store/store_internal.h"

/* Step i brings version i to version i + 1 (PRAGMA user_version). A step that has been released never
 * changes: a new shape is a new step.
 *
 * The tables refuse rows that cannot be true: a trial without its search, two answers for one half of a
 * trial, two active leases for the same work, a state outside its words, a failure without a sentence. */
static const char *const steps[] = {
    "CREATE TABLE search ("
    "  id INTEGER PRIMARY KEY,"
    "  key TEXT UNIQUE,"
    "  key_hash TEXT,"
    "  name TEXT NOT NULL,"
    "  spec TEXT NOT NULL CHECK (json_valid(spec)),"
    "  plan TEXT CHECK (plan IS NULL OR json_valid(plan)),"
    "  groups TEXT NOT NULL CHECK (json_valid(groups)),"
    "  state TEXT NOT NULL CHECK (state IN ('running','paused','confirming','done','cancelled','failed')),"
    "  reason TEXT,"
    "  reference TEXT CHECK (reference IS NULL OR json_valid(reference)),"
    "  revision INTEGER NOT NULL CHECK (revision >= 0),"
    "  created_us INTEGER NOT NULL,"
    "  ended_us INTEGER NOT NULL CHECK (ended_us >= 0),"
    "  CHECK ((key IS NULL) = (key_hash IS NULL)),"
    "  CHECK (state <> 'failed' OR reason IS NOT NULL),"
    "  CHECK (ended_us = 0 OR state IN ('done','cancelled','failed'))"
    ") STRICT;"

    "CREATE TABLE trial ("
    "  search INTEGER NOT NULL REFERENCES search (id),"
    "  number INTEGER NOT NULL CHECK (number >= 0),"
    "  stream INTEGER NOT NULL CHECK (stream >= 0),"
    "  step INTEGER NOT NULL CHECK (step >= 0),"
    "  ratios BLOB NOT NULL CHECK (length(ratios) > 0 AND length(ratios) % 8 = 0)," /* f64, little-endian */
    "  state TEXT NOT NULL CHECK (state IN ('ready','leased','done','quarantined','cancelled')),"
    "  attempts INTEGER NOT NULL CHECK (attempts >= 0),"
    "  reason TEXT,"
    "  heldout_state TEXT CHECK (heldout_state IN ('ready','leased','done','quarantined','cancelled')),"
    "  created_us INTEGER NOT NULL,"
    "  done_us INTEGER NOT NULL,"
    "  merge_s REAL NOT NULL,"
    "  evaluate_s REAL NOT NULL,"
    "  wall_s REAL NOT NULL,"
    "  worker TEXT,"
    "  PRIMARY KEY (search, number),"
    "  UNIQUE (search, stream, step),"
    "  CHECK (state <> 'quarantined' OR reason IS NOT NULL)"
    ") STRICT;"

    /* items comes last, so that a walk without it never reads the pages it spills to. */
    "CREATE TABLE score ("
    "  search INTEGER NOT NULL,"
    "  trial INTEGER NOT NULL,"
    "  half TEXT NOT NULL CHECK (half IN ('search','heldout')),"
    "  position INTEGER NOT NULL CHECK (position >= 0),"
    "  metric TEXT NOT NULL,"
    "  mean REAL NOT NULL CHECK (abs(mean) < 9e999),"
    "  stderr REAL CHECK (stderr >= 0 AND stderr < 9e999)," /* NULL: not known */
    "  n INTEGER NOT NULL CHECK (n >= 0),"
    "  items BLOB CHECK (length(items) % 8 = 0)," /* f64, little-endian */
    "  PRIMARY KEY (search, trial, half, position),"
    "  UNIQUE (search, trial, half, metric),"
    "  FOREIGN KEY (search, trial) REFERENCES trial (search, number)"
    ") STRICT;"

    "CREATE TABLE lease ("
    "  token TEXT PRIMARY KEY NOT NULL,"
    "  search INTEGER NOT NULL,"
    "  trial INTEGER NOT NULL,"
    "  half TEXT NOT NULL CHECK (half IN ('search','heldout')),"
    "  worker TEXT NOT NULL,"
    "  attempt INTEGER NOT NULL CHECK (attempt >= 1),"
    "  state TEXT NOT NULL CHECK (state IN ('active','done','failed','expired','released')),"
    "  reason TEXT,"
    "  granted_us INTEGER NOT NULL,"
    "  ended_us INTEGER NOT NULL,"
    "  FOREIGN KEY (search, trial) REFERENCES trial (search, number),"
    "  CHECK (state <> 'active' OR ended_us = 0)"
    ") STRICT;"
    "CREATE UNIQUE INDEX lease_active ON lease (search, trial, half) WHERE state = 'active';"};

#define VERSION ((int)(sizeof steps / sizeof steps[0]))

/* The one integer that `sql` gives. */
static int ask(struct store *store, const char *sql, int64_t *out, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_prepare(store, sql, &stmt, err);
    if (rc)
        return rc;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    else
        rc = store_failed(store, err, "cannot read the database");
    sqlite3_finalize(stmt);
    return rc;
}

int schema_check(struct store *store, int *version, struct err *err)
{
    int64_t application, user_version, tables;
    int rc = ask(store, "PRAGMA application_id", &application, err);
    if (!rc)
        rc = ask(store, "PRAGMA user_version", &user_version, err);
    if (!rc)
        rc = ask(store, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (rc)
        return rc;
    if (application == 0 && user_version == 0 && tables == 0) {
        *version = 0; /* a new, empty file */
        return 0;
    }
    if (application != STORE_APPLICATION_ID)
        return err_set(err, ERR_CORRUPT,
                       "%s is the database of another program; it was not touched: choose another path",
                       store->path);
    if (user_version > VERSION)
        return err_set(
            err, ERR_CORRUPT,
            "%s was written by a newer paretod (schema version %lld, this program knows %d): install that "
            "version again, or choose another path",
            store->path, (long long)user_version, VERSION);
    if (user_version < 1)
        return err_set(err, ERR_CORRUPT, "%s says schema version %lld, which never existed: restore a backup",
                       store->path, (long long)user_version);
    *version = (int)user_version;
    return 0;
}

int schema_migrate(struct store *store, int version, struct err *err)
{
    for (; version < VERSION; version++) {
        char *sql = sqlite3_mprintf(
            "BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
            steps[version], STORE_APPLICATION_ID, version + 1);
        int rc = sql ? sqlite3_exec(store->db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
        sqlite3_free(sql);
        if (rc != SQLITE_OK) {
            rc = store_failed(store, err, "cannot bring %s to schema version %d", store->path, version + 1);
            sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL); /* fails when SQLite has done it already */
            return rc;
        }
    }
    return 0;
}
