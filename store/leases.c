#include "store/store_internal.h"

#include <string.h>

int store_lease_insert(struct store *store, const struct store_lease *in, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_writable(store, err);
    if (!rc)
        rc = store_cached(
            store, STMT_LEASE_INSERT,
            "INSERT INTO lease (token, search, trial, half, worker, attempt, state, reason, granted_us, "
            "ended_us) VALUES (?,?,?,?,?,?,?,?,?,?)",
            &stmt, err);
    if (rc)
        return rc;
    bind_text(stmt, 1, in->token);
    bind_int(stmt, 2, in->search);
    bind_int(stmt, 3, in->trial);
    bind_text(stmt, 4, in->half);
    bind_text(stmt, 5, in->worker);
    bind_int(stmt, 6, in->attempt);
    bind_text(stmt, 7, in->state);
    bind_text(stmt, 8, in->reason);
    bind_int(stmt, 9, in->granted_us);
    bind_int(stmt, 10, in->ended_us);
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot store the lease of trial %d of search %lld", in->trial,
                            (long long)in->search);
    return 0;
}

/* Why no active lease has this token. */
static int explain(struct store *store, const char *token, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_cached(store, STMT_LEASE_STATE, "SELECT state FROM lease WHERE token = ?", &stmt, err);
    if (rc)
        return rc;
    bind_text(stmt, 1, token);
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW)
        rc = err_set(err, ERR_CONFLICT, "lease %s is not active any more: it is %s", token,
                     column_text(stmt, 0));
    else if (step == SQLITE_DONE)
        rc = err_set(err, ERR_NOT_FOUND, "there is no lease %s", token);
    else
        rc = store_failed(store, err, "cannot read lease %s", token);
    sqlite3_reset(stmt);
    return rc;
}

int store_lease_end(struct store *store, const char *token, const char *state, const char *reason,
                    int64_t ended_us, struct err *err)
{
    sqlite3_stmt *stmt;
    if (strcmp(state, "active") == 0)
        return err_set(err, ERR_INVALID, "lease %s: \"active\" does not end a lease", token);
    int rc = store_writable(store, err);
    if (!rc)
        rc = store_cached(
            store, STMT_LEASE_END,
            "UPDATE lease SET state = ?, reason = ?, ended_us = ? WHERE token = ? AND state = 'active'",
            &stmt, err);
    if (rc)
        return rc;
    bind_text(stmt, 1, state);
    bind_text(stmt, 2, reason);
    bind_int(stmt, 3, ended_us);
    bind_text(stmt, 4, token);
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot end lease %s", token);
    return sqlite3_changes(store->db) ? 0 : explain(store, token, err);
}

static struct store_lease row_of(sqlite3_stmt *stmt)
{
    return (struct store_lease){
        .token = column_text(stmt, 0),
        .search = sqlite3_column_int64(stmt, 1),
        .trial = sqlite3_column_int(stmt, 2),
        .half = column_text(stmt, 3),
        .worker = column_text(stmt, 4),
        .attempt = sqlite3_column_int(stmt, 5),
        .state = column_text(stmt, 6),
        .reason = column_text(stmt, 7),
        .granted_us = sqlite3_column_int64(stmt, 8),
        .ended_us = sqlite3_column_int64(stmt, 9),
    };
}

/* There is no index in this order, so the sort is done before the first row is given, and a callback may end
 * the leases it is shown. */
int store_lease_each(struct store *store, const char *state,
                     int (*each)(void *ctx, const struct store_lease *row), void *ctx, struct err *err)
{
    sqlite3_stmt *stmt;
    int step,
        rc = store_prepare(store,
                           "SELECT token, search, trial, half, worker, attempt, state, reason, granted_us, "
                           "ended_us FROM lease WHERE ?1 IS NULL OR state = ?1 ORDER BY granted_us, rowid",
                           &stmt, err);
    if (rc)
        return rc;
    bind_text(stmt, 1, state);
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct store_lease row = row_of(stmt);
        rc = each(ctx, &row);
        if (rc)
            break;
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = store_failed(store, err, "cannot read the leases");
    sqlite3_finalize(stmt);
    return rc;
}
