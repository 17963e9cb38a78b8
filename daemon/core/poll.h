/* WHAT   A question for a job that may wait, and how long newer proposals are worth waiting for.
 * WHO    daemon/core/sched; the daemon's polls keep it from try to try.
 * UNITS  *_us: monotonic.
 * MEMORY None.
 * ERRORS None.
 * STATE  held and again_us are the scheduler's. */
#ifndef DAEMON_CORE_POLL_H
#define DAEMON_CORE_POLL_H

#include "daemon/core/search.h"

struct poll {
    int64_t since_us; /* it came */
    int64_t until_us; /* it waits no longer */
    bool held;        /* back for newer proposals, at one try at least */
    int64_t again_us; /* held at the last try: until then at most, or until sched_ops.wake; 0: it was not */
};

/* How long an evaluation may wait for the proposal that knows more: a twentieth of what one takes on average, at most half a
 * minute; 0 while none is done, and where evaluations are as fast as models. */
int64_t poll_patience_us(const struct search *search);
/* Until when it should wait rather than take the proposal that is ready next: that one does not know all that was known when
 * the poll came, and one that does has been asked for. 0: take what is ready. */
int64_t poll_held_until(const struct poll *poll, const struct search *search, int64_t now_us);

#endif
