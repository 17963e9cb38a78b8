#include "worker/gemm.h"

#include "fixtures.h"
#include "proto/rng.h"

#include <math.h>

#define M_MAX 64

static float *draw(struct rng *rng, size_t n)
{
    float *x = mem_zero(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(rng_uniform(rng) - 0.5);
    return x;
}

static void compare_to_naive(const struct kernel *kernel, size_t n, size_t k, struct rng *rng)
{
    static const size_t rows[] = {1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 23, 40, M_MAX};
    float *a = draw(rng, M_MAX * k), *weight = draw(rng, n * k);
    float *c = mem_zero(M_MAX * n, sizeof *c), *alone = mem_zero(n, sizeof *alone);
    struct matrix w;
    matrix_init(&w, n, k);
    matrix_pack(&w, 0, n / 2, weight); /* in two parts, as q, k and v are */
    matrix_pack(&w, n / 2, n - n / 2, weight + n / 2 * k);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t m = rows[i];
        matrix_multiply(&w, kernel, m, a, k, c, n);
        for (size_t r = 0; r < m; r++) {
            for (size_t j = 0; j < n; j++) {
                double right = 0;
                for (size_t q = 0; q < k; q++)
                    right += (double)a[r * k + q] * weight[j * k + q];
                assert_true(fabs(c[r * n + j] - right) < 2e-7 * (double)k);
            }
            matrix_multiply(&w, kernel, 1, a + r * k, k, alone, n);
            assert_memory_equal(alone, c + r * n, n * sizeof *alone); /* the same bits in any batch */
        }
    }
    matrix_fini(&w);
    mem_free(a);
    mem_free(weight);
    mem_free(c);
    mem_free(alone);
}

static void test_equals_naive_and_any_batch(void **state)
{
    (void)state;
    static const size_t shapes[][2] = {{1, 1},  {1, 40},   {31, 17},  {32, 32},
                                       {33, 5}, {128, 24}, {150, 16}, {257, 9}};
    const struct kernel *kernels[4];
    struct rng rng;
    rng_seed(&rng, 5, 0);
    for (size_t k = 0, kernels_n = kernel_list(kernels, 4); k < kernels_n; k++) {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            compare_to_naive(kernels[k], shapes[s][0], shapes[s][1], &rng);
    }
}

/* Nothing beside the asked columns is written. */
static void test_writes_only_its_columns(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 6, 0);
    float *a = draw(&rng, 13 * 8), *weight = draw(&rng, 40 * 8), c[13 * 50];
    struct matrix w;
    matrix_init(&w, 40, 8);
    matrix_pack(&w, 0, 40, weight);
    for (size_t i = 0; i < sizeof c / sizeof *c; i++)
        c[i] = 7;
    matrix_multiply(&w, kernel_best(), 13, a, 8, c, 50);
    for (size_t r = 0; r < 13; r++) {
        for (size_t j = 40; j < 50; j++)
            assert_true(c[r * 50 + j] == 7);
    }
    matrix_fini(&w);
    mem_free(a);
    mem_free(weight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_naive_and_any_batch),
        cmocka_unit_test(test_writes_only_its_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
