/* WHAT   A small scheduler with a disk that always works, for tests of the core.
 * WHO    tests/unit/daemon/test_*.c.
 * UNITS  Virtual microseconds.
 * MEMORY setup/teardown.
 * ERRORS Assert.
 * STATE  Proposals are made up and answered at once by core_answer. */
#ifndef TESTS_DAEMON_CORE_H
#define TESTS_DAEMON_CORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/core/sched.h"
#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define UNUSED __attribute__((unused))
#define SECOND_US INT64_C(1000000)

/* A search with k = 2 and the objectives "up" (max m0), "down" (min m1), "up" (max m2) … */
UNUSED static struct search *core_search_of(int64_t id, enum spec_strategy strategy, int sweep, int trials,
                                            int m)
{
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    static const char *const names[] = {"a", "b"};
    spec->objectives_n = m;
    for (int j = 0; j < m; j++) {
        snprintf(spec->objectives[j].name, 64, j % 2 ? "down" : "up");
        spec->objectives[j].metrics_n = 1;
        spec->objectives[j].minimise = j % 2 == 1;
        snprintf(spec->objectives[j].metrics[0], 64, "t.m%d", j);
    }
    spec->ratio_max = 1;
    spec->strategy = strategy;
    spec->sweep_points = sweep;
    spec->trials = trials;
    spec->streams = 2;
    spec->rho = 0.05;
    snprintf(spec->algorithm, sizeof spec->algorithm, "LN_COBYLA");
    spec->initial_step = 0.25;
    spec->attempts = 3;
    spec->seed = 1;
    struct search *search;
    struct err err = {0};
    int rc = search_create(id, spec, 2, names, &search, &err);
    if (rc)
        fail_msg("%s", err.text);
    mem_free(spec);
    return search;
}

UNUSED static struct search *core_search(int64_t id, enum spec_strategy strategy, int sweep, int trials)
{
    return core_search_of(id, strategy, sweep, trials, 2);
}

struct core {
    struct sched sched;
    struct now now;
    int64_t asked_search[16];
    int asked_stream[16], asked_n[16], asks;
    int hurries;
};

UNUSED static int core_persist(void *ctx, const struct sched_write *write, struct err *err)
{
    (void)ctx;
    (void)write;
    (void)err;
    return 0;
}

UNUSED static void core_ask(void *ctx, const struct search *search, int stream, int n)
{
    struct core *core = ctx;
    assert_true(core->asks < 16);
    core->asked_search[core->asks] = search->id;
    core->asked_stream[core->asks] = stream;
    core->asked_n[core->asks++] = n;
}

UNUSED static void core_wake(void *ctx)
{
    (void)ctx;
}

UNUSED static void core_changed(void *ctx, int64_t search)
{
    (void)ctx;
    (void)search;
}

UNUSED static void core_learnt(void *ctx, const struct search *search)
{
    (void)ctx;
    (void)search;
}

UNUSED static void core_hurry(void *ctx)
{
    ((struct core *)ctx)->hurries++;
}

UNUSED static int core_setup(void **state)
{
    struct core *core = mem_zero(1, sizeof *core);
    struct sched_ops ops = {core, core_persist, core_ask, core_wake, core_changed, core_learnt, core_hurry};
    core->now = (struct now){SECOND_US, 1000 * SECOND_US};
    sched_init(&core->sched, &ops, 30 * SECOND_US, 7);
    *state = core;
    return 0;
}

UNUSED static int core_teardown(void **state)
{
    struct core *core = *state;
    sched_fini(&core->sched);
    mem_free(core);
    return 0;
}

/* Answers every question with (0.1, 0.2), (0.3, 0.4) … */
UNUSED static void core_answer(struct core *core)
{
    while (core->asks > 0) {
        core->asks--;
        double ratios[64];
        struct origin origins[32];
        for (int i = 0; i < 64; i++) {
            ratios[i] = 0.01 * i;
            origins[i / 2] = origin_direct;
        }
        sched_proposed(&core->sched, core->asked_search[core->asks], core->asked_stream[core->asks], ratios,
                       origins, core->asked_n[core->asks], 0, "", core->now);
    }
}

UNUSED static const char *core_worker(struct core *core, const char *name, int slots)
{
    return fleet_register(&core->sched.fleet, name, slots, "t", core->now.us)->id;
}

UNUSED static int core_deliver(struct core *core, const char *token, double m0, double m1, bool *duplicate)
{
    struct score scores[2] = {{"t.m0", m0, 0.3, 4, NULL, 0}, {"t.m1", m1, NAN, 4, NULL, 0}};
    struct result result = {.scores = scores, .scores_n = 2, .merge_s = 1, .evaluate_s = 2};
    return sched_result(&core->sched, token, &result, core->now, duplicate, NULL);
}

#endif
