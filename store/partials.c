#include "store/store_internal.h"

int store_partial_put(struct store *store, const struct store_partial *in, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_writable(store, err);
    if (!rc)
        rc = store_cached(store, STMT_PARTIAL_PUT,
                          "INSERT INTO partial (search, trial, slices_done, slices, items, state) "
                          "VALUES (?,?,?,?,?,?) ON CONFLICT (search, trial) DO UPDATE SET "
                          "slices_done = excluded.slices_done, slices = excluded.slices, "
                          "items = excluded.items, state = excluded.state",
                          &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, in->search);
    bind_int(stmt, 2, in->trial);
    bind_int(stmt, 3, in->slices_done);
    bind_int(stmt, 4, in->slices);
    bind_int(stmt, 5, in->items);
    bind_text(stmt, 6, in->state);
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot keep the state of trial %d of search %lld", in->trial,
                            (long long)in->search);
    return 0;
}

int store_partial_drop(struct store *store, int64_t search, int trial, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_writable(store, err);
    if (!rc)
        rc = store_cached(store, STMT_PARTIAL_DROP,
                          "DELETE FROM partial WHERE search = ?1 AND (?2 < 0 OR trial = ?2)", &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, search);
    bind_int(stmt, 2, trial);
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot forget the states of search %lld", (long long)search);
    return 0;
}

int store_partial_get(struct store *store, int64_t search, int trial,
                      int (*each)(void *ctx, const struct store_partial *row), void *ctx, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_prepare(store,
                           "SELECT slices_done, slices, items, state FROM partial "
                           "WHERE search = ? AND trial = ?",
                           &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, search);
    bind_int(stmt, 2, trial);
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW) {
        const struct store_partial row = {.search = search,
                                          .trial = trial,
                                          .slices_done = sqlite3_column_int(stmt, 0),
                                          .slices = sqlite3_column_int(stmt, 1),
                                          .items = sqlite3_column_int64(stmt, 2),
                                          .state = column_text(stmt, 3)};
        rc = each(ctx, &row);
    } else if (step == SQLITE_DONE) {
        rc = err_set(err, ERR_NOT_FOUND, "trial %d of search %lld has no state", trial, (long long)search);
    } else {
        rc = store_failed(store, err, "cannot read the state of trial %d of search %lld", trial,
                          (long long)search);
    }
    sqlite3_finalize(stmt);
    return rc;
}
