/* optimizer/strategy_identify.c: one stream, one point. */
#include "fake_search.h"

static struct opt_problem problem_of(int k, int trials)
{
    struct opt_problem p = fake_problem(OPT_IDENTIFY, k, 1, trials);
    p.sweep_points = 0;
    p.ratio = 0.25;
    return p;
}

static void assert_refused(const struct opt_problem *p, const char *sentence)
{
    struct opt_plan plan;
    struct err err = {0};
    assert_int_equal(opt_plan_make(p, &plan, &err), ERR_INVALID);
    if (!strstr(err.text, sentence))
        fail_msg("%s", err.text);
}

static void test_one_stream_for_all(void **state)
{
    (void)state;
    struct opt_problem p = problem_of(3, 17);
    struct opt_plan plan;
    assert_int_equal(opt_plan_make(&p, &plan, NULL), 0);
    assert_true(plan.streams_n == 1 && plan.trials == 17);
    const struct opt_stream *s = plan.streams;
    assert_true(s->kind == OPT_IDENTIFY && s->first == 0 && s->quota == 17 && !s->adaptive && !s->modelled);
}

/* Frozen ratios stay as they are; whatever is known, a trial is the same. */
static void test_every_trial_is_one_point(void **state)
{
    (void)state;
    struct opt_problem p = problem_of(3, 5);
    struct opt_plan plan;
    struct opt_proposal proposal;
    double ratios[15] = {0}, scores[5] = {0};
    enum opt_state states[5] = {OPT_DONE, OPT_FAILED, OPT_PENDING, OPT_ABSENT, OPT_ABSENT};
    p.low[1] = p.high[1] = 0.75;
    assert_int_equal(opt_plan_make(&p, &plan, NULL), 0);
    struct opt_history history = {.n = 5, .state = states, .ratios = ratios, .scores = scores};
    for (int t = 3; t < 5; t++) {
        assert_int_equal(opt_propose(&p, &plan, &history, 0, NULL, &proposal, NULL), 0);
        assert_true(proposal.trial == t && proposal.path == OPT_PATH_DIRECT && proposal.repeat_of == -1);
        assert_true(proposal.ratios[0] == 0.25 && proposal.ratios[1] == 0.75 && proposal.ratios[2] == 0.25);
        states[t] = OPT_PENDING;
    }
    assert_int_equal(opt_propose(&p, &plan, &history, 0, NULL, &proposal, NULL), ERR_NOT_READY);
}

/* One vector of a search's front can be asked: every group frozen. */
static void test_all_may_be_frozen(void **state)
{
    (void)state;
    struct opt_problem p = problem_of(2, 1);
    struct opt_plan plan;
    p.low[0] = p.high[0] = 0.1;
    p.low[1] = p.high[1] = 0.9;
    p.ratio = 5; /* of nobody */
    assert_int_equal(opt_plan_make(&p, &plan, NULL), 0);
}

static void test_bad_settings(void **state)
{
    (void)state;
    struct opt_problem p = problem_of(2, 4);
    p.high[1] = 0.2;
    assert_refused(&p, "strategy.ratio: 0.25 is not in the range of ratio 1, 0 to 0.2 (groups.bounds)");
    p.ratio = NAN;
    assert_refused(&p, "strategy.ratio");
    p = problem_of(2, 4);
    p.sweep_points = 2;
    assert_refused(&p, "strategy.type: \"identify\" has neither a sweep nor given trials");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_stream_for_all),
        cmocka_unit_test(test_every_trial_is_one_point),
        cmocka_unit_test(test_all_may_be_frozen),
        cmocka_unit_test(test_bad_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
