/* WHAT   Which items of a task's half belong to which slice of an evaluation.
 * WHO    worker/tasks.
 * UNITS  Slices 0 … slices - 1, in the order in which they are evaluated.
 * MEMORY The caller's room.
 * ERRORS None.
 * STATE  None: a function of n and slices alone, so slices are the same items in every trial and on every worker.
 *
 * Items follow each other in blocks of `slices`; each block is dealt out by a permutation of its own, drawn from a fixed
 * seed. So every slice has its even share of each stretch of the bundle, which may be ordered (by length, by source), and
 * a bundle whose items alternate with some period cannot give one slice all items of a kind, as a plain stride could. */
#ifndef WORKER_SLICES_H
#define WORKER_SLICES_H

#include <stddef.h>
#include <stdint.h>

/* slices: 1 … SPEC_SLICES_MAX. slice[n]: the slice of each item. Slices differ by one item at most and never grow, so the first has one if n > 0. */
void slices_deal(size_t n, int slices, uint8_t *slice);

#endif
