/* WHAT   A quadratic function of the free ratios fitted to one objective, and how surely.
 * WHO    strategy_quadratic.
 * UNITS  x: [d], unit cube. y: standardised.
 * MEMORY make/fini; nothing is borrowed.
 * ERRORS None.
 * STATE  A function of the data.
 *
 * y = w^T phi(x), phi = (1, u_i, u_i^2, u_i u_j), u = 2 x - 1: all (d + 1)(d + 2) / 2 terms when there are as many rows, without the
 * products while there are fewer. Ridge regression (Hoerl and Kennard, Technometrics 12, 1970), its strength and the noise by leave-one-out residuals, which
 * cost nothing: r_i / (1 - h_i) (Allen's PRESS, Technometrics 16, 1974). The posterior variance of the mean is
 * s^2 phi^T (Phi^T Phi + lambda I)^-1 phi. */
#ifndef OPTIMIZER_MODEL_QUADRATIC_H
#define OPTIMIZER_MODEL_QUADRATIC_H

#include <stdbool.h>

#define QUADRATIC_TERMS_MAX 1024 /* above (43 free ratios and more): no products */

struct quadratic {
    int d, terms;
    bool products;
    double noise; /* variance of a leave-one-out residual */
    double ridge;
    double *weights; /* [terms] */
    double *factor;  /* [terms][terms]: Cholesky factor of Phi^T Phi + ridge I */
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
