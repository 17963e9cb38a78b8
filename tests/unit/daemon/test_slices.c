/* Jobs in slices: what is logged, who is told to stop, what goes on again. */
#include "core.h"

/* A search of a sweep of two and four sobol trials, its first two trials leased to one worker. */
static struct search *begin(struct core *core, char token[2][LEASE_TOKEN_MAX])
{
    struct search *search = core_search(1, STRATEGY_SOBOL, 2, 6);
    sched_add(&core->sched, search, core->now);
    core->sched.waiting = 2;
    sched_more(&core->sched);
    core_answer(core);
    const char *worker = core_worker(core, "h:1", 2);
    for (int i = 0; i < 2; i++) {
        const struct lease *lease;
        assert_int_equal(sched_lease(&core->sched, worker, core->now, NULL, &lease, NULL), 0);
        memcpy(token[i], lease->token, LEASE_TOKEN_MAX);
    }
    return search;
}

static int report(struct core *core, const char *token, int done, int slices, bool *stop)
{
    struct score scores[2] = {{"t.m0", 0.5 * done, 0.3, 4, NULL, 0}, {"t.m1", done, NAN, 5, NULL, 0}};
    struct slice_report slice = {scores, 2, done, slices, 0};
    return sched_slice(&core->sched, token, &slice, core->now, stop, NULL);
}

static int deliver_part(struct core *core, const char *token, int done, int slices, bool *duplicate)
{
    struct score scores[2] = {{"t.m0", 3, 0.3, 4, NULL, 0}, {"t.m1", 7, NAN, 4, NULL, 0}};
    struct result result = {
        .scores = scores, .scores_n = 2, .slices_done = done, .slices = slices, .items = 40};
    return sched_result(&core->sched, token, &result, core->now, duplicate, NULL);
}

static void test_a_slice_is_logged_once(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    struct search *search = begin(core, token);
    bool stop = true;
    int64_t revision = search->revision;
    assert_int_equal(report(core, token[1], 1, 4, &stop), 0);
    assert_false(stop);
    assert_int_equal(search->log.n, 1);
    const struct search_event *e = &search->log.events[0];
    assert_int_equal(e->trial, 1);
    assert_int_equal(e->kind, OPT_EVENT_SLICE);
    assert_true(e->share == 0.25 && e->means[0] == -0.5 && e->means[1] == 1); /* up is flipped, down is not */
    assert_true(e->stderrs[0] == 0.3 && isnan(e->stderrs[1]));
    assert_int_equal(e->items, 5); /* t.m0 and t.m1 are of one task */
    assert_int_equal(search->items, 5);
    assert_int_equal(search->revision, revision + 1);
    assert_int_equal(report(core, token[1], 1, 4, &stop), 0); /* the answer was lost */
    assert_int_equal(search->log.n, 1);
    assert_int_equal(report(core, token[1], 4, 4, &stop), 0); /* the result tells of the last */
    assert_int_equal(search->log.n, 1);
    assert_int_equal(report(core, token[1], 3, 4, &stop), 0); /* 2 never came */
    assert_int_equal(search->log.n, 2);
    assert_true(search->trials[1].share == 0.75);
    sched_check(&core->sched);
}

static void test_a_later_attempt_tells_what_is_new(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    const struct lease *lease;
    struct search *search = begin(core, token);
    bool stop;
    assert_int_equal(report(core, token[0], 2, 4, &stop), 0);
    assert_int_equal(sched_failure(&core->sched, token[0], "out of memory", core->now, NULL), 0);
    assert_int_equal(report(core, token[0], 3, 4, &stop), ERR_NOT_FOUND);
    assert_int_equal(sched_lease(&core->sched, core_worker(core, "h:2", 1), core->now, NULL, &lease, NULL),
                     0);
    assert_int_equal(lease->trial, 0);
    char again[LEASE_TOKEN_MAX];
    memcpy(again, lease->token, sizeof again);
    for (int done = 1; done <= 3; done++)
        assert_int_equal(report(core, again, done, 4, &stop), 0);
    assert_int_equal(search->log.n, 2);
    assert_true(search->log.events[1].share == 0.75);
}

