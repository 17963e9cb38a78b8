/* WHAT   Which items of a bundle a trial evaluates: all of them, or every n-th.
 * WHO    worker/tasks, worker/slot, worker/command.
 * UNITS  Items count from 0, by their place among those of their half.
 * MEMORY None.
 * ERRORS None.
 * STATE  None. */
#ifndef WORKER_SHARD_H
#define WORKER_SHARD_H

#include "proto/search_spec.h"

/* The items whose place, divided by `of`, leaves `index`. of 0 or 1: all. */
struct shard {
    int index, of;
};

static inline bool shard_has(const struct shard *shard, size_t place)
{
    return shard->of <= 1 || place % (size_t)shard->of == (size_t)shard->index;
}

/* One of `trials` equal shares. */
static inline struct shard shard_of_trials(int trials, int trial)
{
    return (struct shard){.index = trial % trials, .of = trials};
}

/* A search whose trials differ by their ratios evaluates all items in each. One that identifies questions has a share of them
 * in each trial. */
struct shard shard_of(const struct search_spec *spec, int trial);

#endif
