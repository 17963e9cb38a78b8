/* The normal tail, and ln h(z), against mpmath (tests/golden/optimizer/make_tail.py). */
#include "optimizer/acquisition/ehvi.h"
#include "optimizer/acquisition/tail.h"

#include "golden.h"

#include <math.h>

static void assert_near(double x, double expected, double relative, double at)
{
    if (!(fabs(x - expected) <= relative * fabs(expected)))
        fail_msg("at %.17g: %.17g, mpmath says %.17g", at, x, expected);
}

static void test_tail_is_mpmaths(void **state)
{
    (void)state;
    struct json *cases = golden_read("tail");
    int compared = 0;
    for (const struct json *c = json_first(json_get(cases, "tail")); c; c = json_next(c), compared++) {
        double x[3];
        assert_int_equal(golden_numbers(c, x, 3), 3);
        double excess = tail_excess(x[0]);
        assert_near(excess, x[1], 1e-15, x[0]);
        assert_near(tail_mills(x[0], excess), x[2], 1e-15, x[0]);
    }
    assert_int_equal(compared, 339);
    json_free(cases);
}

static void test_loss_is_mpmaths(void **state)
{
    (void)state;
    struct json *cases = golden_read("tail");
    int compared = 0;
    for (const struct json *c = json_first(json_get(cases, "loss")); c; c = json_next(c), compared++) {
        double x[3], slope;
        assert_int_equal(golden_numbers(c, x, 3), 3);
        double log_h = ehvi_log_h(x[0], &slope);
        if (fabs(log_h) < 0.5) /* a logarithm near 0: what counts is what it is the logarithm of */
            assert_near(exp(log_h), exp(x[1]), 1e-15, x[0]);
        else
            assert_near(log_h, x[1], 1e-15, x[0]);
        assert_near(slope, x[2], 1e-15, x[0]);
    }
    assert_int_equal(compared, 249);
    json_free(cases);
}

/* erfcx(x) = exp(x^2) erfc(x) of the header's last line, against libm where that does not underflow */
static void test_erfcx_follows(void **state)
{
    (void)state;
    for (double x = 0; x < 5; x += 0.01) {
        double t = sqrt(2) * x;
        assert_near(sqrt(2 / acos(-1)) * tail_mills(t, tail_excess(t)), exp(x * x) * erfc(x), 1e-14, x);
    }
}

static void test_loss_is_finite_everywhere(void **state)
{
    (void)state;
    const double z[] = {-1e308, -1e200, -1e154, 1e154, 1e308};
    for (int i = 0; i < 5; i++) {
        double slope;
        assert_true(isfinite(ehvi_log_h(z[i], &slope)));
        assert_true(isfinite(slope) && slope >= 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tail_is_mpmaths),
        cmocka_unit_test(test_loss_is_mpmaths),
        cmocka_unit_test(test_erfcx_follows),
        cmocka_unit_test(test_loss_is_finite_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
