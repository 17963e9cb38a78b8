/* Terms, ridge regression, trends, quadratic surfaces. */
#include "fake_search.h"

#include "optimizer/model/quadratic.h"
#include "optimizer/model/ridge.h"
#include "optimizer/model/terms.h"
#include "optimizer/model/trend.h"

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

/* Reward and tax of merged models in many groups: a line and a bowl with jumps between neighbours. */
static double bowl(int d, const double *x)
{
    double sum = 0;
    for (int i = 0; i < d; i++)
        sum += x[i] + (i > 0 ? (x[i] - x[i - 1]) * (x[i] - x[i - 1]) : 0);
    return sum;
}

static void make_data(struct rng *rng, int n, int d, bool noise_only, double *x, double *y)
{
    double mean = 0;
    random_points(rng, n * d, x);
    for (int i = 0; i < n; i++) {
        y[i] = noise_only ? rng_uniform(rng) : bowl(d, &x[i * d]);
        mean += y[i] / n;
    }
    for (int i = 0; i < n; i++)
        y[i] -= mean;
}

static void test_a_trend_is_found_where_there_is_one(void **state)
{
    (void)state;
    enum { N = 70, D = 12 };
    struct rng rng;
    rng_seed(&rng, 3, 0);
    double x[N * D], y[N], variance[N] = {0}, slope[D];
    struct trend trend;
    make_data(&rng, N, D, false, x, y);
    trend_make(N, D, x, y, variance, &trend);
    assert_int_equal(trend.level, TERMS_NEIGHBOURS);
    assert_true(trend.left < 0.05);
    double up[D], at[D], value = trend_at(&trend, x, slope);
    for (int i = 0; i < D; i++) {
        memcpy(up, x, sizeof up);
        up[i] += 1e-6;
        assert_true(fabs((trend_at(&trend, up, NULL) - value) / 1e-6 - slope[i]) < 1e-4);
        at[i] = 0.5;
    }
    assert_true(fabs(trend_at(&trend, up, NULL) - trend_at(&trend, at, NULL) - (bowl(D, up) - bowl(D, at))) <
                0.05);
    trend_fini(&trend);
}

static void test_noise_and_few_ratios_have_no_trend(void **state)
{
    (void)state;
    enum { N = 70, D = 12 };
    struct rng rng;
    struct trend trend;
    double x[N * D], y[N], variance[N] = {0}, slope[D] = {1};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        rng_seed(&rng, seed, 1);
        make_data(&rng, N, D, true, x, y);
        trend_make(N, D, x, y, variance, &trend);
        assert_int_equal(trend.level, TERMS_CONSTANT);
        assert_true(trend.left == 1 && trend_at(&trend, x, slope) == 0 && slope[0] == 0);
        trend_fini(&trend);
    }
    make_data(&rng, N, TREND_FREE_MIN - 1, false, x, y);
    trend_make(N, TREND_FREE_MIN - 1, x, y, variance, &trend);
    assert_int_equal(trend.level, TERMS_CONSTANT);
    trend_fini(&trend);
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
        cmocka_unit_test(test_a_trend_is_found_where_there_is_one),
        cmocka_unit_test(test_noise_and_few_ratios_have_no_trend),
        cmocka_unit_test(test_a_quadratic_is_recovered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
