/* WHAT   The time-limited right of one worker to do one job (trial, half), and the table of them.
 * WHO    daemon/core/sched.
 * UNITS  deadline_us, granted_us: monotonic.
 * MEMORY init/fini; a lease's pointer is good until lease_drop.
 * ERRORS None.
 * STATE  ACTIVE -> DONE, FAILED, EXPIRED, RELEASED. Ended leases stay in the table while their job is
 * unfinished, because a late result of theirs is still welcome; the store keeps them all. */
#ifndef DAEMON_CORE_LEASE_H
#define DAEMON_CORE_LEASE_H

#include "daemon/core/fleet.h"
#include "daemon/core/trial.h"

#define LEASE_TOKEN_MAX 64

enum lease_state { LEASE_ACTIVE, LEASE_DONE, LEASE_FAILED, LEASE_EXPIRED, LEASE_RELEASED, LEASE_STATES_N };

struct lease {
    char token
        [LEASE_TOKEN_MAX]; /* "SEARCH-TRIAL-HALF-ATTEMPT-CHANCE": says its job even when we forgot it; "-SECONDS"
                                  * follows where whoever asked chose how long it lasts */
    int64_t search;
    int trial;
    enum half half;
    char worker[WORKER_NAME_MAX];
    int attempt; /* 1 … */
    enum lease_state state;
    int64_t granted_us, deadline_us;
    int length_s; /* from a sign of life to the deadline; 0: as long as the scheduler's leases are */
    bool stop;    /* it need not go on: said with the answer to its next slice. In memory only */
};

struct lease_table {
    struct lease **lease;
    int n, cap;
};

void lease_table_fini(struct lease_table *table);
void lease_token_write(struct lease *lease, uint64_t chance); /* from its job, attempt and length */
int lease_token_length(const char *token);                    /* length_s */
bool lease_token_read(const char *token, int64_t *search, int *trial, enum half *half);
struct lease *lease_add(struct lease_table *table, const struct lease *lease); /* copies */
struct lease *lease_find(struct lease_table *table, const char *token);
/* The active lease of a job, NULL when none. */
struct lease *lease_active(struct lease_table *table, int64_t search, int trial, enum half half);
/* Active leases of a worker; *oldest (may be NULL) is the one that showed no life for longest. */
int lease_of_worker(struct lease_table *table, const char *worker, struct lease **oldest);
/* Forgets every lease of a job. */
void lease_drop_job(struct lease_table *table, int64_t search, int trial, enum half half);
const char *lease_state_name(enum lease_state state);
bool lease_state_read(const char *word, enum lease_state *out);

#endif
