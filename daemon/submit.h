/* WHAT   A submitted search: checked in the thread pool (it reads checkpoints), then stored and started.
 * WHO    daemon/api_search.c; paretod.c ends it.
 * UNITS  Wall microseconds.
 * MEMORY A submission owns its copies; the exchange is held by id.
 * ERRORS Answers 422 with every wrong field, 409 for a key with another body, 500 when the disk refuses.
 * STATE  A client that left before the answer still has its search; its key finds it again. Few pairs are read at a
 *        time, so that threads of the pool are left for the proposals; the others wait in the order they came. */
#ifndef DAEMON_SUBMIT_H
#define DAEMON_SUBMIT_H

#include "daemon/http.h"

struct paretod;
struct submit_job;

struct submissions {
    struct submit_job *first, *last; /* that wait */
    int reading;                     /* pairs read by threads of the pool now */
};

void submit(struct paretod *daemon, struct exchange *x);
/* Forgets those that wait; those in the pool come home by themselves. */
void submissions_fini(struct submissions *submissions);

#endif
