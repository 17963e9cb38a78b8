#include "worker/gemm.h"

#include "proto/mem.h"

#include <assert.h>
#include <string.h>

void matrix_init(struct matrix *matrix, size_t n, size_t k)
{
    *matrix = (struct matrix){.n = n, .k = k};
    matrix->panels = mem_zero((n + PANEL - 1) / PANEL * PANEL, k * sizeof *matrix->panels);
}

void matrix_fini(struct matrix *matrix)
{
    mem_free(matrix->panels);
    *matrix = (struct matrix){0};
}

void matrix_pack(struct matrix *matrix, size_t first_row, size_t rows, const float *weight)
{
    size_t k = matrix->k;
    assert(first_row + rows <= matrix->n);
    for (size_t r = 0; r < rows; r++) {
        size_t column = first_row + r;
        float *to = matrix->panels + column / PANEL * k * PANEL + column % PANEL;
        for (size_t i = 0; i < k; i++)
            to[i * PANEL] = weight[r * k + i];
    }
}

void matrix_multiply(const struct matrix *matrix, const struct kernel *kernel, size_t m, const float *a,
                     size_t lda, float *c, size_t ldc)
{
    kernel->multiply(m, matrix->n, matrix->k, a, lda, matrix->panels, matrix->k * PANEL, c, ldc);
}
