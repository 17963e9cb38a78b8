#include "world_internal.h"

#include "daemon/hash.h"
#include "proto/mem.h"

#include <assert.h>
#include <stdio.h>

#define STEPS_MAX 400000

bool world_happens(struct world *world, double chance)
{
    return chance > 0 && rng_uniform(&world->rng) < chance;
}

void world_score(const double *ratios, double means[WORLD_M])
{
    double mean = 0, spread = 0;
    for (int i = 0; i < WORLD_K; i++)
        mean += ratios[i] / WORLD_K;
    for (int i = 0; i < WORLD_K; i++)
        spread += (ratios[i] - 0.3 * i) * (ratios[i] - 0.3 * i);
    means[0] = mean - 0.2 * spread;
    means[1] = 1 - mean * mean - 0.1 * spread;
}

/* ---- the daemon ---- */

static void on_wake(void *ctx)
{
    (void)ctx;
}

static void on_changed(void *ctx, int64_t search)
{
    (void)ctx;
    (void)search;
}

static void on_hurry(void *ctx)
{
    (void)ctx;
}

static void on_learnt(void *ctx, const struct search *search)
{
    (void)ctx;
    (void)search;
}

static void add_bounds(struct search_spec *spec)
{
    spec->bounds_n = spec->ties_n = 2;
    spec->bounds[0] = (struct spec_bound){"b", 0.5, 0.5};
    spec->bounds[1] = (struct spec_bound){"d", 0.2, 0.7};
    spec->ties[0] = (struct spec_tie){"e", 0};
    spec->ties[1] = (struct spec_tie){"a", 0};
}

