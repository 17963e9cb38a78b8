/* Expected hypervolume improvement against BoTorch, mpmath and sampling (tests/golden/optimizer/make_ehvi.py), and by finite
 * differences. */
#include "optimizer/acquisition/ehvi.h"

#include "golden.h"
#include "proto/rng.h"

#include <math.h>
#include <stdbool.h>

struct ehvi_case {
    struct boxes boxes;
    int m;
    double mean[4], sd[4];
};

static struct ehvi_case read_case(const struct json *j)
{
    struct ehvi_case c = {0};
    double points[48], reference[4];
    c.m = golden_numbers(json_get(j, "mean"), c.mean, 4);
    golden_numbers(json_get(j, "sd"), c.sd, 4);
    golden_numbers(json_get(j, "reference"), reference, 4);
    int n = golden_numbers(json_get(j, "points"), points, 48) / c.m;
    assert_int_equal(boxes_make(points, n, c.m, reference, &c.boxes, NULL), 0);
    return c;
}

static void assert_near(const char *what, int at, double x, double expected, double tolerance)
{
    if (!(fabs(x - expected) <= tolerance))
        fail_msg("case %d, %s: %.17g instead of %.17g", at, what, x, expected);
}

static void test_values_are_botorchs(void **state)
{
    (void)state;
    struct json *golden = golden_read("ehvi");
    int compared = 0;
    for (const struct json *j = json_first(json_get(golden, "botorch")); j; j = json_next(j), compared++) {
        struct ehvi_case c = read_case(j);
        double expected = json_number_or(json_get(j, "value"), -1), d_mean[4], d_sd[4], by_mean[4], by_sd[4];
        golden_numbers(json_get(j, "d_mean"), by_mean, 4);
        golden_numbers(json_get(j, "d_sd"), by_sd, 4);
        double value = exp(ehvi_log(&c.boxes, c.mean, c.sd, d_mean, d_sd));
        assert_near("value", compared, value, expected, 1e-12 * expected);
        for (int i = 0; i < c.m; i++) {
            assert_near("by mean", compared, value * d_mean[i], by_mean[i], 1e-11 * fabs(by_mean[i]) + 1e-15);
            assert_near("by sd", compared, value * d_sd[i], by_sd[i], 1e-11 * fabs(by_sd[i]) + 1e-15);
        }
        boxes_fini(&c.boxes);
    }
    assert_int_equal(compared, 36);
    json_free(golden);
}

/* 1e6 standard deviations behind, sd 1e-9, sd 1e5. The square of z is rounded: see the header. */
static void test_far_values_are_mpmaths(void **state)
{
    (void)state;
    struct json *golden = golden_read("ehvi");
    int compared = 0;
    for (const struct json *j = json_first(json_get(golden, "far")); j; j = json_next(j), compared++) {
        struct ehvi_case c = read_case(j);
        double expected = json_number_or(json_get(j, "log"), -1), d_mean[4], d_sd[4], by_mean[4], by_sd[4];
        golden_numbers(json_get(j, "d_mean"), by_mean, 4);
        golden_numbers(json_get(j, "d_sd"), by_sd, 4);
        double value = ehvi_log(&c.boxes, c.mean, c.sd, d_mean, d_sd);
        double relative = 1e-11 + 1e-15 * fabs(expected);
        assert_near("log", compared, value, expected, 1e-13 * fabs(expected) + 1e-12);
        for (int i = 0; i < c.m; i++) {
            double slack = relative * (1 + fabs(c.mean[i]) / c.sd[i]);
            slack = fmin(slack, 1e-2);
            assert_near("by mean", compared, d_mean[i], by_mean[i], slack * fabs(by_mean[i]));
            assert_near("by sd", compared, d_sd[i], by_sd[i], slack * fabs(by_sd[i]));
        }
        boxes_fini(&c.boxes);
    }
    assert_int_equal(compared, 30);
    json_free(golden);
}

static void test_sampling_agrees(void **state)
{
    (void)state;
    struct json *golden = golden_read("ehvi");
    int compared = 0;
    for (const struct json *j = json_first(json_get(golden, "sampled")); j; j = json_next(j), compared++) {
        struct ehvi_case c = read_case(j);
        double value = exp(ehvi_log(&c.boxes, c.mean, c.sd, NULL, NULL));
        assert_near("value", compared, value, json_number_or(json_get(j, "value"), -1),
                    4 * json_number_or(json_get(j, "stderr"), 0));
        boxes_fini(&c.boxes);
    }
    assert_int_equal(compared, 3);
    json_free(golden);
}

static void make_random(struct rng *rng, int n, struct ehvi_case *c)
{
    double points[300 * 4], reference[4];
    for (int j = 0; j < c->m; j++)
        reference[j] = 1;
    for (int i = 0; i < n; i++) {
        double length = 0;
        for (int j = 0; j < c->m; j++) {
            points[i * c->m + j] = rng_uniform(rng);
            length += pow(points[i * c->m + j], 2);
        }
        for (int j = 0; j < c->m; j++)
            points[i * c->m + j] = 1 - points[i * c->m + j] / sqrt(length);
    }
    assert_int_equal(boxes_make(points, n, c->m, reference, &c->boxes, NULL), 0);
    for (int j = 0; j < c->m; j++) {
        c->mean[j] = 2 * rng_uniform(rng) - 0.5;
        c->sd[j] = pow(10, 4 * rng_uniform(rng) - 3);
    }
}

