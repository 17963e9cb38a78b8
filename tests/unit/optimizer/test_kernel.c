/* optimizer/gp/kernel.c against the formula with libm's exp, and its gradient against differences. */
#include "optimizer/gp/kernel.h"

#include "gp_data.h"

#include <string.h>

enum { N = 530, D = 7, LD = N + 3 };

static double x[N * D], length[D], row[N], slope[N], gradient[N * D], matrix[N * LD], slopes[N * LD];

static struct kernel kernel = {KERNEL_MATERN, D, length};

static void make(uint64_t seed)
{
    kernel.shape = seed % 2 ? KERNEL_SQUARED : KERNEL_MATERN;
    struct rng rng;
    rng_seed(&rng, seed, 0);
    for (int i = 0; i < N * D; i++)
        x[i] = rng_uniform(&rng);
    for (int k = 0; k < D; k++)
        length[k] = 0.1 + k;
    memcpy(x + 3 * D, x, D * sizeof *x); /* a replicate */
    for (int k = 0; k < D; k++)
        x[4 * D + k] = x[k] + 1e-9;
}

static double formula(const double *a, const double *b, double *h)
{
    double sum = 0;
    for (int k = 0; k < D; k++)
        sum += (a[k] - b[k]) / length[k] * ((a[k] - b[k]) / length[k]);
    double s = sqrt(7 * sum);
    *h = kernel.shape == KERNEL_SQUARED ? exp(-0.5 * sum) : 7.0 / 5 * (1 + s + s * s / 3) * exp(-s);
    return kernel.shape == KERNEL_SQUARED ? *h : (1 + s + 0.4 * s * s + s * s * s / 15) * exp(-s);
}

static void near(double found, double is)
{
    if (!(fabs(found - is) <= 4e-15))
        fail_msg("%.17g instead of %.17g", found, is);
}

static void check_formula(void)
{
    kernel_row(&kernel, N, x, x, row, slope);
    for (int i = 0; i < N; i++) {
        double h, k = formula(x + i * D, x, &h);
        near(row[i], k);
        near(slope[i], h);
    }
    assert_true(row[0] == 1 && row[3] == 1 && row[4] <= 1);
}

static void test_rows_follow_the_formula(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2; seed++) {
        make(seed);
        check_formula();
    }
}

static void test_matrix_and_cross_are_the_rows(void **state)
{
    (void)state;
    make(2);
    for (int i = 0; i < N * LD; i++)
        matrix[i] = slopes[i] = NAN;
    kernel_matrix(&kernel, N, x, matrix, slopes, LD);
    for (int i = 0; i < N; i += 7) {
        kernel_row(&kernel, N, x, x + i * D, row, slope);
        for (int j = 0; j <= i; j++) {
            near(matrix[i * LD + j], row[j]);
            near(slopes[i * LD + j], j < i ? slope[j] : 0);
        }
        assert_true(matrix[i * LD + i] == 1 && isnan(matrix[i * LD + i + 1]) &&
                    isnan(slopes[i * LD + i + 1]));
    }
    kernel_cross(&kernel, 2, x + 5 * D, N, x, matrix);
    kernel_row(&kernel, N, x, x + 6 * D, row, NULL);
    for (int j = 0; j < N; j++)
        near(matrix[N + j], row[j]);
}

static void check_gradient(void)
{
    double at[D], other[N], middle[N], step = 1e-6;
    for (int k = 0; k < D; k++)
        at[k] = 0.3 + 0.05 * k;
    kernel_row_gradient(&kernel, N, x, at, middle, gradient);
    kernel_row(&kernel, N, x, at, row, NULL);
    assert_memory_equal(row, middle, sizeof row);
    for (int k = 0; k < D; k++) {
        at[k] += step;
        kernel_row(&kernel, N, x, at, other, NULL);
        at[k] -= 2 * step;
        kernel_row(&kernel, N, x, at, row, NULL);
        at[k] += step;
        for (int i = 0; i < N; i++)
            if (!(fabs((other[i] - row[i]) / (2 * step) - gradient[i * D + k]) < 1e-8))
                fail_msg("row %d coordinate %d", i, k);
    }
    kernel_row_gradient(&kernel, N, x, x, row, gradient);
    for (int k = 0; k < D; k++)
        assert_true(gradient[k] == 0 && gradient[3 * D + k] == 0); /* smooth where places coincide */
}

static void test_gradient_is_that_of_differences(void **state)
{
    (void)state;
    for (uint64_t seed = 2; seed < 4; seed++) {
        make(seed);
        check_gradient();
    }
}

/* The exponential is our own: over its whole range, and beyond it. */
static void test_values_from_near_to_far(void **state)
{
    (void)state;
    double one = 1, zero = 0, far = 1e200, k;
    for (int shape = KERNEL_MATERN; shape <= KERNEL_SQUARED; shape++) {
        struct kernel line = {(enum kernel_shape)shape, 1, &one};
        for (double at = 1e-12; at < 300; at *= 1.01) {
            double s = sqrt(7 * (at * at)), e = 0.5 * (at * at);
            kernel_row(&line, 1, &zero, &at, &k, NULL);
            double is = shape ? exp(-e) : (1 + s + 0.4 * s * s + s * s * s / 15) * exp(-s);
            if (!(fabs(k - is) <= 1e-15 * is || (fmax(s, e) > 700 && k >= 0 && k < 1e-295)))
                fail_msg("at %g: %.17g instead of %.17g", at, k, is);
        }
        kernel_row(&line, 1, &zero, &far, &k, NULL);
        assert_true(k >= 0 && k < 1e-290);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_follow_the_formula),
        cmocka_unit_test(test_matrix_and_cross_are_the_rows),
        cmocka_unit_test(test_gradient_is_that_of_differences),
        cmocka_unit_test(test_values_from_near_to_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
