/* WHAT   The worker's side of the protocol: register, lease, evaluate, heartbeat, report; a thread a slot.
 * WHO    worker/main.c.
 * UNITS  Seconds in *_s.
 * MEMORY session_run owns everything it makes until it returns.
 * ERRORS ERR_INVALID for a bad address; the loss of the daemon is not an error: it is waited for.
 * STATE  One struct session, shared by the slots and the heartbeat thread under one mutex.
 *
 *   lease --> evaluate --> result      the daemon has committed it
 *                 |-----> failure      counted as an attempt, with its reason
 *                 |-----> release      we were told to stop: the job goes back, no attempt counted
 *                 |-----> release      our files are others than the search's: the same, and we get no other job of it
 *                 '-----> (nothing)    the daemon took the lease away: whatever we know is not wanted */
#ifndef WORKER_SESSION_H
#define WORKER_SESSION_H

#include "proto/err.h"

#include <stdatomic.h>
#include <stdbool.h>

#define SESSION_SLOTS_MAX 256

struct session_options {
    const char *daemon;  /* address, as for http_client_open */
    const char *name;    /* shown to people */
    const char *scratch; /* directory for merged checkpoints and logs of evaluator commands */
    int slots;           /* 1 … SESSION_SLOTS_MAX */
};

/* Works until *stop becomes true; then ends the evaluations, gives leases back and returns. A daemon that does not
 * answer holds it up for half a minute at most: it learns from the leases, when they run out, what it was not told. */
int session_run(const struct session_options *options, atomic_bool *stop, struct err *err);

#endif
