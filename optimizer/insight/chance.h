/* WHAT   From draws of the objectives of several vectors together: how often each is on the front, and how large the
 *        front is.
 * WHO    insight/.
 * UNITS  Objectives minimised, in their own units. f: [s][n][m], draws of n vectors.
 * MEMORY The caller's.
 * ERRORS None: every number is finite.
 * STATE  None.
 *
 * Only a rival can dominate: a vector that is scored as a whole. */
#ifndef OPTIMIZER_INSIGHT_CHANCE_H
#define OPTIMIZER_INSIGHT_CHANCE_H

#include "optimizer/insight/scale.h"

/* The vectors that have a chance: not those whose optimistic corner, mean - 4 sd, is dominated by the pessimistic
 * corner, mean + 4 sd, of a rival. What such a vector could dominate, that rival dominates too, so leaving it out
 * changes no other one's chance. mean, sd: [n][m]; chosen: [n] room, ascending. Returns how many. */
int chance_choose(const double *mean, const double *sd, const bool *rival, int n, int m, int *chosen);

/* share [n]: of the draws in which no rival dominates the vector. */
void chance_count(const double *f, int s, int n, int m, const bool *rival, double *share);

/* The same of one of them alone. */
double chance_of(const double *f, int s, int n, int m, const bool *rival, int vector);

/* volume [s]: hypervolume of the rivals in each draw, ascending. */
void chance_volumes(const double *f, int s, int n, const bool *rival, const struct scale *scale,
                    double *volume);

/* Of sorted values [n], linear between them; q in 0 … 1. */
double chance_quantile(const double *sorted, int n, double q);

#endif
