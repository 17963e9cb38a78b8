/* WHAT   Proposals in the thread pool: a copy of the history goes in, ratios come back to the loop.
 * WHO    daemon/paretod.c hands it to the scheduler.
 * UNITS  Ratios: weight of the tuned checkpoint.
 * MEMORY A job owns its copies.
 * ERRORS None here: what opt_propose says goes to sched_proposed.
 * STATE  None. A proposal is a pure function of the history, so one that is lost is asked for again. */
#ifndef DAEMON_PROPOSER_H
#define DAEMON_PROPOSER_H

#include "daemon/core/sched.h"

/* sched_ops.ask; ctx is the struct paretod. */
void proposer_ask(void *ctx, const struct search *search, int stream, int n);

#endif
