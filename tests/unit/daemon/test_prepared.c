/* Proposals of a modelled stream: held ready, replaced, handed out in order, trials only when they are leased. */
#include "core.h"

/* Counts what it is asked to write and may refuse. */
struct disk {
    int writes, refuse_at;
};

static struct disk disk;

static int persist(void *ctx, const struct sched_write *write, struct err *err)
{
    (void)ctx;
    (void)write;
    if (++disk.writes == disk.refuse_at)
        return err_set(err, ERR_IO, "the disk is full");
    return 0;
}

/* A bayes search of two sweep points, which are done, and three modelled trials. */
static struct search *begin(struct core *core)
{
    disk = (struct disk){0};
    core->sched.ops.persist = persist;
    struct search *search = core_search(1, STRATEGY_BAYES, 2, 5);
    assert_int_equal(search->plan.streams_n, 2); /* with so few trials no design */
    sched_add(&core->sched, search, core->now);
    sched_more(&core->sched);
    core_answer(core);
    const char *worker = core_worker(core, "h:1", 2);
    char token[2][LEASE_TOKEN_MAX];
    const struct lease *lease;
    bool duplicate;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sched_lease(&core->sched, worker, core->now, NULL, &lease, NULL), 0);
        memcpy(token[i], lease->token, sizeof token[i]);
    }
    assert_int_equal(core->asks, 0); /* before the sweep is scored nothing is asked */
    for (int i = 0; i < 2; i++)
        assert_int_equal(core_deliver(core, token[i], i, i, &duplicate), 0);
    assert_int_equal(core->asks, 1);
    assert_int_equal(core->asked_stream[0], 1);
    return search;
}

/* Takes the question that is open. */
static struct model_ask take_ask(struct core *core, struct search *search)
{
    struct model_ask ask;
    struct history history = {0};
    assert_int_equal(core->asks, 1);
    search_ask_begin(search, 1, core->asked_n[--core->asks], &ask, &history);
    if (ask.n > 0)
        assert_int_equal(history.known.events_n, ask.watermark);
    for (int i = 0; i < ask.first && ask.n > 0; i++) /* every lower number has its ratios */
        assert_int_not_equal(history.state[2 + i], OPT_ABSENT);
    history_fini(&history);
    return ask;
}

static void answer(struct core *core, const struct model_ask *ask, double x)
{
    double ratios[20];
    struct origin origins[10];
    assert_true(ask->n <= 10);
    for (int i = 0; i < ask->n; i++) {
        ratios[2 * i] = ratios[2 * i + 1] = x + 0.01 * i;
        origins[i] = (struct origin){ask->watermark, OPT_PATH_MODEL, -1, 0.5};
    }
    sched_prepared(&core->sched, 1, 1, ask, ratios, origins, ask->n, 0, "", core->now);
    sched_check(&core->sched);
}

/* The first comes alone, for whoever waits; the other behind it: 0.1 and 0.11. */
static void answer_first(struct core *core, struct search *search)
{
    for (int i = 0; i < 2; i++) {
        struct model_ask ask = take_ask(core, search);
        assert_true(ask.first == i && ask.n == 1 && ask.watermark == 2);
        answer(core, &ask, i ? 0.11 : 0.1);
    }
}

static int lease_one(struct core *core, const char *name, char token[LEASE_TOKEN_MAX])
{
    const struct lease *lease;
    int rc = sched_lease(&core->sched, core_worker(core, name, 1), core->now, NULL, &lease, NULL);
    if (!rc)
        memcpy(token, lease->token, LEASE_TOKEN_MAX);
    return rc ? -1 : lease->trial;
}

