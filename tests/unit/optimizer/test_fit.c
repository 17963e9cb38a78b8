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
static double log_prior(int d, const double *theta)
{
    double sum = normal(theta[d], -4, 1) + normal(theta[d + 1], log(0.5), 1) + normal(theta[d + 2], 0, 2);
    for (int k = 0; k < d; k++)
        sum += normal(theta[k], sqrt(2) + 0.5 * log(d), sqrt(3));
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
        double value = gp_log_posterior(&rows.data, false, theta, gradient) - log_prior(d, theta);
        double likelihood = json_number_or(json_get(c, "log_likelihood"), NAN);
        if (!(fabs(value - likelihood) < 1e-6 * fmax(1, fabs(likelihood))))
            fail_msg("%s: %.17g, GPyTorch says %.17g", json_string_or(json_get(c, "name"), "?"), value,
                     likelihood);
        golden_numbers(json_get(c, "gradient"), expected, GP_D_MAX);
        for (int k = 0; k < d; k++) {
            double of_prior = -(theta[k] - sqrt(2) - 0.5 * log(d)) / 3;
            if (!(fabs(gradient[k] - of_prior - expected[k]) < 1e-5 * fmax(1, fabs(expected[k]))))
                fail_msg("%s: gradient %d: %.17g, GPyTorch says %.17g",
                         json_string_or(json_get(c, "name"), "?"), k, gradient[k] - of_prior, expected[k]);
        }
        rows_fini(&rows);
    }
    assert_int_equal(compared, 7);
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
        if (!(fit.log_posterior > best - 0.15))
            fail_msg("%s: %.9g, SciPy found %.9g", json_string_or(json_get(c, "name"), "?"),
                     fit.log_posterior, best);
        rows_fini(&rows);
    }
    assert_int_equal(compared, 9);
    json_free(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_likelihoods_are_gpytorchs),
        cmocka_unit_test(test_maximum_is_at_least_scipys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
