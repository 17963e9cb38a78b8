/* optimizer/gp/fit.c: the density against GPyTorch, its gradient against differences, its maximum against SciPy's
 * (tests/golden/optimizer/make_gp.py). */
#include "gp_data.h"
#include "optimizer/gp/gp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LN_2PI 1.8378770664093453

static double normal(double value, double mean, double sd)
{
    double z = (value - mean) / sd;
    return -0.5 * z * z - log(sd) - 0.5 * LN_2PI;
}

/* The priors as docs and golden script have them, written once more. */
static double log_prior(int d, enum kernel_shape shape, const double *theta)
{
    double sum = shape == KERNEL_SQUARED ? -2 : 0;
    const double *others = theta + d;
    sum += normal(others[GP_SIGNAL], 0, 0.5) + normal(others[GP_NOISE], -5, 1) +
           normal(others[GP_SCALE], log(0.5), 1) + normal(others[GP_MEAN], 0, 5);
    sum += normal(others[GP_WEIGHT], -2, 2) + normal(others[GP_WEIGHT + 1], -4, 2) +
           normal(others[GP_WEIGHT + 2], -4, 2) + normal(others[GP_WEIGHT + 3], -5, 2);
    for (int k = 0; k < d; k++)
        sum += normal(theta[k], sqrt(2) - 3 + 0.5 * log(d), sqrt(3));
    return sum;
}

static void test_likelihoods_are_gpytorchs(void **state)
{
    (void)state;
    struct json *golden = golden_read("gp");
    int compared = 0;
    for (const struct json *c = json_first(json_get(golden, "fixed")); c; c = json_next(c), compared++) {
        struct rows rows;
        double theta[GP_THETA_MAX], gradient[GP_THETA_MAX], expected[GP_THETA_MAX];
        rows_read(&rows, c);
        int d = rows.data.d;
        golden_numbers(json_get(c, "length"), theta, GP_D_MAX);
        for (int k = 0; k < d; k++)
            theta[k] = log(theta[k]);
        theta[d + GP_SIGNAL] = json_number_or(json_get(c, "signal"), NAN);
        golden_numbers(json_get(c, "weight"), &theta[d + GP_WEIGHT], POLYNOMIAL_LEVELS);
        theta[d + GP_NOISE] = json_number_or(json_get(c, "noise"), NAN);
        theta[d + GP_SCALE] = json_number_or(json_get(c, "scale"), NAN);
        for (int i = 0; i < GP_MEAN; i++)
            theta[d + i] = log(theta[d + i]);
        theta[d + GP_MEAN] = json_number_or(json_get(c, "mean"), NAN);
        enum kernel_shape shape = rows_shape(c);
        double value =
            gp_log_posterior(&rows.data, shape, false, theta, gradient) - log_prior(d, shape, theta);
        double likelihood = json_number_or(json_get(c, "log_likelihood"), NAN);
        if (!(fabs(value - likelihood) < 1e-6 * fmax(1, fabs(likelihood))))
            fail_msg("%s: %.17g, GPyTorch says %.17g", json_string_or(json_get(c, "name"), "?"), value,
                     likelihood);
        assert_int_equal(golden_numbers(json_get(c, "gradient"), expected, GP_THETA_MAX), d + GP_NOISE);
        for (int k = 0; k < d + GP_NOISE; k++) {
            static const double mean[] = {0, -2, -4, -4, -5}, square[] = {0.25, 4, 4, 4, 4};
            double of_prior = k < d ? -(theta[k] - sqrt(2) + 3 - 0.5 * log(d)) / 3
                                    : -(theta[k] - mean[k - d]) / square[k - d];
            if (!(fabs(gradient[k] - of_prior - expected[k]) < 1e-5 * fmax(1, fabs(expected[k]))))
                fail_msg("%s: gradient %d: %.17g, GPyTorch says %.17g",
                         json_string_or(json_get(c, "name"), "?"), k, gradient[k] - of_prior, expected[k]);
        }
        rows_fini(&rows);
    }
    assert_int_equal(compared, 9);
    json_free(golden);
}

static void test_maximum_is_at_least_scipys(void **state)
{
    (void)state;
    struct json *golden = golden_read("gp");
    int compared = 0;
    for (const struct json *c = json_first(json_get(golden, "maximum")); c; c = json_next(c), compared++) {
        struct rows rows;
        struct gp_fit fit;
        rows_read(&rows, c);
        gp_fit(&rows.data, json_bool_or(json_get(c, "known_noise"), false), NULL, &fit);
        double best = json_number_or(json_get(c, "log_posterior"), NAN);
        if (!(fit.log_posterior > best - 0.01))
            fail_msg("%s: %.9g, SciPy found %.9g", json_string_or(json_get(c, "name"), "?"),
                     fit.log_posterior, best);
        rows_fini(&rows);
    }
    assert_int_equal(compared, 9);
    json_free(golden);
}

