#include "core.h"

static void add(struct core *core, int64_t id)
{
    sched_add(&core->sched, core_search(id, STRATEGY_SOBOL, 0, 8), core->now);
    sched_more(&core->sched);
    core_answer(core);
}

static void test_searches_take_turns(void **state)
{
    struct core *core = *state;
    add(core, 1);
    add(core, 2);
    const char *w = core_worker(core, "h:1", 8);
    const struct lease *lease;
    int64_t order[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sched_lease(&core->sched, w, core->now, NULL, &lease, NULL), 0);
        order[i] = lease->search;
        core_answer(core);
    }
    assert_true(order[0] == 1 && order[1] == 2 && order[2] == 1 && order[3] == 2);
    sched_check(&core->sched);
}

static void test_unknown_worker_registers_again(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    add(core, 1);
    assert_int_equal(sched_lease(&core->sched, "w1.0", core->now, NULL, &lease, NULL), ERR_NOT_FOUND);
}

static void test_lost_answer_is_given_again(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    const char *w = core_worker(core, "h:1", 1);
    assert_int_equal(sched_lease(&core->sched, w, core->now, NULL, &lease, NULL), 0);
    memcpy(token, lease->token, sizeof token);
    assert_int_equal(sched_lease(&core->sched, w, core->now, NULL, &lease, NULL), 0);
    assert_string_equal(token, lease->token);
    assert_int_equal(lease->attempt, 1);
}

static void test_expiry_retries_then_quarantine(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    add(core, 1);
    const struct trial *trial = &sched_search(&core->sched, 1)->trials[0];
    for (int attempt = 1; attempt <= 3; attempt++) {
        const char *w = core_worker(core, "h:1", 1);
        assert_int_equal(sched_lease(&core->sched, w, core->now, NULL, &lease, NULL), 0);
        assert_int_equal(lease->trial, 0);
        assert_int_equal(lease->attempt, attempt);
        core->now.us += 29 * SECOND_US;
        sched_tick(&core->sched, core->now);
        assert_int_equal(trial->job[HALF_SEARCH].state, TRIAL_LEASED);
        core->now.us += 2 * SECOND_US;
        sched_tick(&core->sched, core->now);
        assert_int_equal(trial->job[HALF_SEARCH].attempts, attempt);
        core_answer(core);
    }
    assert_int_equal(trial->job[HALF_SEARCH].state, TRIAL_QUARANTINED);
    assert_string_equal(trial->job[HALF_SEARCH].reason, "worker h:1 showed no sign of life for 30 s");
}

static void test_heartbeat_keeps_a_lease(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    assert_int_equal(sched_lease(&core->sched, core_worker(core, "h:1", 1), core->now, NULL, &lease, NULL),
                     0);
    memcpy(token, lease->token, sizeof token);
    for (int i = 0; i < 20; i++) {
        core->now.us += 20 * SECOND_US;
        sched_tick(&core->sched, core->now);
        assert_int_equal(sched_heartbeat(&core->sched, token, core->now, NULL), 0);
    }
    core->now.us += 31 * SECOND_US;
    sched_tick(&core->sched, core->now);
    assert_int_equal(sched_heartbeat(&core->sched, token, core->now, NULL), ERR_NOT_FOUND);
}

static void test_late_result_ends_the_second_lease(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    char first[LEASE_TOKEN_MAX], second[LEASE_TOKEN_MAX];
    bool duplicate;
    add(core, 1);
    assert_int_equal(sched_lease(&core->sched, core_worker(core, "h:1", 1), core->now, NULL, &lease, NULL),
                     0);
    memcpy(first, lease->token, sizeof first);
    core->now.us += 31 * SECOND_US;
    sched_tick(&core->sched, core->now);
    assert_int_equal(sched_lease(&core->sched, core_worker(core, "h:2", 1), core->now, NULL, &lease, NULL),
                     0);
    memcpy(second, lease->token, sizeof second);
    assert_int_equal(lease->trial, 0);
    assert_int_equal(core_deliver(core, first, 1, 2, &duplicate), 0);
    assert_false(duplicate);
    assert_int_equal(sched_heartbeat(&core->sched, second, core->now, NULL), ERR_NOT_FOUND);
    assert_int_equal(core_deliver(core, second, 5, 6, &duplicate), 0);
    assert_true(duplicate);
    assert_true(search_means(sched_search(&core->sched, 1), HALF_SEARCH, 0)[0] == 1);
    assert_int_equal(core->sched.leases.n, 0);
    sched_check(&core->sched);
}

static void test_release_counts_no_attempt(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    const char *w = core_worker(core, "h:1", 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sched_lease(&core->sched, w, core->now, NULL, &lease, NULL), 0);
        assert_int_equal(lease->attempt, 1);
        memcpy(token, lease->token, sizeof token);
        assert_int_equal(sched_release(&core->sched, token, core->now, NULL), 0);
        assert_int_equal(sched_release(&core->sched, token, core->now, NULL), 0); /* again: nothing happens */
    }
    assert_int_equal(sched_search(&core->sched, 1)->trials[0].job[HALF_SEARCH].attempts, 0);
}

static void test_a_worker_that_leaves_gives_all_back(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    int released;
    add(core, 1);
    const char *w = core_worker(core, "h:1", 2);
    core_worker(core, "h:2", 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sched_lease(&core->sched, w, core->now, NULL, &lease, NULL), 0);
    char id[32];
    snprintf(id, sizeof id, "%s", w);
    assert_int_equal(sched_leave(&core->sched, id, core->now, &released, NULL), 0);
    assert_int_equal(released, 2);
    assert_int_equal(core->sched.fleet.n, 1);
    assert_int_equal(sched_search(&core->sched, 1)->trials[0].job[HALF_SEARCH].attempts, 0);
    assert_int_equal(sched_leave(&core->sched, id, core->now, &released, NULL), ERR_NOT_FOUND);
    sched_check(&core->sched);
}

