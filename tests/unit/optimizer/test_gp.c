/* optimizer/gp against GPyTorch (tests/golden/optimizer/make_gp.py), against itself, and where it is fed badly. */
#include "optimizer/gp/gp.h"

#include "golden.h"
#include "gp_data.h"
#include "proto/mem.h"

#include <math.h>
#include <string.h>

/* One case of gp.json with everything that is asked of it. */
struct fixed {
    struct rows rows;
    struct gp_hyper hyper;
    int q;
    double at[8 * GP_D_MAX], mean[8], covariance[64], gradient[GP_D_MAX], log_likelihood;
};

static void read_fixed(const struct json *c, struct fixed *f)
{
    rows_read(&f->rows, c);
    f->hyper = (struct gp_hyper){.noise = json_number_or(json_get(c, "noise"), NAN),
                                 .scale = json_number_or(json_get(c, "scale"), NAN),
                                 .mean = json_number_or(json_get(c, "mean"), NAN)};
    golden_numbers(json_get(c, "length"), f->hyper.length, GP_D_MAX);
    f->q = golden_numbers(json_get(c, "posterior_mean"), f->mean, 8);
    golden_numbers(json_get(c, "at"), f->at, 8 * GP_D_MAX);
    golden_numbers(json_get(c, "covariance"), f->covariance, 64);
    golden_numbers(json_get(c, "gradient"), f->gradient, GP_D_MAX);
    f->log_likelihood = json_number_or(json_get(c, "log_likelihood"), NAN);
}

static struct gp *conditioned(const struct gp_hyper *hyper, const struct rows *rows)
{
    struct gp *gp = gp_create(rows->data.d, rows->data.n, hyper);
    gp_condition(gp, &rows->data);
    return gp;
}

static void near(const char *what, double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%s: %.17g instead of %.17g", what, found, expected);
}

static void check_posterior(const struct fixed *f, const struct gp *gp, const char *name)
{
    double mean[8], sd[8], joint[8], covariance[64];
    gp_predict(gp, f->q, f->at, mean, sd);
    gp_predict_joint(gp, f->q, f->at, joint, covariance);
    for (int i = 0; i < f->q; i++) {
        near(name, mean[i], f->mean[i], 1e-7);
        near(name, joint[i], f->mean[i], 1e-7);
        near(name, sd[i] * sd[i], f->covariance[i * f->q + i], 1e-8);
        for (int j = 0; j < f->q; j++)
            near(name, covariance[i * f->q + j], f->covariance[i * f->q + j], 1e-8);
    }
}

static void test_posteriors_are_gpytorchs(void **state)
{
    (void)state;
    struct json *golden = golden_read("gp");
    int compared = 0;
    for (const struct json *c = json_first(json_get(golden, "fixed")); c; c = json_next(c), compared++) {
        struct fixed f;
        read_fixed(c, &f);
        struct gp *gp = conditioned(&f.hyper, &f.rows);
        check_posterior(&f, gp, json_string_or(json_get(c, "name"), "?"));
        gp_destroy(gp);
        rows_fini(&f.rows);
    }
    assert_int_equal(compared, 7);
    json_free(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posteriors_are_gpytorchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
