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

#define STEP                                                                                                 \
    16 /* floats of a row taken at once: a cache line, and STEP lines of the panel stay in the first cache */

void matrix_pack(struct matrix *matrix, size_t first_row, size_t rows, const float *weight)
{
    size_t k = matrix->k, some;
    assert(first_row + rows <= matrix->n);
    for (size_t r = 0; r < rows; r += some) { /* the rows of one panel */
        size_t column = first_row + r, lane = column % PANEL;
        float *to = matrix->panels + column / PANEL * k * PANEL + lane;
        some = rows - r < PANEL - lane ? rows - r : PANEL - lane;
        for (size_t first = 0; first < k; first += STEP) {
            size_t end = first + STEP < k ? first + STEP : k;
            for (size_t j = 0; j < some; j++)
                for (size_t i = first; i < end; i++)
                    to[i * PANEL + j] = weight[(r + j) * k + i];
        }
    }
}

void matrix_multiply(const struct matrix *matrix, const struct kernel *kernel, size_t m, const float *a,
                     size_t lda, float *c, size_t ldc)
{
    kernel->multiply(m, matrix->n, matrix->k, a, lda, matrix->panels, matrix->k * PANEL, c, ldc);
}
