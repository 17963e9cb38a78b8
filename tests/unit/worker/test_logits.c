#include "worker/logits.h"

#include "fixtures.h"

#include <math.h>

static void test_first_of_ties(void **state)
{
    (void)state;
    const float x[] = {1, 3, 3, 2};
    assert_int_equal(logits_best(x, 4), 1);
}

static void test_refuses_what_is_not_finite(void **state)
{
    (void)state;
    float x[] = {1, 2, 3};
    struct err err = {0};
    assert_int_equal(logits_check(x, 3, &err), 0);
    x[1] = NAN;
    assert_int_equal(logits_check(x, 3, &err), ERR_EVALUATOR);
    x[1] = INFINITY;
    assert_int_equal(logits_check(x, 3, &err), ERR_EVALUATOR);
    assert_says(&err, "not finite");
}

static void test_logsum(void **state)
{
    (void)state;
    float x[37], scratch[37];
    double sum = 0;
    for (int i = 0; i < 37; i++) {
        x[i] = (float)((i * 13) % 37) - 18;
        sum += exp((double)x[i]);
    }
    assert_true(fabs(logits_logsum(kernel_best(), x, 37, scratch) - log(sum)) < 1e-6);
}

/* u walks through the distribution: the share of each token is its probability, at either temperature. */
static void test_draw(void **state)
{
    (void)state;
    const float x[] = {0, -200, 1, 2, 0.5f};
    enum { STEPS = 100000 };
    for (double temperature = 0.5; temperature < 3; temperature *= 2) {
        int hits[5] = {0};
        double p[5], sum = 0;
        float scratch[5];
        for (int i = 0; i < STEPS; i++)
            hits[logits_draw(kernel_best(), x, 5, temperature, (i + 0.5) / STEPS, scratch)]++;
        for (int i = 0; i < 5; i++)
            sum += p[i] = exp(x[i] / temperature);
        for (int i = 0; i < 5; i++)
            assert_true(fabs(hits[i] / (double)STEPS - p[i] / sum) < 2e-5);
    }
}

static void test_draw_at_the_ends(void **state)
{
    (void)state;
    const float x[] = {-200, 1, 2, -200};
    float scratch[4];
    assert_int_equal(logits_draw(kernel_best(), x, 4, 1, 0, scratch), 1);
    assert_int_equal(logits_draw(kernel_best(), x, 4, 1, 1 - 0x1p-53, scratch), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_of_ties),    cmocka_unit_test(test_refuses_what_is_not_finite),
        cmocka_unit_test(test_logsum),           cmocka_unit_test(test_draw),
        cmocka_unit_test(test_draw_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
