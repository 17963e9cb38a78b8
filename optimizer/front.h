/* WHAT   Pareto front and hypervolume.
 * WHO    daemon, bench, tests.
 * UNITS  Every objective MINIMISED. points: [n][m], row a trial.
 * MEMORY The caller's arrays.
 * ERRORS ERR_INVALID (a number is not finite), ERR_UNSUPPORTED (hypervolume of more than 4 objectives).
 * STATE  None. */
#ifndef OPTIMIZER_FRONT_H
#define OPTIMIZER_FRONT_H

#include "proto/err.h"

#include <stdbool.h>

/* a <= b in every objective and < in one. a, b: [m] */
bool front_dominates(const double *a, const double *b, int m);

/* member[i] = no other point is <= in every objective and < in one. Equal points are all members. */
int front_members(const double *points, int n, int m, bool *member, struct err *err);

/* Exact volume dominated by the points and bounded by `reference` [m]; points not better than it add nothing.
 * m = 1, 2 (sort and sweep), 3 (sweep over the third objective) or 4 (over the fourth). 0 points: 0. */
int front_hypervolume(const double *points, int n, int m, const double *reference, double *volume,
                      struct err *err);

#endif
