#include "proto/mem.h"
#include "store/store_internal.h"

#include <math.h>

static int check_score(const struct store_score *in, struct err *err)
{
    if (!isfinite(in->mean))
        return err_set(err, ERR_INVALID,
                       "score \"%s\": its mean is not a finite number; a failure is never a score",
                       in->metric);
    if (!isnan(in->stderr_) && !(in->stderr_ >= 0 && isfinite(in->stderr_)))
        return err_set(err, ERR_INVALID, "score \"%s\": its standard error must be 0 or more, or unknown",
                       in->metric);
    return 0;
}

/* Are there scores for this half already? */
static int any(struct store *store, int64_t search, int trial, const char *half, bool *yes, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc =
        store_cached(store, STMT_SCORE_ANY,
                     "SELECT 1 FROM score WHERE search = ? AND trial = ? AND half = ? LIMIT 1", &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, search);
    bind_int(stmt, 2, trial);
    bind_text(stmt, 3, half);
    int step = sqlite3_step(stmt);
    *yes = step == SQLITE_ROW;
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = store_failed(store, err, "cannot read the scores of trial %d", trial);
    sqlite3_reset(stmt);
    return rc;
}

static int insert_one(struct store *store, int64_t search, int trial, const char *half, size_t position,
                      const struct store_score *in, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = check_score(in, err);
    if (!rc)
        rc = store_cached(store, STMT_SCORE_INSERT,
                          "INSERT INTO score (search, trial, half, position, metric, mean, stderr, n, items) "
                          "VALUES (?,?,?,?,?,?,?,?,?)",
                          &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, search);
    bind_int(stmt, 2, trial);
    bind_text(stmt, 3, half);
    bind_int(stmt, 4, (int64_t)position);
    bind_text(stmt, 5, in->metric);
    bind_double(stmt, 6, in->mean);
    bind_double(stmt, 7, in->stderr_);
    bind_int(stmt, 8, in->n);
    bind_doubles(stmt, 9, in->items, in->items_n);
    if (store_step(stmt) == SQLITE_DONE)
        return 0;
    rc = store_failed(store, err, "cannot store score \"%s\" of trial %d", in->metric ? in->metric : "",
                      trial);
    if (rc == ERR_CONFLICT) /* not an old score: store_scores_insert has looked */
        rc = err_set(err, ERR_INVALID, "trial %d: the metric \"%s\" is there twice", trial, in->metric);
    return rc;
}

int store_scores_insert(struct store *store, int64_t search, int trial, const char *half,
                        const struct store_score *scores, size_t n, struct err *err)
{
    bool taken = false;
    if (n == 0)
        return err_set(err, ERR_INVALID, "trial %d of search %lld: there is no score to store", trial,
                       (long long)search);
    int rc = store_mark(store, err);
    if (rc)
        return rc;
    rc = any(store, search, trial, half, &taken, err);
    if (!rc && taken)
        rc = err_set(err, ERR_CONFLICT, "trial %d of search %lld has its %s scores already", trial,
                     (long long)search, half);
    for (size_t i = 0; !rc && i < n; i++)
        rc = insert_one(store, search, trial, half, i, &scores[i], err);
    if (rc) {
        store_undo(store);
        return rc;
    }
    return store_release(store, err);
}

static int visit(struct store *store, sqlite3_stmt *stmt,
                 int (*each)(void *ctx, int trial, const char *half, const struct store_score *score),
                 void *ctx, struct err *err)
{
    double *items;
    struct store_score score = {
        .metric = column_text(stmt, 2),
        .mean = sqlite3_column_double(stmt, 3),
        .stderr_ = sqlite3_column_type(stmt, 4) == SQLITE_NULL ? NAN : sqlite3_column_double(stmt, 4),
        .n = sqlite3_column_int64(stmt, 5),
    };
    int rc = column_doubles(store, stmt, 6, &items, &score.items_n, err);
    score.items = items;
    if (!rc)
        rc = each(ctx, sqlite3_column_int(stmt, 0), column_text(stmt, 1), &score);
    mem_free(items);
    return rc;
}

int store_scores_each(struct store *store, int64_t search, int trial, bool with_items,
                      int (*each)(void *ctx, int trial, const char *half, const struct store_score *score),
                      void *ctx, struct err *err)
{
    sqlite3_stmt *stmt;
    char sql[256];
    sqlite3_snprintf(sizeof sql, sql,
                     "SELECT trial, half, metric, mean, stderr, n, %s FROM score WHERE search = ?1 %s "
                     "ORDER BY trial, half, position",
                     with_items ? "items" : "NULL", trial < 0 ? "" : "AND trial = ?2");
    int step, rc = store_prepare(store, sql, &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, search);
    if (trial >= 0)
        bind_int(stmt, 2, trial);
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        rc = visit(store, stmt, each, ctx, err);
        if (rc)
            break;
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = store_failed(store, err, "cannot read the scores of search %lld", (long long)search);
    sqlite3_finalize(stmt);
    return rc;
}
