/* WHAT   What gp.c, draws.c and leave_out.c share: the inside of a Gaussian process.
 * WHO    gp/gp.c, gp/draws.c, gp/leave_out.c.
 * UNITS  As gp.h.
 * MEMORY As gp.h.
 * ERRORS None.
 * STATE  With L the Cholesky factor of K + diag(noise of the rows) + jitter:
 *        (1) m is L^-1, lower triangular with zeros above, z = m (y - mean), weights = m^T z = K^-1 (y - mean).
 *        (2) Row i of m, and z_i, depend on rows 0 … i alone; weights are summed row by row, from the first on. So the last
 *            rows can be forgotten, and what is left has the bits that it had before they came.
 *
 * Why L^-1 and not L: both take n^2 / 2 numbers, and a point's variance with its gradient needs m k and m^T (m k), which takes one pass
 * over m but two over L, and passes over memory are all that it costs. Inverses of triangular matrices are as good as solving
 * with them but for contrived ones (Du Croz and Higham, IMA J. Numerical Analysis 12, 1992). */
#ifndef OPTIMIZER_GP_GP_INTERNAL_H
#define OPTIMIZER_GP_GP_INTERNAL_H

#include "optimizer/gp/gp.h"

#define GP_VARIANCE_MIN 1e-18 /* what rounding leaves of a variance counts as this */

struct gp {
    int d, n, capacity;
    struct gp_hyper hyper;
    double jitter;
    uint64_t version; /* counts changes, so that what was derived from a state can tell that it has gone */
    double *x;        /* [capacity][d] */
    double *m;        /* [capacity][capacity] */
    double *z;        /* [capacity] */
    double *weights;  /* [capacity] */
};

static inline struct kernel gp_kernel(const struct gp *gp)
{
    return (struct kernel){gp->hyper.shape, gp->d, gp->hyper.length, gp->hyper.signal,
                           polynomial_make(gp->d, gp->hyper.weight)};
}

/* gradient [d]: of k(x, x) before, of sd after. dk [n][d], v [n]: of k(rows, x), and K^-1 k. 0 where sd is at its floor. */
void gp_finish_sd_gradient(double sd, int n, int d, const double *dk, const double *v, double *gradient);

/* Factor of a positive semidefinite matrix a [n][ld] in place: jitter, ten times more at each try, from 1e-10 of its largest variance. */
void gp_factor_covariance(int n, double *a, int ld);

#endif
