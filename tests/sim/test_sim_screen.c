/* Searches whose trials are scored in part first, in the seeded fake world. */
#include "sim_log.h"

#include <string.h>

static struct world_options screening(uint64_t seed)
{
    return (struct world_options){.seed = seed,
                                  .strategy = STRATEGY_SOBOL,
                                  .attempts = 1000,
                                  .held_out = true,
                                  .slices = 4,
                                  .screen = 0.3};
}

static void assert_same_trials(struct world *calm, struct world *world, uint64_t seed)
{
    assert_log_is_true(world, seed);
    for (int s = 0; s < WORLD_SEARCHES; s++) {
        const struct search *a = sched_search(&calm->sched, s + 1), *b = sched_search(&world->sched, s + 1);
        for (int i = 0; i < a->plan.trials; i++) {
            const struct trial *expected = &a->trials[i], *got = &b->trials[i];
            if (expected->job[HALF_SEARCH].state != got->job[HALF_SEARCH].state ||
                expected->share != got->share || expected->items != got->items)
                fail_msg("seed %llu: trial %d of search %d is %s with %g of its items, but %s with %g where "
                         "nothing happens",
                         (unsigned long long)seed, i, s + 1, trial_state_name(got->job[HALF_SEARCH].state),
                         got->share, trial_state_name(expected->job[HALF_SEARCH].state), expected->share);
        }
    }
}

static struct world *calm_world(void)
{
    struct world_options options = screening(1);
    struct world *world = world_create(&options);
    world_run(world);
    assert_true(world->completed > 10);
    for (int s = 0; s < WORLD_SEARCHES; s++) {
        const struct search *search = sched_search(&world->sched, s + 1);
        int part = 0, anchors = 0;
        for (int i = 0; i < search->plan.trials; i++) {
            const struct trial *t = &search->trials[i];
            bool stopped = t->job[HALF_SEARCH].state == TRIAL_STOPPED,
                 anchor = opt_plan_is_anchor(&search->plan, i);
            assert_true(t->share == (stopped ? 0.5 : 1)); /* two slices of four are the first 0.3 and more */
            assert_true(!anchor || (t->share == 1 && !t->reopened));
            part += stopped;
            anchors += anchor;
        }
        assert_true(part > 3);
        assert_int_equal(anchors, 5);
    }
    return world;
}

/* Some are completed at the end: the same ones whatever happens, none lost, none twice. */
static void test_screening_is_the_same_in_every_world(void **state)
{
    (void)state;
    struct world *calm = calm_world();
    int crashes = 0, expired = 0, disk = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_options options = screening(seed);
        options.disk_fails = options.gives_back = options.answer_lost = 0.05;
        options.daemon_crashes = options.worker_crashes = 0.01;
        options.evaluation_fails = 0.1;
        options.pauses = 0.02;
        struct world *world = world_create(&options);
        world_run(world);
        assert_same_trials(calm, world, seed);
        crashes += world->crashes;
        expired += world->expired;
        disk += world->disk_errors;
        world_destroy(world);
    }
    world_destroy(calm);
    assert_true(crashes > 10 && expired > 10 && disk > 10);
}

/* Whatever fails for good, reopened trials too, and whichever budget is used up first. */
static void test_screening_ends(void **state)
{
    (void)state;
    int given_up = 0, in_part = 0;
    for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
        struct world_options options = screening(seed);
        options.strategy = seed % 2 ? STRATEGY_BAYES : STRATEGY_QUADRATIC;
        options.made_up = true;
        options.attempts = 2;
        options.evaluation_fails = 0.2;
        options.worker_stalls = 0.1;
        options.daemon_crashes = 0.005;
        options.gain = seed % 3 == 0 ? 0.5 : 0;
        options.budget_s = seed % 5 == 0 ? 200 : 0;
        struct world *world = world_create(&options);
        world_run(world);
        assert_log_is_true(world, seed);
        for (int s = 0; s < WORLD_SEARCHES; s++) {
            const struct search *search = sched_search(&world->sched, s + 1);
            in_part += search->reason && strstr(search->reason, "are scored in part");
            for (int i = 0; i < search->plan.trials; i++)
                given_up += search->trials[i].reopened &&
                            search->trials[i].job[HALF_SEARCH].state == TRIAL_QUARANTINED;
        }
        world_destroy(world);
    }
    assert_true(given_up > 5 && in_part > 5);
}

/* Half of the items are for trials in part, the rest for those that the front needs. */
static void test_items_are_left_for_the_front(void **state)
{
    (void)state;
    int halves = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_options options = screening(seed);
        options.slices = 10;
        options.screen = 0.2;
        options.items = 1500; /* an anchor has 100: five of them and 13 fifths are half */
        options.daemon_crashes = 0.01;
        struct world *world = world_create(&options);
        world_run(world);
        assert_log_is_true(world, seed);
        for (int s = 0; s < WORLD_SEARCHES; s++) {
            const struct search *search = sched_search(&world->sched, s + 1);
            const int *count = search->count[HALF_SEARCH];
            assert_int_equal(search->state, SEARCH_DONE);
            assert_non_null(search->reason);
            /* what is completed may use up the other half */
            assert_non_null(strstr(search->reason, "the budget of 1500 items was used up"));
            halves += strncmp(search->reason, "half of", 7) == 0;
            assert_in_range(count[TRIAL_DONE] + count[TRIAL_STOPPED] + count[TRIAL_CANCELLED], 18,
                            18 + 2 * WORLD_WORKERS);
            assert_true(count[TRIAL_DONE] > 5);
        }
        world_destroy(world);
    }
    assert_true(halves > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_screening_is_the_same_in_every_world),
        cmocka_unit_test(test_screening_ends),
        cmocka_unit_test(test_items_are_left_for_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
