/* Distinct vectors, and the scale of the ends, from event logs made by hand. */
#include "optimizer/insight/scale.h"
#include "optimizer/insight/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { N = 6, K = 2, M = 2 };

static const double ratios[N * K] = {0, 0, 1, 1, 0.5, 0.25, 0, 0, 0.5, 0.25, 0.5, 0.75};
static const double at[] = {1, 5, 3, 2, 7, 7, 4, 4}, exact[] = {0, 0}, noisy[] = {0, 0.1};

static void make(int events_n, const struct opt_event *event, struct vectors *out)
{
    struct opt_problem problem = {.k = K, .m = M};
    struct opt_history history = {.n = N, .ratios = ratios, .events_n = events_n, .event = event};
    vectors_make(&problem, &history, out);
}

static void test_trials_of_one_vector_are_one(void **state)
{
    (void)state;
    const struct opt_event event[] = {
        {4, OPT_EVENT_SLICE, 0.5, &at[4], noisy}, {3, OPT_EVENT_DONE, 1, &at[0], exact},
        {0, OPT_EVENT_SLICE, 0.5, &at[4], exact}, {2, OPT_EVENT_SLICE, 0.5, &at[4], exact},
        {2, OPT_EVENT_DONE, 1, &at[2], exact},    {5, OPT_EVENT_SLICE, 0.5, &at[0], exact},
        {5, OPT_EVENT_FAILED, 0, NULL, NULL},
    };
    struct vectors v;
    make(7, event, &v);
    assert_int_equal(v.n, 2);
    const int of[N] = {0, -1, 1, 0, 1, -1};
    assert_memory_equal(v.of, of, sizeof of);
    assert_true(v.trial[0] == 0 && v.whole[0] == 3 && v.scored[0] == 2); /* 0 is scored in part only */
    assert_true(v.trial[1] == 2 && v.whole[1] == 2 && v.scored[1] == 2);
    assert_true(v.score[0] == 1 && v.score[1] == 5 && v.score[2] == 3 && v.score[3] == 2);
    assert_true(v.exact[0] && v.exact[1]); /* what partial scores say of themselves does not count */
    vectors_fini(&v);
    make(6, event, &v); /* 5 had a score before it failed */
    assert_true(v.n == 3 && v.of[5] == 2 && v.whole[2] == -1 && isnan(v.score[4]));
    vectors_fini(&v);
    make(0, event, &v);
    assert_true(v.n == 0 && v.of[3] == -1);
    vectors_fini(&v);
    vectors_fini(&v);
}

static void test_exact_until_something_says_otherwise(void **state)
{
    (void)state;
    const struct opt_event one_noisy[] = {{1, OPT_EVENT_DONE, 1, &at[0], exact},
                                          {2, OPT_EVENT_DONE, 1, &at[2], noisy}};
    const struct opt_event differ[] = {{0, OPT_EVENT_DONE, 1, &at[4], exact},
                                       {3, OPT_EVENT_DONE, 1, &at[6], exact}};
    const double one[] = {7, 4}, unknown[] = {NAN, 0};
    const struct opt_event differ_in_one[] = {{0, OPT_EVENT_DONE, 1, &at[4], exact},
                                              {3, OPT_EVENT_DONE, 1, one, exact}};
    const struct opt_event not_told[] = {{0, OPT_EVENT_DONE, 1, &at[4], unknown}};
    struct vectors v;
    make(1, one_noisy, &v);
    assert_true(v.exact[0] && v.exact[1]);
    vectors_fini(&v);
    make(2, one_noisy, &v);
    assert_true(v.exact[0] && !v.exact[1]);
    vectors_fini(&v);
    make(2, differ, &v);
    assert_true(!v.exact[0] && !v.exact[1] && v.score[0] == 7);
    vectors_fini(&v);
    make(2, differ_in_one, &v);
    assert_true(v.exact[0] && !v.exact[1]);
    vectors_fini(&v);
    make(1, not_told, &v);
    assert_true(!v.exact[0] && v.exact[1]);
    vectors_fini(&v);
}

/* The first whole score at each end counts; of the ends (1, 5) and (3, 2) the worse are 3 and 5. */
static void test_the_scale_of_the_ends(void **state)
{
    (void)state;
    struct opt_problem problem = {.k = K, .m = M, .low = {0, 0}, .high = {1, 1}};
    const struct opt_event event[] = {
        {3, OPT_EVENT_DONE, 1, &at[4], exact},  {1, OPT_EVENT_STOPPED, 0.5, &at[6], exact},
        {1, OPT_EVENT_REOPENED, 0, NULL, NULL}, {1, OPT_EVENT_DONE, 1, &at[2], exact},
        {0, OPT_EVENT_DONE, 1, &at[0], exact},
    };
    struct opt_history history = {.n = N, .ratios = ratios, .events_n = 2, .event = event};
    struct scale scale;
    assert_false(scale_make(&problem, &history, &scale));
    history.events_n = 5;
    assert_true(scale_make(&problem, &history, &scale));
    assert_true(scale.low == 0 && scale.high == 1 && scale.worse[0] == 3 && scale.worse[1] == 5);
    assert_true(scale.span[0] == 2 && scale.span[1] == 3 && scale.reference[0] == 0.1 &&
                scale.reference[1] == 0.1);
    const double points[] = {1, 5, 3, 2, 2, 3.5};
    /* the ends reach 1.1 x 0.1 each, the middle (-0.5, -0.5) 0.6 x 0.6, overlaps 0.6 x 0.1 twice, 0.1 x 0.1 in all is in all three */
    assert_true(fabs(scale_volume(&scale, points, 3) - (0.11 + 0.11 + 0.36 - 0.06 - 0.06 - 0.01 + 0.01)) <
                1e-12);
    assert_true(scale_volume(&scale, points, 0) == 0);
    problem.has_reference[1] = true;
    problem.reference[1] = 6.5;
    assert_true(scale_make(&problem, &history, &scale));
    assert_true(scale.reference[0] == 0.1 && scale.reference[1] == 0.5);
    problem.high[0] = problem.high[1] =
        0; /* one model: both ends are equal, the unit is the objective's own */
    assert_true(scale_make(&problem, &history, &scale) && scale.span[0] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trials_of_one_vector_are_one),
        cmocka_unit_test(test_exact_until_something_says_otherwise),
        cmocka_unit_test(test_the_scale_of_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