struct search *world_make_search(const struct world_options *options, int64_t id)
{
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    static const char *const names[WORLD_K] = {"a", "b", "c", "d", "e"};
    spec->objectives_n = WORLD_M;
    for (int j = 0; j < WORLD_M; j++) {
        snprintf(spec->objectives[j].name, sizeof spec->objectives[j].name, "objective %d", j);
        spec->objectives[j].metrics_n = 1;
        snprintf(spec->objectives[j].metrics[0], sizeof spec->objectives[j].metrics[0], "task.m%d", j);
    }
    spec->ratio_max = 1;
    spec->strategy = options->strategy;
    spec->sweep_points = options->strategy == STRATEGY_IDENTIFY ? 0 : 5;
    spec->trials = 23 + (int)id;
    spec->streams = 3;
    spec->rho = 0.05;
    spec->means_n = 3;
    spec->means[0] = 0.25;
    spec->means[1] = 0.5;
    spec->means[2] = 0.75;
    snprintf(spec->algorithm, sizeof spec->algorithm, "LN_COBYLA");
    spec->initial_step = 0.25;
    spec->design = -1;
    spec->early_stop = options->slices ? 0.02 : 0;
    spec->gain = options->gain;
    spec->items = options->items;
    spec->screen = options->screen;
    spec->attempts = options->attempts;
    spec->held_out = options->held_out;
    spec->seed = (uint64_t)id;
    spec->budget_s = options->budget_s;
    if (options->bounded)
        add_bounds(spec);
    struct search *search;
    struct err err = {0};
    int rc = search_create(id, spec, WORLD_K, names, &search, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    assert(!rc);
    mem_free(spec);
    return search;
}

static void start_daemon(struct world *world)
{
    struct sched_ops ops = {world, world_persist, world_asked, on_wake, on_changed, on_learnt, on_hurry};
    sched_init(&world->sched, &ops, LEASE_US, rng_u64(&world->rng));
    for (int64_t id = 1; id <= WORLD_SEARCHES; id++)
        world_load(world, id);
    for (int i = 0; i < world->lease_n; i++) {
        sched_restore_lease(&world->sched, &world->lease[i]);
    }
    while (world->ask_n > 0)
        history_fini(&world->ask[--world->ask_n].history);
    sched_start(&world->sched, world->now);
}

void world_restart(struct world *world)
{
    sched_fini(&world->sched);
    start_daemon(world);
}

void world_crash(struct world *world)
{
    world->crashes++;
    world_restart(world);
}

/* ---- people ---- */

/* Somebody pauses or resumes a search. One that is resumed is offered again to whoever refused it. */
static void steer(struct world *world)
{
    int64_t id = 1 + (int64_t)(rng_uniform(&world->rng) * WORLD_SEARCHES);
    if (world->search[id - 1].state != SEARCH_PAUSED)
        world->paused += sched_pause(&world->sched, id, world->now, NULL) == 0;
    else if (sched_resume(&world->sched, id, world->now, NULL) == 0)
        for (int i = 0; i < WORLD_WORKERS; i++)
            world->worker[i].refused &= ~(1u << id);
}

/* Somebody wants to know more of a stopped trial. */
static void reopen(struct world *world)
{
    int64_t id = 1 + (int64_t)(rng_uniform(&world->rng) * WORLD_SEARCHES);
    int number = (int)(rng_uniform(&world->rng) * WORLD_TRIALS);
    bool stopped = world->search[id - 1].trial[number].state == TRIAL_STOPPED;
    int rc = sched_reopen(&world->sched, id, &number, 1, world->now, NULL);
    assert(rc || stopped);
    world->reopened += rc == 0;
}

/* The front needs every other screened trial, by its ratios: those go on together. false: the disk refused. */
static bool complete(struct world *world, const struct search *search)
{
    int needed[WORLD_TRIALS], n = 0;
    for (int i = 0; i < search->plan.trials; i++) {
        const struct trial *t = &search->trials[i];
        if (t->job[HALF_SEARCH].state == TRIAL_STOPPED && !t->reopened &&
            hash_fnv(0, search_ratios(search, i), WORLD_K * sizeof(double)) % 2)
            needed[n++] = i;
    }
    int rc = sched_reopen(&world->sched, search->id, needed, n, world->now, NULL);
    assert(!rc || rc == ERR_IO);
    world->completed += rc ? 0 : n;
    return !rc;
}

/* An insight into every event there is; nothing follows of it but at the end of screening. */
static void look(struct world *world)
{
    int64_t id = 1 + (int64_t)(rng_uniform(&world->rng) * WORLD_SEARCHES);
    const struct search *search = sched_search(&world->sched, id);
    int known = search->log.n;
    if (!search_awaits_completion(search) || complete(world, search))
        sched_looked(&world->sched, id, known, world->now);
}

/* ---- the run ---- */

struct world *world_create(const struct world_options *options)
{
    struct world *world = mem_zero(1, sizeof *world);
    world->options = *options;
    rng_seed(&world->rng, options->seed, 1);
    world->now = (struct now){1000000, BORN_WALL_US};
    for (int i = 0; i < WORLD_WORKERS; i++)
        world_replace_worker(world, &world->worker[i]);
    start_daemon(world);
    return world;
}

void world_destroy(struct world *world)
{
    while (world->ask_n > 0)
        history_fini(&world->ask[--world->ask_n].history);
    sched_fini(&world->sched);
    mem_free(world);
}

static bool all_final(const struct world *world)
{
    for (int i = 0; i < WORLD_SEARCHES; i++)
        if (!search_state_is_final(world->search[i].state))
            return false;
    return true;
}

/* Proposals that come after the end change nothing, and nobody holds anything any more. */
static void check_end(struct world *world)
{
    while (world->ask_n > 0)
        world_answer_ask(world);
    sched_check(&world->sched);
    for (int i = 0; i < world->lease_n; i++)
        assert(world->lease[i].state != LEASE_ACTIVE);
    for (int s = 0; s < WORLD_SEARCHES; s++)
        for (int i = 0; i < WORLD_TRIALS; i++) {
            const struct world_trial *t = &world->search[s].trial[i];
            assert(!t->exists || trial_is_settled(t->state));
            assert(t->heldout_state == TRIAL_ABSENT || trial_is_final(t->heldout_state));
        }
}

void world_run(struct world *world)
{
    for (int step = 0; step < STEPS_MAX; step++) {
        if (all_final(world)) {
            check_end(world);
            return;
        }
        int64_t jump_us = (int64_t)(rng_uniform(&world->rng) * 5e6);
        world->now.us += jump_us;
        world->now.wall_us +=
            world_happens(world, 0.01) ? -jump_us : jump_us; /* wall clocks are set back at times */
        if (world_happens(world, world->options.daemon_crashes))
            world_crash(world);
        if (world->ask_n && world_happens(world, world->options.waits ? 0.15 : 0.7)) /* slow models */
            world_answer_ask(world);
        if (world_happens(world, world->options.pauses))
            steer(world);
        if (world_happens(world, world->options.reopens))
            reopen(world);
        if (world->options.slices && world_happens(world, 0.3))
            look(world);
        world_step_worker(world, &world->worker[(int)(rng_uniform(&world->rng) * WORLD_WORKERS)]);
        sched_tick(&world->sched, world->now);
        if (step % 16 == 0)
            sched_check(&world->sched);
    }
    fprintf(stderr, "seed %llu: the searches do not end\n", (unsigned long long)world->options.seed);
    assert(!"the searches end");
}
