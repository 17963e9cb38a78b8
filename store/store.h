/* WHAT   Truth on disk: searches, trials, leases, scores. One SQLite file, WAL, synchronous=FULL, STRICT.
 * WHO    daemon, from its loop thread only. SQLite is included by store/ alone.
 * UNITS  *_us: microseconds of wall time, for people; never compared.
 * MEMORY open/close. Rows handed to callbacks borrow until the callback returns.
 * ERRORS ERR_IO (disk full, file busy, …), ERR_CORRUPT (not our file, newer version, failed check),
 *        ERR_NOT_FOUND, ERR_CONFLICT, ERR_INVALID (a row that cannot be true: a state outside its words, a
 *        failure without a sentence, a number that is not finite). A call that fails changes nothing.
 * STATE  One writer; a call outside store_begin … store_commit is its own transaction, durable on return. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Opens or creates PATH, migrates it (user_version), and locks it: PATH-lock is held until close or death,
 * and a second opener gets ERR_CONFLICT. People may read the file with the sqlite3 shell meanwhile. */
int store_open(const char *path, struct store **out, struct err *err);
void store_close(struct store *store); /* rolls an open group back */

/* What is written between begin and commit is there as a whole or not at all. ERR_CONFLICT, ERR_INVALID and
 * ERR_NOT_FOUND of one call leave the rest of the group as it is. After ERR_IO or ERR_CORRUPT SQLite may have
 * undone the group: roll back (a commit would say ERR_IO). A failed commit has ended the group. */
int store_begin(struct store *store, struct err *err);
int store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store); /* nothing to do outside a group */

/* Every walk (…_each): a non-zero return of the callback ends it and is returned. A callback may call any
 * function of the store, another walk too; a row it adds to the table walked may or may not be shown. */

struct store_search {
    int64_t id;
    const char *key;      /* idempotency key, NULL = none */
    const char *key_hash; /* hash of the submitted body: the same key with another body is a conflict */
    const char *name;
    const char *spec;             /* canonical JSON */
    const char *plan;             /* tensor plan as JSON, NULL with merge "none" */
    const char *groups;           /* JSON array of group names, one a ratio */
    const char *state;            /* daemon's word: running, paused, confirming, done, cancelled, failed */
    const char *reason;           /* sentence for failed; NULL */
    const char *reference;        /* JSON of the reference point, fixed at creation */
    int64_t revision;             /* grows with every visible change */
    int64_t created_us, ended_us; /* 0 = not ended */
    const char *preflight;        /* JSON of the report, NULL = none was made */
    const char *digests;          /* JSON of what both checkpoints hold, NULL = not known */
};

/* in->id is ignored. ERR_CONFLICT: the key exists; *id_out is then that search (else 0). */
int store_search_insert(struct store *store, const struct store_search *in, int64_t *id_out, struct err *err);
int store_search_set_state(struct store *store, int64_t id, const char *state, const char *reason,
                           int64_t ended_us, struct err *err);
int store_search_set_revision(struct store *store, int64_t id, int64_t revision, struct err *err);
/* The search of this id, or when id is 0 of this key. The row borrows until `each` returns. ERR_NOT_FOUND. */
int store_search_get(struct store *store, int64_t id, const char *key,
                     int (*each)(void *ctx, const struct store_search *row), void *ctx, struct err *err);
/* Ascending id. */
int store_search_each(struct store *store, int (*each)(void *ctx, const struct store_search *row), void *ctx,
                      struct err *err);

struct store_trial {
    int64_t search;
    int number; /* 0 …; fixed by the strategy's plan, not by arrival */
    int stream, step;
    int k;
    const double *ratios; /* [k], bit-exact */
    const char *state;    /* ready, leased, done, quarantined, cancelled, stopped */
    int attempts;
    const char *reason;        /* of the last failure; NULL */
    const char *heldout_state; /* NULL = not asked for; else as state */
    int64_t created_us, done_us;
    double merge_s, evaluate_s, wall_s; /* of the search half */
    const char *worker;                 /* who finished it; NULL */
    const double *effective; /* [k] bit-exact but for the bits of a NaN: no update there; NULL = not known */
    /* how it came to be: fixed with its ratios */
    int watermark;    /* events it rests on */
    const char *path; /* direct, design, model, repeat, fill */
    int repeat_of;    /* number of the trial it scores again, -1 = none */
    double gain;      /* bit-exact, but -0.0 becomes 0.0; NaN = not known */
};

