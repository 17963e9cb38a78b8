#include "store/store_internal.h"

#define COLUMNS                                                                                              \
    "key, key_hash, name, spec, plan, groups, state, reason, reference, revision, created_us, ended_us, "    \
    "preflight, digests"

/* Which search has this key? 0 when none has. */
static int find_key(struct store *store, const char *key, int64_t *id, struct err *err)
{
    sqlite3_stmt *stmt;
    *id = 0;
    int rc = store_cached(store, STMT_SEARCH_BY_KEY, "SELECT id FROM search WHERE key = ?", &stmt, err);
    if (rc)
        return rc;
    bind_text(stmt, 1, key);
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW)
        *id = sqlite3_column_int64(stmt, 0);
    else if (step != SQLITE_DONE)
        rc = store_failed(store, err, "cannot look up a search");
    sqlite3_reset(stmt);
    return rc;
}

int store_search_insert(struct store *store, const struct store_search *in, int64_t *id_out, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_writable(store, err);
    *id_out = 0;
    if (!rc && in->key) {
        rc = find_key(store, in->key, id_out, err);
        if (!rc && *id_out)
            return err_set(err, ERR_CONFLICT, "search %lld has this idempotency key already",
                           (long long)*id_out);
    }
    if (!rc)
        rc =
            store_cached(store, STMT_SEARCH_INSERT,
                         "INSERT INTO search (" COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", &stmt, err);
    if (rc)
        return rc;
    const char *const texts[] = {in->key,    in->key_hash, in->name,   in->spec,     in->plan,
                                 in->groups, in->state,    in->reason, in->reference};
    for (int i = 0; i < 9; i++)
        bind_text(stmt, i + 1, texts[i]);
    bind_int(stmt, 10, in->revision);
    bind_int(stmt, 11, in->created_us);
    bind_int(stmt, 12, in->ended_us);
    bind_text(stmt, 13, in->preflight);
    bind_text(stmt, 14, in->digests);
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot store the search \"%s\"", in->name ? in->name : "");
    *id_out = sqlite3_last_insert_rowid(store->db);
    return 0;
}

/* Runs an update of one row by id. */
static int update(struct store *store, sqlite3_stmt *stmt, int64_t id, struct err *err)
{
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot update search %lld", (long long)id);
    return sqlite3_changes(store->db) ? 0
                                      : err_set(err, ERR_NOT_FOUND, "there is no search %lld", (long long)id);
}

int store_search_set_state(struct store *store, int64_t id, const char *state, const char *reason,
                           int64_t ended_us, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_writable(store, err);
    if (!rc)
        rc = store_cached(store, STMT_SEARCH_STATE,
                          "UPDATE search SET state = ?, reason = ?, ended_us = ? WHERE id = ?", &stmt, err);
    if (rc)
        return rc;
    bind_text(stmt, 1, state);
    bind_text(stmt, 2, reason);
    bind_int(stmt, 3, ended_us);
    bind_int(stmt, 4, id);
    return update(store, stmt, id, err);
}

int store_search_set_revision(struct store *store, int64_t id, int64_t revision, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_writable(store, err);
    if (!rc)
        rc = store_cached(store, STMT_SEARCH_REVISION, "UPDATE search SET revision = ? WHERE id = ?", &stmt,
                          err);
    if (rc)
        return rc;
    bind_int(stmt, 1, revision);
    bind_int(stmt, 2, id);
    return update(store, stmt, id, err);
}

static struct store_search row_of(sqlite3_stmt *stmt)
{
    return (struct store_search){
        .key = column_text(stmt, 0),
        .key_hash = column_text(stmt, 1),
        .name = column_text(stmt, 2),
        .spec = column_text(stmt, 3),
        .plan = column_text(stmt, 4),
        .groups = column_text(stmt, 5),
        .state = column_text(stmt, 6),
        .reason = column_text(stmt, 7),
        .reference = column_text(stmt, 8),
        .revision = sqlite3_column_int64(stmt, 9),
        .created_us = sqlite3_column_int64(stmt, 10),
        .ended_us = sqlite3_column_int64(stmt, 11),
        .preflight = column_text(stmt, 12),
        .digests = column_text(stmt, 13),
        .id = sqlite3_column_int64(stmt, 14),
    };
}

int store_search_get(struct store *store, int64_t id, const char *key,
                     int (*each)(void *ctx, const struct store_search *row), void *ctx, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_prepare(store, "SELECT " COLUMNS ", id FROM search WHERE id = ? OR key = ?", &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, id);
    bind_text(stmt, 2, id ? NULL : key); /* NULL equals nothing */
    int step = sqlite3_step(stmt);
    struct store_search row = {0};
    if (step == SQLITE_ROW) {
        row = row_of(stmt);
        rc = each(ctx, &row);
    } else if (step == SQLITE_DONE) {
        rc = err_set(err, ERR_NOT_FOUND, "there is no such search");
    } else {
        rc = store_failed(store, err, "cannot read a search");
    }
    sqlite3_finalize(stmt);
    return rc;
}

int store_search_each(struct store *store, int (*each)(void *ctx, const struct store_search *row), void *ctx,
                      struct err *err)
{
    sqlite3_stmt *stmt;
    int step, rc = store_prepare(store, "SELECT " COLUMNS ", id FROM search ORDER BY id", &stmt, err);
    if (rc)
        return rc;
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct store_search row = row_of(stmt);
        rc = each(ctx, &row);
        if (rc)
            break;
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = store_failed(store, err, "cannot read the searches");
    sqlite3_finalize(stmt);
    return rc;
}
