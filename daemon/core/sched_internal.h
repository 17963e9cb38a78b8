/* WHAT   What the files of the scheduler share.
 * WHO    daemon/core/sched*.c alone.
 * UNITS  As in sched.h.
 * MEMORY None.
 * ERRORS As in sched.h.
 * STATE  None. */
#ifndef DAEMON_CORE_SCHED_INTERNAL_H
#define DAEMON_CORE_SCHED_INTERNAL_H

#include "daemon/core/sched.h"

/* A write of `search` that changes nothing yet but the revision. */
struct sched_write write_begin(const struct search *search, struct now now);
/* Persists, then applies. Nothing changed when it fails. */
int write_commit(struct sched *sched, struct search *search, const struct sched_write *write,
                 struct err *err);
/* Moves the search to `to` and cancels every job that is ready or leased. */
int write_stop(struct sched *sched, struct search *search, enum search_state to, const char *reason,
               struct now now, struct err *err);

/* ERR_NOT_FOUND with what a worker should do whose lease is not active. */
int lease_gone(struct err *err, const char *token);
/* The lease and its search, NULL when it is not active. */
struct lease *lease_working(struct sched *sched, const char *token, struct search **search);
/* From a sign of life to its deadline. */
int64_t lease_length_us(const struct sched *sched, const struct lease *lease);
/* The half of which the search gives out jobs now; false when it gives none. */
bool sched_gives(const struct search *search, enum half *half);
/* The search's next job is a proposal, and a newer one is worth the poll's (NULL: nobody's) time. */
bool sched_holds(struct sched *sched, struct search *search, struct poll *poll, struct now now);
/* A lease of the search's next job. length_s: as in struct lease. */
int sched_grant(struct sched *sched, struct search *search, enum half half, const char *worker, int length_s,
                struct now now, const struct lease **out, struct err *err);
/* The worker of this name showed that it lives. */
void lease_touch(struct sched *sched, const char *worker_name, struct now now);
/* ERR_INVALID unless 0 of 0, or 1 … slices of slices. */
int slices_check(int done, int slices, struct err *err);
/* Items behind these scores: metrics of one task ("task.metric") share theirs. */
int64_t slices_items(const struct score *scores, size_t n);

/* Takes the search as far as its state allows: closes it, fails it, confirms it, finishes it; then asks for
 * proposals. A failed persist leaves the step for the next tick. */
void sched_advance(struct sched *sched, struct search *search, struct now now);
/* Asks for proposals of one search. */
void sched_fill(struct sched *sched, struct search *search);

#endif