/* Whoever takes the job over is stopped when it has scored as much as was known when the trial was given up, not before. */
static void test_a_later_attempt_is_not_stopped_before_the_first(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    const struct lease *lease;
    begin(core, token);
    bool stop;
    assert_int_equal(report(core, token[0], 2, 4, &stop), 0);
    assert_int_equal(sched_failure(&core->sched, token[0], "out of memory", core->now, NULL), 0);
    assert_int_equal(sched_lease(&core->sched, core_worker(core, "h:2", 1), core->now, NULL, &lease, NULL),
                     0);
    assert_int_equal(lease->trial, 0);
    sched_stop_trial(&core->sched, 1, 0); /* the answer to the question of the first attempt */
    char again[LEASE_TOKEN_MAX];
    memcpy(again, lease->token, sizeof again);
    assert_int_equal(report(core, again, 1, 4, &stop), 0);
    assert_false(stop);
    assert_int_equal(report(core, again, 2, 4, &stop), 0);
    assert_true(stop);
}

static void test_items_beyond_counting(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    struct search *search = begin(core, token);
    struct score scores[] = {{"t.m0", 1, 0.3, INT64_MAX / 2, NULL, 0},
                             {"t.m1", 1, 0.3, INT64_MAX / 2, NULL, 0},
                             {"u.a", 1, 0.3, INT64_MAX / 2, NULL, 0},
                             {"v.a", 1, 0.3, INT64_MAX / 2, NULL, 0}};
    struct result result = {.scores = scores, .scores_n = 4};
    bool duplicate;
    for (int i = 0; i < 2; i++)
        assert_int_equal(sched_result(&core->sched, token[i], &result, core->now, &duplicate, NULL), 0);
    assert_int_equal(search->trials[1].items, ITEMS_MAX);
    assert_int_equal(search->items, ITEMS_MAX);
}

/* The insight that was under way when somebody paused the search. */
static void test_a_stopped_trial_of_a_paused_search_goes_on(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    const struct lease *lease;
    begin(core, token);
    bool duplicate;
    assert_int_equal(deliver_part(core, token[0], 3, 4, &duplicate), 0);
    assert_int_equal(sched_pause(&core->sched, 1, core->now, NULL), 0);
    assert_int_equal(sched_reopen(&core->sched, 1, (int[]){0}, 1, core->now, NULL), 0);
    sched_check(&core->sched);
    const char *worker = core_worker(core, "h:2", 1);
    assert_int_equal(sched_lease(&core->sched, worker, core->now, NULL, &lease, NULL), ERR_NOT_READY);
    assert_int_equal(sched_resume(&core->sched, 1, core->now, NULL), 0);
    assert_int_equal(sched_lease(&core->sched, worker, core->now, NULL, &lease, NULL), 0);
    assert_int_equal(lease->trial, 0);
}

static void test_reports_that_cannot_be(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    struct search *search = begin(core, token);
    bool stop;
    assert_int_equal(report(core, token[0], 0, 4, &stop), ERR_INVALID);
    assert_int_equal(report(core, token[0], 5, 4, &stop), ERR_INVALID);
    assert_int_equal(report(core, token[0], -1, 0, &stop), ERR_INVALID);
    struct score score = {"t.m0", 1, 0.3, 4, NULL, 0};
    struct slice_report half = {&score, 1, 1, 4, 0};
    assert_int_equal(sched_slice(&core->sched, token[0], &half, core->now, &stop, NULL), ERR_INVALID);
    assert_int_equal(report(core, "1-0-s-1-0", 1, 4, &stop), ERR_NOT_FOUND);
    assert_int_equal(search->log.n, 0);
    bool duplicate;
    assert_int_equal(deliver_part(core, token[0], 5, 4, &duplicate), ERR_INVALID);
    assert_int_equal(search->trials[0].job[HALF_SEARCH].state, TRIAL_LEASED);
}

