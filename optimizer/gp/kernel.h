/* WHAT   The Matérn-5/2 kernel with a length scale a coordinate (ARD), of unit variance.
 * WHO    gp/gp.c, gp/fit.c.
 * UNITS  x: [d], every coordinate of the order of 1; length: [d] > 0.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None.
 *
 * k(x, x') = (1 + s + s^2/3) exp(-s),  s = sqrt(5) |(x - x') / length|.   Rasmussen and Williams, Gaussian Processes for
 * Machine Learning, 2006, eq. 4.17. */
#ifndef OPTIMIZER_GP_KERNEL_H
#define OPTIMIZER_GP_KERNEL_H

/* out [n]: k(row i of x [n][d], at [d]) */
void kernel_row(int n, int d, const double *x, const double *at, const double *length, double *out);

/* The same, and gradient [n][d] with regard to `at`. */
void kernel_row_gradient(int n, int d, const double *x, const double *at, const double *length, double *out,
                         double *gradient);

/* Lower triangle, diagonal 1, of out [n][ld]. */
void kernel_matrix(int n, int d, const double *x, const double *length, double *out, int ld);

#endif
