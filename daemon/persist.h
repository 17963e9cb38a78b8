/* WHAT   The scheduler's writes as transactions of the store.
 * WHO    daemon/paretod.c hands it to the scheduler; submit.c inserts searches.
 * UNITS  Wall microseconds.
 * MEMORY None.
 * ERRORS Those of store/; nothing was written then.
 * STATE  None. */
#ifndef DAEMON_PERSIST_H
#define DAEMON_PERSIST_H

#include "daemon/core/sched.h"
#include "store/store.h"

/* One write, one transaction. */
int persist_write(struct store *store, const struct sched_write *write, struct err *err);

/* The given trials of a search that is being inserted, inside the caller's group. */
int persist_given(struct store *store, const struct search *search, int64_t id, int64_t wall_us,
                  struct err *err);

#endif
