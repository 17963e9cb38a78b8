/* opt_plan_make: how a budget is divided, and what is refused with which words. */
#include "fake_search.h"

#include <stdio.h>

static struct opt_plan plan_of(const struct opt_problem *problem)
{
    struct opt_plan plan;
    struct err err = {0};
    if (opt_plan_make(problem, &plan, &err))
        fail_msg("%s", err.text);
    return plan;
}

/* Quotas follow one another without gaps and sum up to the budget. */
static void assert_tiled(const struct opt_plan *plan, int trials)
{
    int next = 0;
    for (int s = 0; s < plan->streams_n; s++) {
        assert_int_equal(plan->streams[s].first, next);
        assert_true(plan->streams[s].quota > 0);
        assert_int_equal(plan->streams[s].phase, s > 0);
        next += plan->streams[s].quota;
    }
    assert_int_equal(next, trials);
    assert_int_equal(plan->trials, trials);
}

static void test_budget_is_divided_evenly(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_HMA, 3, 2, 60);
    p.sweep_points = 11;
    struct opt_plan plan = plan_of(&p);
    assert_tiled(&plan, 60);
    assert_int_equal(plan.streams_n, 4);
    const int quota[] = {11, 17, 16, 16};
    for (int s = 0; s < 4; s++)
        assert_int_equal(plan.streams[s].quota, quota[s]);
    assert_false(plan.streams[0].adaptive);
    for (int s = 1; s < 4; s++) {
        assert_true(plan.streams[s].adaptive && plan.streams[s].kind == OPT_HMA);
        assert_true(plan.streams[s].mean == p.means[s - 1]);
    }
}

static void test_every_kind_and_budget_is_tiled(void **state)
{
    (void)state;
    for (int kind = OPT_SWEEP; kind <= OPT_SOBOL; kind++)
        for (int trials = 2; trials < 40; trials++)
            for (int points = 2; points < 15; points += 3) {
                struct opt_problem p = fake_problem((enum opt_kind)kind, 3, 2, trials);
                p.sweep_points = points;
                struct opt_plan plan = plan_of(&p);
                assert_tiled(&plan, trials);
                int grid = kind == OPT_SWEEP ? trials : points < trials ? points : trials;
                assert_int_equal(plan.streams[0].quota, grid);
            }
}

static void test_without_a_sweep_there_is_no_phase_0(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_SOBOL, 3, 2, 5);
    p.sweep_points = 0;
    struct opt_plan plan = plan_of(&p);
    assert_int_equal(plan.streams_n, 1);
    assert_int_equal(plan.streams[0].phase, 1);
    assert_int_equal(plan.streams[0].quota, 5);
    assert_false(plan.streams[0].adaptive);
}

/* Both ends exactly, first; every grid point once; multiples of a tenth as a reader of "0.3" gets them. */
static void test_sweep_is_the_grid(void **state)
{
    (void)state;
    for (int n = 2; n <= 40; n++) {
        struct opt_problem p = fake_problem(OPT_SWEEP, 2, 1, n);
        fake_range(&p, -0.5, 1.25);
        struct fake_search f;
        fake_init(&f, &p);
        fake_run(&f, fake_bowl);
        assert_true(fake_ratios(&f, 0)[0] == -0.5 && fake_ratios(&f, 1)[1] == 1.25);
        bool seen[40] = {false};
        for (int i = 0; i < n; i++) {
            assert_true(fake_ratios(&f, i)[0] == fake_ratios(&f, i)[1]);
            double place = (fake_ratios(&f, i)[0] + 0.5) / 1.75 * (n - 1);
            assert_true(fabs(place - round(place)) < 1e-9);
            seen[(int)round(place)] = true;
        }
        for (int i = 0; i < n; i++)
            assert_true(seen[i]);
        fake_fini(&f);
    }
    static const double expected[] = {0, 1, 0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9};
    struct opt_problem p = fake_problem(OPT_SWEEP, 1, 1, 11);
    struct fake_search f;
    fake_init(&f, &p);
    fake_run(&f, fake_bowl);
    assert_memory_equal(f.ratios, expected, sizeof expected);
    fake_fini(&f);
}

