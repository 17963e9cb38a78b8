#include "proto/mem.h"
#include "store/store_internal.h"

#include <math.h>

/* The columns that a trial's life changes, in the order of bind_life. */
#define LIFE                                                                                                 \
    "state, attempts, reason, heldout_state, created_us, done_us, merge_s, evaluate_s, wall_s, worker, "     \
    "effective"
#define LIFE_N 11

static void bind_life(sqlite3_stmt *stmt, const struct store_trial *in)
{
    bind_text(stmt, 1, in->state);
    bind_int(stmt, 2, in->attempts);
    bind_text(stmt, 3, in->reason);
    bind_text(stmt, 4, in->heldout_state);
    bind_int(stmt, 5, in->created_us);
    bind_int(stmt, 6, in->done_us);
    bind_double(stmt, 7, in->merge_s);
    bind_double(stmt, 8, in->evaluate_s);
    bind_double(stmt, 9, in->wall_s);
    bind_text(stmt, 10, in->worker);
    bind_doubles(stmt, 11, in->effective, in->k > 0 ? (size_t)in->k : 0);
}

/* NaN would be stored as NULL, an infinity as a time that no trial took. */
static int check_numbers(const struct store_trial *in, struct err *err)
{
    if (isinf(in->gain))
        return err_set(err, ERR_INVALID, "trial %d: its gain is infinite", in->number);
    if (!isfinite(in->merge_s) || !isfinite(in->evaluate_s) || !isfinite(in->wall_s))
        return err_set(err, ERR_INVALID,
                       "trial %d: merge_s, evaluate_s and wall_s must be finite numbers of seconds",
                       in->number);
    for (int i = 0; in->effective && i < in->k; i++)
        if (isinf(in->effective[i]))
            return err_set(err, ERR_INVALID, "trial %d: effective ratio %d is infinite", in->number, i);
    return 0;
}

int store_trial_insert(struct store *store, const struct store_trial *in, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_writable(store, err);
    if (!rc)
        rc = check_numbers(in, err);
    for (int i = 0; !rc && i < in->k; i++)
        if (!isfinite(in->ratios[i]))
            rc = err_set(err, ERR_INVALID, "trial %d: ratio %d is not a finite number", in->number, i);
    if (!rc)
        rc = store_cached(store, STMT_TRIAL_INSERT,
                          "INSERT INTO trial (" LIFE
                          ", search, number, stream, step, ratios, watermark, path, "
                          "repeat_of, gain) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                          &stmt, err);
    if (rc)
        return rc;
    bind_life(stmt, in);
    bind_int(stmt, LIFE_N + 1, in->search);
    bind_int(stmt, LIFE_N + 2, in->number);
    bind_int(stmt, LIFE_N + 3, in->stream);
    bind_int(stmt, LIFE_N + 4, in->step);
    bind_doubles(stmt, LIFE_N + 5, in->ratios, in->k > 0 ? (size_t)in->k : 0);
    bind_int(stmt, LIFE_N + 6, in->watermark);
    bind_text(stmt, LIFE_N + 7, in->path);
    if (in->repeat_of >= 0) /* an unbound parameter is NULL */
        bind_int(stmt, LIFE_N + 8, in->repeat_of);
    bind_double(stmt, LIFE_N + 9, in->gain);
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot store trial %d of search %lld", in->number,
                            (long long)in->search);
    return 0;
}

int store_trial_update(struct store *store, const struct store_trial *in, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_writable(store, err);
    if (!rc)
        rc = check_numbers(in, err);
    if (!rc)
        rc = store_cached(store, STMT_TRIAL_UPDATE,
                          "UPDATE trial SET (" LIFE
                          ") = (?,?,?,?,?,?,?,?,?,?,?) WHERE search = ? AND number = ?",
                          &stmt, err);
    if (rc)
        return rc;
    bind_life(stmt, in);
    bind_int(stmt, LIFE_N + 1, in->search);
    bind_int(stmt, LIFE_N + 2, in->number);
    if (store_step(stmt) != SQLITE_DONE)
        return store_failed(store, err, "cannot update trial %d of search %lld", in->number,
                            (long long)in->search);
    if (!sqlite3_changes(store->db))
        return err_set(err, ERR_NOT_FOUND, "search %lld has no trial %d", (long long)in->search, in->number);
    return 0;
}

/* ratios and effective are the caller's: mem_free. */
static int read_row(struct store *store, sqlite3_stmt *stmt, struct store_trial *row, double **ratios,
                    double **effective, struct err *err)
{
    size_t k, n = 0;
    *row = (struct store_trial){
        .state = column_text(stmt, 0),
        .attempts = sqlite3_column_int(stmt, 1),
        .reason = column_text(stmt, 2),
        .heldout_state = column_text(stmt, 3),
        .created_us = sqlite3_column_int64(stmt, 4),
        .done_us = sqlite3_column_int64(stmt, 5),
        .merge_s = sqlite3_column_double(stmt, 6),
        .evaluate_s = sqlite3_column_double(stmt, 7),
        .wall_s = sqlite3_column_double(stmt, 8),
        .worker = column_text(stmt, 9),
        .search = sqlite3_column_int64(stmt, LIFE_N),
        .number = sqlite3_column_int(stmt, LIFE_N + 1),
        .stream = sqlite3_column_int(stmt, LIFE_N + 2),
        .step = sqlite3_column_int(stmt, LIFE_N + 3),
        .watermark = sqlite3_column_int(stmt, LIFE_N + 5),
        .path = column_text(stmt, LIFE_N + 6),
        .repeat_of =
            sqlite3_column_type(stmt, LIFE_N + 7) == SQLITE_NULL ? -1 : sqlite3_column_int(stmt, LIFE_N + 7),
        .gain = sqlite3_column_type(stmt, LIFE_N + 8) == SQLITE_NULL
                    ? NAN
                    : sqlite3_column_double(stmt, LIFE_N + 8),
    };
    *effective = NULL;
    int rc = column_doubles(store, stmt, LIFE_N + 4, ratios, &k, err);
    if (!rc)
        rc = column_doubles(store, stmt, 10, effective, &n, err);
    row->ratios = *ratios;
    row->k = (int)k;
    row->effective = *effective;
    if (!rc && *effective && n != k)
        rc = err_set(err, ERR_CORRUPT, "trial %d of search %lld: %zu effective ratios for %zu ratios",
                     row->number, (long long)row->search, n, k);
    return rc;
}

int store_trial_each(struct store *store, int64_t search,
                     int (*each)(void *ctx, const struct store_trial *row), void *ctx, struct err *err)
{
    sqlite3_stmt *stmt;
    int step, rc = store_prepare(store,
                                 "SELECT " LIFE ", search, number, stream, step, ratios, watermark, path, "
                                 "repeat_of, gain FROM trial "
                                 "WHERE search = ? ORDER BY number",
                                 &stmt, err);
    if (rc)
        return rc;
    bind_int(stmt, 1, search);
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct store_trial row;
        double *ratios, *effective;
        rc = read_row(store, stmt, &row, &ratios, &effective, err);
        if (!rc)
            rc = each(ctx, &row);
        mem_free(ratios);
        mem_free(effective);
        if (rc)
            break;
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = store_failed(store, err, "cannot read the trials of search %lld", (long long)search);
    sqlite3_finalize(stmt);
    return rc;
}
