/* WHAT   What gp.c and draws.c share: the inside of a Gaussian process.
 * WHO    gp/gp.c, gp/draws.c.
 * UNITS  As gp.h.
 * MEMORY As gp.h.
 * ERRORS None.
 * STATE  (1) l [n][capacity] is the factor of K + diag(noise of the rows) + jitter, z = L^-1 (y - mean), weights = L^-T z.
 *        (2) Row i of l, and z_i, depend on rows 0 … i alone, so forgetting the last rows only needs new weights. */
#ifndef OPTIMIZER_GP_GP_INTERNAL_H
#define OPTIMIZER_GP_GP_INTERNAL_H

#include "optimizer/gp/gp.h"

struct gp {
    int d, n, capacity;
    struct gp_hyper hyper;
    double jitter;
    uint64_t version; /* counts changes, so that what was derived from a state can tell that it has gone */
    double *x;        /* [capacity][d] */
    double *l;        /* [capacity][capacity] */
    double *z;        /* [capacity] */
    double *weights;  /* [capacity] */
};

/* Factor of a positive semidefinite matrix a [n][ld] in place: jitter, ten times more at each try, from 1e-10 of its largest variance. */
void gp_factor_covariance(int n, double *a, int ld);

#endif
