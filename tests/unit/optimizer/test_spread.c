/* gp_spread: draws of the hyperparameters have the curvature's spread where the data say nothing, less where they speak. */
#include "gp_data.h"
#include "optimizer/gp/gp.h"

enum { COUNT = 2000 };

static struct gp_hyper drawn[COUNT];

static void moments(double (*of)(const struct gp_hyper *), double *mean, double *sd)
{
    double sum = 0, square = 0;
    for (int i = 0; i < COUNT; i++) {
        double v = of(&drawn[i]);
        sum += v / COUNT;
        square += v * v / COUNT;
    }
    *mean = sum;
    *sd = sqrt(square - sum * sum);
}

static double ln_length(const struct gp_hyper *h)
{
    return log(h->length[0]);
}

static double ln_noise(const struct gp_hyper *h)
{
    return log(h->noise);
}

static void spread(int n, bool known, uint64_t seed, struct gp_hyper *best)
{
    struct rows rows;
    struct gp_fit fit;
    struct rng rng;
    rows_make(&rows, n, 3, 0.2, seed);
    rng_seed(&rng, 5, 0);
    gp_fit(&rows.data, known, NULL, &fit);
    gp_spread(&rows.data, known, &fit.hyper, COUNT, &rng, drawn);
    *best = fit.hyper;
    rows_fini(&rows);
}

/* Without a row the posterior is the prior: normal, cut off at two standard deviations, which leaves 0.96 of one. */
static void test_without_rows_it_is_the_prior(void **state)
{
    (void)state;
    struct gp_hyper best;
    double mean, sd;
    spread(0, false, 1, &best);
    moments(ln_noise, &mean, &sd);
    assert_true(fabs(mean + 5) < 0.1 && fabs(sd - 0.96) < 0.05);
    moments(ln_length, &mean, &sd);
    assert_true(fabs(mean - (sqrt(2) - 3 + 0.5 * log(3))) < 0.2 && fabs(sd - 0.96 * sqrt(3)) < 0.1);
}

static void test_rows_narrow_it(void **state)
{
    (void)state;
    double mean, few, many;
    struct gp_hyper best;
    spread(15, false, 2, &best);
    moments(ln_length, &mean, &few);
    assert_true(fabs(mean - ln_length(&best)) < 0.5);
    spread(150, false, 2, &best);
    moments(ln_length, &mean, &many);
    assert_true(fabs(mean - ln_length(&best)) < 0.2 && many < 0.7 * few && many > 0.01);
}

static void test_known_noise_stays(void **state)
{
    (void)state;
    struct gp_hyper best;
    spread(30, true, 3, &best);
    for (int i = 0; i < COUNT; i++) {
        assert_true(drawn[i].noise == GP_NOISE_MIN && drawn[i].scale == 1 && drawn[i].shape == best.shape);
        assert_true(isfinite(drawn[i].mean) && drawn[i].length[2] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_rows_it_is_the_prior),
        cmocka_unit_test(test_rows_narrow_it),
        cmocka_unit_test(test_known_noise_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
