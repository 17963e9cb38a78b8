/* WHAT   What every finished world is asked about its log.
 * WHO    tests/sim/test_sim*.c.
 * UNITS  Items.
 * MEMORY None.
 * ERRORS Asserts (cmocka), with the seed.
 * STATE  None. */
#ifndef TESTS_SIM_SIM_LOG_H
#define TESTS_SIM_SIM_LOG_H

#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEEDS 40

/* What the log of a finished search says of its trials is what their rows say; items count once. */
static inline void assert_log_is_true(struct world *world, uint64_t seed)
{
    for (int s = 0; s < WORLD_SEARCHES; s++) {
        const struct world_search *row = &world->search[s];
        const struct search *search = sched_search(&world->sched, s + 1);
        int64_t items = 0, most[WORLD_TRIALS] = {0};
        double share[WORLD_TRIALS] = {0};
        for (int i = 0; i < row->events_n; i++) {
            const struct search_event *e = &row->event[i].event;
            if (e->kind == OPT_EVENT_SLICE && e->share <= share[e->trial])
                fail_msg("seed %llu: search %d tells of trial %d what was known", (unsigned long long)seed,
                         s + 1, e->trial);
            share[e->trial] = e->share > share[e->trial] ? e->share : share[e->trial];
            most[e->trial] = e->items > most[e->trial] ? e->items : most[e->trial];
        }
        for (int i = 0; i < WORLD_TRIALS; i++) {
            assert_true(row->trial[i].state != TRIAL_DONE || share[i] == 1);
            assert_true(row->trial[i].state != TRIAL_STOPPED || (share[i] > 0 && share[i] < 1));
            items += most[i];
        }
        assert_int_equal(search->items, items);
        assert_int_equal(search->log.n, row->events_n);
    }
}

#endif
