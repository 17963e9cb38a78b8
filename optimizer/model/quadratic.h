/* WHAT   A quadratic function of the free ratios fitted to one objective, and how surely.
 * WHO    strategy_quadratic.
 * UNITS  x: [d], unit cube. y: standardised.
 * MEMORY make/fini; nothing is borrowed.
 * ERRORS None.
 * STATE  A function of the data.
 *
 * y = w^T phi(x) with all (d + 1)(d + 2) / 2 terms when there are as many rows; before that products of neighbours, or none.
 * The posterior variance of the mean is s^2 phi^T (Phi^T Phi + n strength I)^-1 phi, s^2 the mean square of the
 * leave-one-out residuals (model/ridge.h). */
#ifndef OPTIMIZER_MODEL_QUADRATIC_H
#define OPTIMIZER_MODEL_QUADRATIC_H

#include "optimizer/model/ridge.h"
#include "optimizer/model/terms.h"

struct quadratic {
    int d;
    enum terms level;
    struct ridge ridge;
};

/* x [n][d], y [n], weight [n] > 0: a row counts that much. n >= 1. */
void quadratic_make(int n, int d, const double *x, const double *y, const double *weight,
                    struct quadratic *out);
void quadratic_fini(struct quadratic *quadratic);

double quadratic_mean(const struct quadratic *quadratic, const double *x);

/* sd > 0. Gradients [d], NULL together. */
void quadratic_predict(const struct quadratic *quadratic, const double *x, double *mean, double *sd,
                       double *mean_gradient, double *sd_gradient);

#endif
