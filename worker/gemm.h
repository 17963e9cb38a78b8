/* WHAT   A weight matrix packed for the kernels, and products with it.
 * WHO    worker/model (packs), worker/forward (multiplies).
 * UNITS  None; float32.
 * MEMORY matrix_init allocates; matrix_fini.
 * ERRORS None.
 * STATE  The packed weights.
 *
 * A checkpoint's linear weight is [n][k] (outputs, inputs); the product is c[m][n] = a[m][k] * weight^T. */
#ifndef WORKER_GEMM_H
#define WORKER_GEMM_H

#include "worker/kernel.h"

struct matrix {
    size_t n, k;
    float *panels; /* [ceil(n / PANEL)][k][PANEL]; columns past n are 0 */
};

void matrix_init(struct matrix *matrix, size_t n, size_t k);
void matrix_fini(struct matrix *matrix); /* zero is fine */

/* Puts weight [rows][k], row-major, at the matrix's rows first_row … first_row + rows - 1. */
void matrix_pack(struct matrix *matrix, size_t first_row, size_t rows, const float *weight);

/* c[m][n], rows ldc apart = a[m][k], rows lda apart, times the matrix. */
void matrix_multiply(const struct matrix *matrix, const struct kernel *kernel, size_t m, const float *a,
                     size_t lda, float *c, size_t ldc);

#endif