static void test_a_lease_makes_the_trial(void **state)
{
    struct core *core = *state;
    char token[LEASE_TOKEN_MAX];
    struct search *search = begin(core);
    assert_int_equal(lease_one(core, "h:2", token), -1); /* nothing is ready */
    answer_first(core, search);
    assert_int_equal(search->streams[1].proposed, 0);
    assert_int_equal(search->streams[1].ready.n, 2);
    disk.refuse_at = disk.writes + 1;
    assert_int_equal(lease_one(core, "h:2", token),
                     -1); /* not durable: no trial, and the proposal is still there */
    assert_int_equal(search->streams[1].proposed, 0);
    assert_int_equal(search->streams[1].ready.n, 2);
    int writes = disk.writes;
    assert_int_equal(lease_one(core, "h:2", token), 2);
    assert_int_equal(disk.writes, writes + 1); /* trial and lease are one write */
    assert_true(search_ratios(search, 2)[0] == 0.1);
    assert_int_equal(search->trials[2].origin.watermark, 2);
    assert_int_equal(search->trials[2].origin.path, OPT_PATH_MODEL);
    assert_int_equal(search->trials[2].job[HALF_SEARCH].state, TRIAL_LEASED);
    sched_check(&core->sched);
}

static void test_what_is_ready_grows_and_is_replaced(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    bool duplicate;
    struct search *search = begin(core);
    struct model_ask ask;
    answer_first(core, search);
    assert_int_equal(lease_one(core, "h:2", token[0]), 2);
    ask = take_ask(core, search); /* one more behind the one that is left */
    assert_true(ask.first == 2 && ask.n == 1 && ask.watermark == 2);
    assert_int_equal(lease_one(core, "h:3", token[1]), 3);
    answer(core, &ask, 0.5); /* it knew of that one */
    assert_int_equal(search->streams[1].ready.n, 1);
    assert_int_equal(core->asks, 0); /* the quota is ready */
    assert_int_equal(core_deliver(core, token[0], 1, 1, &duplicate), 0);
    ask = take_ask(core, search); /* more is known: anew */
    assert_true(ask.first == 2 && ask.n == 1 && ask.watermark == 3);
    answer(core, &ask, 0.7);
    assert_int_equal(search->streams[1].ready.n, 1);
    assert_true(search->streams[1].ready.ratios[0] == 0.7);
    assert_int_equal(lease_one(core, "h:2", token[0]), 4);
    assert_int_equal(search->trials[4].origin.watermark, 3);
    assert_int_equal(core->asks, 0);
}

/* A question about steps 0 and 1 is under way while step 0 becomes a trial of the proposals from before. */
static void test_an_answer_that_is_late_is_dropped(void **state)
{
    struct core *core = *state;
    char token[2][LEASE_TOKEN_MAX];
    bool duplicate;
    struct search *search = begin(core);
    struct model_ask ask;
    answer_first(core, search);
    assert_int_equal(lease_one(core, "h:2", token[0]), 2);
    ask = take_ask(core, search);
    answer(core, &ask, 0.5);
    assert_int_equal(core_deliver(core, token[0], 1, 1, &duplicate), 0);
    ask = take_ask(core, search);
    assert_true(ask.first == 1 && ask.n == 2 && ask.watermark == 3);
    assert_int_equal(lease_one(core, "h:2", token[0]), 3); /* from the old ones: nobody waits */
    assert_true(search_ratios(search, 3)[0] == 0.11);
    answer(core, &ask, 0.9); /* it did not know of 0.11 */
    assert_true(search->streams[1].ready.n == 1 && search->streams[1].ready.ratios[0] == 0.5);
    ask = take_ask(core, search);
    assert_true(ask.first == 2 && ask.n == 1 && ask.watermark == 3);
    answer(core, &ask, 0.3);
    assert_true(search->streams[1].ready.n == 1 && search->streams[1].ready.ratios[0] == 0.3);
}

static void test_a_model_that_cannot_answer_is_asked_when_more_is_known(void **state)
{
    struct core *core = *state;
    struct search *search = begin(core);
    struct model_ask ask = take_ask(core, search);
    sched_prepared(&core->sched, 1, 1, &ask, NULL, NULL, 0, ERR_NOT_READY, "too few", core->now);
    sched_more(&core->sched);
    assert_int_equal(core->asks, 0);
    double stderrs[2] = {0, 0}, means[2] = {1, 1};
    search_event_add(search, &(struct search_event){0, OPT_EVENT_SLICE, 0.5, 1, means, stderrs, 0});
    sched_more(&core->sched);
    ask = take_ask(core, search);
    sched_prepared(&core->sched, 1, 1, &ask, NULL, NULL, 0, ERR_INVALID, "no such thing", core->now);
    assert_true(search->streams[1].dropped);
    assert_string_equal(search->trials[2].job[HALF_SEARCH].reason, "no such thing");
    assert_int_equal(search->state, SEARCH_DONE);
}

