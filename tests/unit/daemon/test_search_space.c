/* daemon/core/search.h: ranges, ties and frozen groups of a search's spec. */
#include "core.h"

static const char *const names[] = {"a", "b", "c"};

/* Three groups, a sweep of 5 points; the caller adds bounds. */
static struct search_spec *spec_make(enum spec_strategy strategy)
{
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    spec->objectives_n = 1;
    snprintf(spec->objectives[0].name, 64, "up");
    spec->objectives[0].metrics_n = 1;
    snprintf(spec->objectives[0].metrics[0], 64, "t.m0");
    spec->ratio_max = 1;
    spec->strategy = strategy;
    spec->sweep_points = 5;
    spec->trials = 5;
    spec->means_n = 1;
    spec->means[0] = 0.9;
    snprintf(spec->algorithm, sizeof spec->algorithm, "LN_COBYLA");
    spec->initial_step = 0.25;
    spec->attempts = 1;
    return spec;
}

static void bound(struct search_spec *spec, const char *group, double min, double max)
{
    struct spec_bound *b = &spec->bounds[spec->bounds_n++];
    snprintf(b->group, sizeof b->group, "%s", group);
    b->min = min;
    b->max = max;
}

static void assert_refused(struct search_spec *spec, const char *words)
{
    struct search *search = NULL;
    struct err err = {0};
    assert_int_equal(search_create(1, spec, 3, names, &search, &err), ERR_INVALID);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_int_equal(spec->objectives_n, 1); /* still the caller's */
    mem_free(spec);
}

static void test_what_cannot_be_searched_is_named(void **state)
{
    (void)state;
    struct search_spec *spec = spec_make(STRATEGY_SWEEP);
    bound(spec, "d", 0, 0);
    assert_refused(spec, "groups.freeze: there is no group \"d\"");
    spec = spec_make(STRATEGY_SWEEP);
    for (int i = 0; i < 3; i++)
        bound(spec, names[i], 0.5, 0.5);
    assert_refused(spec, "groups.freeze: every ratio is frozen");
    spec = spec_make(STRATEGY_HMA);
    bound(spec, "b", 0, 0);
    assert_refused(spec, "strategy.means[0]: 0.9 is not between 0.000666667 and 0.666");
}

static void give_up(struct search *search, int number)
{
    search_trial_move(search, number, HALF_SEARCH, TRIAL_LEASED);
    search_trial_move(search, number, HALF_SEARCH, TRIAL_QUARANTINED);
    search_event_add(search, &(struct search_event){.trial = number, .kind = OPT_EVENT_FAILED});
}

/* The ends of a bounded sweep are all low and all high, and both lost is no hope. */
static void test_the_ends_of_a_bounded_sweep_are_found(void **state)
{
    (void)state;
    struct search_spec *spec = spec_make(STRATEGY_SWEEP);
    bound(spec, "b", 0.5, 0.5);
    bound(spec, "c", 0.25, 0.75);
    struct search *search;
    assert_int_equal(search_create(1, spec, 3, names, &search, NULL), 0);
    mem_free(spec);
    static const double low[] = {0, 0.5, 0.25}, high[] = {1, 0.5, 0.75};
    assert_memory_equal(search->problem.low, low, sizeof low);
    assert_memory_equal(search->problem.high, high, sizeof high);
    assert_int_equal(search_sweep_trial(search, low), -1);
    struct opt_proposal next;
    for (int i = 0; i < 5; i++) {
        struct history history = {0};
        search_history(search, &history);
        assert_int_equal(opt_propose(&search->problem, &search->plan, &history.known, 0, NULL, &next, NULL),
                         0);
        search_trial_add(search, 0, next.ratios, &origin_direct, 1);
        history_fini(&history);
    }
    assert_int_equal(search_sweep_trial(search, low), 0);
    assert_int_equal(search_sweep_trial(search, high), 1);
    give_up(search, 0);
    give_up(search, 3);
    assert_false(search_is_hopeless(search));
    give_up(search, 1);
    assert_true(search_is_hopeless(search));
    search_check(search);
    search_destroy(search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_searched_is_named),
        cmocka_unit_test(test_the_ends_of_a_bounded_sweep_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
