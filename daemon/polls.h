/* WHAT   Requests that wait: workers for a job, readers for a newer front or for the last insight.
 * WHO    daemon/api_*.c parks them; paretod.c serves them.
 * UNITS  deadline_us: monotonic.
 * MEMORY init/fini. Holds ids of exchanges, never pointers.
 * ERRORS None.
 * STATE  Two lists in order of arrival. sched.waiting is the number of workers in the first, waiting of each external search
 *        that of the programs that ask for its trials. */
#ifndef DAEMON_POLLS_H
#define DAEMON_POLLS_H

#include "daemon/core/fleet.h"
#include "daemon/core/poll.h"

#include <stdbool.h>
#include <stdint.h>

struct paretod;
struct exchange;

struct lease_poll {
    uint64_t exchange;
    char worker[WORKER_NAME_MAX]; /* id of a worker, or with `search` the name of a program that asks */
    struct poll poll;
    int64_t search; /* 0: any, for a worker */
    int lease_s;    /* with `search` */
};

/* Answers with a view of a search. False when it may wait and there is something to wait for. */
typedef bool poll_view(struct paretod *daemon, struct exchange *x, int64_t search, bool may_wait);

struct view_poll {
    uint64_t exchange;
    int64_t search;
    poll_view *view;
    int64_t deadline_us;
};

struct polls {
    struct lease_poll *lease;
    int lease_n, lease_cap;
    struct view_poll *view;
    int view_n, view_cap;
    bool jobs;  /* there may be a job for a waiting worker */
    bool views; /* a revision grew, or an insight was made or could not be */
};

void polls_fini(struct polls *polls);
void polls_add_lease(struct paretod *daemon, uint64_t exchange, const char *worker, const struct poll *poll);
void polls_add_ask(struct paretod *daemon, uint64_t exchange, int64_t search, const char *client, int lease_s,
                   const struct poll *poll);
void polls_add_view(struct paretod *daemon, uint64_t exchange, int64_t search, poll_view *view,
                    int64_t deadline_us);
/* The polls of a worker that leaves end with nothing. */
void polls_end_worker(struct paretod *daemon, const char *worker);
/* Answers whoever can be answered: after a change, before the loop sleeps. */
void polls_serve(struct paretod *daemon);
/* Answers whoever waited long enough; forgets those whose client is gone. */
void polls_tick(struct paretod *daemon);

#endif