static long double plain_h(long double z)
{
    return expl(-z * z / 2) / sqrtl(2 * acosl(-1)) + z * erfcl(-z / sqrtl(2)) / 2;
}

/* The formula as it stands, in more digits: good while nothing is far behind. */
static double plain_log(const struct ehvi_case *c)
{
    long double sum = 0;
    for (int i = 0; i < c->boxes.n; i++) {
        long double product = 1;
        for (int j = 0; j < c->m; j++) {
            double lower = c->boxes.lower[i * c->m + j], upper = c->boxes.upper[i * c->m + j];
            long double part = plain_h(((long double)upper - c->mean[j]) / c->sd[j]);
            if (isfinite(lower))
                part -= plain_h(((long double)lower - c->mean[j]) / c->sd[j]);
            product *= part * c->sd[j];
        }
        sum += product;
    }
    return (double)logl(sum);
}

/* Up to 300 points: boxes as thin as 1e-6, in either way of computing. */
static void test_crowded_fronts_lose_no_digits(void **state)
{
    (void)state;
    int compared = 0;
    for (int i = 0; i < 400; i++) {
        struct rng rng;
        rng_seed(&rng, 3, (uint64_t)i);
        struct ehvi_case c = {.m = 1 + i % 4};
        make_random(&rng, c.m == 4 ? 30 : c.m == 3 ? 100 : 300, &c);
        double value = ehvi_log(&c.boxes, c.mean, c.sd, NULL, NULL);
        if (value > -25) {
            assert_near("log", i, value, plain_log(&c), 1e-9);
            compared++;
        }
        boxes_fini(&c.boxes);
    }
    assert_true(compared > 150);
}

/* Through the values that doubles can no longer hold, 1e-200 to 1e-330 and less. */
static void test_underflow_is_not_noticed(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        struct rng rng;
        rng_seed(&rng, 6, (uint64_t)i);
        struct ehvi_case c = {.m = 1 + i % 4};
        make_random(&rng, 12, &c);
        for (int j = 0; j < c.m; j++) {
            c.sd[j] = 0.1;
            c.mean[j] = 1 + (36 + i / 50.0) * c.sd[j] / sqrt(c.m);
        }
        double expected = plain_log(&c);
        assert_near("log", i, ehvi_log(&c.boxes, c.mean, c.sd, NULL, NULL), expected, 1e-11 * fabs(expected));
        boxes_fini(&c.boxes);
    }
}

/* One number moved up and down. */
static double difference(struct ehvi_case *c, double *x, double step)
{
    double kept = *x;
    *x = kept + step;
    double up = *x, above = ehvi_log(&c->boxes, c->mean, c->sd, NULL, NULL);
    *x = kept - step;
    double down = *x, below = ehvi_log(&c->boxes, c->mean, c->sd, NULL, NULL);
    *x = kept;
    return (above - below) / (up - down);
}

static void test_derivatives_are_finite_differences(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct rng rng;
        rng_seed(&rng, 4, (uint64_t)i);
        struct ehvi_case c = {.m = 1 + i % 4};
        make_random(&rng, 12, &c);
        double d_mean[4], d_sd[4], value = ehvi_log(&c.boxes, c.mean, c.sd, d_mean, d_sd);
        for (int j = 0; j < c.m; j++) {
            double step = 1e-5 * c.sd[j], floor = 1e-6 * (1 + fabs(value)) / c.sd[j];
            double by_mean = difference(&c, &c.mean[j], step), by_sd = difference(&c, &c.sd[j], step);
            assert_near("by mean", i, d_mean[j], by_mean, 1e-5 * fabs(by_mean) + floor);
            assert_near("by sd", i, d_sd[j], by_sd, 1e-5 * fabs(by_sd) + floor);
        }
        boxes_fini(&c.boxes);
    }
}

static void test_every_finite_argument_has_a_finite_value(void **state)
{
    (void)state;
    const double means[] = {-1e300, -1e9, -1, 0, 0.3, 1, 1e9, 1e150, 1e300},
                 sds[] = {1e-30, 1e-9, 1, 1e9, 1e30};
    for (int m = 1; m <= 4; m++) {
        struct rng rng;
        rng_seed(&rng, 8, (uint64_t)m);
        struct ehvi_case c = {.m = m};
        make_random(&rng, 6, &c);
        for (int i = 0; i < 9 * 9 * 5; i++) {
            double mean[4] = {means[i % 9], means[i / 9 % 9], 0.2, 0.1},
                   sd[4] = {sds[i / 81], 1, sds[i / 81], 1};
            double d_mean[4], d_sd[4];
            if (!isfinite(ehvi_log(&c.boxes, mean, sd, d_mean, d_sd)))
                fail_msg("m = %d: mean %g, %g, sd %g", m, mean[0], mean[1], sd[0]);
            for (int j = 0; j < m; j++)
                assert_false(isnan(d_mean[j]) || isnan(d_sd[j]));
        }
        boxes_fini(&c.boxes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_botorchs),
        cmocka_unit_test(test_far_values_are_mpmaths),
        cmocka_unit_test(test_sampling_agrees),
        cmocka_unit_test(test_crowded_fronts_lose_no_digits),
        cmocka_unit_test(test_underflow_is_not_noticed),
        cmocka_unit_test(test_derivatives_are_finite_differences),
        cmocka_unit_test(test_every_finite_argument_has_a_finite_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
