#include "proto/mem.h"
#include "store/store_internal.h"

#include <math.h>

static int check_event(const struct store_event *in, struct err *err)
{
    for (int j = 0; j < in->m; j++)
        if (!isfinite(in->means[j]) || in->stderrs[j] < 0 || isinf(in->stderrs[j]))
            return err_set(err, ERR_INVALID,
                           "event %d: the score of objective %d is not a finite number with a standard error",
                           in->seq, j);
    if (!isfinite(in->share))
        return err_set(err, ERR_INVALID, "event %d: its share is not a number", in->seq);
    return 0;
}

int store_event_insert(struct store *store, const struct store_event *in, struct err *err)
{
    sqlite3_stmt *stmt;
    size_t m = in->m > 0 ? (size_t)in->m : 0;
    int rc = store_writable(store, err);
    if (!rc)
        rc = check_event(in, err);
    if (!rc)
        rc = store_cached(store, STMT_EVENT_INSERT,
                          "INSERT INTO event (search, seq, trial, kind, share, items, means, stderrs) "
                          "VALUES (?,?,?,?,?,?,?,?)",
                          &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, in->search);
    bind_int(stmt, 2, in->seq);
    bind_int(stmt, 3, in->trial);
    bind_text(stmt, 4, in->kind);
    bind_double(stmt, 5, in->share);
    bind_int(stmt, 6, in->items);
    bind_doubles(stmt, 7, m ? in->means : NULL, m);
    bind_doubles(stmt, 8, m ? in->stderrs : NULL, m);
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot store event %d of search %lld", in->seq,
                            (long long)in->search);
    return 0;
}

static int visit(struct store *store, sqlite3_stmt *stmt, int64_t search,
                 int (*each)(void *ctx, const struct store_event *row), void *ctx, struct err *err)
{
    double *means = NULL, *stderrs = NULL;
    size_t m = 0, n = 0;
    struct store_event row = {.search = search,
                              .seq = sqlite3_column_int(stmt, 0),
                              .trial = sqlite3_column_int(stmt, 1),
                              .kind = column_text(stmt, 2),
                              .share = sqlite3_column_double(stmt, 3),
                              .items = sqlite3_column_int64(stmt, 4)};
    int rc = column_doubles(store, stmt, 5, &means, &m, err);
    if (!rc)
        rc = column_doubles(store, stmt, 6, &stderrs, &n, err);
    if (!rc && m != n)
        rc = err_set(err, ERR_CORRUPT, "event %d of search %lld: %zu means with %zu standard errors", row.seq,
                     (long long)search, m, n);
    row.means = means;
    row.stderrs = stderrs;
    row.m = (int)m;
    if (!rc)
        rc = each(ctx, &row);
    mem_free(means);
    mem_free(stderrs);
    return rc;
}

int store_event_each(struct store *store, int64_t search,
                     int (*each)(void *ctx, const struct store_event *row), void *ctx, struct err *err)
{
    sqlite3_stmt *stmt;
    int step, rc = store_prepare(store,
                                 "SELECT seq, trial, kind, share, items, means, stderrs FROM event "
                                 "WHERE search = ? ORDER BY seq",
                                 &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, search);
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        rc = visit(store, stmt, search, each, ctx, err);
        if (rc)
            break;
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = store_failed(store, err, "cannot read the events of search %lld", (long long)search);
    sqlite3_finalize(stmt);
    return rc;
}
