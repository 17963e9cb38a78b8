/* WHAT   Tells the daemon the scores of slices while the evaluation goes on, and brings back whether it shall end.
 * WHO    worker/slot: one a slot.
 * UNITS  Seconds in *_s.
 * MEMORY open/close; bodies are copied.
 * ERRORS None is told: a report or an answer that is lost is no failure, for the next report says all that it said, and the
 *        result says the rest. They are logged at level debug.
 * STATE  A thread with a connection of its own. Of the reports that wait only the newest is sent; one that was answered "go on"
 *        is sent again now and then until the next one comes, for the daemon may change its mind while a slice takes hours.
 *
 *   begin(lease) --> put, put, … each followed by reporter_wait --> end
 *
 * (1) An answer counts for the lease that its report belonged to: one that comes after `end` is not heard. */
#ifndef WORKER_REPORTER_H
#define WORKER_REPORTER_H

#include "proto/err.h"

#include <stdatomic.h>

struct reporter;

/* address: as for http_client_open. */
int reporter_open(const char *address, struct reporter **out, struct err *err);
void reporter_close(struct reporter *reporter); /* waits a second at most for a call that is under way */

void reporter_begin(struct reporter *reporter, const char *token);
void reporter_put(struct reporter *reporter, const char *body);
void reporter_end(struct reporter *reporter);

enum reporter_answer {
    REPORTER_GO_ON, /* also while nothing was answered */
    REPORTER_STOP,
    REPORTER_LOST, /* the daemon does not know the lease any more */
};
/* What was answered since reporter_begin. Waits while a report is on its way, wait_s at most. */
enum reporter_answer reporter_wait(struct reporter *reporter, double wait_s);

/* True while the answer is REPORTER_STOP; lives as long as the reporter. */
const atomic_bool *reporter_stopped(const struct reporter *reporter);

#endif