static void test_weights_are_spread(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_SCALARIZE, 3, 2, 60);
    p.streams = 3;
    struct opt_plan plan = plan_of(&p);
    for (int s = 1; s <= 3; s++)
        assert_true(plan.streams[s].weights[0] == s / 4.0 && plan.streams[s].weights[1] == 1 - s / 4.0);
    for (int m = 1; m <= OPT_M_MAX; m++) {
        p = fake_problem(OPT_SCALARIZE, 3, m, 200);
        p.streams = 63;
        plan = plan_of(&p);
        assert_int_equal(plan.streams_n, OPT_STREAMS_MAX);
        for (int s = 1; s <= 63; s++) {
            double sum = 0;
            for (int j = 0; j < m; j++) {
                assert_true(plan.streams[s].weights[j] > 0.01);
                sum += plan.streams[s].weights[j];
            }
            assert_true(fabs(sum - 1) < 1e-12);
            for (int other = 1; m > 1 && other < s; other++)
                assert_memory_not_equal(plan.streams[s].weights, plan.streams[other].weights,
                                        sizeof(double) * m);
        }
    }
}

static void assert_refused(const struct opt_problem *p, int code, const char *words)
{
    struct opt_plan plan;
    struct err err = {0};
    assert_int_equal(opt_plan_make(p, &plan, &err), code);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_int_equal(opt_plan_make(p, &plan, NULL), code);
}

#define REFUSED(kind, change, code, words)                                                                   \
    do {                                                                                                     \
        struct opt_problem p = fake_problem(kind, 3, 2, 60);                                                 \
        change;                                                                                              \
        assert_refused(&p, code, words);                                                                     \
    } while (0)

