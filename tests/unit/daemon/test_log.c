/* The log of events of a search that is restored: it must say what the trials' states say. */
#include "core.h"

#include "daemon/core/search_restore.h"

static const double means[] = {1, 2}, stderrs[] = {0.1, NAN};

static struct search_event event_of(int trial, enum opt_event_kind kind)
{
    bool scored = kind == OPT_EVENT_SLICE || kind == OPT_EVENT_STOPPED; /* of a done one the trial has them */
    return (struct search_event){.trial = trial,
                                 .kind = kind,
                                 .share = kind == OPT_EVENT_DONE ? 1
                                          : scored               ? 0.5
                                                                 : 0,
                                 .items = scored || kind == OPT_EVENT_DONE ? 4 : 0,
                                 .means = scored ? means : NULL,
                                 .stderrs = scored ? stderrs : NULL};
}

/* Restores a sobol search whose first trials are in these states, from these events; the code of finish. */
static int restore(const enum trial_state *states, int states_n, const struct search_event *events,
                   int events_n, struct search **out, struct err *err)
{
    struct search *search = core_search(1, STRATEGY_SOBOL, 0, 4);
    struct restore *restore = restore_begin(search);
    struct score scores[2] = {{"t.m0", 1, 0.1, 4, NULL, 0}, {"t.m1", 2, NAN, 4, NULL, 0}};
    int rc = 0;
    for (int i = 0; i < states_n; i++) {
        double ratios[2] = {0.1 * i, 0.2};
        struct trial_record record = {.number = i,
                                      .step = i,
                                      .ratios = ratios,
                                      .state = states[i],
                                      .heldout_state = TRIAL_ABSENT,
                                      .done_us = i,
                                      .origin = origin_direct};
        assert_int_equal(restore_trial(restore, &record, err), 0);
        if (states[i] == TRIAL_DONE)
            assert_int_equal(restore_scores(restore, i, HALF_SEARCH, scores, 2, err), 0);
    }
    for (int i = 0; i < events_n && !rc; i++)
        rc = restore_event(restore, i, &events[i], err);
    int finished = restore_finish(restore, rc ? NULL : err);
    rc = rc ? rc : finished;
    *out = rc ? NULL : search;
    if (rc)
        search_destroy(search);
    return rc;
}

static void test_a_log_that_agrees(void **state)
{
    (void)state;
    const enum trial_state states[] = {TRIAL_DONE, TRIAL_STOPPED, TRIAL_QUARANTINED, TRIAL_READY};
    const struct search_event events[] = {event_of(1, OPT_EVENT_SLICE),  event_of(1, OPT_EVENT_STOPPED),
                                          event_of(2, OPT_EVENT_FAILED), event_of(1, OPT_EVENT_REOPENED),
                                          event_of(3, OPT_EVENT_SLICE),  event_of(0, OPT_EVENT_DONE),
                                          event_of(1, OPT_EVENT_STOPPED)};
    struct search *search;
    struct err err = {0};
    assert_int_equal(restore(states, 4, events, 7, &search, &err), 0);
    search_check(search);
    assert_int_equal(search->log.n, 7);
    assert_true(search->log.events[5].means[0] == -1 &&
                search->log.events[5].means[1] == 2); /* the trial's, minimised */
    assert_true(search->trials[1].reopened && search->trials[1].share == 0.5);
    assert_int_equal(search->items, 12);
    struct history history = {0};
    search_history(search, &history);
    assert_int_equal(history.known.events_n, 7);
    assert_int_equal(history.state[1], OPT_FAILED); /* to streams that look at whole scores */
    assert_true(history.known.event[0].means[1] == 2 && isnan(history.known.event[0].stderrs[1]));
    assert_null(history.known.event[2].means);
    history_fini(&history);
    search_destroy(search);
}

static void test_logs_that_do_not(void **state)
{
    (void)state;
    static const struct {
        enum trial_state state;
        int events_n;
        struct {
            int trial;
            enum opt_event_kind kind;
        } events[3];
        const char *word;
    } cases[] = {
        {TRIAL_DONE, 0, {{0}}, "trial 0 is done, but its last event"},
        {TRIAL_STOPPED, 0, {{0}}, "trial 0 is stopped, but its last event"},
        {TRIAL_QUARANTINED, 1, {{0, OPT_EVENT_SLICE}}, "trial 0 is quarantined, but its last event"},
        {TRIAL_READY, 1, {{0, OPT_EVENT_FAILED}}, "trial 0 is ready, but its last event"},
        {TRIAL_READY, 1, {{0, OPT_EVENT_REOPENED}}, "event 0 says that trial 0 is reopened"},
        {TRIAL_DONE, 2, {{0, OPT_EVENT_DONE}, {0, OPT_EVENT_DONE}}, "event 1 says that trial 0 is done"},
        {TRIAL_CANCELLED,
         2,
         {{0, OPT_EVENT_FAILED}, {0, OPT_EVENT_SLICE}},
         "event 1 says that trial 0 is slice"},
        {TRIAL_READY, 1, {{1, OPT_EVENT_SLICE}}, "event 0 of search 1 does not fit"},
        {TRIAL_READY, 1, {{0, OPT_EVENT_DONE}}, "trial 0 is done but has no scores"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct search_event events[3];
        struct search *search;
        struct err err = {0};
        for (int e = 0; e < cases[i].events_n; e++)
            events[e] = event_of(cases[i].events[e].trial, cases[i].events[e].kind);
        assert_int_equal(restore(&cases[i].state, 1, events, cases[i].events_n, &search, &err), ERR_CORRUPT);
        if (!strstr(err.text, cases[i].word))
            fail_msg("%s", err.text);
    }
}

static void test_a_gap_in_the_log(void **state)
{
    (void)state;
    struct search *search = core_search(1, STRATEGY_SOBOL, 0, 4);
    struct restore *restore = restore_begin(search);
    struct search_event event = event_of(0, OPT_EVENT_FAILED);
    struct err err = {0};
    assert_int_equal(restore_event(restore, 1, &event, &err), ERR_CORRUPT);
    restore_finish(restore, NULL);
    search_destroy(search);
}

/* What the log holds moves when it grows; what points into it must follow. */
static void test_a_long_log(void **state)
{
    (void)state;
    struct event_log log = {.m = 2};
    for (int i = 0; i < 1000; i++) {
        double x[2] = {i, -i}, se[2] = {i, NAN};
        struct search_event event = event_of(i, i % 3 ? OPT_EVENT_SLICE : OPT_EVENT_FAILED);
        if (event.means) {
            event.means = x;
            event.stderrs = se;
        }
        event_log_add(&log, &event);
    }
    for (int i = 0; i < 1000; i++)
        if (i % 3)
            assert_true(log.events[i].means[0] == i && log.events[i].means[1] == -i &&
                        log.events[i].stderrs[0] == i);
        else
            assert_null(log.events[i].means);
    event_log_fini(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_log_that_agrees),
        cmocka_unit_test(test_logs_that_do_not),
        cmocka_unit_test(test_a_gap_in_the_log),
        cmocka_unit_test(test_a_long_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
