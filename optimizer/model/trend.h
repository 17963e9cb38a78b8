/* WHAT   What an objective does on the whole: a polynomial of the free ratios, as rich as leave-one-out residuals bear. The
 *        processes model what it leaves.
 * WHO    model/surrogate.c.
 * UNITS  x: [d], unit cube. y: standardised.
 * MEMORY make/fini.
 * ERRORS None.
 * STATE  A function of the data.
 *
 * Scores of merged models bend slowly along most ratios, and among twenty-six of them a stationary process with a constant mean
 * takes every unexplored corner for a likely optimum. The richer polynomial is taken where it lowers the leave-one-out
 * error by a fifth: a function that is no polynomial keeps its constant mean. Below TREND_FREE_MIN free ratios a process finds
 * all this by itself, and knows better how sure it is: there is no trend. */
#ifndef OPTIMIZER_MODEL_TREND_H
#define OPTIMIZER_MODEL_TREND_H

#include "optimizer/model/terms.h"

#define TREND_FREE_MIN 10

struct trend {
    int d;
    enum terms level;
    double
        left; /* root mean square of what it leaves, leave-one-out; 1 with TERMS_CONSTANT, whose weight is 0 */
    double *weights; /* [terms_count] or NULL */
    double *factor;  /* [terms_count][terms_count] of ridge.h, NULL as above */
    double error;    /* root mean square of the leave-one-out residuals, in y */
};

/* x [n][d], y [n] of mean 0, variance [n] of the noise that is reported, 0 where none is. */
void trend_make(int n, int d, const double *x, const double *y, const double *variance, struct trend *out);
void trend_fini(struct trend *trend);

/* slope: [d] or NULL */
double trend_at(const struct trend *trend, const double *x, double *slope);

/* How unsure the trend itself is: rows [q][terms_count] whose inner products are its posterior covariances at q points x [q][d],
 * error^2 phi (Phi^T Phi + n strength I)^-1 phi. With TERMS_CONSTANT there is no doubt, and nothing is written. What a process
 * makes up for is counted twice, so this errs on the side of doubt. */
void trend_doubt(const struct trend *trend, int q, const double *x, double *rows);

#endif
