/* WHAT   The terms of a polynomial of second degree in the free ratios.
 * WHO    model/quadratic.c.
 * UNITS  x: [d], unit cube; the terms are of u = 2 x - 1.
 * MEMORY The caller's arrays.
 * ERRORS None.
 * STATE  None. */
#ifndef OPTIMIZER_MODEL_TERMS_H
#define OPTIMIZER_MODEL_TERMS_H

#define TERMS_MAX 1024 /* no level with more is used */

/* Each has the terms of those before it; products of all pairs take the place of those of neighbours. */
enum terms {
    TERMS_CONSTANT,   /* 1 */
    TERMS_LINEAR,     /* u_i */
    TERMS_SQUARES,    /* u_i^2 */
    TERMS_NEIGHBOURS, /* u_i u_(i-1): groups of layers that lie side by side */
    TERMS_PRODUCTS,   /* u_i u_j */
};

int terms_count(enum terms level, int d);

/* phi: [terms_count] */
void terms_fill(enum terms level, int d, const double *x, double *phi);

/* slope [d] of sum_t weight_t phi_t(x) */
void terms_slope(enum terms level, int d, const double *x, const double *weight, double *slope);

#endif
