/* The scheduler in a seeded fake world: whatever workers, disk and daemon do, every trial is finished exactly once, and
 * the set of trials is the same. */
#include "sim_log.h"

#include <math.h>
#include <string.h>

/* Nothing goes wrong: what the trials have to be. */
static struct world *calm_world(enum spec_strategy strategy, bool bounded)
{
    struct world_options options = {
        .seed = 1, .strategy = strategy, .attempts = 1000, .held_out = true, .bounded = bounded};
    struct world *world = world_create(&options);
    world_run(world);
    return world;
}

static void assert_same_trials(const struct world *a, const struct world *b, uint64_t seed)
{
    for (int s = 0; s < WORLD_SEARCHES; s++)
        for (int i = 0; i < WORLD_TRIALS; i++) {
            const struct world_trial *x = &a->search[s].trial[i], *y = &b->search[s].trial[i];
            if (x->exists != y->exists || memcmp(x->ratios, y->ratios, sizeof x->ratios) ||
                x->state != y->state || memcmp(x->means[0], y->means[0], sizeof x->means[0]) ||
                x->heldout_state != y->heldout_state)
                fail_msg("seed %llu: search %d trial %d differs", (unsigned long long)seed, s + 1, i);
        }
}

/* The ratios that world.c's add_bounds leaves. */
static void assert_bounds_kept(struct world *world)
{
    for (int s = 0; s < WORLD_SEARCHES; s++)
        for (int i = 0; i < WORLD_TRIALS; i++) {
            const double *r = world->search[s].trial[i].ratios;
            if (world->search[s].trial[i].exists)
                assert_true(r[1] == 0.5 && r[3] >= 0.2 && r[3] <= 0.7 && r[0] == r[4]);
        }
    for (int id = 1; id <= WORLD_SEARCHES; id++) /* the ends of the sweep are known for what they are */
        assert_true(tally_numbers(sched_search(&world->sched, id))->hypervolume > 0);
}

static void run_strategy(enum spec_strategy strategy, bool bounded)
{
    struct world *calm = calm_world(strategy, bounded);
    if (bounded)
        assert_bounds_kept(calm);
    int crashes = 0, duplicates = 0, late = 0, expired = 0, disk = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_options options = {.seed = seed,
                                        .strategy = strategy,
                                        .attempts = 1000,
                                        .held_out = true,
                                        .bounded = bounded,
                                        .disk_fails = 0.02,
                                        .daemon_crashes = 0.003,
                                        .worker_crashes = 0.01,
                                        .worker_stalls = 0.1,
                                        .evaluation_fails = 0.1,
                                        .answer_lost = 0.05,
                                        .gives_back = 0.05,
                                        .pauses = 0.02};
        struct world *world = world_create(&options);
        world_run(world);
        assert_same_trials(calm, world, seed);
        crashes += world->crashes;
        duplicates += world->duplicates;
        late += world->late;
        expired += world->expired;
        disk += world->disk_errors;
        world_destroy(world);
    }
    world_destroy(calm);
    /* the world was rough enough to mean something */
    assert_true(crashes > 10 && duplicates > 10 && late > 10 && expired > 10 && disk > 10);
}

static void test_scalarize_is_the_same_in_every_world(void **state)
{
    (void)state;
    run_strategy(STRATEGY_SCALARIZE, false);
}

static void test_hma_is_the_same_in_every_world(void **state)
{
    (void)state;
    run_strategy(STRATEGY_HMA, false);
}

static void test_sobol_is_the_same_in_every_world(void **state)
{
    (void)state;
    run_strategy(STRATEGY_SOBOL, false);
}

static void test_identify_is_the_same_in_every_world(void **state)
{
    (void)state;
    run_strategy(STRATEGY_IDENTIFY, false);
}

/* Nobody is on a front, and everybody is confirmed: the other half's items are as wanted as these. */
static void test_whoever_identifies_has_no_front(void **state)
{
    (void)state;
    struct world *world = calm_world(STRATEGY_IDENTIFY, false);
    for (int s = 0; s < WORLD_SEARCHES; s++) {
        struct search *search = sched_search(&world->sched, s + 1);
        assert_int_equal(world->search[s].state, SEARCH_DONE);
        assert_false(search_has_front(search));
        assert_int_equal(search->tally.front_n, 0);
        assert_true(isnan(tally_numbers(search)->hypervolume));
        for (int i = 0; i < search->plan.trials; i++) {
            assert_int_equal(world->search[s].trial[i].heldout_state, TRIAL_DONE);
            for (int j = 0; j < search->k; j++)
                assert_true(search_ratios(search, i)[j] == 0);
        }
    }
    world_destroy(world);
}

