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

/* Takes the search as far as its state allows: closes it, fails it, confirms it, finishes it; then asks for
 * proposals. A failed persist leaves the step for the next tick. */
void sched_advance(struct sched *sched, struct search *search, struct now now);
/* Asks for proposals of one search. */
void sched_fill(struct sched *sched, struct search *search);

#endif
