/* WHAT   What an evaluation that is ended early knows of the items it scored, as JSON, so that another goes on from there.
 * WHO    worker/native.
 * UNITS  As worker/tasks.h; doubles keep every bit.
 * MEMORY The caller's buffer and tasks.
 * ERRORS ERR_INVALID: the state does not fit. The tasks are then as if nothing had been read.
 * STATE  None.
 *
 *   {"format":"paretod-state-1","check":"32 hex digits","tasks":{"facts":{"em":[1,0,…],"bleu":[[…10 counts…],…]},…}}
 *
 * With "written", as proto/written.h has it, of tasks that keep texts; without it where it would be larger than a state may be.
 * One value a column (task_columns) and item of the slices that are done, in the bundle's order. `check` is the hash of these
 * values and texts, and of whose they are: this version of the program, bundle, half, shard, seed, ratios, slices and how many are done. So a state of something else and
 * one of which a digit was changed are known as such, and scores never rest on them. */
#ifndef WORKER_TASK_STATE_H
#define WORKER_TASK_STATE_H

#include "worker/tasks.h"

/* Whose state it is, beside what a task's run says. */
struct state_owner {
    struct hash128 bundle; /* bundle_digest */
    const double *ratios;  /* [ratios_n] */
    int ratios_n, slices;
};

/* Of n tasks that share run.seed and half, after as many slices as they are done. *buf is full when it has no room, even without
 * texts. */
void task_state_write(const struct state_owner *owner, const struct task *tasks, int n, struct buf *buf);

/* Brings n tasks, opened and fresh, to where `done` slices are done. */
int task_state_read(const char *text, const struct state_owner *owner, int done, struct task *tasks, int n,
                    struct err *err);

#endif
