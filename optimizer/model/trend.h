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
};

/* x [n][d], y [n] of mean 0, variance [n] of the noise that is reported, 0 where none is. */
void trend_make(int n, int d, const double *x, const double *y, const double *variance, struct trend *out);
void trend_fini(struct trend *trend);

/* slope: [d] or NULL */
double trend_at(const struct trend *trend, const double *x, double *slope);

#endif
