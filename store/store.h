/* WHAT   Truth on disk: searches, trials, leases, scores. One SQLite file, WAL, synchronous=FULL, STRICT tables.
 * WHO    daemon, from its loop thread only. SQLite is included by store/ alone.
 * UNITS  *_us: microseconds of wall time, for people; never compared.
 * MEMORY open/close. Rows handed to callbacks borrow until the callback returns.
 * ERRORS ERR_IO (disk), ERR_CORRUPT (not our file, newer version, failed check), ERR_NOT_FOUND, ERR_CONFLICT.
 * STATE  A writer; every call outside store_begin … store_commit is its own transaction, durable when it returns. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Opens or creates PATH, migrates it (user_version), takes an exclusive lock so that two daemons cannot share it. */
int store_open(const char *path, struct store **out, struct err *err);
void store_close(struct store *store);
int store_begin(struct store *store, struct err *err);
int store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);

struct store_search {
    int64_t id;
    const char *key;      /* idempotency key, NULL = none */
    const char *key_hash; /* hash of the submitted body: the same key with another body is a conflict */
    const char *name;
    const char *spec;     /* canonical JSON */
    const char *plan;     /* tensor plan as JSON, NULL with merge "none" */
    const char *groups;   /* JSON array of group names, one a ratio */
    const char *state;    /* daemon's word: running, paused, confirming, done, cancelled, failed */
    const char *reason;   /* sentence for failed; NULL */
    const char *reference; /* JSON of the reference point, fixed at creation */
    int64_t revision;     /* grows with every visible change */
    int64_t created_us, ended_us; /* 0 = not ended */
};

/* in->id is ignored. ERR_CONFLICT: the key exists; *id_out is then that search. */
int store_search_insert(struct store *store, const struct store_search *in, int64_t *id_out, struct err *err);
int store_search_set_state(struct store *store, int64_t id, const char *state, const char *reason, int64_t ended_us,
                           struct err *err);
int store_search_set_revision(struct store *store, int64_t id, int64_t revision, struct err *err);
/* Ascending id. A non-zero return of the callback ends the walk and is returned. */
int store_search_each(struct store *store, int (*each)(void *ctx, const struct store_search *row), void *ctx,
                      struct err *err);

struct store_trial {
    int64_t search;
    int number;           /* 0 …; fixed by the strategy's plan, not by arrival */
    int stream, step;
    int k;
    const double *ratios; /* [k], bit-exact */
    const char *state;    /* ready, leased, done, quarantined, cancelled */
    int attempts;
    const char *reason;   /* of the last failure; NULL */
    const char *heldout_state; /* NULL = not asked for; else as state */
    int64_t created_us, done_us;
    double merge_s, evaluate_s, wall_s; /* of the search half */
    const char *worker;   /* who finished it; NULL */
};

int store_trial_insert(struct store *store, const struct store_trial *in, struct err *err); /* ERR_CONFLICT: number taken */
int store_trial_update(struct store *store, const struct store_trial *in, struct err *err); /* all but ratios, stream, step */
int store_trial_each(struct store *store, int64_t search, int (*each)(void *ctx, const struct store_trial *row),
                     void *ctx, struct err *err); /* ascending number */

struct store_score {
    const char *metric; /* "facts.em" */
    double mean, stderr_; /* stderr_ may be NaN: unknown (stored as NULL) */
    int64_t n;
    const double *items; /* [items_n] per-item values, may be NULL */
    size_t items_n;
};

/* Replaces nothing: ERR_CONFLICT when (search, trial, half) has scores already. half: "search" or "heldout". */
int store_scores_insert(struct store *store, int64_t search, int trial, const char *half,
                        const struct store_score *scores, size_t n, struct err *err);
/* items NULL unless with_items. Ordered by trial, half, position of insertion. trial < 0: all. */
int store_scores_each(struct store *store, int64_t search, int trial, bool with_items,
                      int (*each)(void *ctx, int trial, const char *half, const struct store_score *score), void *ctx,
                      struct err *err);

struct store_lease {
    const char *token;
    int64_t search;
    int trial;
    const char *half;
    const char *worker;  /* name of the worker */
    int attempt;         /* 1 … */
    const char *state;   /* active, done, failed, expired, released */
    const char *reason;
    int64_t granted_us, ended_us;
};
int store_lease_insert(struct store *store, const struct store_lease *in, struct err *err);
int store_lease_end(struct store *store, const char *token, const char *state, const char *reason, int64_t ended_us,
                    struct err *err); /* ERR_NOT_FOUND; ERR_CONFLICT when it is not active any more */
/* state NULL: all. Ascending granted_us. */
int store_lease_each(struct store *store, const char *state, int (*each)(void *ctx, const struct store_lease *row),
                     void *ctx, struct err *err);

#endif