static void test_gradient_is_that_of_differences(void **state)
{
    (void)state;
    for (int d = 1; d <= 16; d *= 4)
        for (int kind = 0; kind < 4; kind++) {
            bool known = kind % 2;
            enum kernel_shape shape = kind < 2 ? KERNEL_MATERN : KERNEL_SQUARED;
            struct rows rows;
            double theta[GP_THETA_MAX], gradient[GP_THETA_MAX], step = 1e-5;
            rows_make(&rows, 45, d, 0.2, (uint64_t)d);
            memcpy(rows.x + 5 * d, rows.x, (size_t)d * sizeof *rows.x); /* replicates, and nearly */
            rows.x[6 * d] = rows.x[0] + 1e-8;
            for (int k = 0; k < d; k++)
                theta[k] = log(0.3 + 0.2 * k);
            for (int i = 0; i < GP_OTHERS; i++)
                theta[d + i] = -3 + 0.4 * i;
            gp_log_posterior(&rows.data, shape, known, theta, gradient);
            for (int k = 0; k < d + GP_OTHERS; k++) {
                double at = theta[k], value[2];
                for (int side = 0; side < 2; side++) {
                    theta[k] = at + (side ? step : -step);
                    value[side] = gp_log_posterior(&rows.data, shape, known, theta, NULL);
                }
                theta[k] = at;
                double slope = (value[1] - value[0]) / (2 * step);
                if (!(fabs(slope - gradient[k]) < 1e-5 * fmax(1, fabs(slope))))
                    fail_msg("d = %d, known %d, theta %d: %.10g, differences say %.10g", d, known, k,
                             gradient[k], slope);
            }
            rows_fini(&rows);
        }
}

static void theta_of(const struct gp_hyper *hyper, int d, double *theta)
{
    for (int k = 0; k < d; k++)
        theta[k] = log(hyper->length[k]);
    theta[d + GP_SIGNAL] = log(hyper->signal);
    for (int l = 0; l < POLYNOMIAL_LEVELS; l++)
        theta[d + GP_WEIGHT + l] = log(hyper->weight[l]);
    theta[d + GP_NOISE] = log(hyper->noise);
    theta[d + GP_SCALE] = log(hyper->scale);
    theta[d + GP_MEAN] = hyper->mean;
}

static void check_fit(const struct gp_fit *fit, const struct rows *rows, bool known)
{
    double theta[GP_THETA_MAX];
    int d = rows->data.d;
    assert_true(isfinite(fit->log_posterior) && fit->evaluations > 0 && fit->jitter <= 1e-2);
    for (int k = 0; k < d; k++)
        assert_true(fit->hyper.length[k] > 0.999 * GP_LENGTH_MIN &&
                    fit->hyper.length[k] < 1.001 * GP_LENGTH_MAX);
    assert_true(fit->hyper.signal > 0.999 * GP_SIGNAL_MIN && fit->hyper.signal < 1.001 * GP_SIGNAL_MAX);
    for (int l = 0; l < POLYNOMIAL_LEVELS; l++)
        assert_true(fit->hyper.weight[l] > 0.999 * GP_WEIGHT_MIN &&
                    fit->hyper.weight[l] < 1.001 * GP_WEIGHT_MAX);
    assert_true(fit->hyper.noise > 0.999 * GP_NOISE_MIN && fit->hyper.noise < 1.001 * GP_NOISE_MAX);
    assert_true(fit->hyper.scale > 0.999 * GP_SCALE_MIN && fit->hyper.scale < 1.001 * GP_SCALE_MAX);
    assert_true(!known || (fit->hyper.scale == 1 && fit->hyper.noise == GP_NOISE_MIN));
    theta_of(&fit->hyper, d, theta);
    double again = gp_log_posterior(&rows->data, fit->hyper.shape, known, theta, NULL);
    assert_true(fabs(again - fit->log_posterior) < 1e-6 * fmax(1, fabs(again)));
}

static void test_odd_rows_are_fitted(void **state)
{
    (void)state;
    for (int d = 1; d <= GP_D_MAX; d *= 8)
        for (int n = 0; n < 50; n = 3 * n + 1)
            for (int kind = 0; kind < 5; kind++) {
                struct rows rows;
                struct gp_fit fit;
                rows_make(&rows, n, d, 0, (uint64_t)(100 * d + n));
                for (int i = 0; kind == 1 && i < n * d; i++)
                    rows.x[i] = 0.5; /* one place for all */
                for (int i = 0; kind == 2 && i < n; i++)
                    rows.y[i] = 0; /* constant */
                for (int i = 0; kind == 3 && i < n; i++)
                    rows.y[i] = i == 1 ? 1e6 : rows.y[i]; /* an outlier */
                for (int i = 0; kind == 4 && i < n; i++)
                    rows.variance[i] = i % 2 ? 1e8 : 0; /* some that say nothing */
                gp_fit(&rows.data, kind == 0 && n % 2, NULL, &fit);
                check_fit(&fit, &rows, kind == 0 && n % 2);
                rows_fini(&rows);
            }
}