static void test_a_stopped_trial_keeps_its_search_open(void **state)
{
    struct core *core = *state;
    char token[3][LEASE_TOKEN_MAX];
    struct search *search = begin(core);
    search->spec.early_stop = 0.02;
    struct score scores[2] = {{"t.m0", 3, 0.3, 4, NULL, 0}, {"t.m1", 7, NAN, 4, NULL, 0}};
    struct result part = {.scores = scores, .scores_n = 2, .slices_done = 1, .slices = 2};
    bool duplicate;
    struct model_ask ask;
    answer_first(core, search);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(lease_one(core, i ? "h:3" : "h:2", token[i]), 2 + i);
        if (i == 0) {
            ask = take_ask(core, search);
            answer(core, &ask, 0.5);
        } else {
            assert_int_equal(core_deliver(core, token[i], 1, 1, &duplicate), 0);
            if (core->asks) {
                ask = take_ask(core, search);
                answer(core, &ask, 0.6);
            }
        }
    }
    assert_int_equal(sched_result(&core->sched, token[0], &part, core->now, &duplicate, NULL), 0);
    assert_int_equal(search->state, SEARCH_RUNNING);
    sched_looked(&core->sched, 1, search->log.n - 1, core->now);
    assert_int_equal(search->state, SEARCH_RUNNING);
    assert_int_equal(sched_reopen(&core->sched, 1, (int[]){2}, 1, core->now, NULL), 0);
    assert_int_equal(lease_one(core, "h:2", token[0]), 2);
    assert_int_equal(sched_result(&core->sched, token[0], &part, core->now, &duplicate, NULL), 0);
    assert_int_equal(search->state, SEARCH_DONE); /* once is enough */
}

/* Trial 2 was scored in `wall_us`; what is ready does not know it, and a question about it is open. */
static struct search *begin_stale(struct core *core, int64_t wall_us)
{
    struct search *search = begin(core);
    char token[LEASE_TOKEN_MAX];
    bool duplicate;
    answer_first(core, search);
    search->wall_sum_s = 0;
    assert_int_equal(search->count[HALF_SEARCH][TRIAL_DONE], 2);
    assert_int_equal(lease_one(core, "h:2", token), 2);
    struct model_ask ask = take_ask(core, search);
    answer(core, &ask, 0.5);     /* step 2 behind step 1 */
    core->now.us += 3 * wall_us; /* the mean of three */
    assert_int_equal(sched_heartbeat(&core->sched, token, core->now, NULL), 0);
    assert_int_equal(core_deliver(core, token, 1, 1, &duplicate), 0);
    assert_int_equal(core->asks, 1);
    return search;
}

/* What becomes of a poll that came at since_us and waits 20 s: the trial, -1 when it waits. */
static int poll_one(struct core *core, struct poll *poll)
{
    const struct lease *lease;
    int rc = sched_lease(&core->sched, core_worker(core, "h:9", 9), core->now, poll, &lease, NULL);
    return rc ? -1 : lease->trial;
}

static struct poll poll_now(const struct core *core)
{
    return (struct poll){.since_us = core->now.us, .until_us = core->now.us + 20 * SECOND_US};
}

static void test_a_poll_waits_for_a_newer_proposal(void **state)
{
    struct core *core = *state;
    struct search *search = begin_stale(core, 100 * SECOND_US);
    struct poll poll = poll_now(core);
    assert_int_equal(poll_patience_us(search), 5 * SECOND_US);
    assert_int_equal(poll_one(core, &poll), -1);
    assert_int_equal(poll.again_us, poll.since_us + 5 * SECOND_US);
    assert_int_equal(core->hurries, 1);
    core->now.us += 2 * SECOND_US;
    assert_int_equal(poll_one(core, &poll), -1);
    assert_int_equal(core->hurries, 1); /* once is enough */
    struct model_ask ask = take_ask(core, search);
    assert_true(ask.first == 1 && ask.n == 1 &&
                ask.watermark == 3); /* of two: the one that somebody waits for */
    answer(core, &ask, 0.7);
    assert_int_equal(poll_one(core, &poll), 3);
    assert_int_equal(poll.again_us, 0);
    assert_true(search_ratios(search, 3)[0] == 0.7);
    assert_int_equal(search->trials[3].origin.watermark, 3);
}

