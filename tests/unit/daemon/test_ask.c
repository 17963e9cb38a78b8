/* External searches: programs ask for trials by a name of their own. */
#include "core.h"

static struct search *add(struct core *core, int64_t id, enum spec_evaluator evaluator)
{
    struct search *search = core_search(id, STRATEGY_SOBOL, 0, 8);
    search->spec.evaluator = evaluator;
    sched_add(&core->sched, search, core->now);
    sched_more(&core->sched);
    core_answer(core);
    return search;
}

static int ask(struct core *core, struct search *search, const char *client, int length_s,
               char token[LEASE_TOKEN_MAX])
{
    const struct lease *lease;
    struct err err = {0};
    int rc = sched_ask(&core->sched, search, client, length_s, core->now, NULL, &lease, &err);
    if (rc)
        return rc;
    memcpy(token, lease->token, LEASE_TOKEN_MAX);
    core_answer(core);
    return 0;
}

static void pass(struct core *core, int64_t seconds)
{
    core->now.us += seconds * SECOND_US;
    core->now.wall_us += seconds * SECOND_US;
    sched_tick(&core->sched, core->now);
    core_answer(core);
}

static void test_tokens_say_how_long(void **state)
{
    static const struct {
        const char *token;
        int length;
        bool good;
    } cases[] = {
        {"3-14-s-2-00000000deadbeef", 0, true},
        {"3-14-s-2-00000000deadbeef-86400", 86400, true},
        {"3-14-h-2-00000000deadbeef-10", 10, true},
        {"3-14-s-2-00000000deadbeef-", 0, false},
        {"3-14-s-2-00000000deadbeef-0", 0, false},
        {"3-14-s-2-00000000deadbeef--5", 0, false},
        {"3-14-s-2-00000000deadbeef-10x", 10, false},
        {"3-14-s-2-00000000deadbeefx", 0, false},
        {"3-14-s-2", 0, false},
        {"", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t search = -1;
        int trial = -1;
        enum half half = HALF_SEARCH;
        if (lease_token_read(cases[i].token, &search, &trial, &half) != cases[i].good)
            fail_msg("%s", cases[i].token);
        if (!cases[i].good)
            continue;
        assert_int_equal(lease_token_length(cases[i].token), cases[i].length);
        assert_true(search == 3 && trial == 14);
    }
    struct lease lease = {.search = 999999999, .trial = 999999999, .attempt = 999999999, .length_s = 86400};
    lease_token_write(&lease, UINT64_MAX);
    assert_int_equal(lease_token_length(lease.token), 86400);
}

static void test_nobody_else_gets_its_trials(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    const struct lease *lease;
    struct search *external = add(core, 1, EVALUATOR_EXTERNAL), *workers = add(core, 2, EVALUATOR_COMMAND);
    const char *worker = core_worker(core, "h:1", 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sched_lease(&core->sched, worker, core->now, NULL, &lease, NULL), 0);
        assert_int_equal(lease->search, 2);
    }
    assert_int_equal(ask(core, workers, "me", 60, token), ERR_CONFLICT);
    assert_int_equal(ask(core, external, "me", 60, token), 0);
    assert_null(sched_stalled(&core->sched, external, core->now.us));
    pass(core, 1);
    assert_true(external->capacity == 1 && workers->capacity == 2); /* for the estimates */
    sched_check(&core->sched);
}

static void test_a_name_has_one_trial_at_a_time(void **state)
{
    struct core *core = *state;
    char first[LEASE_TOKEN_MAX], again[LEASE_TOKEN_MAX], other[LEASE_TOKEN_MAX];
    bool duplicate;
    struct search *search = add(core, 1, EVALUATOR_EXTERNAL), *second = add(core, 2, EVALUATOR_EXTERNAL);
    assert_int_equal(ask(core, search, "me", 60, first), 0);
    pass(core, 59);
    assert_int_equal(ask(core, search, "me", 60, again), 0);
    assert_string_equal(first, again);
    pass(core, 59); /* the deadline is that of the later ask */
    assert_int_equal(lease_find(&core->sched.leases, first)->state, LEASE_ACTIVE);
    assert_int_equal(ask(core, search, "you", 60, other), 0);
    assert_string_not_equal(first, other);
    assert_int_equal(ask(core, second, "me", 60, other), 0); /* in each search */
    assert_memory_equal(other, "2-", 2);
    assert_int_equal(core_deliver(core, first, 1, 2, &duplicate), 0);
    assert_int_equal(ask(core, search, "me", 60, again), 0);
    assert_string_not_equal(first, again);
    sched_check(&core->sched);
}

