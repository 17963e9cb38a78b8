/* WHAT   Least squares with a penalty on the weights, and how well it foretells a row that it has not seen.
 * WHO    model/quadratic.c.
 * UNITS  The caller's.
 * MEMORY make/fini.
 * ERRORS None.
 * STATE  None.
 *
 * weights = (Phi^T Phi + n strength I)^-1 Phi^T y (Hoerl and Kennard, Technometrics 12, 1970); the first term, a constant, is
 * not penalised. Leave-one-out residuals cost nothing beyond one fit: r_i / (1 - h_i), h the diagonal of
 * Phi (…)^-1 Phi^T (Allen, Technometrics 16, 1974), and the strength is the one of a fixed few with the least mean square
 * of them. */
#ifndef OPTIMIZER_MODEL_RIDGE_H
#define OPTIMIZER_MODEL_RIDGE_H

struct ridge {
    int terms;
    double strength;
    double left;     /* mean square of the leave-one-out residuals; INFINITY: no fit */
    double *weights; /* [terms] */
    double *factor;  /* [terms][terms]: Cholesky factor of Phi^T Phi + n strength I */
};

/* phi [n][terms], y [n]; a row counts as often as the square of what both are multiplied by. n >= 1. */
void ridge_make(int n, int terms, const double *phi, const double *y, struct ridge *out);
void ridge_fini(struct ridge *ridge);

#endif
