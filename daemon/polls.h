/* WHAT   Requests that wait: workers for a job, readers for a newer front.
 * WHO    daemon/api_*.c parks them; paretod.c serves them.
 * UNITS  deadline_us: monotonic.
 * MEMORY init/fini. Holds ids of exchanges, never pointers.
 * ERRORS None.
 * STATE  Two lists in order of arrival. sched.waiting is the length of the first. */
#ifndef DAEMON_POLLS_H
#define DAEMON_POLLS_H

#include <stdbool.h>
#include <stdint.h>

struct paretod;

struct lease_poll {
    uint64_t exchange;
    char worker[32];
    int64_t deadline_us;
};

struct front_poll {
    uint64_t exchange;
    int64_t search;
    int64_t deadline_us;
};

struct polls {
    struct lease_poll *lease;
    int lease_n, lease_cap;
    struct front_poll *front;
    int front_n, front_cap;
    bool jobs;   /* there may be a job for a waiting worker */
    bool fronts; /* a revision grew */
};

void polls_fini(struct polls *polls);
void polls_add_lease(struct paretod *daemon, uint64_t exchange, const char *worker, int64_t deadline_us);
void polls_add_front(struct paretod *daemon, uint64_t exchange, int64_t search, int64_t deadline_us);
/* The polls of a worker that leaves end with nothing. */
void polls_end_worker(struct paretod *daemon, const char *worker);
/* Answers whoever can be answered: after a change, before the loop sleeps. */
void polls_serve(struct paretod *daemon);
/* Answers whoever waited long enough; forgets those whose client is gone. */
void polls_tick(struct paretod *daemon);

#endif
