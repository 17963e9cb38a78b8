/* Whose wish the models are asked first, and what is kept between the jobs: the real modeller on a loop, a disk that always works. */
#include "core.h"

#include "daemon/modeller_internal.h"
#include "daemon/proposer.h"

#define SEARCHES 12

static struct paretod *owner(void *ctx)
{
    return ctx;
}

static void learnt(void *ctx, const struct search *search)
{
    modeller_learnt(owner(ctx)->modeller, search);
}

static void hurry(void *ctx)
{
    modeller_hurry(owner(ctx)->modeller);
}

static int setup(void **state)
{
    struct paretod *daemon = mem_zero(1, sizeof *daemon);
    struct sched_ops ops = {daemon, core_persist, proposer_ask, core_wake, core_changed, learnt, hurry};
    assert_int_equal(uv_loop_init(&daemon->loop), 0);
    sched_init(&daemon->sched, &ops, 30 * SECOND_US, 7);
    daemon->modeller = modeller_create(daemon);
    *state = daemon;
    return 0;
}

static int teardown(void **state)
{
    struct paretod *daemon = *state;
    daemon->stopping = true;
    modeller_close(daemon->modeller);
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&daemon->loop), 0);
    modeller_destroy(daemon->modeller);
    sched_fini(&daemon->sched);
    mem_free(daemon);
    return 0;
}

/* Its first wish is on the modeller's desk. */
static struct search *add(struct paretod *daemon, int64_t id)
{
    struct search *search = core_search(id, STRATEGY_BAYES, 0, 8);
    search->spec.evaluator = EVALUATOR_EXTERNAL;
    sched_add(&daemon->sched, search, paretod_now());
    sched_more(&daemon->sched);
    return search;
}

static int have_some(const struct sched *sched)
{
    int n = 0;
    for (int i = 0; i < sched->search_n; i++)
        n += sched->search[i]->streams[0].ready.n > 0;
    return n;
}

static void test_who_waits_goes_first(void **state)
{
    struct paretod *daemon = *state;
    struct search *last = NULL;
    for (int i = 1; i <= SEARCHES; i++)
        last = add(daemon, i); /* the job of the first begins at once */
    last->waiting = 1;         /* its wish is there already */
    while (last->streams[0].ready.n == 0)
        uv_run(&daemon->loop, UV_RUN_ONCE);
    assert_true(have_some(&daemon->sched) <= 2);
    while (have_some(&daemon->sched) < SEARCHES) /* the others have their turn */
        uv_run(&daemon->loop, UV_RUN_ONCE);
}

/* Until it has all that it wants ready. */
static void fill(struct paretod *daemon, const struct search *search)
{
    while (search->streams[0].ready.n < 2)
        uv_run(&daemon->loop, UV_RUN_ONCE);
}

static void test_searches_that_do_not_run_keep_nothing(void **state)
{
    struct paretod *daemon = *state;
    struct search *search = add(daemon, 1);
    fill(daemon, search);
    modeller_tick(daemon->modeller);
    assert_true(modeller_has_caches(daemon->modeller, 1));
    assert_int_equal(sched_pause(&daemon->sched, 1, paretod_now(), NULL), 0);
    modeller_tick(daemon->modeller);
    assert_false(modeller_has_caches(daemon->modeller, 1));
    assert_int_equal(sched_resume(&daemon->sched, 1, paretod_now(), NULL), 0);
    const struct lease *lease; /* whoever goes on has them again */
    assert_int_equal(sched_ask(&daemon->sched, search, "a", 60, paretod_now(), NULL, &lease, NULL), 0);
    fill(daemon, search);
    assert_true(modeller_has_caches(daemon->modeller, 1));
}

/* Paused while a job has them. */
static void test_a_job_brings_nothing_back_to_a_search_that_does_not_run(void **state)
{
    struct paretod *daemon = *state;
    struct search *search = add(daemon, 1);
    assert_int_equal(sched_pause(&daemon->sched, 1, paretod_now(), NULL), 0);
    while (search->streams[0].asking)
        uv_run(&daemon->loop, UV_RUN_ONCE);
    assert_false(modeller_has_caches(daemon->modeller, 1));
}

/* Of the trial that is asked for next; slices of four. */
static void score_next(struct paretod *daemon, struct search *search, int slices)
{
    const struct lease *lease;
    struct score scores[] = {{"t.m0", slices, 0.1, 4, NULL, 0}, {"t.m1", slices, 0.1, 4, NULL, 0}};
    struct result result = {.scores = scores, .scores_n = 2, .slices_done = slices, .slices = 4};
    bool duplicate;
    while (sched_ask(&daemon->sched, search, "a", 60, paretod_now(), NULL, &lease, NULL))
        uv_run(&daemon->loop, UV_RUN_ONCE);
    assert_int_equal(sched_result(&daemon->sched, lease->token, &result, paretod_now(), &duplicate, NULL), 0);
}

/* Its trials are settled, one in part: it goes on or ends with the insight that says so, however many ask for proposals. */
static void test_who_is_at_the_end_goes_before_all(void **state)
{
    struct paretod *daemon = *state;
    struct search *ends = core_search(1, STRATEGY_BAYES, 2, 4);
    ends->spec.evaluator = EVALUATOR_EXTERNAL;
    ends->spec.screen = 0.25;
    sched_add(&daemon->sched, ends, paretod_now());
    sched_more(&daemon->sched);
    for (int i = 0; i < 3; i++)
        score_next(daemon, ends, 4);
    for (int i = 1; i <= SEARCHES; i++)
        add(daemon, 1 + i)->waiting = 1;
    score_next(daemon, ends, 1);
    int before = have_some(&daemon->sched);
    assert_true(search_awaits_insight(ends) && before < SEARCHES / 2);
    while (search_awaits_insight(ends))
        uv_run(&daemon->loop, UV_RUN_ONCE);
    assert_true(have_some(&daemon->sched) <= before + 2);
}

/* By it scores in part are read: it is no trial of the sweep, for that has no more than its ends. */
static void test_an_anchor_is_never_stopped(void **state)
{
    struct paretod *daemon = *state;
    struct search *search = core_search(1, STRATEGY_BAYES, 2, 8);
    const struct lease *lease;
    const struct insight *insight;
    bool stop;
    search->spec.evaluator = EVALUATOR_EXTERNAL;
    search->spec.screen = 0.25;
    search->spec.early_stop = 0.5;
    sched_add(&daemon->sched, search, paretod_now());
    sched_more(&daemon->sched);
    for (int i = 0; i < 4; i++)
        score_next(daemon, search, 4);
    while (sched_ask(&daemon->sched, search, "a", 60, paretod_now(), NULL, &lease, NULL))
        uv_run(&daemon->loop, UV_RUN_ONCE);
    assert_true(opt_plan_is_anchor(&search->plan, lease->trial));
    for (int done = 1; done <= 2; done++) {
        struct score hopeless[] = {{"t.m0", -90, 0.1, 4, NULL, 0}, {"t.m1", 90, 0.1, 4, NULL, 0}};
        struct slice_report report = {hopeless, 2, done, 4, 0};
        assert_int_equal(sched_slice(&daemon->sched, lease->token, &report, paretod_now(), &stop, NULL), 0);
    }
    do /* promises come before insights */
        uv_run(&daemon->loop, UV_RUN_ONCE);
    while (!(insight = modeller_insight(daemon->modeller, 1)) || insight->watermark != search->log.n);
    assert_false(lease->stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_waits_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_at_the_end_goes_before_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_anchor_is_never_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_searches_that_do_not_run_keep_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_job_brings_nothing_back_to_a_search_that_does_not_run, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