static void test_bad_settings_are_named(void **state)
{
    (void)state;
    REFUSED(OPT_SWEEP, p.k = 0, ERR_INVALID, "groups: 0");
    REFUSED(OPT_SWEEP, p.k = 65, ERR_INVALID, "1 to 64");
    REFUSED(OPT_SWEEP, p.m = 9, ERR_INVALID, "objectives: 9");
    REFUSED(OPT_SWEEP, p.high[2] = -1, ERR_INVALID, "groups.bounds: ratio 2 has the range 0 to -1");
    REFUSED(OPT_SWEEP, p.high[0] = NAN, ERR_INVALID, "groups.bounds: ratio 0");
    REFUSED(OPT_SWEEP, p.high[0] = 1e9, ERR_INVALID, "within one million");
    REFUSED(OPT_SWEEP, p.high[1] = 1e-7, ERR_INVALID,
            "the range of ratio 1, 0 to 9.9999999999999995e-08, is narrower");
    REFUSED(OPT_SWEEP, fake_range(&p, 0, 1e-7), ERR_INVALID, "ratio: the range of ratio 0");
    REFUSED(OPT_SOBOL, fake_range(&p, 0.5, 0.5), ERR_INVALID, "groups.freeze: every ratio is frozen");
    REFUSED(OPT_SOBOL, p.tie[1] = 2, ERR_INVALID, "groups.tie: ratio 1 is tied to 2");
    REFUSED(OPT_SOBOL, p.tie[1] = -1, ERR_INVALID, "groups.tie: ratio 1 is tied to -1");
    REFUSED(OPT_SOBOL, (p.tie[1] = 0, p.tie[2] = 1), ERR_INVALID, "groups.tie: ratio 2 is tied to 1");
    REFUSED(OPT_SOBOL, (p.tie[1] = 0, p.high[1] = 0.5), ERR_INVALID, "groups.tie: ratio 1 is tied to 0");
    REFUSED(OPT_HMA, (p.tie[1] = 0, p.low[2] = 1), ERR_INVALID,
            "with one ratio that is neither frozen nor tied");
    REFUSED(OPT_HMA, (p.high[0] = 0, p.means[2] = 0.7), ERR_INVALID,
            "strategy.means[2]: 0.7 is not between 0.000666667 and 0.666, the means of all groups that");
    REFUSED(OPT_HMA, p.low[0] = 0.9, ERR_INVALID, "strategy.means[0]: 0.2 is not between 0.3007 and 0.9993");
    REFUSED(OPT_HMA, (p.tie[2] = 1, snprintf(p.algorithm, sizeof p.algorithm, "LN_BOBYQA")), ERR_UNSUPPORTED,
            "needs 2 free directions and this search has 1");
    REFUSED(OPT_SWEEP, p.trials = 1, ERR_INVALID, "budget.trials: 1");
    REFUSED(OPT_HMA, p.trials = 1, ERR_INVALID, "budget.trials: 1");
    REFUSED(OPT_SOBOL, (p.trials = 0, p.sweep_points = 0), ERR_INVALID, "budget.trials: 0");
    REFUSED(OPT_HMA, p.sweep_points = 1, ERR_INVALID, "strategy.sweep_points: 1");
    REFUSED(OPT_HMA, p.sweep_points = -2, ERR_INVALID, "strategy.sweep_points: -2");
    REFUSED(OPT_HMA, p.k = 1, ERR_INVALID, "nothing to search");
    REFUSED(OPT_HMA, p.means_n = 0, ERR_INVALID, "strategy.means: 0");
    REFUSED(OPT_HMA, p.means[1] = 1, ERR_INVALID, "strategy.means[1]: 1 is not between");
    REFUSED(OPT_HMA, p.means[2] = 1e-5, ERR_INVALID, "strategy.means[2]");
    REFUSED(OPT_HMA, p.means[2] = NAN, ERR_INVALID, "strategy.means[2]");
    REFUSED(OPT_HMA, p.means[2] = p.means[0], ERR_INVALID, "strategy.means[2]: 0.2 is already means[0]");
    REFUSED(OPT_HMA, p.alignment = 2, ERR_INVALID, "strategy.objective");
    REFUSED(OPT_HMA, p.initial_step = 0, ERR_INVALID, "strategy.initial_step: 0");
    REFUSED(OPT_SCALARIZE, p.initial_step = 1.5, ERR_INVALID, "strategy.initial_step: 1.5");
    REFUSED(OPT_SCALARIZE, p.streams = 64, ERR_INVALID, "strategy.streams: 64");
    REFUSED(OPT_SCALARIZE, p.streams = 0, ERR_INVALID, "strategy.streams: 0");
    REFUSED(OPT_SCALARIZE, p.rho = -0.1, ERR_INVALID, "strategy.rho: -0.1");
    REFUSED(OPT_SCALARIZE, memset(p.algorithm, 'X', 32), ERR_INVALID, "strategy.algorithm");
    REFUSED(OPT_HMA, snprintf(p.algorithm, sizeof p.algorithm, "LN_COBILA"), ERR_UNSUPPORTED,
            "did you mean \"LN_COBYLA\"?");
}

static void test_bad_settings_of_models_are_named(void **state)
{
    (void)state;
    REFUSED(OPT_BAYES, p.m = 5, ERR_INVALID, "take up to 4 objectives, and there are 5");
    REFUSED(OPT_QUADRATIC, p.m = 5, ERR_INVALID, "\"scalarize\" and \"sobol\" take up to 8");
    REFUSED(OPT_BAYES, p.design = 1001, ERR_INVALID, "strategy.design: 1001");
    REFUSED(OPT_BAYES, p.design = -2, ERR_INVALID, "strategy.design: -2");
    REFUSED(OPT_BAYES, p.repeats = 0.6, ERR_INVALID, "strategy.repeats: 0.6");
    REFUSED(OPT_BAYES, p.repeats = NAN, ERR_INVALID, "strategy.repeats");
    REFUSED(OPT_BAYES, (p.has_mean = true, p.mean = 1), ERR_INVALID,
            "strategy.mean: 1 is not between 0.001 and 0.999, and at ratio.min");
    REFUSED(OPT_QUADRATIC, (p.has_mean = true, p.mean = NAN), ERR_INVALID, "strategy.mean");
    REFUSED(OPT_BAYES, (p.has_mean = true, p.mean = 0.7, p.high[0] = 0), ERR_INVALID,
            "strategy.mean: 0.7 is not between 0.000666667 and 0.666, the means of all groups that");
    REFUSED(OPT_BAYES, (p.has_mean = true, p.mean = 0.5, p.k = 1), ERR_INVALID,
            "strategy.mean: with one group a mean leaves nothing to search");
    REFUSED(OPT_BAYES, (p.has_reference[1] = true, p.reference[1] = INFINITY), ERR_INVALID,
            "objectives[1].reference");
}

