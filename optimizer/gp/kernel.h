/* WHAT   Kernels: a stationary part with a length scale a coordinate (ARD), Matérn-7/2 or the squared exponential, and a
 *        polynomial (gp/polynomial.h).
 * WHO    gp/.
 * UNITS  x: [d], every coordinate of the order of 1; length: [d] > 0, d <= GP_D_MAX.
 * MEMORY The caller's; kernel_matrix and kernel_cross take n d doubles for as long as they run.
 * ERRORS None.
 * STATE  None.
 *
 * k = signal * stationary + polynomial. Of the stationary part, with r = |(x - x') / length|:
 *     Matérn-7/2           k = (1 + s + 2 s^2 / 5 + s^3 / 15) exp(-s),  s = sqrt(7) r,    h = 7/5 (1 + s + s^2 / 3) exp(-s)
 *     squared exponential  k = exp(-r^2 / 2),                                             h = k
 * Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, eqs. 4.16 (p = 3) and 4.9. The slope is h = -2 dk/d(r^2), so
 *     dk/dx_i = -h (x_i - x'_i) / length_i^2,      dk/d ln length_i = h ((x_i - x'_i) / length_i)^2.
 *
 * Squared distances are summed from differences, not taken from |a|^2 + |b|^2 - 2ab: places that lie close together are
 * what a search ends with, and their distance would drown in the rounding of the squares. */
#ifndef OPTIMIZER_GP_KERNEL_H
#define OPTIMIZER_GP_KERNEL_H

#include "optimizer/gp/polynomial.h"

enum kernel_shape { KERNEL_MATERN, KERNEL_SQUARED };

struct kernel {
    enum kernel_shape shape;
    int d;
    const double *length; /* [d], the caller's */
    double signal;        /* variance of the stationary part */
    struct polynomial polynomial;
};

/* k(x, x), and its gradient [d] with regard to x, or NULL. */
double kernel_variance(const struct kernel *kernel, const double *x, double *gradient);

/* out [n]: k(row i of x [n][d], at [d]) */
void kernel_row(const struct kernel *kernel, int n, const double *x, const double *at, double *out);

/* The same, and gradient [n][d] with regard to `at`. */
void kernel_row_gradient(const struct kernel *kernel, int n, const double *x, const double *at, double *out,
                         double *gradient);

/* out [q][n]: k(row j of x [n][d], row i of at [q][d]); the way for many places at once. */
void kernel_cross(const struct kernel *kernel, int q, const double *at, int n, const double *x, double *out);

/* Lower triangle of out [n][ld]. */
void kernel_matrix(const struct kernel *kernel, int n, const double *x, double *out, int ld);

/* The stationary part alone, of unit variance: lower triangle, diagonal 1, of out [n][ld]; slope [n][ld]: h, likewise with diagonal 0,
 * or NULL. */
void kernel_stationary(const struct kernel *kernel, int n, const double *x, double *out, double *slope,
                       int ld);

#endif
