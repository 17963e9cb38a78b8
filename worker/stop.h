/* WHAT   When an evaluation must end early: it was cancelled, or its time is over.
 * WHO    worker/native makes one a run; worker/forward looks at it before every layer.
 * UNITS  Seconds on the monotonic clock.
 * MEMORY The caller's struct; cancel is borrowed.
 * ERRORS ERR_CANCELLED, ERR_TIMEOUT.
 * STATE  None. */
#ifndef WORKER_STOP_H
#define WORKER_STOP_H

#include "proto/err.h"

#include <stdatomic.h>
#include <stdint.h>

struct stop {
    const atomic_bool *cancel; /* may be NULL */
    const atomic_bool *enough; /* may be NULL: as cancel, for whoever set it to tell the two apart */
    double limit_s;            /* for the sentence; 0 = no limit */
    double deadline_s;         /* an instant */
};

double stop_now_s(void);
/* limit_s from now on; 0 = none. */
void stop_init(struct stop *stop, const atomic_bool *cancel, double limit_s);
/* 0, or the reason to end. stop may be NULL. */
int stop_check(const struct stop *stop, struct err *err);
/* A tick of merge/ with the atomic_bool `cancel` (may be NULL) as its ctx: large checkpoints are minutes of work. */
int stop_tick(void *cancel, uint64_t done_bytes, uint64_t total_bytes);

#endif