/* Workers with other files turn searches down, and the rest of the fleet does the same trials. */
static void test_bounded_searches_are_the_same_in_every_world(void **state)
{
    (void)state;
    run_strategy(STRATEGY_SWEEP, true);
    run_strategy(STRATEGY_HMA, true);
    run_strategy(STRATEGY_SCALARIZE, true);
    run_strategy(STRATEGY_SOBOL, true);
}

static void test_refusals_change_nothing_but_the_time(void **state)
{
    (void)state;
    struct world *calm = calm_world(STRATEGY_SCALARIZE, false);
    int refusals = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_options options = {.seed = seed,
                                        .strategy = STRATEGY_SCALARIZE,
                                        .attempts = 1000,
                                        .held_out = true,
                                        .disk_fails = 0.02,
                                        .daemon_crashes = 0.003,
                                        .answer_lost = 0.02,
                                        .gives_back = 0.05,
                                        .pauses = 0.02,
                                        .refuses = 0.5};
        struct world *world = world_create(&options);
        world_run(world);
        assert_same_trials(calm, world, seed);
        refusals += world->refusals;
        world_destroy(world);
    }
    world_destroy(calm);
    assert_true(refusals > 100);
}

static void test_all_trials_done_and_scored_once(void **state)
{
    (void)state;
    struct world *world = calm_world(STRATEGY_SCALARIZE, false);
    int done = 0;
    for (int s = 0; s < WORLD_SEARCHES; s++) {
        const struct search *search = sched_search(&world->sched, s + 1);
        assert_int_equal(world->search[s].state, SEARCH_DONE);
        for (int i = 0; i < search->plan.trials; i++) {
            const struct world_trial *t = &world->search[s].trial[i];
            assert_int_equal(t->state, TRIAL_DONE);
            assert_int_equal(t->scores_n[HALF_SEARCH], WORLD_M);
            done += 1 + (t->heldout_state == TRIAL_DONE);
            /* confirmed: the front and the sweep, nobody else */
            bool sweep = search->plan.streams[t->stream].kind == OPT_SWEEP;
            assert_int_equal(t->heldout_state == TRIAL_DONE, sweep || tally_on_front(search, i));
        }
    }
    assert_int_equal(world->results, done);
    world_destroy(world);
}

static void test_bounded_attempts_end_every_search(void **state)
{
    (void)state;
    int quarantined = 0, finished = 0;
    static const enum spec_strategy strategies[] = {STRATEGY_SCALARIZE, STRATEGY_HMA, STRATEGY_SOBOL};
    for (uint64_t seed = 1; seed <= 3 * SEEDS; seed++) {
        struct world_options options = {.seed = seed,
                                        .strategy = strategies[seed % 3],
                                        .attempts = 2,
                                        .held_out = seed % 2 == 0,
                                        .disk_fails = 0.02,
                                        .daemon_crashes = 0.003,
                                        .worker_crashes = 0.01,
                                        .worker_stalls = 0.1,
                                        .evaluation_fails = 0.3,
                                        .answer_lost = 0.02};
        struct world *world = world_create(&options);
        world_run(world);
        for (int s = 0; s < WORLD_SEARCHES; s++) {
            const struct search *search = sched_search(&world->sched, s + 1);
            finished += search->state == SEARCH_DONE;
            for (int i = 0; i < search->plan.trials; i++) {
                const struct world_trial *t = &world->search[s].trial[i];
                quarantined += t->state == TRIAL_QUARANTINED;
                assert_true(t->state != TRIAL_READY && t->state != TRIAL_LEASED);
                assert_int_equal(t->state == TRIAL_DONE, t->scores_n[HALF_SEARCH] > 0);
                if (t->state == TRIAL_QUARANTINED)
                    assert_true(t->attempts >= 2 && *t->reason);
            }
        }
        world_destroy(world);
    }
    assert_true(quarantined > 10);
    assert_true(finished > 0);
}

