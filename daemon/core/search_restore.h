/* WHAT   A search as it was stored becomes one in memory again.
 * WHO    daemon/restore after a start; the simulation after a crash.
 * UNITS  As in search.h.
 * MEMORY Records are copied.
 * ERRORS ERR_CORRUPT: a record that does not fit the plan, with a sentence.
 * STATE  Call in this order: every trial by ascending number, the scores of every done half, every event in order, finish. */
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
    struct origin origin;
};

struct restore; /* what finish still has to do */

struct restore *restore_begin(struct search *search);
int restore_trial(struct restore *restore, const struct trial_record *record, struct err *err);
int restore_scores(struct restore *restore, int number, enum half half, const struct score *scores, size_t n,
                   struct err *err);
/* seq: its place in the log. The scores of a done event are those of its trial: means and stderrs are not looked at. */
int restore_event(struct restore *restore, int seq, const struct search_event *event, struct err *err);
/* Frees `restore`, also after a failure. */
int restore_finish(struct restore *restore, struct err *err);

#endif
