/* WHAT   The covariance of a polynomial of second degree whose weights are not known: a variance a level of terms.
 * WHO    gp/.
 * UNITS  x: [d], in the unit cube; the terms are of u = 2 x - 1. A level's variance is that of its part of the function,
 *        averaged over the cube.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None.
 *
 * Weights that are independent and normal give a covariance that is a sum over terms (Rasmussen and Williams 2006, eq. 2.11). With
 * p_i = u_i u'_i three sums are enough, and no term is ever written out:
 *     S_1 = sum p_i,  S_2 = sum p_i^2,  S_3 = sum p_i p_(i-1)
 *     k = c_linear S_1 + c_squares S_2 + c_neighbours S_3 + c_products (S_1^2 - S_2) / 2
 * that is the terms u_i, u_i^2, u_i u_(i-1) and all u_i u_j, j < i. Neighbours are groups of layers that lie side by side. */
#ifndef OPTIMIZER_GP_POLYNOMIAL_H
#define OPTIMIZER_GP_POLYNOMIAL_H

#include <stdbool.h>

enum { POLYNOMIAL_LINEAR, POLYNOMIAL_SQUARES, POLYNOMIAL_NEIGHBOURS, POLYNOMIAL_PRODUCTS, POLYNOMIAL_LEVELS };
enum { POLYNOMIAL_SUMS = 3 };

/* weight [POLYNOMIAL_LEVELS]: the variances. -> c of the formula */
struct polynomial {
    int d;
    bool any; /* some variance is not 0 */
    double c[POLYNOMIAL_LEVELS];
};

struct polynomial polynomial_make(int d, const double *weight);

/* k(x, x), and its gradient with regard to x added to gradient [d] when it is not NULL. */
double polynomial_variance(const struct polynomial *p, const double *x, double *gradient);

/* out [n] += k(row i of x [n][d], at); gradient [n][d] with regard to `at` likewise, or NULL. */
void polynomial_add_row(const struct polynomial *p, int n, const double *x, const double *at, double *out,
                        double *gradient);

/* x [n][d] -> out [d][n]: u, a row a coordinate, for polynomial_sums. */
void polynomial_columns(int n, int d, const double *x, double *out);

/* S_1, S_2, S_3 (each [n]) of n columns of u [d][stride] with one place u' [d], given by its coordinates at u'[0], u'[step] … */
void polynomial_sums(int n, int d, const double *u, int stride, const double *other, int step, double *sums1,
                     double *sums2, double *sums3);

double polynomial_value(const struct polynomial *p, double sum1, double sum2, double sum3);

#endif
