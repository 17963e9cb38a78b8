#include "optimizer/gp/linalg.h"

#include <assert.h>
#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

/* Row-major lower is column-major upper, so LAPACK is told "U" and nothing is ever copied to turn it round. */
#define UPLO "U"

/* Rows that are read from memory once and used twice. */
#define STRIP 32
#define SMALL 24 /* rows that are inverted one after another */

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dlauum_(const char *uplo, const int *n, double *a, const int *lda, int *info);

/* Another BLAS that fits the same symbols may be put in OpenBLAS's place and has no such switch. */
#pragma weak openblas_set_num_threads

static void keep_to_one_thread(void)
{
    if (openblas_set_num_threads)
        openblas_set_num_threads(1);
}

void linalg_single_thread(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, keep_to_one_thread);
}

bool linalg_cholesky(int n, double *a, int ld)
{
    linalg_single_thread();
    int info = 0;
    if (n > 0)
        dpotrf_(UPLO, &n, a, &ld, &info);
    assert(info >= 0);
    /* OpenBLAS lets NaN through; a NaN anywhere in a row ends up on its diagonal. */
    for (int i = 0; info == 0 && i < n; i++)
        if (!isfinite(a[(size_t)i * (size_t)ld + (size_t)i]))
            return false;
    return info == 0;
}

void linalg_solve(int n, const double *l, int ld, double *b)
{
    linalg_single_thread();
    if (n > 0)
        cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, n, l, ld, b, 1);
}

void linalg_solve_transposed(int n, const double *l, int ld, double *b)
{
    linalg_single_thread();
    if (n > 0)
        cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, n, l, ld, b, 1);
}

void linalg_solve_rows(int n, const double *l, int ld, int q, double *b, int ldb)
{
    linalg_single_thread();
    if (n > 0 && q > 0)
        cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, q, n, 1.0, l, ld, b,
                    ldb);
}

/* Row by row: row i of the inverse is -(sum of the rows above, by l_ij) / l_ii. */
static void invert_small(int n, double *l, int ld)
{
    double row[SMALL];
    for (int i = 0; i < n; i++) {
        double *own = l + (size_t)i * (size_t)ld, diagonal = 1 / own[i];
        for (int j = 0; j < i; j++)
            row[j] = 0;
        for (int k = 0; k < i; k++) {
            const double *above = l + (size_t)k * (size_t)ld;
            for (int j = 0; j <= k; j++)
                row[j] -= own[k] * above[j];
        }
        for (int j = 0; j < i; j++)
            own[j] = row[j] * diagonal;
        own[i] = diagonal;
    }
}

/* [A 0; B C]^-1 = [A^-1 0; -C^-1 B A^-1  C^-1], half by half. OpenBLAS's own inverse spends most of its time in products of
 * a matrix and a vector. */
static void invert(int n, double *l, int ld)
{
    if (n <= SMALL) {
        invert_small(n, l, ld);
        return;
    }
    int top = n / 2, rest = n - top;
    double *b = l + (size_t)top * (size_t)ld, *c = b + top;
    invert(top, l, ld);
    invert(rest, c, ld);
    cblas_dtrmm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, rest, top, -1.0, c, ld, b,
                ld);
    cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, rest, top, 1.0, l, ld, b,
                ld);
}

void linalg_inverse(int n, const double *l, int ld, double *out, int ldo)
{
    linalg_single_thread();
    int info = 0;
    for (int i = 0; i < n; i++)
        memcpy(out + (size_t)i * (size_t)ldo, l + (size_t)i * (size_t)ld, (size_t)(i + 1) * sizeof *out);
    if (n > 0) {
        invert(n, out, ldo);
        dlauum_(UPLO, &n, out, &ldo, &info);
    }
    assert(info == 0);
}

void linalg_invert_factor(int n, double *l, int ld)
{
    linalg_single_thread();
    if (n > 0)
        invert(n, l, ld);
}

void linalg_multiply_lower_rows(int n, const double *m, int ld, int q, double *b, int ldb)
{
    linalg_single_thread();
    if (n > 0 && q == 1)
        cblas_dtrmv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, n, m, ld, b, 1);
    else if (n > 0 && q > 0)
        cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, q, n, 1.0, m, ld, b,
                    ldb);
}

void linalg_multiply_lower_both(int n, const double *m, int ld, const double *b, double *w, double *v)
{
    linalg_single_thread();
    memset(v, 0, (size_t)n * sizeof *v);
    for (int from = 0; from < n; from += STRIP) {
        int rows = n - from < STRIP ? n - from : STRIP;
        const double *strip = m + (size_t)from * (size_t)ld;
        linalg_multiply(rows, from + rows, strip, ld, b, w + from);
        linalg_multiply_transposed(rows, from + rows, 1, strip, ld, w + from, 1, v);
    }
}

double linalg_dot(int n, const double *a, const double *b)
{
    linalg_single_thread();
    return cblas_ddot(n, a, 1, b, 1);
}

void linalg_axpy(int n, double a, const double *x, double *y)
{
    linalg_single_thread();
    cblas_daxpy(n, a, x, 1, y, 1);
}

void linalg_multiply(int q, int n, const double *b, int ldb, const double *a, double *out)
{
    linalg_single_thread();
    if (n <= 0)
        memset(out, 0, (size_t)q * sizeof *out);
    else if (q > 0)
        cblas_dgemv(CblasRowMajor, CblasNoTrans, q, n, 1.0, b, ldb, a, 1, 0.0, out, 1);
}

void linalg_multiply_transposed(int q, int n, double alpha, const double *b, int ldb, const double *a,
                                double beta, double *out)
{
    linalg_single_thread();
    if (n > 0 && q > 0)
        cblas_dgemv(CblasRowMajor, CblasTrans, q, n, alpha, b, ldb, a, 1, beta, out, 1);
    for (int i = 0; q <= 0 && i < n; i++)
        out[i] *= beta;
}

void linalg_multiply_rows(int p, int q, int n, double alpha, const double *a, int lda, const double *b,
                          int ldb, double beta, double *c, int ldc)
{
    linalg_single_thread();
    if (p > 0 && q > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p, q, n, alpha, a, lda, b, ldb, beta, c, ldc);
}

void linalg_multiply_columns(int p, int q, int n, const double *a, int lda, const double *b, int ldb,
                             double *c, int ldc)
{
    linalg_single_thread();
    if (p > 0 && q > 0)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, p, q, n, 1.0, a, lda, b, ldb, 0.0, c, ldc);
}

void linalg_multiply_symmetric(int n, int q, const double *a, int lda, const double *b, int ldb, double *c,
                               int ldc)
{
    linalg_single_thread();
    if (n > 0 && q > 0)
        cblas_dsymm(CblasRowMajor, CblasLeft, CblasLower, n, q, 1.0, a, lda, b, ldb, 0.0, c, ldc);
}

void linalg_subtract_squares(int q, int n, const double *b, int ldb, double *c, int ldc)
{
    linalg_single_thread();
    if (q > 0 && n > 0)
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, q, n, -1.0, b, ldb, 1.0, c, ldc);
}