static void test_time_budgets_end_the_search_half(void **state)
{
    (void)state;
    int short_of = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_options options = {.seed = seed,
                                        .strategy = STRATEGY_SCALARIZE,
                                        .attempts = 3,
                                        .held_out = true,
                                        .daemon_crashes = 0.003,
                                        .worker_crashes = 0.01,
                                        .evaluation_fails = 0.1,
                                        .budget_s = 400};
        struct world *world = world_create(&options);
        world_run(world);
        for (int s = 0; s < WORLD_SEARCHES; s++) {
            const struct search *search = sched_search(&world->sched, s + 1);
            const int *count = search->count[HALF_SEARCH];
            short_of += count[TRIAL_DONE] < search->plan.trials;
            /* nothing of the search half began after it, wall clocks being what they are */
            for (int i = 0; i < world->lease_n; i++)
                assert_true(world->lease[i].half == HALF_HELDOUT ||
                            world->lease[i].granted_us <= 450 * 1000000);
            for (int i = 0; i < WORLD_TRIALS; i++)
                if (world->search[s].trial[i].state == TRIAL_CANCELLED && search->state == SEARCH_DONE)
                    assert_string_equal(world->search[s].trial[i].reason, "the time budget was used up");
            assert_true(search->state == SEARCH_DONE || search->state == SEARCH_FAILED);
        }
        world_destroy(world);
    }
    assert_true(short_of > 0);
}

/* Evaluations in slices, some stopped on the way, some of these taken up again. */
static void test_stopped_trials_are_settled(void **state)
{
    (void)state;
    int stopped = 0, reopened = 0, slices = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_options options = {.seed = seed,
                                        .strategy = seed % 2 ? STRATEGY_SOBOL : STRATEGY_SCALARIZE,
                                        .attempts = 1000,
                                        .held_out = true,
                                        .disk_fails = 0.02,
                                        .daemon_crashes = 0.003,
                                        .worker_crashes = 0.01,
                                        .worker_stalls = 0.1,
                                        .evaluation_fails = 0.05,
                                        .answer_lost = 0.05,
                                        .gives_back = 0.05,
                                        .pauses = 0.02,
                                        .slices = 4,
                                        .stops = 0.1,
                                        .reopens = 0.2};
        struct world *world = world_create(&options);
        world_run(world);
        assert_log_is_true(world, seed);
        for (int s = 0; s < WORLD_SEARCHES; s++)
            stopped += world->search[s].stopped;
        reopened += world->reopened;
        slices += world->slices;
        world_destroy(world);
    }
    assert_true(stopped > 100 && reopened > 20 && slices > 1000);
}

static void test_items_end_a_search(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_options options = {.seed = seed,
                                        .strategy = STRATEGY_SOBOL,
                                        .attempts = 1000,
                                        .held_out = true,
                                        .daemon_crashes = 0.01,
                                        .worker_crashes = 0.01,
                                        .evaluation_fails = 0.1,
                                        .items = 150};
        struct world *world = world_create(&options);
        world_run(world);
        assert_log_is_true(world, seed);
        for (int s = 0; s < WORLD_SEARCHES; s++) {
            const struct search *search = sched_search(&world->sched, s + 1);
            /* ten a trial, and what was under way when they were used up */
            assert_in_range(search->count[HALF_SEARCH][TRIAL_DONE], 15, 15 + WORLD_WORKERS);
            assert_string_equal(search->reason, "the budget of 150 items was used up");
            assert_int_equal(search->state, SEARCH_DONE);
        }
        world_destroy(world);
    }
}

static void test_hopeless_searches_fail(void **state)
{
    (void)state;
    struct world_options options = {
        .seed = 3, .strategy = STRATEGY_SCALARIZE, .attempts = 2, .held_out = true, .evaluation_fails = 1};
    struct world *world = world_create(&options);
    world_run(world);
    for (int s = 0; s < WORLD_SEARCHES; s++) {
        assert_int_equal(world->search[s].state, SEARCH_FAILED);
        assert_non_null(sched_search(&world->sched, s + 1)->reason);
        int given_up = 0;
        for (int i = 0; i < WORLD_TRIALS; i++)
            given_up += world->search[s].trial[i].state == TRIAL_QUARANTINED;
        assert_true(given_up >= 2 && given_up < 5); /* the sweep's two ends are enough */
    }
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_trials_done_and_scored_once),
        cmocka_unit_test(test_scalarize_is_the_same_in_every_world),
        cmocka_unit_test(test_hma_is_the_same_in_every_world),
        cmocka_unit_test(test_sobol_is_the_same_in_every_world),
        cmocka_unit_test(test_identify_is_the_same_in_every_world),
        cmocka_unit_test(test_whoever_identifies_has_no_front),
        cmocka_unit_test(test_bounded_searches_are_the_same_in_every_world),
        cmocka_unit_test(test_refusals_change_nothing_but_the_time),
        cmocka_unit_test(test_bounded_attempts_end_every_search),
        cmocka_unit_test(test_time_budgets_end_the_search_half),
        cmocka_unit_test(test_stopped_trials_are_settled),
        cmocka_unit_test(test_items_end_a_search),
        cmocka_unit_test(test_hopeless_searches_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
