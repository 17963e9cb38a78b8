/* The noisy acquisition: the mean of EHVI over draws. */
#include "optimizer/acquisition/ehvi.h"
#include "optimizer/acquisition/nehvi.h"

#include "golden.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define S 16
#define Q 9
#define M_MAX 4

struct nehvi_case {
    int m;
    double draws[S * Q * M_MAX], reference[M_MAX], mean[S * M_MAX], sd[M_MAX];
    struct nehvi nehvi;
};

static void make_case(int seed, struct nehvi_case *c)
{
    struct rng rng;
    rng_seed(&rng, 21, (uint64_t)seed);
    c->m = 1 + seed % M_MAX;
    double behind = seed % 3 == 0 ? 100 * rng_uniform(&rng) : rng_uniform(&rng);
    for (int i = 0; i < S * Q * c->m; i++)
        c->draws[i] = rng_uniform(&rng);
    for (int j = 0; j < c->m; j++) {
        c->reference[j] = 0.9;
        c->sd[j] = 0.02 + rng_uniform(&rng);
        for (int i = 0; i < S; i++)
            c->mean[i * c->m + j] = behind + 0.3 * rng_uniform(&rng);
    }
    assert_int_equal(nehvi_make(c->draws, S, Q, c->m, c->reference, &c->nehvi, NULL), 0);
    assert_int_equal(c->nehvi.draws_n, S);
}

static void assert_near(const char *what, int at, double x, double expected, double tolerance)
{
    if (!(fabs(x - expected) <= tolerance))
        fail_msg("case %d, %s: %.17g instead of %.17g", at, what, x, expected);
}

static void test_is_the_mean_over_draws(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct nehvi_case c;
        make_case(i, &c);
        double one[S], largest = -INFINITY, sum = 0;
        for (int s = 0; s < S; s++) {
            struct boxes b;
            assert_int_equal(boxes_make(&c.draws[s * Q * c.m], Q, c.m, c.reference, &b, NULL), 0);
            one[s] = ehvi_log(&b, &c.mean[s * c.m], c.sd, NULL, NULL);
            largest = fmax(largest, one[s]);
            boxes_fini(&b);
        }
        for (int s = 0; s < S; s++)
            sum += exp(one[s] - largest) / S;
        double expected = largest + log(sum);
        assert_near("value", i, nehvi_log(&c.nehvi, c.mean, c.sd, NULL, NULL), expected,
                    1e-9 + 1e-14 * fabs(expected));
        nehvi_fini(&c.nehvi);
    }
}

static double difference(struct nehvi_case *c, double *x, double step)
{
    double kept = *x;
    *x = kept + step;
    double up = *x, above = nehvi_log(&c->nehvi, c->mean, c->sd, NULL, NULL);
    *x = kept - step;
    double down = *x, below = nehvi_log(&c->nehvi, c->mean, c->sd, NULL, NULL);
    *x = kept;
    return (above - below) / (up - down);
}

static void test_derivatives_are_finite_differences(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        struct nehvi_case c;
        make_case(i, &c);
        double d_mean[S * M_MAX], d_sd[M_MAX];
        double value = nehvi_log(&c.nehvi, c.mean, c.sd, d_mean, d_sd);
        for (int j = 0; j < c.m; j++) {
            double step = 1e-5 * c.sd[j], floor = 1e-6 * (1 + fabs(value)) / c.sd[j];
            double by_sd = difference(&c, &c.sd[j], step);
            assert_near("by sd", i, d_sd[j], by_sd, 1e-5 * fabs(by_sd) + floor);
            for (int s = 0; s < S; s++) {
                double by_mean = difference(&c, &c.mean[s * c.m + j], step);
                assert_near("by mean", i, d_mean[s * c.m + j], by_mean, 1e-5 * fabs(by_mean) + floor);
            }
        }
        nehvi_fini(&c.nehvi);
    }
}

/* A draw that the point improves counts in full beside draws that it is hopeless in. */
static void test_hopeless_draws_only_dilute(void **state)
{
    (void)state;
    const double draws[] = {0, 0, 0.5, 0.5}, reference[] = {1, 1}, mean[] = {0.4, 0.4, 0.4, 0.4},
                 sd[] = {1e-4, 1e-4};
    struct nehvi nehvi;
    double d_mean[4], d_sd[2];
    assert_int_equal(nehvi_make(draws, 2, 1, 2, reference, &nehvi, NULL), 0);
    double value = nehvi_log(&nehvi, mean, sd, d_mean, d_sd);
    assert_near("value", 0, exp(value), (0.6 * 0.6 - 0.5 * 0.5) / 2, 1e-12);
    assert_true(d_mean[0] == 0 && d_mean[1] == 0);
    assert_near("by mean", 0, d_mean[2], -0.6 / (0.6 * 0.6 - 0.5 * 0.5), 1e-9);
    nehvi_fini(&nehvi);
}

static void test_refuses_what_boxes_refuse(void **state)
{
    (void)state;
    const double draws[] = {0, 0, NAN, 0.5}, reference[] = {1, 1};
    struct nehvi nehvi;
    struct err err = {0};
    assert_int_equal(nehvi_make(draws, 2, 1, 2, reference, &nehvi, &err), ERR_INVALID);
    assert_int_equal(nehvi_make(draws, 0, 1, 2, reference, &nehvi, &err), ERR_INVALID);
    assert_int_equal(nehvi_make(draws, 1, 0, 5, reference, &nehvi, &err), ERR_UNSUPPORTED);
    nehvi_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_the_mean_over_draws),
        cmocka_unit_test(test_derivatives_are_finite_differences),
        cmocka_unit_test(test_hopeless_draws_only_dilute),
        cmocka_unit_test(test_refuses_what_boxes_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
