/* optimizer/gp/kernel.c against the formula with libm's exp, and its gradient against differences. */
#include "optimizer/gp/kernel.h"

#include "gp_data.h"

#include <string.h>

enum { N = 530, D = 7, LD = N + 3 };

static double x[N * D], length[D], row[N], gradient[N * D], matrix[N * LD], slopes[N * LD];

static const double weight[POLYNOMIAL_LEVELS] = {0.4, 0.3, 0.2, 0.1};
static struct kernel kernel = {.shape = KERNEL_MATERN, .d = D, .length = length};

static void make(uint64_t seed)
{
    static const double nothing[POLYNOMIAL_LEVELS] = {0};
    kernel.shape = seed % 2 ? KERNEL_SQUARED : KERNEL_MATERN;
    kernel.signal = seed < 2 ? 1 : 0.7;
    kernel.polynomial = polynomial_make(D, seed < 2 ? nothing : weight);
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

/* Of unit variance; h: its slope. */
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

/* The polynomial's terms, written out. */
static double terms(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < D; i++) {
        double p = (2 * a[i] - 1) * (2 * b[i] - 1);
        sum += weight[POLYNOMIAL_LINEAR] * 3 / D * p + weight[POLYNOMIAL_SQUARES] * 5 / D * p * p;
        for (int j = 0; j < i; j++) {
            double q = p * (2 * a[j] - 1) * (2 * b[j] - 1);
            sum += weight[POLYNOMIAL_PRODUCTS] * 9 / (D * (D - 1) / 2) * q;
            sum += j == i - 1 ? weight[POLYNOMIAL_NEIGHBOURS] * 9 / (D - 1) * q : 0;
        }
    }
    return sum;
}

static void test_rows_follow_the_formula(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        make(seed);
        kernel_row(&kernel, N, x, x, row);
        for (int i = 0; i < N; i++) {
            double h, k = formula(x + i * D, x, &h);
            near(row[i], seed < 2 ? k : 0.7 * k + terms(x + i * D, x));
        }
        assert_true(row[0] == row[3]);
        assert_true(seed >= 2 || (row[0] == 1 && row[4] <= 1));
    }
}

static void test_matrix_and_cross_are_the_rows(void **state)
{
    (void)state;
    make(2);
    for (int i = 0; i < N * LD; i++)
        matrix[i] = slopes[i] = NAN;
    kernel_matrix(&kernel, N, x, matrix, LD);
    for (int i = 0; i < N; i += 7) {
        kernel_row(&kernel, N, x, x + i * D, row);
        for (int j = 0; j <= i; j++)
            near(matrix[i * LD + j], row[j]);
        near(kernel_variance(&kernel, x + i * D, NULL), row[i]);
        assert_true(isnan(matrix[i * LD + i + 1]));
    }
    kernel_cross(&kernel, 2, x + 5 * D, N, x, matrix);
    kernel_row(&kernel, N, x, x + 6 * D, row);
    for (int j = 0; j < N; j++)
        near(matrix[N + j], row[j]);
    kernel_stationary(&kernel, N, x, matrix, slopes, LD);
    for (int i = 0; i < N; i += 7)
        for (int j = 0; j <= i; j++) {
            double h, k = formula(x + i * D, x + j * D, &h);
            near(matrix[i * LD + j], k);
            near(slopes[i * LD + j], j < i ? h : 0);
        }
}

/* Over the unit cube a level's part of the variance is its weight. */
static void test_a_weight_is_a_mean_variance(void **state)
{
    (void)state;
    enum { PLACES = 40000 };
    struct rng rng;
    rng_seed(&rng, 4, 0);
    for (int l = 0; l < POLYNOMIAL_LEVELS; l++) {
        double one[POLYNOMIAL_LEVELS] = {0}, sum = 0, at[D];
        one[l] = 0.3;
        struct polynomial p = polynomial_make(D, one);
        for (int i = 0; i < PLACES; i++) {
            for (int k = 0; k < D; k++)
                at[k] = rng_uniform(&rng);
            sum += polynomial_variance(&p, at, NULL) / PLACES;
        }
        assert_true(fabs(sum - 0.3) < 0.004);
    }
}

static void check_gradient(void)
{
    double at[D], other[N], middle[N], step = 1e-6;
    for (int k = 0; k < D; k++)
        at[k] = 0.3 + 0.05 * k;
    kernel_row_gradient(&kernel, N, x, at, middle, gradient);
    kernel_row(&kernel, N, x, at, row);
    assert_memory_equal(row, middle, sizeof row);
    for (int k = 0; k < D; k++) {
        at[k] += step;
        kernel_row(&kernel, N, x, at, other);
        at[k] -= 2 * step;
        kernel_row(&kernel, N, x, at, row);
        at[k] += step;
        for (int i = 0; i < N; i++)
            if (!(fabs((other[i] - row[i]) / (2 * step) - gradient[i * D + k]) < 1e-8))
                fail_msg("row %d coordinate %d", i, k);
    }
    double own[D], up;
    kernel_variance(&kernel, at, own);
    for (int k = 0; k < D; k++) {
        at[k] += step;
        up = kernel_variance(&kernel, at, NULL);
        at[k] -= 2 * step;
        assert_true(fabs((up - kernel_variance(&kernel, at, NULL)) / (2 * step) - own[k]) < 1e-8);
        at[k] += step;
    }
    kernel_row_gradient(&kernel, N, x, x, row, gradient);
    for (int k = 0; k < D; k++) {
        assert_true(gradient[k] == gradient[3 * D + k]);
        assert_true(kernel.polynomial.any || gradient[k] == 0); /* smooth where places coincide */
    }
}

static void test_gradient_is_that_of_differences(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
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
        struct kernel line = {.shape = (enum kernel_shape)shape, .d = 1, .length = &one, .signal = 1};
        for (double at = 1e-12; at < 300; at *= 1.01) {
            double s = sqrt(7 * (at * at)), e = 0.5 * (at * at);
            kernel_row(&line, 1, &zero, &at, &k);
            double is = shape ? exp(-e) : (1 + s + 0.4 * s * s + s * s * s / 15) * exp(-s);
            if (!(fabs(k - is) <= 1e-15 * is || (fmax(s, e) > 700 && k >= 0 && k < 1e-295)))
                fail_msg("at %g: %.17g instead of %.17g", at, k, is);
        }
        kernel_row(&line, 1, &zero, &far, &k);
        assert_true(k >= 0 && k < 1e-290);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_follow_the_formula),
        cmocka_unit_test(test_matrix_and_cross_are_the_rows),
        cmocka_unit_test(test_a_weight_is_a_mean_variance),
        cmocka_unit_test(test_gradient_is_that_of_differences),
        cmocka_unit_test(test_values_from_near_to_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