static void test_jobs_are_kept_for_those_who_wait(void **state)
{
    struct core *core = *state;
    sched_add(&core->sched, core_search(1, STRATEGY_SOBOL, 0, 30), core->now);
    core->sched.waiting = 5;
    sched_more(&core->sched);
    assert_int_equal(core->asks, 1);
    assert_int_equal(core->asked_n[0], 7); /* five who wait and two in hand */
    core_answer(core);
    assert_int_equal(sched_search(&core->sched, 1)->ready[HALF_SEARCH].n, 7);
    sched_more(&core->sched);
    assert_int_equal(core->asks, 0);
}

static void test_a_stream_that_cannot_go_on_is_dropped(void **state)
{
    struct core *core = *state;
    sched_add(&core->sched, core_search(1, STRATEGY_SOBOL, 0, 8), core->now);
    sched_more(&core->sched);
    core->asks = 0;
    sched_proposed(&core->sched, 1, 0, NULL, NULL, 0, ERR_INVALID, "no such thing", core->now);
    const struct search *search = sched_search(&core->sched, 1);
    assert_int_equal(search->state, SEARCH_FAILED);
    assert_string_equal(search->reason, "no such thing");
}

static void test_a_search_without_ends_fails_at_once(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    char token[3][LEASE_TOKEN_MAX];
    struct search *search = core_search(1, STRATEGY_SCALARIZE, 5, 12);
    search->spec.attempts = 1;
    sched_add(&core->sched, search, core->now);
    core->sched.waiting = 1;
    sched_more(&core->sched);
    static const double sweep[] = {0, 0, 1, 1, 0.5, 0.5};
    assert_int_equal(core->asked_n[0], 3);
    const struct origin origins[3] = {origin_direct, origin_direct, origin_direct};
    sched_proposed(&core->sched, 1, 0, sweep, origins, 3, 0, "", core->now);
    const char *w = core_worker(core, "h:1", 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sched_lease(&core->sched, w, core->now, NULL, &lease, NULL), 0);
        memcpy(token[i], lease->token, sizeof token[i]);
    }
    assert_int_equal(sched_failure(&core->sched, token[1], "the tuned end", core->now, NULL), 0);
    assert_int_equal(search->state, SEARCH_RUNNING);
    assert_int_equal(sched_failure(&core->sched, token[0], "the base end", core->now, NULL), 0);
    assert_int_equal(search->state, SEARCH_FAILED);
    assert_string_equal(search->reason, "the base end");
    assert_int_equal(search->trials[2].job[HALF_SEARCH].state, TRIAL_CANCELLED);
    assert_int_equal(sched_heartbeat(&core->sched, token[2], core->now, NULL), ERR_NOT_FOUND);
    assert_string_equal(search->trials[0].worker, "h:1"); /* of its last attempt */
    assert_null(search->trials[2].worker);
    sched_check(&core->sched);
}

static void test_a_missing_metric_is_named(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    struct err err = {0};
    bool duplicate;
    add(core, 1);
    assert_int_equal(sched_lease(&core->sched, core_worker(core, "h:1", 1), core->now, NULL, &lease, NULL),
                     0);
    struct score score = {"t.m0", 1, 0, 1, NULL, 0};
    struct result result = {.scores = &score, .scores_n = 1};
    assert_int_equal(sched_result(&core->sched, lease->token, &result, core->now, &duplicate, &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.text, "\"t.m1\""));
    assert_non_null(strstr(err.text, "\"down\""));
}

static void test_effective_ratios_are_one_a_ratio(void **state)
{
    struct core *core = *state;
    const struct lease *lease;
    struct err err = {0};
    bool duplicate;
    add(core, 1);
    struct search *search = sched_search(&core->sched, 1);
    assert_int_equal(sched_lease(&core->sched, core_worker(core, "h:1", 1), core->now, NULL, &lease, NULL),
                     0);
    const double effective[65] = {0.5};
    struct score scores[] = {{"t.m0", 1, 0, 1, NULL, 0}, {"t.m1", 1, 0, 1, NULL, 0}};
    struct result result = {.scores = scores, .scores_n = 2, .effective = effective};
    result.effective_n = (size_t)search->k + 1;
    assert_int_equal(sched_result(&core->sched, lease->token, &result, core->now, &duplicate, &err),
                     ERR_INVALID);
    assert_int_equal(strncmp(err.text, "effective: ", 11), 0);
    assert_null(search->trials[0].effective);
    result.effective_n--;
    assert_int_equal(sched_result(&core->sched, lease->token, &result, core->now, &duplicate, &err), 0);
    assert_true(search->trials[0].effective[0] == 0.5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_searches_take_turns),
        TEST(test_unknown_worker_registers_again),
        TEST(test_lost_answer_is_given_again),
        TEST(test_expiry_retries_then_quarantine),
        TEST(test_heartbeat_keeps_a_lease),
        TEST(test_late_result_ends_the_second_lease),
        TEST(test_release_counts_no_attempt),
        TEST(test_a_worker_that_leaves_gives_all_back),
        TEST(test_jobs_are_kept_for_those_who_wait),
        TEST(test_a_stream_that_cannot_go_on_is_dropped),
        TEST(test_a_search_without_ends_fails_at_once),
        TEST(test_a_missing_metric_is_named),
        TEST(test_effective_ratios_are_one_a_ratio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