static void assert_modelled(int given, int sweep, int design, int k, int trials, int spread)
{
    struct opt_problem p = fake_problem(OPT_BAYES, k, 2, trials);
    p.given = given;
    p.sweep_points = sweep;
    p.design = design;
    struct opt_plan plan = plan_of(&p);
    const struct opt_stream *s = plan.streams;
    int known = 0;
    for (; s->phase == 0 && s < plan.streams + plan.streams_n; s++)
        known += s->quota;
    assert_int_equal(known, given + sweep);
    if (spread > 0) {
        assert_true(s->kind == OPT_SOBOL && !s->modelled && !s->adaptive && s->first == known);
        assert_int_equal(s->quota, spread);
        s++;
    }
    if (known + spread < given + trials) {
        assert_true(s->kind == OPT_BAYES && s->modelled && !s->adaptive && s->first == known + spread);
        assert_int_equal(s->first + s->quota, given + trials);
        s++;
    }
    assert_ptr_equal(s, plan.streams + plan.streams_n);
    assert_int_equal(plan.trials, given + trials);
}

static void test_designs_suit_the_ratios(void **state)
{
    (void)state;
    assert_modelled(0, 11, -1, 3, 60, 5);
    assert_modelled(0, 0, -1, 3, 60, 16);
    assert_modelled(0, 11, -1, 10, 60, 11);
    assert_modelled(0, 11, -1, 26, 198, 29);
    assert_modelled(0, 11, -1, 26, 40, 14); /* half of what is left */
    assert_modelled(0, 11, -1, 3, 11, 0);
    assert_modelled(50, 11, -1, 3, 60, 4);
    assert_modelled(14, 0, 0, 6, 80, 0);
    assert_modelled(0, 6, 1000, 3, 30, 24);
}

/* The ends, and three more: inside the sweep, or else the first of what comes after it; never a given one. */
static void assert_anchors(int given, int sweep, const int *expected, int n)
{
    struct opt_problem p = fake_problem(OPT_BAYES, 3, 2, 40);
    p.given = given;
    p.sweep_points = sweep;
    p.design = 6;
    struct opt_plan plan = plan_of(&p);
    int seen = 0;
    for (int t = 0; t < plan.trials; t++)
        if (opt_plan_is_anchor(&plan, t)) {
            assert_true(seen < n);
            assert_int_equal(t, expected[seen++]);
        }
    assert_int_equal(seen, n);
}

static void test_anchors(void **state)
{
    (void)state;
    assert_anchors(0, 11, (int[]){0, 1, 2, 5, 8}, 5);
    assert_anchors(7, 11, (int[]){7, 8, 9, 12, 15}, 5);
    assert_anchors(0, 2, (int[]){0, 1, 2, 3, 4}, 5);
    assert_anchors(0, 4, (int[]){0, 1, 2, 3, 4}, 5);
    assert_anchors(0, 0, (int[]){0, 1, 2}, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget_is_divided_evenly),
        cmocka_unit_test(test_every_kind_and_budget_is_tiled),
        cmocka_unit_test(test_without_a_sweep_there_is_no_phase_0),
        cmocka_unit_test(test_sweep_is_the_grid),
        cmocka_unit_test(test_weights_are_spread),
        cmocka_unit_test(test_bad_settings_are_named),
        cmocka_unit_test(test_bad_settings_of_models_are_named),
        cmocka_unit_test(test_designs_suit_the_ratios),
        cmocka_unit_test(test_anchors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
