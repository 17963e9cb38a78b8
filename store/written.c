#include "store/store_internal.h"

int store_written_insert(struct store *store, const struct store_written *in, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_writable(store, err);
    if (!rc)
        rc = store_cached(store, STMT_WRITTEN_INSERT,
                          "INSERT INTO written (search, trial, half, texts) VALUES (?,?,?,?)", &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, in->search);
    bind_int(stmt, 2, in->trial);
    bind_text(stmt, 3, in->half);
    bind_text(stmt, 4, in->texts);
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot keep what the model of trial %d of search %lld wrote",
                            in->trial, (long long)in->search);
    return 0;
}

int store_written_each(struct store *store, int64_t search, int trial,
                       int (*each)(void *ctx, const struct store_written *row), void *ctx, struct err *err)
{
    sqlite3_stmt *stmt;
    int step, rc = store_prepare(store,
                                 "SELECT half, texts FROM written WHERE search = ? AND trial = ? "
                                 "ORDER BY half DESC",
                                 &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, search);
    bind_int(stmt, 2, trial);
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct store_written row = {
            .search = search, .trial = trial, .half = column_text(stmt, 0), .texts = column_text(stmt, 1)};
        rc = each(ctx, &row);
        if (rc)
            break;
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = store_failed(store, err, "cannot read what the model of trial %d of search %lld wrote", trial,
                          (long long)search);
    sqlite3_finalize(stmt);
    return rc;
}
