/* insight_unfinished: what a front needs of the trials that are scored in part. */
#include "optimizer/insight/insight.h"

#include "tests/unit/optimizer/insight_log.h"

enum { N = 24, WHOLE = 6 };

/* Two smooth objectives; the first trials are scored as a whole, the others on a quarter of their items. */
static void make(struct insight_log *log)
{
    struct rng rng;
    const double stderrs[] = {0.002, 0.002}, wide[] = {0.004, 0.004};
    rng_seed(&rng, 31, 0);
    log_init(log, 2, 2, N, 1);
    log_place(log, &rng);
    for (int t = 0; t < N; t++) {
        const double *x = log_ratios(log, t);
        /* the front is x1 = 0; where x1 is large both are bad */
        const double f[] = {x[0] + 0.5 * x[1], (1 - x[0]) * (1 - x[0]) + x[1]};
        log_add(log, t, OPT_EVENT_SLICE, 0.25, f, wide);
        log_add(log, t, t < WHOLE ? OPT_EVENT_DONE : OPT_EVENT_STOPPED, t < WHOLE ? 1 : 0.25, f,
                t < WHOLE ? stderrs : wide);
    }
}

static int ask(const struct insight_log *log, struct opt_model *model, int *trial)
{
    struct err err = {0};
    int n;
    if (insight_unfinished(&log->problem, &log->plan, &log->history, model, trial, &n, &err))
        fail_msg("%s", err.text);
    return n;
}

static bool dominated(const struct insight_log *log, int trial)
{
    const double *a = log->event[2 * trial].means;
    for (int t = 0; t < N; t++) {
        const double *b = log->event[2 * t].means;
        if (b[0] < a[0] - 0.05 && b[1] < a[1] - 0.05)
            return true;
    }
    return false;
}

static void test_the_front_is_completed(void **state)
{
    (void)state;
    struct insight_log log;
    struct opt_model *model = opt_model_create();
    int trial[N], again[N], seen[N] = {0};
    make(&log);
    int n = ask(&log, NULL, trial), rounds = 0;
    assert_in_range(n, 2, N - WHOLE);
    assert_int_equal(ask(&log, model, again), n);
    assert_memory_equal(trial, again, (size_t)n * sizeof *trial);
    for (int i = 0; i < n; i++) {
        assert_in_range(trial[i], WHOLE, N - 1);
        assert_false(dominated(&log, trial[i]));
    }
    for (; n > 0; rounds++) {
        for (int i = 0; i < n; i++) {
            assert_int_equal(seen[trial[i]]++, 0); /* none twice */
            log_add(&log, trial[i], OPT_EVENT_REOPENED, 0, NULL, NULL);
        }
        assert_true(rounds > 0 || ask(&log, model, again) < n); /* they are under way */
        for (int i = 0; i < n; i++) {
            const double stderrs[] = {0.002, 0.002};
            log_add(&log, trial[i], OPT_EVENT_DONE, 1, log.event[2 * trial[i]].means, stderrs);
        }
        n = ask(&log, model, trial);
    }
    assert_true(rounds < 5);
    opt_model_destroy(model);
    log_fini(&log);
}

/* One ratio, the front is all of it: (x, (1 - x)^2). Next to one that is whole, or counted as whole, nothing is to be gained:
 * of 0.6 and 0.603 one is enough (0.144, then 0.0007), 0.103 lies beside 0.1 (0.0005), and 0.3 adds 0.045. */
static void test_gains_are_beyond_what_is_there(void **state)
{
    (void)state;
    enum { ALL = 9, COMPLETE = 5 };
    static const double x[ALL] = {0, 1, 0.1, 0.2, 0.9, 0.3, 0.603, 0.103, 0.6};
    const double stderrs[] = {2e-4, 2e-4};
    struct insight_log log;
    int trial[ALL];
    log_init(&log, 1, 2, ALL, 1);
    for (int t = 0; t < ALL; t++) {
        const double f[] = {x[t], (1 - x[t]) * (1 - x[t])};
        log_ratios(&log, t)[0] = x[t];
        log_add(&log, t, OPT_EVENT_SLICE, 0.25, f, stderrs);
        log_add(&log, t, t < COMPLETE ? OPT_EVENT_DONE : OPT_EVENT_STOPPED, t < COMPLETE ? 1 : 0.25, f,
                stderrs);
    }
    assert_int_equal(ask(&log, NULL, trial), 2);
    assert_true(x[trial[0]] == 0.6 && x[trial[1]] == 0.3);
    log_fini(&log);
}

/* One that was reopened and has failed, or was stopped again, is left as it is. */
static void test_no_second_time(void **state)
{
    (void)state;
    struct insight_log log;
    int trial[N], again[N];
    make(&log);
    int n = ask(&log, NULL, trial);
    assert_true(n > 1);
    log_add(&log, trial[0], OPT_EVENT_REOPENED, 0, NULL, NULL);
    log_add(&log, trial[0], OPT_EVENT_FAILED, 0, NULL, NULL);
    log_add(&log, trial[1], OPT_EVENT_REOPENED, 0, NULL, NULL);
    log_add(&log, trial[1], OPT_EVENT_STOPPED, 0.25, log.event[2 * trial[1]].means,
            log.event[2 * trial[1]].stderrs);
    int left = ask(&log, NULL, again);
    for (int i = 0; i < left; i++)
        assert_true(again[i] != trial[0] && again[i] != trial[1]);
    log_fini(&log);
}

static void test_too_few_scores(void **state)
{
    (void)state;
    struct insight_log log;
    int trial[N], n = 1;
    make(&log);
    log_forget(&log, 4);
    assert_int_equal(insight_unfinished(&log.problem, &log.plan, &log.history, NULL, trial, &n, NULL),
                     ERR_NOT_READY);
    assert_int_equal(n, 0);
    log_fini(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_front_is_completed),
        cmocka_unit_test(test_gains_are_beyond_what_is_there),
        cmocka_unit_test(test_no_second_time),
        cmocka_unit_test(test_too_few_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