static void test_a_stopped_trial_may_go_on_once(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    const struct lease *lease;
    struct search *search = begin(core, token);
    bool stop, duplicate;
    assert_int_equal(report(core, token[0], 2, 4, &stop), 0);
    sched_stop_trial(&core->sched, 1, 0);
    assert_int_equal(report(core, token[0], 3, 4, &stop), 0);
    assert_true(stop);
    assert_int_equal(deliver_part(core, token[0], 3, 4, &duplicate), 0);
    assert_false(duplicate);
    assert_int_equal(search->trials[0].job[HALF_SEARCH].state, TRIAL_STOPPED);
    assert_int_equal(search->count[HALF_SEARCH][TRIAL_DONE], 0);
    assert_int_equal(search_finished(search), 1);
    assert_int_equal(search->items, 40);
    const struct search_event *e = &search->log.events[search->log.n - 1];
    assert_int_equal(e->kind, OPT_EVENT_STOPPED);
    assert_true(e->share == 0.75 && e->means[0] == -3 && e->means[1] == 7);
    assert_int_equal(deliver_part(core, token[0], 3, 4, &duplicate), 0); /* twice */
    assert_true(duplicate);
    assert_int_equal(core_deliver(core, token[1], 1, 1, &duplicate), 0);
    assert_int_equal(sched_reopen(&core->sched, 1, (int[]){1}, 1, core->now, NULL), ERR_CONFLICT); /* done */
    assert_int_equal(sched_reopen(&core->sched, 1, (int[]){0}, 1, core->now, NULL), 0);
    assert_int_equal(sched_reopen(&core->sched, 1, (int[]){9}, 1, core->now, NULL), ERR_NOT_FOUND);
    sched_check(&core->sched);
    assert_int_equal(sched_lease(&core->sched, core_worker(core, "h:2", 1), core->now, NULL, &lease, NULL),
                     0);
    assert_int_equal(lease->trial, 0); /* before anything new */
    assert_false(lease->stop);
    char again[LEASE_TOKEN_MAX];
    memcpy(again, lease->token, sizeof again);
    assert_int_equal(deliver_part(core, again, 3, 4, &duplicate), 0);
    assert_int_equal(sched_reopen(&core->sched, 1, (int[]){0}, 1, core->now, NULL),
                     ERR_CONFLICT); /* it was before */
    sched_check(&core->sched);
}

/* After a restart the leases are known again that ended before the trial was stopped by another. */
static void test_a_late_part_does_not_stop_what_goes_on(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    struct search *search = begin(core, token);
    bool duplicate;
    assert_int_equal(deliver_part(core, token[0], 3, 4, &duplicate), 0);
    assert_int_equal(sched_reopen(&core->sched, 1, (int[]){0}, 1, core->now, NULL), 0);
    struct lease expired = {.search = 1, .half = HALF_SEARCH, .state = LEASE_EXPIRED};
    memcpy(expired.token, token[0], sizeof expired.token);
    sched_restore_lease(&core->sched, &expired);
    assert_int_equal(deliver_part(core, token[0], 3, 4, &duplicate), ERR_NOT_FOUND);
    assert_int_equal(search->trials[0].job[HALF_SEARCH].state, TRIAL_READY);
    sched_check(&core->sched);
    assert_int_equal(deliver_part(core, token[0], 4, 4, &duplicate), 0); /* a whole one is welcome */
    assert_false(duplicate);
    assert_int_equal(search->trials[0].job[HALF_SEARCH].state, TRIAL_DONE);
    sched_check(&core->sched);
}

static void test_half_of_one_item_is_not_none(void **state)
{
    (void)state;
    struct search *search = core_search(1, STRATEGY_BAYES, 2, 6);
    char text[128];
    search->spec.screen = 0.25;
    search->spec.items = 1;
    search_spent(search, 0, text);
    assert_string_equal(text, "");
    search->items = 1;
    search_spent(search, 0, text);
    assert_string_not_equal(text, "");
    search_destroy(search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_slice_is_logged_once, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_later_attempt_tells_what_is_new, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_later_attempt_is_not_stopped_before_the_first, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_items_beyond_counting, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_stopped_trial_of_a_paused_search_goes_on, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_reports_that_cannot_be, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_stopped_trial_may_go_on_once, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_late_part_does_not_stop_what_goes_on, core_setup,
                                        core_teardown),
        cmocka_unit_test(test_half_of_one_item_is_not_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
