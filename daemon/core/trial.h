/* WHAT   One ratio vector of one search and the life of its two jobs: the search half and the held-out half.
 * WHO    daemon/core.
 * UNITS  *_us: wall time, for people. *_s: seconds.
 * MEMORY init/fini; reasons and the worker's name are the trial's own.
 * ERRORS None: a move that is not in the table is our bug and asserts.
 * STATE  One enum a half, one table of moves, one function that moves.
 *
 *              propose            lease               result
 *     ABSENT ----------> READY ----------> LEASED ------------> DONE
 *                          ^ |               | | |                ^
 *                          | |    failure,   | | |                |
 *                          | |    expiry,    | | | last attempt   |
 *                          +-+--- release ---+ | +-----------> QUARANTINED
 *                            |                 |                  |
 *                            | cancel          | cancel           | (final: the streams were told)
 *                            +-------> CANCELLED <                |
 *                            |                                    |
 *                            +--- late result of an expired lease-+--> DONE from READY only
 *
 * The search half alone: a result of fewer slices than all moves LEASED (a late one READY) to STOPPED, and
 * STOPPED goes back to READY when the trial is reopened.
 *
 * (1) DONE, QUARANTINED and CANCELLED are final. They and STOPPED are settled: nobody works on the half, and its search
 *     may end.
 * (2) A half has scores in the store if and only if it is DONE. What is known of a trial that is scored in part is in
 *     the search's log of events.
 * (3) LEASED: exactly one active lease names this (trial, half); otherwise none does.
 * (4) attempts counts failures and expiries, never releases; QUARANTINED: attempts >= the search's limit.
 * (5) The held-out half leaves ABSENT only after the search half is DONE. */
#ifndef DAEMON_CORE_TRIAL_H
#define DAEMON_CORE_TRIAL_H

#include "optimizer/optimizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trial_state {
    TRIAL_ABSENT,
    TRIAL_READY,
    TRIAL_LEASED,
    TRIAL_DONE,
    TRIAL_QUARANTINED,
    TRIAL_CANCELLED,
    TRIAL_STOPPED,
    TRIAL_STATES_N
};

enum half { HALF_SEARCH, HALF_HELDOUT, HALVES_N };

struct trial_job {
    enum trial_state state;
    int attempts;
    char *reason; /* of the last failure; NULL */
};

/* How a trial came to be: struct opt_proposal without its ratios. */
struct origin {
    int watermark;      /* events that it rests on */
    enum opt_path path; /* direct for the sweep, streams without a model, and given trials */
    int repeat_of;      /* -1 = no repeat */
    double gain;        /* NaN = not known */
};

extern const struct origin origin_direct;

struct trial {
    int number, stream, step;
    struct origin origin;
    double share;  /* of the items of the search half that are scored: 0 … 1 */
    int64_t items; /* how many these are */
    bool reopened; /* once: a trial is topped up at most once */
    struct trial_job job[HALVES_N];
    int64_t created_us, done_us;
    double merge_s, evaluate_s, wall_s; /* of the search half */
    char *worker;                       /* who finished the search half or failed its last attempt; NULL */
    double *effective; /* [k] the ratios as they were really applied (merge/merge.h), NaN where there is no
                        * update; NULL = not known */
};

void trial_fini(struct trial *trial);

bool trial_may_move(enum trial_state from, enum trial_state to);
void trial_move(struct trial *trial, enum half half, enum trial_state to);
bool trial_is_final(enum trial_state state);
bool trial_is_settled(enum trial_state state); /* by (1) */

/* The words of the API and of the database. trial_state_read: false when `word` is none of them. */
const char *trial_state_name(enum trial_state state);
bool trial_state_read(const char *word, enum trial_state *out);
const char *path_name(enum opt_path path); /* "direct", "design", "model", "repeat", "fill" */
bool path_read(const char *word, enum opt_path *out);
const char *half_name(enum half half);
bool half_read(const char *word, enum half *out);

/* Copies x [n] (may be NULL) over *slot and frees what was there. */
void doubles_replace(double **slot, const double *x, size_t n);

/* Copies `text` (may be NULL) over *slot and frees what was there. */
void text_replace(char **slot, const char *text);

#endif