static void test_a_lease_lasts_as_long_as_was_chosen(void **state)
{
    struct core *core = *state;
    char shorter[LEASE_TOKEN_MAX], longer[LEASE_TOKEN_MAX];
    struct search *search = add(core, 1, EVALUATOR_EXTERNAL);
    assert_int_equal(ask(core, search, "short", 10, shorter), 0);
    assert_int_equal(ask(core, search, "long", 600, longer), 0);
    pass(core, 9);
    assert_int_equal(sched_heartbeat(&core->sched, shorter, core->now, NULL), 0);
    pass(core, 9);
    assert_int_equal(lease_find(&core->sched.leases, shorter)->state, LEASE_ACTIVE);
    pass(core, 1);
    assert_int_equal(lease_find(&core->sched.leases, shorter)->state, LEASE_EXPIRED);
    assert_non_null(strstr(search->trials[0].job[HALF_SEARCH].reason, "for 10 s"));
    pass(core, 580); /* the scheduler's own are of 30 s */
    assert_int_equal(lease_find(&core->sched.leases, longer)->state, LEASE_ACTIVE);
    pass(core, 2);
    assert_int_equal(lease_find(&core->sched.leases, longer)->state, LEASE_EXPIRED);
    sched_check(&core->sched);
}

static void test_restored_leases_keep_their_length(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    struct search *search = add(core, 1, EVALUATOR_EXTERNAL);
    assert_int_equal(ask(core, search, "me", 600, token), 0);
    struct lease stored = *lease_find(&core->sched.leases, token);
    stored.length_s = 0; /* the database has none */
    lease_drop_job(&core->sched.leases, 1, stored.trial, HALF_SEARCH);
    sched_restore_lease(&core->sched, &stored);
    sched_start(&core->sched, core->now);
    core_answer(core);
    pass(core, 599);
    assert_int_equal(lease_find(&core->sched.leases, token)->state, LEASE_ACTIVE);
    pass(core, 2);
    assert_int_equal(lease_find(&core->sched.leases, token)->state, LEASE_EXPIRED);
}

static void test_told_by_number(void **state)
{
    struct core *core = *state;
    char first[LEASE_TOKEN_MAX], second[LEASE_TOKEN_MAX];
    const char *token;
    bool told, duplicate;
    struct search *search = add(core, 1, EVALUATOR_EXTERNAL);
    assert_int_equal(sched_told_as(&core->sched, search, 0, &token, &told, NULL),
                     ERR_CONFLICT); /* nobody asked */
    assert_int_equal(sched_told_as(&core->sched, search, 7, &token, &told, NULL), ERR_NOT_FOUND);
    assert_int_equal(sched_told_as(&core->sched, search, -1, &token, &told, NULL), ERR_NOT_FOUND);
    assert_int_equal(ask(core, search, "gone", 10, first), 0);
    pass(core, 11);
    assert_int_equal(sched_told_as(&core->sched, search, 0, &token, &told, NULL), 0); /* late */
    assert_string_equal(token, first);
    assert_int_equal(ask(core, search, "next", 10, second), 0);
    assert_int_equal(sched_told_as(&core->sched, search, 0, &token, &told, NULL),
                     0); /* the active one counts */
    assert_string_equal(token, second);
    assert_false(told);
    assert_int_equal(core_deliver(core, second, 1, 2, &duplicate), 0);
    assert_int_equal(sched_told_as(&core->sched, search, 0, &token, &told, NULL), 0);
    assert_true(told && !token);
    sched_check(&core->sched);
}

static void test_a_search_that_is_over(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    const char *found;
    bool told;
    struct search *search = add(core, 1, EVALUATOR_EXTERNAL);
    assert_int_equal(ask(core, search, "me", 60, token), 0);
    assert_int_equal(sched_pause(&core->sched, 1, core->now, NULL), 0);
    assert_int_equal(ask(core, search, "you", 60, token), ERR_NOT_READY);
    assert_int_equal(ask(core, search, "me", 60, token), 0); /* what he has he may finish */
    assert_int_equal(sched_cancel(&core->sched, 1, core->now, NULL), 0);
    assert_int_equal(ask(core, search, "me", 60, token), ERR_CONFLICT);
    assert_int_equal(sched_told_as(&core->sched, search, 0, &found, &told, NULL), ERR_NOT_FOUND);
}

/* As many proposals in hand as asks wait, whatever the workers of other searches do. */
static void test_asks_that_wait_are_provided_for(void **state)
{
    struct core *core = *state;
    struct search *search = add(core, 1, EVALUATOR_EXTERNAL);
    assert_int_equal(search->ready[HALF_SEARCH].n, 2);
    core->sched.waiting = 5;
    sched_more(&core->sched);
    core_answer(core);
    assert_int_equal(search->ready[HALF_SEARCH].n, 2);
    search->waiting = 3;
    sched_more(&core->sched);
    core_answer(core);
    assert_int_equal(search->ready[HALF_SEARCH].n, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_say_how_long),
        cmocka_unit_test_setup_teardown(test_nobody_else_gets_its_trials, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_name_has_one_trial_at_a_time, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_lease_lasts_as_long_as_was_chosen, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_restored_leases_keep_their_length, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_told_by_number, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_search_that_is_over, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_asks_that_wait_are_provided_for, core_setup, core_teardown),
    };
    return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
