/* WHAT   A search as it was stored becomes one in memory again.
 * WHO    daemon/restore after a start; the simulation after a crash.
 * UNITS  As in search.h.
 * MEMORY Records are copied.
 * ERRORS ERR_CORRUPT: a record that does not fit the plan, with a sentence.
 * STATE  Call in this order: every trial by ascending number, the scores of every done half, finish. */
#ifndef DAEMON_CORE_SEARCH_RESTORE_H
#define DAEMON_CORE_SEARCH_RESTORE_H

#include "daemon/core/search.h"

struct trial_record {
    int number, stream, step;
    const double *ratios; /* [k] */
    enum trial_state state, heldout_state;
    int attempts;
    const char *reason, *worker;
    int64_t created_us, done_us;
    double merge_s, evaluate_s, wall_s;
    const double *effective; /* [k] or NULL */
};

struct restore; /* what finish still has to do */

struct restore *restore_begin(struct search *search);
int restore_trial(struct restore *restore, const struct trial_record *record, struct err *err);
int restore_scores(struct restore *restore, int number, enum half half, const struct score *scores, size_t n,
                   struct err *err);
/* Frees `restore`, also after a failure. */
int restore_finish(struct restore *restore, struct err *err);

#endif
