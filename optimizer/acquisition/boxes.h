/* WHAT   The region that no point of a front dominates, below a reference point, cut into disjoint boxes.
 * WHO    acquisition/ehvi, acquisition/nehvi.
 * UNITS  Minimised. points: [n][m], reference: [m].
 * MEMORY make/fini.
 * ERRORS ERR_UNSUPPORTED: more than 4 objectives; ERR_INVALID: a number is not finite.
 * STATE  None.
 *
 * m = 1: one interval. m = 2: n + 1 strips. m = 3, 4: Lacour, Klamroth and Fonseca, "A box decomposition algorithm to compute
 * the hypervolume indicator", Computers & Operations Research 79, 2017. */
#ifndef OPTIMIZER_ACQUISITION_BOXES_H
#define OPTIMIZER_ACQUISITION_BOXES_H

#include "proto/err.h"

struct boxes {
    int n, m;
    double *lower; /* [n][m], -INFINITY where unbounded */
    double *upper; /* [n][m] <= reference */
};

int boxes_make(const double *points, int n, int m, const double *reference, struct boxes *out,
               struct err *err);
void boxes_fini(struct boxes *boxes);

#endif
