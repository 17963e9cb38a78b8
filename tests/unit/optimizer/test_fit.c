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
    sum += normal(theta[d], -5, 1) + normal(theta[d + 1], log(0.5), 1) + normal(theta[d + 2], 0, 5);
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
        double theta[GP_D_MAX + 3], gradient[GP_D_MAX + 3], expected[GP_D_MAX];
        rows_read(&rows, c);
        int d = rows.data.d;
        golden_numbers(json_get(c, "length"), theta, GP_D_MAX);
        for (int k = 0; k < d; k++)
            theta[k] = log(theta[k]);
        theta[d] = log(json_number_or(json_get(c, "noise"), NAN));
        theta[d + 1] = log(json_number_or(json_get(c, "scale"), NAN));
        theta[d + 2] = json_number_or(json_get(c, "mean"), NAN);
        enum kernel_shape shape = rows_shape(c);
        double value =
            gp_log_posterior(&rows.data, shape, false, theta, gradient) - log_prior(d, shape, theta);
        double likelihood = json_number_or(json_get(c, "log_likelihood"), NAN);
        if (!(fabs(value - likelihood) < 1e-6 * fmax(1, fabs(likelihood))))
            fail_msg("%s: %.17g, GPyTorch says %.17g", json_string_or(json_get(c, "name"), "?"), value,
                     likelihood);
        golden_numbers(json_get(c, "gradient"), expected, GP_D_MAX);
        for (int k = 0; k < d; k++) {
            double of_prior = -(theta[k] - sqrt(2) + 3 - 0.5 * log(d)) / 3;
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
            double theta[GP_D_MAX + 3], gradient[GP_D_MAX + 3], step = 1e-5;
            rows_make(&rows, 45, d, 0.2, (uint64_t)d);
            memcpy(rows.x + 5 * d, rows.x, (size_t)d * sizeof *rows.x); /* replicates, and nearly */
            rows.x[6 * d] = rows.x[0] + 1e-8;
            for (int k = 0; k < d; k++)
                theta[k] = log(0.3 + 0.2 * k);
            theta[d] = -3;
            theta[d + 1] = -0.4;
            theta[d + 2] = 0.7;
            gp_log_posterior(&rows.data, shape, known, theta, gradient);
            for (int k = 0; k < d + 3; k++) {
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

static void check_fit(const struct gp_fit *fit, const struct rows *rows, bool known)
{
    double theta[GP_D_MAX + 3];
    int d = rows->data.d;
    assert_true(isfinite(fit->log_posterior) && fit->evaluations > 0 && fit->jitter <= 1e-2);
    for (int k = 0; k < d; k++) {
        assert_true(fit->hyper.length[k] > 0.999 * GP_LENGTH_MIN &&
                    fit->hyper.length[k] < 1.001 * GP_LENGTH_MAX);
        theta[k] = log(fit->hyper.length[k]);
    }
    assert_true(fit->hyper.noise > 0.999 * GP_NOISE_MIN && fit->hyper.noise < 1.001 * GP_NOISE_MAX);
    assert_true(fit->hyper.scale > 0.999 * GP_SCALE_MIN && fit->hyper.scale < 1.001 * GP_SCALE_MAX);
    assert_true(!known || (fit->hyper.scale == 1 && fit->hyper.noise == GP_NOISE_MIN));
    theta[d] = log(fit->hyper.noise);
    theta[d + 1] = log(fit->hyper.scale);
    theta[d + 2] = fit->hyper.mean;
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
    static const struct gp_hyper silly = {.length = {90, 0.03, 90, 0.03}, .noise = 3, .scale = 0.002};
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
    double theta[9], gradient[9];
    for (int k = 0; k < 6; k++)
        theta[k] = log(fit.hyper.length[k]);
    theta[6] = log(fit.hyper.noise);
    theta[7] = log(fit.hyper.scale);
    theta[8] = fit.hyper.mean;
    gp_log_posterior(&rows.data, fit.hyper.shape, false, theta, gradient);
    for (int k = 0; k < 9; k++)
        assert_true(fabs(gradient[k]) <
                    1); /* a tenth of a standard deviation away changes the density by 1 % */
    rows_fini(&rows);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
