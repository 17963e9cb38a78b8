#include "worker/kernel.h"

#include "fixtures.h"
#include "proto/rng.h"

#include <math.h>

#define KERNELS 4

static float draw(struct rng *rng, double scale)
{
    return (float)((rng_uniform(rng) - 0.5) * 2 * scale);
}

static void test_exp_error_is_below_its_bound(void **state)
{
    (void)state;
    const struct kernel *kernels[KERNELS];
    size_t n = kernel_list(kernels, KERNELS);
    assert_true(n >= 1);
    double worst = 0;
    for (double x = -87.3; x < 88.3; x += 7.3e-4) {
        float in = (float)x, out;
        kernels[0]->exp(1, &in, &out);
        double right = exp((double)in);
        assert_true(isfinite(out)); /* fmax would pass over a NaN */
        worst = fmax(worst, fabs(out - right) / right);
    }
    print_message("exp: largest relative error %.3g\n", worst);
    assert_true(worst < 1.2e-7);
}

static void test_exp_at_the_ends(void **state)
{
    (void)state;
    const struct kernel *kernels[KERNELS];
    const float x[] = {0, -87.34f, -1e30f, -INFINITY, NAN, 88.37f, 200, INFINITY};
    for (size_t k = 0, n = kernel_list(kernels, KERNELS); k < n; k++) {
        float y[8];
        kernels[k]->exp(8, x, y);
        assert_true(y[0] == 1);
        assert_true(y[1] == 0 && y[2] == 0 && y[3] == 0);
        assert_true(isnan(y[4]));
        assert_true(isfinite(y[5]) && y[5] > 2e38f && y[6] == y[5] && y[7] == y[5]);
    }
}

static void test_swiglu_is_right(void **state)
{
    (void)state;
    float gate[101], up[101], y[101];
    for (int i = 0; i < 101; i++) {
        gate[i] = (float)(i - 50) * 0.7f;
        up[i] = (float)(i % 7) - 3;
    }
    kernel_best()->swiglu(101, gate, up, y);
    for (int i = 0; i < 101; i++) {
        double right = gate[i] / (1 + exp(-(double)gate[i])) * up[i];
        assert_true(fabs(y[i] - right) <= 4e-7 * fabs(right) + 1e-30);
    }
}

static void test_softmax_sees_only_its_keys(void **state)
{
    (void)state;
    const struct kernel *kernels[KERNELS];
    for (size_t k = 0, n = kernel_list(kernels, KERNELS); k < n; k++) {
        float scores[64];
        for (int i = 0; i < 64; i++)
            scores[i] = (float)((i * 37) % 64) / 8;
        scores[20] = 1000; /* hidden: must not even shift the others */
        double right[64], sum = 0;
        for (int i = 0; i < 64; i++)
            sum += right[i] = i < 10 || (i >= 30 && i < 41) ? exp(0.25 * (double)((i * 37) % 64) / 8) : 0;
        kernels[k]->softmax(scores, 64, 10, 30, 41, 0.25f);
        for (int i = 0; i < 64; i++) {
            if (right[i] == 0)
                assert_true(scores[i] == 0);
            assert_true(fabs(scores[i] - right[i] / sum) < 1e-6);
        }
    }
}

static void test_one_key_gets_all_the_weight(void **state)
{
    (void)state;
    float scores[32] = {-3e4f};
    kernel_best()->softmax(scores, 32, 0, 0, 1, 1);
    assert_true(scores[0] == 1 && scores[1] == 0);
}

/* Every instruction set gives the same bits. */
static void test_kernels_agree_to_the_bit(void **state)
{
    (void)state;
    const struct kernel *kernels[KERNELS];
    size_t n = kernel_list(kernels, KERNELS);
    struct rng rng;
    rng_seed(&rng, 11, 0);
    enum { M = 15, N = 75, K = 41, PANELS = 3, W = 96 };
    static float a[M * K], b[PANELS * K * PANEL], x[W];
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        a[i] = draw(&rng, 1);
    for (size_t i = 0; i < sizeof b / sizeof *b; i++)
        b[i] = draw(&rng, 1);
    for (size_t i = 0; i < W; i++)
        x[i] = draw(&rng, 30);
    float first[3][M * N], other[3][M * N];
    memset(first, 0, sizeof first);
    memset(other, 0, sizeof other);
    for (size_t k = 0; k < n; k++) {
        float(*out)[M * N] = k ? other : first;
        kernels[k]->multiply(M, N, K, a, K, b, (size_t)K * PANEL, out[0], N);
        kernels[k]->swiglu(W - 5, x, x + 5, out[1]);
        memcpy(out[2], x, sizeof x);
        kernels[k]->softmax(out[2], W, 20, 33, 90, 0.3f);
        if (k)
            assert_memory_equal(first, other, sizeof first);
    }
    print_message("%zu instruction sets compared\n", n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp_error_is_below_its_bound),
        cmocka_unit_test(test_exp_at_the_ends),
        cmocka_unit_test(test_swiglu_is_right),
        cmocka_unit_test(test_softmax_sees_only_its_keys),
        cmocka_unit_test(test_one_key_gets_all_the_weight),
        cmocka_unit_test(test_kernels_agree_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
