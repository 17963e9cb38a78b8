/* WHAT   The Matérn-5/2 kernel with a length scale a coordinate (ARD), of unit variance.
 * WHO    gp/.
 * UNITS  x: [d], every coordinate of the order of 1; length: [d] > 0, d <= GP_D_MAX.
 * MEMORY The caller's; kernel_matrix and kernel_cross take n d doubles for as long as it runs.
 * ERRORS None.
 * STATE  None.
 *
 * k(x, x') = (1 + s + s^2/3) exp(-s),  s = sqrt(5) |(x - x') / length|.   Rasmussen and Williams, Gaussian Processes for
 * Machine Learning, 2006, eq. 4.17. Its slope is h = (5/3) (1 + s) exp(-s), by which
 *     dk/dx_i = -h (x_i - x'_i) / length_i^2,      dk/d ln length_i = h ((x_i - x'_i) / length_i)^2.
 *
 * Squared distances are summed from differences, not taken from |a|^2 + |b|^2 - 2ab: places that lie close together are
 * what a search ends with, and their distance would drown in the rounding of the squares. */
#ifndef OPTIMIZER_GP_KERNEL_H
#define OPTIMIZER_GP_KERNEL_H

/* out [n]: k(row i of x [n][d], at [d]); slope [n]: h there, or NULL. */
void kernel_row(int n, int d, const double *x, const double *at, const double *length, double *out,
                double *slope);

/* The same, and gradient [n][d] with regard to `at`. */
void kernel_row_gradient(int n, int d, const double *x, const double *at, const double *length, double *out,
                         double *gradient);

/* out [q][n]: k(row j of x [n][d], row i of at [q][d]); the way for many places at once. */
void kernel_cross(int q, const double *at, int n, int d, const double *x, const double *length, double *out);

/* Lower triangle, diagonal 1, of out [n][ld]; slope [n][ld] likewise (diagonal 5/3), or NULL. */
void kernel_matrix(int n, int d, const double *x, const double *length, double *out, double *slope, int ld);

#endif
