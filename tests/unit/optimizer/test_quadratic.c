/* Terms, ridge regression, quadratic surfaces. */
#include "fake_search.h"

#include "optimizer/model/quadratic.h"
#include "optimizer/model/ridge.h"
#include "optimizer/model/terms.h"

static void random_points(struct rng *rng, int n, double *x)
{
    for (int i = 0; i < n; i++)
        x[i] = rng_uniform(rng);
}

static void test_terms_are_counted_and_known(void **state)
{
    (void)state;
    static const int counts[] = {1, 4, 7, 9, 10};
    static const double x[3] = {0, 0.75, 1}; /* u = -1, 0.5, 1 */
    static const double neighbours[9] = {1, -1, 0.5, 1, 1, 0.25, 1, -0.5, 0.5};
    static const double products[10] = {1, -1, 0.5, 1, 1, 0.25, 1, -0.5, -1, 0.5};
    double phi[10];
    for (int level = 0; level <= TERMS_PRODUCTS; level++)
        assert_int_equal(terms_count((enum terms)level, 3), counts[level]);
    terms_fill(TERMS_NEIGHBOURS, 3, x, phi);
    assert_memory_equal(phi, neighbours, sizeof neighbours);
    terms_fill(TERMS_PRODUCTS, 3, x, phi);
    assert_memory_equal(phi, products, sizeof products);
    assert_int_equal(terms_count(TERMS_NEIGHBOURS, 1), terms_count(TERMS_SQUARES, 1));
}

static double value_of(enum terms level, int d, const double *x, const double *weight)
{
    double phi[64], sum = 0;
    terms_fill(level, d, x, phi);
    for (int t = 0; t < terms_count(level, d); t++)
        sum += phi[t] * weight[t];
    return sum;
}

static void test_slopes_are_differences(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 1, 0);
    for (int level = 0; level <= TERMS_PRODUCTS; level++)
        for (int d = 1; d <= 6; d++) {
            double x[6], weight[64], slope[6];
            random_points(&rng, d, x);
            random_points(&rng, 64, weight);
            terms_slope((enum terms)level, d, x, weight, slope);
            for (int i = 0; i < d; i++) {
                double up[6], down[6], h = 1e-6;
                memcpy(up, x, sizeof up);
                memcpy(down, x, sizeof down);
                up[i] += h;
                down[i] -= h;
                double difference =
                    (value_of(level, d, up, weight) - value_of(level, d, down, weight)) / (2 * h);
                assert_true(fabs(slope[i] - difference) < 1e-8);
            }
        }
}

/* What is left out is what a fit without that row foretells wrongly, strength (which multiplies n) kept. */
static void test_left_out_residuals_are_those_of_fits_without_the_row(void **state)
{
    (void)state;
    enum { N = 12, T = 3 };
    struct rng rng;
    rng_seed(&rng, 2, 0);
    double phi[N * T], y[N], sum = 0;
    random_points(&rng, N * T, phi);
    random_points(&rng, N, y);
    for (int i = 0; i < N; i++)
        phi[i * T] = 1;
    struct ridge all;
    ridge_make(N, T, phi, y, &all);
    for (int out = 0; out < N; out++) {
        /* (A + penalty) w = b by Gauss without pivoting: a positive definite 3 x 3 system */
        double a[T][T + 1] = {{0}};
        for (int i = 0; i < N; i++)
            for (int r = 0; r < T && i != out; r++) {
                for (int c = 0; c < T; c++)
                    a[r][c] += phi[i * T + r] * phi[i * T + c];
                a[r][T] += phi[i * T + r] * y[i];
            }
        for (int r = 0; r < T; r++)
            a[r][r] += N * (r > 0 ? all.strength : 1e-9);
        for (int r = 0; r < T; r++)
            for (int below = 0; below < T; below++)
                for (int c = T; c >= r && below != r; c--)
                    a[below][c] -= a[below][r] / a[r][r] * a[r][c];
        double left = y[out];
        for (int r = 0; r < T; r++)
            left -= phi[out * T + r] * a[r][T] / a[r][r];
        sum += left * left / N;
    }
    assert_true(fabs(sum - all.left) < 1e-9 * sum);
    ridge_fini(&all);
}

static double square(int d, const double *x)
{
    double sum = 0.3;
    for (int i = 0; i < d; i++)
        for (int j = 0; j <= i; j++)
            sum += (i - 2 * j + 0.5) * x[i] * x[j] + x[j];
    return sum;
}

static void test_a_quadratic_is_recovered(void **state)
{
    (void)state;
    enum { N = 24, D = 4 };
    struct rng rng;
    rng_seed(&rng, 4, 0);
    double x[N * D], y[N], weight[N], at[D];
    random_points(&rng, N * D, x);
    for (int i = 0; i < N; i++) {
        y[i] = square(D, &x[i * D]);
        weight[i] = i % 3 ? 1 : 0.25;
    }
    struct quadratic q;
    quadratic_make(N, D, x, y, weight, &q);
    assert_int_equal(q.level, TERMS_PRODUCTS);
    for (int t = 0; t < 10; t++) {
        double mean, sd, mean_gradient[D], sd_gradient[D];
        random_points(&rng, D, at);
        quadratic_predict(&q, at, &mean, &sd, mean_gradient, sd_gradient);
        assert_true(fabs(mean - square(D, at)) < 0.01 && sd > 0 && sd < 0.1);
        assert_true(mean == quadratic_mean(&q, at));
        for (int i = 0; i < D; i++) {
            double up_mean, up_sd, h = 1e-5, old = at[i];
            at[i] += h;
            quadratic_predict(&q, at, &up_mean, &up_sd, NULL, NULL);
            at[i] = old;
            assert_true(fabs((up_mean - mean) / h - mean_gradient[i]) < 1e-3);
            assert_true(sd <= 1e-6 || fabs((up_sd - sd) / h - sd_gradient[i]) < 1e-3 * (1 + sd));
        }
    }
    quadratic_fini(&q);
    quadratic_make(7, D, x, y, weight, &q); /* too few rows for the products */
    assert_int_equal(q.level, TERMS_SQUARES);
    quadratic_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms_are_counted_and_known),
        cmocka_unit_test(test_slopes_are_differences),
        cmocka_unit_test(test_left_out_residuals_are_those_of_fits_without_the_row),
        cmocka_unit_test(test_a_quadratic_is_recovered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
