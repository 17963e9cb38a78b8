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
 * (1) DONE, QUARANTINED and CANCELLED are final.
 * (2) A half has scores in the store if and only if it is DONE.
 * (3) LEASED: exactly one active lease names this (trial, half); otherwise none does.
 * (4) attempts counts failures and expiries, never releases; QUARANTINED: attempts >= the search's limit.
 * (5) The held-out half leaves ABSENT only after the search half is DONE. */
#ifndef DAEMON_CORE_TRIAL_H
#define DAEMON_CORE_TRIAL_H

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
    TRIAL_STATES_N
};

enum half { HALF_SEARCH, HALF_HELDOUT, HALVES_N };

struct trial_job {
    enum trial_state state;
    int attempts;
    char *reason; /* of the last failure; NULL */
};

struct trial {
    int number, stream, step;
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

/* The words of the API and of the database. trial_state_read: false when `word` is none of them. */
const char *trial_state_name(enum trial_state state);
bool trial_state_read(const char *word, enum trial_state *out);
const char *half_name(enum half half);
bool half_read(const char *word, enum half *out);

/* Copies x [n] (may be NULL) over *slot and frees what was there. */
void doubles_replace(double **slot, const double *x, size_t n);

/* Copies `text` (may be NULL) over *slot and frees what was there. */
void text_replace(char **slot, const char *text);

#endif
