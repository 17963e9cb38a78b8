/* A worker whose files are not those of a search gives its job back for good. */
#include "core.h"

static void add(struct core *core, int64_t id)
{
    sched_add(&core->sched, core_search(id, STRATEGY_SOBOL, 0, 8), core->now);
    sched_more(&core->sched);
    core_answer(core);
}

/* The worker is given a job; returns its search. */
static int64_t take(struct core *core, const char *worker, char token[LEASE_TOKEN_MAX])
{
    const struct lease *given;
    assert_int_equal(sched_lease(&core->sched, worker, core->now, NULL, &given, NULL), 0);
    core_answer(core);
    memcpy(token, given->token, LEASE_TOKEN_MAX);
    return given->search;
}

static void get_nothing(struct core *core, const char *worker)
{
    const struct lease *given;
    assert_int_equal(sched_lease(&core->sched, worker, core->now, NULL, &given, NULL), ERR_NOT_READY);
}

static int refuse(struct core *core, const char *token, const char *reason)
{
    return sched_refuse(&core->sched, token, reason, core->now, NULL);
}

static const char *stalled(struct core *core, int64_t id)
{
    return sched_stalled(&core->sched, sched_search(&core->sched, id), core->now.us);
}

static void test_the_job_goes_to_another_worker(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    const char *a = core_worker(core, "h:1", 1), *b = core_worker(core, "h:2", 1);
    take(core, a, token);
    assert_int_equal(refuse(core, token, "base differs in x"), 0);
    const struct trial_job *job = &sched_search(&core->sched, 1)->trials[0].job[HALF_SEARCH];
    assert_int_equal(job->state, TRIAL_READY);
    assert_int_equal(job->attempts, 0);
    assert_null(job->reason); /* nothing is wrong with the trial */
    assert_int_equal(lease_find(&core->sched.leases, token)->state, LEASE_RELEASED);
    assert_int_equal(fleet_find(&core->sched.fleet, a)->failed, 0);
    get_nothing(core, a);
    take(core, b, token);
    assert_memory_equal(token, "1-0-s-1-", 8); /* the same job, still its first attempt */
    sched_check(&core->sched);
}

static void test_other_searches_are_still_given(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    add(core, 2);
    const char *a = core_worker(core, "h:1", 8);
    assert_int_equal(take(core, a, token), 1);
    assert_int_equal(refuse(core, token, "base differs in x"), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(take(core, a, token), 2);
    sched_check(&core->sched);
}

static void test_a_search_that_all_refuse_says_why(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    assert_null(stalled(core, 1)); /* nobody is there: another matter */
    const char *a = core_worker(core, "h:1", 1), *b = core_worker(core, "h:2", 1);
    take(core, a, token);
    assert_int_equal(refuse(core, token, "base differs in x"), 0);
    assert_null(stalled(core, 1));
    take(core, b, token);
    assert_int_equal(refuse(core, token, "base is not there"), 0);
    assert_string_equal(stalled(core, 1), "base differs in x");
    sched_tick(&core->sched, core->now);
    assert_true(sched_search(&core->sched, 1)->capacity == 0);
    assert_int_equal(sched_search(&core->sched, 1)->state, SEARCH_RUNNING);
    core_worker(core, "h:3", 2);
    assert_null(stalled(core, 1));
    sched_tick(&core->sched, core->now);
    assert_true(sched_search(&core->sched, 1)->capacity == 2);
    core->now.us += 31 * SECOND_US; /* all are lost */
    assert_null(stalled(core, 1));
}

static void test_capacity_leaves_refusing_workers_out(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    add(core, 2);
    const char *a = core_worker(core, "h:1", 4);
    core_worker(core, "h:2", 2);
    assert_int_equal(take(core, a, token), 1);
    sched_tick(&core->sched, core->now);
    assert_true(sched_search(&core->sched, 1)->capacity == 3 && sched_search(&core->sched, 2)->capacity == 3);
    refuse(core, token, "base differs in x");
    sched_tick(&core->sched, core->now);
    assert_true(sched_search(&core->sched, 1)->capacity == 1 && sched_search(&core->sched, 2)->capacity == 5);
}

/* The same name again is a new start: a container's process has the same number every time. */
static void test_registering_again_is_a_new_start(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    const char *a = core_worker(core, "h:1", 1);
    take(core, a, token);
    refuse(core, token, "base differs in x");
    refuse(core, token, "base differs in y"); /* said twice: the later one counts */
    const struct worker *worker = fleet_find(&core->sched.fleet, a);
    assert_int_equal(worker->refused_n, 1);
    assert_string_equal(worker_refusal(worker, 1), "base differs in y");
    assert_null(worker_refusal(worker, 2));
    a = core_worker(core, "h:1", 1);
    assert_int_equal(worker->refused_n, 0);
    take(core, a, token);
}

/* The lease may be over before the answer comes; what the worker says of its files is still true. */
static void test_a_late_refusal_counts(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    const char *a = core_worker(core, "h:1", 1);
    take(core, a, token);
    core->now.us += 31 * SECOND_US;
    sched_tick(&core->sched, core->now);
    core_answer(core);
    assert_int_equal(refuse(core, token, "base differs in x"), 0);
    get_nothing(core, a);
    assert_int_equal(refuse(core, "1-0-s-1-0123456789abcdef", "who"), 0); /* unknown: nothing happens */
}

/* Whoever resumes a search wants to see it tried: files that could not be read for a moment cost no restart. */
static void test_a_resumed_search_is_offered_again(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    add(core, 2);
    const char *a = core_worker(core, "h:1", 4);
    for (int i = 0; i < 2; i++) {
        take(core, a, token);
        refuse(core, token, "base cannot be read");
    }
    assert_non_null(stalled(core, 1));
    assert_int_equal(sched_pause(&core->sched, 1, core->now, NULL), 0);
    get_nothing(core, a);
    assert_int_equal(sched_resume(&core->sched, 1, core->now, NULL), 0);
    assert_null(stalled(core, 1));
    assert_non_null(stalled(core, 2)); /* not of the others */
    assert_int_equal(take(core, a, token), 1);
    sched_check(&core->sched);
}

static void test_an_ended_search_is_refused_by_nobody(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    add(core, 1);
    add(core, 2);
    const char *a = core_worker(core, "h:1", 4);
    for (int i = 0; i < 2; i++) {
        take(core, a, token);
        refuse(core, token, "base differs in x");
    }
    const struct worker *worker = fleet_find(&core->sched.fleet, a);
    assert_int_equal(worker->refused_n, 2);
    assert_int_equal(sched_cancel(&core->sched, 1, core->now, NULL), 0);
    assert_null(stalled(core, 1));
    sched_tick(&core->sched, core->now);
    assert_int_equal(worker->refused_n, 1);
    assert_null(worker_refusal(worker, 1));
    assert_non_null(worker_refusal(worker, 2));
    int released;
    assert_int_equal(sched_leave(&core->sched, a, core->now, &released, NULL), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_job_goes_to_another_worker),    TEST(test_other_searches_are_still_given),
        TEST(test_a_search_that_all_refuse_says_why), TEST(test_capacity_leaves_refusing_workers_out),
        TEST(test_registering_again_is_a_new_start),  TEST(test_a_late_refusal_counts),
        TEST(test_a_resumed_search_is_offered_again), TEST(test_an_ended_search_is_refused_by_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
