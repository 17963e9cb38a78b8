/* WHAT   The workers that registered since the daemon started.
 * WHO    daemon/core/sched; the views read it.
 * UNITS  *_us: monotonic.
 * MEMORY init/fini; a worker's pointer is good until the next call that may forget workers (forget, tick).
 * ERRORS None.
 * STATE  seen -> (silent for lost_us) lost -> (silent for forget_us) forgotten; any sign of life makes it
 * seen again. */
#ifndef DAEMON_CORE_FLEET_H
#define DAEMON_CORE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKER_NAME_MAX 128

/* A search whose jobs the worker cannot do: its files are others than the search's. */
struct refusal {
    int64_t search;
    char *reason; /* a sentence */
};

struct worker {
    char id[32];
    char name[WORKER_NAME_MAX]; /* "host:pid"; leases name a worker so, for the id dies with the daemon */
    char version[32];
    int slots;
    int done, failed; /* results and failures since it registered */
    int64_t seen_us;
    bool told_lost;          /* the log has its silence */
    struct refusal *refused; /* [refused_n], a search once; gone when it registers again */
    int refused_n;
};

struct fleet {
    struct worker **worker;
    int n, cap;
    int next;      /* number of the next id */
    uint32_t boot; /* part of every id, so that an id of an earlier daemon is unknown */
};

void fleet_init(struct fleet *fleet, uint32_t boot);
void fleet_fini(struct fleet *fleet);
/* A worker of the same name keeps its id, and what it refused is forgotten: it may have other files now. name is cut at
 * WORKER_NAME_MAX. */
struct worker *fleet_register(struct fleet *fleet, const char *name, int slots, const char *version,
                              int64_t now_us);
struct worker *fleet_find(struct fleet *fleet, const char *id);
struct worker *fleet_by_name(struct fleet *fleet, const char *name);
void fleet_forget(struct fleet *fleet, const char *id);
/* The worker does nothing for this search any more; a later reason replaces the earlier one. Copies. */
void worker_refuse(struct worker *worker, int64_t search, const char *reason);
/* Why the worker does nothing for this search; NULL when it has not refused it. */
const char *worker_refusal(const struct worker *worker, int64_t search);
/* Nobody refuses the search any more: it is over, or was resumed. */
void fleet_forgive(struct fleet *fleet, int64_t search);
/* Forgets workers that were silent for forget_us. */
void fleet_tick(struct fleet *fleet, int64_t now_us, int64_t forget_us);

#endif