static void test_patience_ends(void **state)
{
    struct core *core = *state;
    begin_stale(core, 100 * SECOND_US);
    struct poll poll = poll_now(core);
    assert_int_equal(poll_one(core, &poll), -1);
    core->now.us += 5 * SECOND_US;
    assert_int_equal(poll_one(core, &poll), 3); /* the old one */
}

static void test_a_poll_that_ends_takes_what_is_ready(void **state)
{
    struct core *core = *state;
    begin_stale(core, 100 * SECOND_US);
    struct poll poll = poll_now(core);
    poll.until_us = core->now.us + SECOND_US;
    assert_int_equal(poll_one(core, &poll), -1);
    assert_int_equal(poll.again_us, poll.until_us);
    core->now.us += SECOND_US;
    assert_int_equal(poll_one(core, &poll), 3);
}

/* It need not know what came after the poll, or a search that learns all the time would keep its workers waiting. */
static void test_what_came_after_the_poll_is_not_waited_for(void **state)
{
    struct core *core = *state;
    struct search *search = begin_stale(core, 100 * SECOND_US);
    struct poll poll = poll_now(core);
    double stderrs[2] = {0, 0}, means[2] = {1, 1};
    assert_int_equal(poll_one(core, &poll), -1);
    struct model_ask ask = take_ask(core, search);
    core->now.us += SECOND_US;
    search_event_add(search,
                     &(struct search_event){0, OPT_EVENT_SLICE, 0.5, 1, means, stderrs, core->now.us});
    sched_prepared(&core->sched, 1, 1, &ask, (double[]){0.7, 0.7},
                   &(struct origin){3, OPT_PATH_MODEL, -1, 0.5}, 1, 0, "", core->now);
    assert_int_equal(core->asks, 1); /* anew, for whoever comes next */
    struct poll later = poll_now(core);
    assert_int_equal(poll_one(core, &later), -1);
    assert_int_equal(poll_one(core, &poll), 3);
    assert_true(search_ratios(search, 3)[0] == 0.7);
    core->asks = 0;
}

static void test_what_nobody_makes_is_not_waited_for(void **state)
{
    struct core *core = *state;
    struct search *search = begin_stale(core, 100 * SECOND_US);
    struct poll poll = poll_now(core);
    search->streams[1].asking = 0;
    assert_int_equal(poll_one(core, &poll), 3);
}

static void test_patience_is_a_share_of_an_evaluation(void **state)
{
    struct core *core = *state;
    struct search *search = begin(core);
    static const struct {
        double mean_s;
        int64_t patience_us;
    } cases[] = {{0, 0},        {0.001, 0},      {0.049, 0},        {0.05, 2500},     {2, 100000},
                 {60, 3000000}, {600, 30000000}, {86400, 30000000}, {1e300, 30000000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        search->wall_sum_s = 2 * cases[i].mean_s; /* two are done */
        assert_int_equal(poll_patience_us(search), cases[i].patience_us);
    }
    search->problem.given = 1; /* it took no time here */
    search->wall_sum_s = 2;
    assert_int_equal(poll_patience_us(search), 100000);
    search->problem.given = 2;
    assert_int_equal(poll_patience_us(search), 0);
    core->asks = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_lease_makes_the_trial, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_ready_grows_and_is_replaced, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_that_is_late_is_dropped, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_model_that_cannot_answer_is_asked_when_more_is_known,
                                        core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_stopped_trial_keeps_its_search_open, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_a_poll_waits_for_a_newer_proposal, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_patience_ends, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_a_poll_that_ends_takes_what_is_ready, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_what_came_after_the_poll_is_not_waited_for, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(test_what_nobody_makes_is_not_waited_for, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_patience_is_a_share_of_an_evaluation, core_setup, core_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