static void test_same_arguments_give_the_same_bits(void **state)
{
    (void)state;
    for (int n = 60; n < 400; n += 270) {
        struct rows rows;
        struct gp_fit fit[3];
        rows_make(&rows, n, 5, 0.1, 31);
        for (int i = 0; i < 2; i++) {
            memset(&fit[i], 0, sizeof fit[i]);
            gp_fit(&rows.data, false, NULL, &fit[i]);
        }
        gp_fit(&rows.data, true, NULL, &fit[2]);
        assert_memory_equal(&fit[0], &fit[1], sizeof fit[0]);
        rows_fini(&rows);
    }
}

/* A start that is known can only help; and one from nowhere does no harm. */
static void test_before_is_a_start_among_others(void **state)
{
    (void)state;
    static const struct gp_hyper silly = {.length = {90, 0.03, 90, 0.03},
                                          .signal = 1e-4,
                                          .weight = {9, 1e-5, 9, 1e-5},
                                          .noise = 3,
                                          .scale = 0.002};
    for (int n = 30; n < 400; n += 310) {
        struct rows rows;
        struct gp_fit fresh, again;
        rows_make(&rows, n, 4, 0.1, 32);
        gp_fit(&rows.data, false, NULL, &fresh);
        check_fit(&fresh, &rows, false);
        gp_fit(&rows.data, false, &fresh.hyper, &again);
        assert_true(again.log_posterior >= fresh.log_posterior - 1e-9);
        gp_fit(&rows.data, false, &silly, &again);
        assert_true(again.log_posterior >= fresh.log_posterior - 0.02);
        rows_fini(&rows);
    }
}

/* Many rows: the way over some of them ends where the direct one does. */
static void test_many_rows_reach_the_same_summit(void **state)
{
    (void)state;
    struct rows rows;
    struct gp_fit fit;
    rows_make(&rows, 420, 6, 0.1, 33);
    gp_fit(&rows.data, false, NULL, &fit);
    check_fit(&fit, &rows, false);
    double theta[GP_THETA_MAX], gradient[GP_THETA_MAX];
    theta_of(&fit.hyper, 6, theta);
    gp_log_posterior(&rows.data, fit.hyper.shape, false, theta, gradient);
    for (int k = 0; k < 6 + GP_OTHERS; k++)
        assert_true(fabs(gradient[k]) <
                    1); /* a tenth of a standard deviation away changes the density by 1 % */
    rows_fini(&rows);
}

/* Reward and tax of merged models in many groups: a line and a bowl with jumps between neighbours. */
static double bowl(int d, const double *x)
{
    double sum = 0;
    for (int i = 0; i < d; i++)
        sum += x[i] + (i > 0 ? (x[i] - x[i - 1]) * (x[i] - x[i - 1]) : 0);
    return sum / d;
}

/* What a polynomial explains is given to it: a corner that no row is near is foretold, and the doubt about it is no more than it should
 * be, nor much less than the error. What is no polynomial is not. */
static void test_a_polynomial_is_found_where_there_is_one(void **state)
{
    (void)state;
    enum { N = 70, D = 12 };
    for (int real = 0; real < 2; real++) {
        struct rows rows;
        struct gp_fit fit;
        struct rng rng;
        rng_seed(&rng, 3, 0);
        rows_init(&rows, N, D);
        for (int i = 0; i < N * D; i++)
            rows.x[i] = rng_uniform(&rng);
        for (int i = 0; i < N; i++)
            rows.y[i] = real ? 8 * (bowl(D, rows.x + i * D) - 0.65) : rows_normal(&rng);
        gp_fit(&rows.data, false, NULL, &fit);
        check_fit(&fit, &rows, false);
        struct gp *gp = gp_create(D, N, &fit.hyper);
        gp_condition(gp, &rows.data);
        for (int place = 0; place < 20; place++) {
            double at[D], mean, sd;
            for (int k = 0; k < D; k++)
                at[k] = (place >> k % 5 & 1) ? 1 : 0;
            gp_predict(gp, 1, at, &mean, &sd);
            double off = mean - 8 * (bowl(D, at) - 0.65);
            assert_true(!real || (fabs(off) < 0.7 && fabs(off) < 4 * sd && sd < 1));
            assert_true(real || fabs(mean) < 1.5);
        }
        gp_destroy(gp);
        rows_fini(&rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_likelihoods_are_gpytorchs),
        cmocka_unit_test(test_maximum_is_at_least_scipys),
        cmocka_unit_test(test_gradient_is_that_of_differences),
        cmocka_unit_test(test_odd_rows_are_fitted),
        cmocka_unit_test(test_same_arguments_give_the_same_bits),
        cmocka_unit_test(test_before_is_a_start_among_others),
        cmocka_unit_test(test_many_rows_reach_the_same_summit),
        cmocka_unit_test(test_a_polynomial_is_found_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
