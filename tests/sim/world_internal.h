/* WHAT   What the fake world's sources share: the disk, the proposals and the workers, moved by world.c.
 * WHO    world.c, world_disk.c, world_proposals.c, world_workers.c.
 * UNITS  Virtual microseconds.
 * MEMORY All of it is the world's.
 * ERRORS A disk that fails answers ERR_IO, as the options say; a broken promise is an assert.
 * STATE  None of its own; all chance is the world's. */
#ifndef TESTS_SIM_WORLD_INTERNAL_H
#define TESTS_SIM_WORLD_INTERNAL_H

#include "world.h"

#define LEASE_US INT64_C(30000000)
#define BORN_WALL_US INT64_C(1790000000000000)

bool world_happens(struct world *world, double chance);
/* The daemon dies, which is counted. */
void world_crash(struct world *world);

/* struct sched_ops' persist: one transaction, or ERR_IO and nothing of it. */
int world_persist(void *ctx, const struct sched_write *write, struct err *err);
/* Restores a search from its rows and adds it to the scheduler. */
void world_load(struct world *world, int64_t id);

/* struct sched_ops' ask: noted, and answered by world_answer_ask, in any order. */
void world_asked(void *ctx, const struct search *search, int stream, int n);
/* Answers one of the questions that are open, of which there must be one. */
void world_answer_ask(struct world *world);

/* The worker is gone, and another process has its place. */
void world_replace_worker(struct world *world, struct world_worker *worker);
/* Whatever the worker does next. */
void world_step_worker(struct world *world, struct world_worker *worker);

#endif
