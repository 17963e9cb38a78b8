/* WHAT   Which rows stand for all, when there are more than a process can hold.
 * WHO    model/surrogate.c, strategy_quadratic.
 * UNITS  Rows by index.
 * MEMORY The caller's array.
 * ERRORS None.
 * STATE  A function of the rows and the seed. */
#ifndef OPTIMIZER_MODEL_SUBSET_H
#define OPTIMIZER_MODEL_SUBSET_H

#include "optimizer/model/rows.h"

/* `count` of the first n rows, ascending in index [count]: the first two, half of them from the layers of the front, nearest
 * layer first, the rest by chance. All n when they fit. Returns how many. */
int subset_rows(const struct rows *rows, int n, int m, int count, uint64_t seed, int *index);

#endif
