/* WHAT   The door to BLAS and LAPACK (OpenBLAS): the few dense operations that Gaussian processes need.
 * WHO    gp/, model/, insight/.
 * UNITS  Matrices are row-major with an explicit row stride ld >= 1; L is lower triangular, what lies above its diagonal
 *        is not looked at. float64.
 * MEMORY The caller's.
 * ERRORS linalg_cholesky alone can fail.
 * STATE  None but OpenBLAS's own; every call runs on the calling thread alone, so equal inputs give equal bits on one
 *        machine, however many threads are about. Another machine may pick other kernels and round otherwise. */
#ifndef OPTIMIZER_GP_LINALG_H
#define OPTIMIZER_GP_LINALG_H

#include <stdbool.h>

/* Every function here does this first, once a process: OpenBLAS would else spread large matrices over threads, whose number then
 * shows in the bits. */
void linalg_single_thread(void);

/* a [n][ld] = L L^T in its lower triangle, in place. false: not positive definite, or not a number; a is then undefined. */
bool linalg_cholesky(int n, double *a, int ld);

/* L x = b, in place; and L^T x = b. b: [n] */
void linalg_solve(int n, const double *l, int ld, double *b);
void linalg_solve_transposed(int n, const double *l, int ld, double *b);

/* Q right-hand sides at once: row i of b [q][ldb] becomes L^-1 (row i). */
void linalg_solve_rows(int n, const double *l, int ld, int q, double *b, int ldb);

/* out [n][ldo] = (L L^T)^-1, its lower triangle; what lies above stays. */
void linalg_inverse(int n, const double *l, int ld, double *out, int ldo);

/* l [n][ld] becomes its inverse, lower triangular too. */
void linalg_invert_factor(int n, double *l, int ld);

/* Row i of b [q][ldb] becomes M (row i), M [n][ld] lower triangular. */
void linalg_multiply_lower_rows(int n, const double *m, int ld, int q, double *b, int ldb);

/* w [n] = M b and v [n] = M^T w, reading M once; what lies above its diagonal must be 0. With M = L^-1, v solves
 * L L^T v = b. */
void linalg_multiply_lower_both(int n, const double *m, int ld, const double *b, double *w, double *v);

double linalg_dot(int n, const double *a, const double *b);
/* y += a x */
void linalg_axpy(int n, double a, const double *x, double *y);
/* out [q] = B [q][ldb] a [n] */
void linalg_multiply(int q, int n, const double *b, int ldb, const double *a, double *out);
/* out [n] = alpha B^T a + beta out,  B [q][ldb], a [q] */
void linalg_multiply_transposed(int q, int n, double alpha, const double *b, int ldb, const double *a,
                                double beta, double *out);
/* c [p][ldc] = alpha a [p][lda] b^T [q][ldb] + beta c, inner length n */
void linalg_multiply_rows(int p, int q, int n, double alpha, const double *a, int lda, const double *b,
                          int ldb, double beta, double *c, int ldc);
/* c [p][ldc] = a [p][lda] b [n][ldb], q columns, inner length n */
void linalg_multiply_columns(int p, int q, int n, const double *a, int lda, const double *b, int ldb,
                             double *c, int ldc);
/* c [n][ldc] = a [n][lda] b [n][ldb], q columns; a is symmetric and given by its lower triangle */
void linalg_multiply_symmetric(int n, int q, const double *a, int lda, const double *b, int ldb, double *c,
                               int ldc);
/* c [q][ldc] -= b [q][ldb] b^T, the lower triangle alone, inner length n */
void linalg_subtract_squares(int q, int n, const double *b, int ldb, double *c, int ldc);

#endif
