/* WHAT   The scheduler as it was before the daemon stopped, from the store.
 * WHO    daemon/paretod.c, once, before it listens.
 * UNITS  Wall time of the rows becomes monotonic.
 * MEMORY Fills the scheduler.
 * ERRORS Those of store/; ERR_CORRUPT, ERR_INVALID (a stored spec that this version refuses).
 * STATE  None. */
#ifndef DAEMON_RESTORE_H
#define DAEMON_RESTORE_H

#include "daemon/core/sched.h"
#include "daemon/facts.h"
#include "store/store.h"

int restore_all(struct store *store, struct sched *sched, struct facts_table *facts, struct now now,
                struct err *err);

#endif
