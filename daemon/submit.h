/* WHAT   A submitted search: checked in the thread pool (it opens checkpoints), then stored and started.
 * WHO    daemon/api_search.c.
 * UNITS  Wall microseconds.
 * MEMORY A submission owns its copies; the exchange is held by id.
 * ERRORS Answers 422 with every wrong field, 409 for a key with another body, 500 when the disk refuses.
 * STATE  A client that left before the answer still has its search; its key finds it again. */
#ifndef DAEMON_SUBMIT_H
#define DAEMON_SUBMIT_H

#include "daemon/http.h"

struct paretod;

void submit(struct paretod *daemon, struct exchange *x);

#endif
