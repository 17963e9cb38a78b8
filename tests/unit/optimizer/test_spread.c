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

static bool within(double value, double best, double sd, double least, double most)
{
    return fabs(log(value / best)) < 2 * sd + 1e-9 && value > 0.999 * least && value < 1.001 * most;
}

/* At most two standard deviations of the priors from the best ones, and where gp_fit looks. */
static void check_bounds(const struct gp_hyper *best, int d)
{
    for (int i = 0; i < COUNT; i++) {
        const struct gp_hyper *h = &drawn[i];
        for (int k = 0; k < d; k++)
            assert_true(within(h->length[k], best->length[k], sqrt(3), GP_LENGTH_MIN, GP_LENGTH_MAX));
        for (int l = 0; l < POLYNOMIAL_LEVELS; l++)
            assert_true(within(h->weight[l], best->weight[l], 2, GP_WEIGHT_MIN, GP_WEIGHT_MAX));
        assert_true(within(h->signal, best->signal, 0.5, GP_SIGNAL_MIN, GP_SIGNAL_MAX));
        assert_true(within(h->noise, best->noise, 1, GP_NOISE_MIN, GP_NOISE_MAX));
        assert_true(within(h->scale, best->scale, 1, GP_SCALE_MIN, GP_SCALE_MAX));
    }
}

static void theta_of(const struct gp_hyper *h, int d, double *theta)
{
    for (int k = 0; k < d; k++)
        theta[k] = log(h->length[k]);
    theta[d + GP_SIGNAL] = log(h->signal);
    for (int l = 0; l < POLYNOMIAL_LEVELS; l++)
        theta[d + GP_WEIGHT + l] = log(h->weight[l]);
    theta[d + GP_NOISE] = log(h->noise);
    theta[d + GP_SCALE] = log(h->scale);
    theta[d + GP_MEAN] = h->mean;
}

/* Near the summit, a tenth of the way to each draw and as far to the other side: there a normal density falls by half a hundredth of a
 * chi-square, whatever its axes are, which is one of as many degrees of freedom as there are coordinates. */
static void test_the_density_falls_as_a_normal_one(void **state)
{
    (void)state;
    enum { SOME = 400, D = 3, N = D + GP_OTHERS };
    struct rows rows;
    struct gp_fit fit;
    struct rng rng;
    double best[N], there[N], fall = 0;
    rows_make(&rows, 60, D, 0.2, 6);
    rng_seed(&rng, 7, 0);
    gp_fit(&rows.data, false, NULL, &fit);
    gp_spread(&rows.data, false, &fit.hyper, SOME, &rng, drawn);
    theta_of(&fit.hyper, D, best);
    for (int i = 0; i < 2 * SOME; i++) {
        theta_of(&drawn[i / 2], D, there);
        for (int k = 0; k < N; k++)
            there[k] = best[k] + (i % 2 ? 0.1 : -0.1) * (there[k] - best[k]);
        fall += fit.log_posterior - gp_log_posterior(&rows.data, fit.hyper.shape, false, there, NULL);
    }
    fall *= 100.0 / SOME;
    print_message("chi-square %.2f of %d\n", fall, D + GP_MEAN);
    assert_true(fabs(fall - (D + GP_MEAN)) < 1);
    rows_fini(&rows);
}

/* A constant drives the noise to its floor, a lonely outlier what explains it to its ceiling: no draw goes farther. */
static void test_bounds_hold(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct rows rows;
        struct gp_fit fit;
        struct rng rng;
        rows_make(&rows, 40, 3, 0.01, 8);
        for (int i = 0; i < 40; i++)
            rows.y[i] = kind == 1 && i == 1 ? 1e3 : 0;
        rng_seed(&rng, 9, 0);
        gp_fit(&rows.data, false, NULL, &fit);
        gp_spread(&rows.data, false, &fit.hyper, COUNT, &rng, drawn);
        check_bounds(&fit.hyper, 3);
        rows_fini(&rows);
    }
}

/* Without a row the posterior is the prior: normal, cut off at two standard deviations, which leaves 0.96 of one. */
static void test_without_rows_it_is_the_prior(void **state)
{
    (void)state;
    struct gp_hyper best;
    double mean, sd;
    spread(0, false, 1, &best);
    check_bounds(&best, 3);
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
        cmocka_unit_test(test_the_density_falls_as_a_normal_one),
        cmocka_unit_test(test_bounds_hold),
        cmocka_unit_test(test_known_noise_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
