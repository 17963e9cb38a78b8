#include "store/store_internal.h"

/* Step i brings version i to version i + 1 (PRAGMA user_version). A step that has been released never
 * changes: a new shape is a new step.
 *
 * The tables refuse rows that cannot be true: a trial without its search, two answers for one half of a
 * trial, two active leases for the same work, a state outside its words, a failure without a sentence. */
static const char *const steps[] = {
    "CREATE TABLE search (\n"
    "  id INTEGER PRIMARY KEY,\n"
    "  key TEXT UNIQUE,\n"
    "  key_hash TEXT,\n"
    "  name TEXT NOT NULL,\n"
    "  spec TEXT NOT NULL CHECK (json_valid(spec)),\n"
    "  plan TEXT CHECK (plan IS NULL OR json_valid(plan)),\n"
    "  groups TEXT NOT NULL CHECK (json_valid(groups)),\n"
    "  state TEXT NOT NULL CHECK (state IN ('running','paused','confirming','done','cancelled','failed')),\n"
    "  reason TEXT,\n"
    "  reference TEXT CHECK (reference IS NULL OR json_valid(reference)),\n"
    "  revision INTEGER NOT NULL CHECK (revision >= 0),\n"
    "  created_us INTEGER NOT NULL,\n"
    "  ended_us INTEGER NOT NULL CHECK (ended_us >= 0),\n"
    "  CHECK ((key IS NULL) = (key_hash IS NULL)),\n"
    "  CHECK (state <> 'failed' OR reason IS NOT NULL),\n"
    "  CHECK (ended_us = 0 OR state IN ('done','cancelled','failed'))\n"
    ") STRICT;"

    "CREATE TABLE trial (\n"
    "  search INTEGER NOT NULL REFERENCES search (id),\n"
    "  number INTEGER NOT NULL CHECK (number >= 0),\n"
    "  stream INTEGER NOT NULL CHECK (stream >= 0),\n"
    "  step INTEGER NOT NULL CHECK (step >= 0),\n"
    "  ratios BLOB NOT NULL CHECK (length(ratios) > 0 AND length(ratios) % 8 = 0),\n" /* f64, little-endian */
    "  state TEXT NOT NULL CHECK (state IN ('ready','leased','done','quarantined','cancelled')),\n"
    "  attempts INTEGER NOT NULL CHECK (attempts >= 0),\n"
    "  reason TEXT,\n"
    "  heldout_state TEXT CHECK (heldout_state IN ('ready','leased','done','quarantined','cancelled')),\n"
    "  created_us INTEGER NOT NULL,\n"
    "  done_us INTEGER NOT NULL,\n"
    "  merge_s REAL NOT NULL,\n"
    "  evaluate_s REAL NOT NULL,\n"
    "  wall_s REAL NOT NULL,\n"
    "  worker TEXT,\n"
    "  PRIMARY KEY (search, number),\n"
    "  UNIQUE (search, stream, step),\n"
    "  CHECK (state <> 'quarantined' OR reason IS NOT NULL)\n"
    ") STRICT;"

    /* items comes last, so that a walk without it never reads the pages it spills to. */
    "CREATE TABLE score (\n"
    "  search INTEGER NOT NULL,\n"
    "  trial INTEGER NOT NULL,\n"
    "  half TEXT NOT NULL CHECK (half IN ('search','heldout')),\n"
    "  position INTEGER NOT NULL CHECK (position >= 0),\n"
    "  metric TEXT NOT NULL,\n"
    "  mean REAL NOT NULL CHECK (abs(mean) < 9e999),\n"
    "  stderr REAL CHECK (stderr >= 0 AND stderr < 9e999),\n" /* NULL: not known */
    "  n INTEGER NOT NULL CHECK (n >= 0),\n"
    "  items BLOB CHECK (length(items) % 8 = 0),\n" /* f64, little-endian */
    "  PRIMARY KEY (search, trial, half, position),\n"
    "  UNIQUE (search, trial, half, metric),\n"
    "  FOREIGN KEY (search, trial) REFERENCES trial (search, number)\n"
    ") STRICT;"

    "CREATE TABLE lease (\n"
    "  token TEXT PRIMARY KEY NOT NULL,\n"
    "  search INTEGER NOT NULL,\n"
    "  trial INTEGER NOT NULL,\n"
    "  half TEXT NOT NULL CHECK (half IN ('search','heldout')),\n"
    "  worker TEXT NOT NULL,\n"
    "  attempt INTEGER NOT NULL CHECK (attempt >= 1),\n"
    "  state TEXT NOT NULL CHECK (state IN ('active','done','failed','expired','released')),\n"
    "  reason TEXT,\n"
    "  granted_us INTEGER NOT NULL,\n"
    "  ended_us INTEGER NOT NULL,\n"
    "  FOREIGN KEY (search, trial) REFERENCES trial (search, number),\n"
    "  CHECK (state <> 'active' OR ended_us = 0)\n"
    ") STRICT;"
    "CREATE UNIQUE INDEX lease_active ON lease (search, trial, half) WHERE state = 'active';",

    /* 2: what is known of the pair, and how true each ratio came out. */
    "ALTER TABLE search ADD COLUMN preflight TEXT CHECK (preflight IS NULL OR json_valid(preflight));"
    "ALTER TABLE search ADD COLUMN digests TEXT CHECK (digests IS NULL OR json_valid(digests));"
    "ALTER TABLE trial ADD COLUMN effective BLOB CHECK (length(effective) = length(ratios));", /* as ratios */

    /* 3: how a trial came to be, trials that are stopped, and the log of what became known. A table's CHECK cannot be
     * changed, so trial is made anew. */
    "CREATE TABLE trial_new (\n"
    "  search INTEGER NOT NULL REFERENCES search (id),\n"
    "  number INTEGER NOT NULL CHECK (number >= 0),\n"
    "  stream INTEGER NOT NULL CHECK (stream >= 0),\n"
    "  step INTEGER NOT NULL CHECK (step >= 0),\n"
    "  ratios BLOB NOT NULL CHECK (length(ratios) > 0 AND length(ratios) % 8 = 0),\n" /* f64, little-endian */
    "  state TEXT NOT NULL\n"
    "    CHECK (state IN ('ready','leased','done','quarantined','cancelled','stopped')),\n"
    "  attempts INTEGER NOT NULL CHECK (attempts >= 0),\n"
    "  reason TEXT,\n"
    "  heldout_state TEXT CHECK (heldout_state IN ('ready','leased','done','quarantined','cancelled')),\n"
    "  created_us INTEGER NOT NULL,\n"
    "  done_us INTEGER NOT NULL,\n"
    "  merge_s REAL NOT NULL,\n"
    "  evaluate_s REAL NOT NULL,\n"
    "  wall_s REAL NOT NULL,\n"
    "  worker TEXT,\n"
    "  effective BLOB CHECK (length(effective) = length(ratios)),\n" /* as ratios */
    "  watermark INTEGER NOT NULL DEFAULT 0 CHECK (watermark >= 0),\n"
    "  path TEXT NOT NULL DEFAULT 'direct'\n"
    "    CHECK (path IN ('direct','design','model','repeat','fill')),\n"
    "  repeat_of INTEGER CHECK (repeat_of BETWEEN 0 AND number - 1),\n" /* NULL: no repeat */
    "  gain REAL CHECK (abs(gain) < 9e999),\n"                          /* NULL: not known */
    "  PRIMARY KEY (search, number),\n"
    "  UNIQUE (search, stream, step),\n"
    "  CHECK (state <> 'quarantined' OR reason IS NOT NULL)\n"
    ") STRICT;"
    "INSERT INTO trial_new (search, number, stream, step, ratios, state, attempts, reason, heldout_state, "
    "created_us,"
    " done_us, merge_s, evaluate_s, wall_s, worker, effective) SELECT search, number, stream, step, ratios, "
    "state,"
    " attempts, reason, heldout_state, created_us, done_us, merge_s, evaluate_s, wall_s, worker, effective "
    "FROM trial;"
    "DROP TABLE trial;"
    "ALTER TABLE trial_new RENAME TO trial;"

    "CREATE TABLE event (\n"
    "  search INTEGER NOT NULL,\n"
    "  seq INTEGER NOT NULL CHECK (seq >= 0),\n"
    "  trial INTEGER NOT NULL,\n"
    "  kind TEXT NOT NULL CHECK (kind IN ('slice','done','stopped','reopened','failed')),\n"
    "  share REAL NOT NULL CHECK (share BETWEEN 0 AND 1),\n"
    "  items INTEGER NOT NULL CHECK (items >= 0),\n"
    "  means BLOB CHECK (length(means) > 0 AND length(means) % 8 = 0),\n" /* f64, little-endian, minimised */
    "  stderrs BLOB CHECK (length(stderrs) = length(means)),\n"           /* NaN: not known */
    "  PRIMARY KEY (search, seq),\n"
    "  FOREIGN KEY (search, trial) REFERENCES trial (search, number),\n"
    "  CHECK ((means IS NULL) = (stderrs IS NULL)),\n"
    "  CHECK ((kind IN ('slice','stopped')) = (means IS NOT NULL))\n"
    ") STRICT;"
    /* Trials that came to nothing did so at a time nobody wrote down; when they began has to do. */
    "INSERT INTO event (search, seq, trial, kind, share, items) SELECT search, row_number() OVER (PARTITION "
    "BY search"
    " ORDER BY iif(state = 'done', done_us, created_us), number) - 1, number, iif(state = 'done', 'done', "
    "'failed'),"
    " iif(state = 'done', 1.0, 0.0), iif(state = 'done', coalesce((SELECT sum(most) FROM (SELECT max(n) AS "
    "most FROM"
    " score WHERE score.search = trial.search AND score.trial = trial.number AND half = 'search' GROUP BY"
    " substr(metric, 1, instr(metric || '.', '.') - 1))), 0), 0)"
    " FROM trial WHERE state IN ('done','quarantined','cancelled');",

    /* 4: what the evaluations of stopped trials go on from. */
    "CREATE TABLE partial (\n"
    "  search INTEGER NOT NULL,\n"
    "  trial INTEGER NOT NULL,\n"
    "  slices_done INTEGER NOT NULL CHECK (slices_done >= 1),\n"
    "  slices INTEGER NOT NULL CHECK (slices > slices_done),\n"
    "  items INTEGER NOT NULL CHECK (items >= 0),\n"
    "  state TEXT NOT NULL CHECK (json_valid(state)),\n"
    "  PRIMARY KEY (search, trial),\n"
    "  FOREIGN KEY (search, trial) REFERENCES trial (search, number)\n"
    ") STRICT;",

    /* 5: what models wrote. */
    "CREATE TABLE written (\n"
    "  search INTEGER NOT NULL,\n"
    "  trial INTEGER NOT NULL,\n"
    "  half TEXT NOT NULL CHECK (half IN ('search','heldout')),\n"
    "  texts TEXT NOT NULL CHECK (json_valid(texts)),\n"
    "  PRIMARY KEY (search, trial, half),\n"
    "  FOREIGN KEY (search, trial) REFERENCES trial (search, number)\n"
    ") STRICT;"};

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
        rc = store_failed(store, err, "cannot read the database %s", store->path);
    sqlite3_finalize(stmt);
    return rc;
}

int schema_check(struct store *store, int *version, struct err *err)
{
    int64_t application = 0, user_version = 0, tables = 0;
    *version = 0;
    int rc = ask(store, "PRAGMA application_id", &application, err);
    if (!rc)
        rc = ask(store, "PRAGMA user_version", &user_version, err);
    if (!rc)
        rc = ask(store, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (rc)
        return rc;
    if (application == 0 && user_version == 0 && tables == 0)
        return 0; /* a new, empty file */
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

/* A table that others refer to can be made anew only while SQLite does not look. */
static int set_foreign_keys(struct store *store, bool on, struct err *err)
{
    const char *sql = on ? "PRAGMA foreign_keys = ON" : "PRAGMA foreign_keys = OFF";
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return store_failed(store, err, "cannot set up %s", store->path);
    return 0;
}

static int migrate(struct store *store, int version, struct err *err)
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

int schema_migrate(struct store *store, int version, struct err *err)
{
    if (version == VERSION)
        return 0;
    int rc = set_foreign_keys(store, false, err);
    if (!rc)
        rc = migrate(store, version, err);
    int again = set_foreign_keys(store, true, rc ? NULL : err);
    return rc ? rc : again;
}
