/* Searches of strategies with a model in the seeded fake world: whatever happens, every trial comes out of its history again. */
#include "sim_log.h"

#include <string.h>

/* After a restart from the rows: every trial comes out of its history again, to the bit. How many came from a model. */
static int assert_derived_again(struct world *world, uint64_t seed)
{
    int modelled = 0;
    world_restart(world);
    for (int s = 0; s < WORLD_SEARCHES; s++) {
        struct search *search = sched_search(&world->sched, s + 1);
        int watermark = 0;
        for (int i = 0; i < search->plan.trials; i++) {
            const struct trial *trial = &search->trials[i];
            struct history history;
            struct opt_proposal again;
            if (trial->job[HALF_SEARCH].state == TRIAL_ABSENT)
                continue;
            search_history_of(search, i, &history);
            assert_int_equal(world_propose(&world->options, search, &history, trial->stream, &again, NULL),
                             0);
            history_fini(&history);
            struct origin origin = {again.watermark, again.path, again.repeat_of, again.gain};
            bool same = again.trial == i &&
                        !memcmp(again.ratios, search_ratios(search, i), WORLD_K * sizeof(double)) &&
                        origin.watermark == trial->origin.watermark && origin.path == trial->origin.path &&
                        origin.repeat_of == trial->origin.repeat_of &&
                        !memcmp(&origin.gain, &trial->origin.gain, sizeof origin.gain);
            if (!same)
                fail_msg("seed %llu: trial %d of search %d is another now", (unsigned long long)seed, i,
                         s + 1);
            assert_true(origin.watermark >= watermark || !search->plan.streams[trial->stream].modelled);
            watermark = origin.watermark;
            modelled += search->plan.streams[trial->stream].modelled;
        }
    }
    return modelled;
}

/* Polls wait for proposals that know the last result: never longer than that is worth, and what comes of it is derived again
 * like anything else. */
static void test_polls_wait_for_newer_proposals(void **state)
{
    (void)state;
    int held = 0, knew_all = 0, knew_less = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_options options = {.seed = seed,
                                        .strategy = seed % 2 ? STRATEGY_BAYES : STRATEGY_QUADRATIC,
                                        .made_up = true,
                                        .waits = true,
                                        .attempts = 1000,
                                        .held_out = seed % 2,
                                        .disk_fails = 0.02,
                                        .daemon_crashes = 0.003,
                                        .worker_crashes = 0.003,
                                        .evaluation_fails = 0.1,
                                        .answer_lost = 0.05,
                                        .gives_back = 0.05,
                                        .pauses = 0.01,
                                        .slices = seed % 4 < 2 ? 4 : 0,
                                        .stops = 0.05,
                                        .reopens = 0.05};
        struct world *world = world_create(&options);
        world_run(world);
        assert_log_is_true(world, seed);
        assert_true(assert_derived_again(world, seed) > 0);
        held += world->held;
        knew_all += world->knew_all;
        knew_less += world->knew_less;
        world_destroy(world);
    }
    assert_true(held > 100 && knew_less > 0 && knew_all > 3 * knew_less);
}

static int run_modelled(uint64_t seed, enum spec_strategy strategy, bool made_up)
{
    struct world_options options = {.seed = seed,
                                    .strategy = strategy,
                                    .made_up = made_up,
                                    .attempts = 4,
                                    .held_out = seed % 2,
                                    .bounded = seed % 3 == 0,
                                    .disk_fails = 0.02,
                                    .daemon_crashes = 0.01,
                                    .worker_crashes = 0.01,
                                    .worker_stalls = 0.1,
                                    .evaluation_fails = 0.1,
                                    .answer_lost = 0.05,
                                    .gives_back = 0.05,
                                    .pauses = 0.02,
                                    .slices = 4,
                                    .stops = 0.05,
                                    .reopens = 0.1};
    struct world *world = world_create(&options);
    world_run(world);
    assert_log_is_true(world, seed);
    int modelled = assert_derived_again(world, seed);
    world_destroy(world);
    return modelled;
}

static void test_modelled_trials_come_out_of_their_history(void **state)
{
    (void)state;
    int modelled = 0;
    for (uint64_t seed = 1; seed <= 3 * SEEDS; seed++)
        modelled += run_modelled(seed, seed % 2 ? STRATEGY_BAYES : STRATEGY_QUADRATIC, true);
    assert_true(modelled > 1000);
}

/* Three proposals in a row promise less than a half: one chance in eight at each trial. */
static void test_low_gains_end_a_search(void **state)
{
    (void)state;
    int ended = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world_options options = {.seed = seed,
                                        .strategy = STRATEGY_BAYES,
                                        .made_up = true,
                                        .attempts = 1000,
                                        .held_out = seed % 2,
                                        .disk_fails = 0.02,
                                        .daemon_crashes = 0.01,
                                        .worker_crashes = 0.01,
                                        .evaluation_fails = 0.1,
                                        .pauses = 0.02,
                                        .gain = 0.5};
        struct world *world = world_create(&options);
        world_run(world);
        assert_derived_again(world, seed);
        for (int s = 0; s < WORLD_SEARCHES; s++) {
            const struct search *search = sched_search(&world->sched, s + 1);
            const struct search_stream *last = &search->streams[search->plan.streams_n - 1];
            int first = search->plan.streams[search->plan.streams_n - 1].first, low = 0;
            assert_int_equal(search->state, SEARCH_DONE);
            for (int i = 0; i < last->proposed; i++) {
                assert_true(low < 3); /* nothing after three of them */
                low = search->trials[first + i].origin.gain < 0.5 ? low + 1 : 0;
            }
            ended += low == 3;
            assert_int_equal(low == 3,
                             search->reason && strstr(search->reason, "gain in hypervolume fell below 0.5"));
        }
        world_destroy(world);
    }
    assert_true(ended > 20);
}

static void test_quadratic_trials_come_out_of_their_history(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++)
        assert_true(run_modelled(seed, STRATEGY_QUADRATIC, false) > 0);
}

static void test_bayes_trials_come_out_of_their_history(void **state)
{
    (void)state;
    assert_true(run_modelled(1, STRATEGY_BAYES, false) > 0); /* slow */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modelled_trials_come_out_of_their_history),
        cmocka_unit_test(test_quadratic_trials_come_out_of_their_history),
        cmocka_unit_test(test_bayes_trials_come_out_of_their_history),
        cmocka_unit_test(test_polls_wait_for_newer_proposals),
        cmocka_unit_test(test_low_gains_end_a_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