/* ERR_CONFLICT: the number, or its stream and step, is taken. ERR_NOT_FOUND: no such search. */
int store_trial_insert(struct store *store, const struct store_trial *in, struct err *err);
/* Everything but ratios, stream, step and how it came to be. ERR_NOT_FOUND. */
int store_trial_update(struct store *store, const struct store_trial *in, struct err *err);
/* Ascending number. */
int store_trial_each(struct store *store, int64_t search,
                     int (*each)(void *ctx, const struct store_trial *row), void *ctx, struct err *err);

struct store_score {
    const char *metric;   /* "facts.em" */
    double mean, stderr_; /* bit-exact, but -0.0 becomes 0.0; stderr_ may be NaN: unknown */
    int64_t n;
    const double *items; /* [items_n] per-item values, bit-exact; may be NULL */
    size_t items_n;
};

/* All of them or none; n is 1 or more. Replaces nothing: ERR_CONFLICT when (search, trial, half) has
 * scores already. half: "search" or "heldout". ERR_NOT_FOUND: no such trial. ERR_INVALID: a metric is
 * there twice. */
int store_scores_insert(struct store *store, int64_t search, int trial, const char *half,
                        const struct store_score *scores, size_t n, struct err *err);
/* items NULL unless with_items. Ordered by trial, half, position of insertion. trial < 0: all. */
int store_scores_each(struct store *store, int64_t search, int trial, bool with_items,
                      int (*each)(void *ctx, int trial, const char *half, const struct store_score *score),
                      void *ctx, struct err *err);

/* What became known of a search's trials, in order. */
struct store_event {
    int64_t search;
    int seq; /* 0 …, without a gap */
    int trial;
    const char *kind; /* slice, done, stopped, reopened, failed */
    double share;     /* of the items, 0 … 1 */
    int64_t items;
    const double *means,
        *stderrs; /* [m] minimised, bit-exact but for the bits of a NaN in stderrs; NULL with reopened,
                                    * failed, and with done: those are in the trial's scores */
    int m;        /* 0 = NULL */
};

/* ERR_CONFLICT: the place is taken. ERR_NOT_FOUND: no such trial. ERR_INVALID: a mean is not finite, or the kind and the
 * scores do not fit. */
int store_event_insert(struct store *store, const struct store_event *in, struct err *err);
/* Ascending seq. */
int store_event_each(struct store *store, int64_t search,
                     int (*each)(void *ctx, const struct store_event *row), void *ctx, struct err *err);

/* What a stopped trial's evaluation goes on from: a row a trial at most. */
struct store_partial {
    int64_t search;
    int trial;
    int slices_done, slices; /* 1 … slices - 1 of 2 … */
    int64_t items;           /* of the slices that are done */
    const char *state;       /* JSON */
};

/* Replaces the trial's earlier one. ERR_NOT_FOUND: no such trial. ERR_INVALID: no JSON, or slices that cannot be. */
int store_partial_put(struct store *store, const struct store_partial *in, struct err *err);
/* trial < 0: those of all trials of the search. No error when there is none. */
int store_partial_drop(struct store *store, int64_t search, int trial, struct err *err);
/* The row borrows until `each` returns. ERR_NOT_FOUND. */
int store_partial_get(struct store *store, int64_t search, int trial,
                      int (*each)(void *ctx, const struct store_partial *row), void *ctx, struct err *err);

/* What the model of a trial wrote in one half. */
struct store_written {
    int64_t search;
    int trial;
    const char *half;  /* "search" or "heldout" */
    const char *texts; /* JSON, as proto/written.h has it */
};

/* ERR_CONFLICT: the half has its texts already. ERR_NOT_FOUND: no such trial. ERR_INVALID: no JSON. */
int store_written_insert(struct store *store, const struct store_written *in, struct err *err);
/* The search half first; no row where nothing was kept. */
int store_written_each(struct store *store, int64_t search, int trial,
                       int (*each)(void *ctx, const struct store_written *row), void *ctx, struct err *err);

struct store_lease {
    const char *token;
    int64_t search;
    int trial;
    const char *half;
    const char *worker; /* name of the worker */
    int attempt;        /* 1 … */
    const char *state;  /* active, done, failed, expired, released */
    const char *reason;
    int64_t granted_us, ended_us;
};
/* ERR_CONFLICT: the token is taken, or this half of the trial has an active lease. ERR_NOT_FOUND: no such
 * trial. */
int store_lease_insert(struct store *store, const struct store_lease *in, struct err *err);
/* ERR_NOT_FOUND; ERR_CONFLICT when it is not active any more. */
int store_lease_end(struct store *store, const char *token, const char *state, const char *reason,
                    int64_t ended_us, struct err *err);
/* state NULL: all. Ascending granted_us. */
int store_lease_each(struct store *store, const char *state,
                     int (*each)(void *ctx, const struct store_lease *row), void *ctx, struct err *err);

#endif
