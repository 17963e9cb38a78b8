#include "world_internal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void world_replace_worker(struct world *world, struct world_worker *worker)
{
    *worker = (struct world_worker){0};
    for (int id = 1; id <= WORLD_SEARCHES && worker != world->worker; id++)
        worker->wrong_files |= world_happens(world, world->options.refuses) ? 1u << id : 0;
    snprintf(worker->name, sizeof worker->name, "host:%d", ++world->workers_ever);
}

/* The poll goes on until its end; then another begins. NULL: workers do not wait in this world. */
static struct poll *poll_of(struct world *world, struct world_worker *worker)
{
    int64_t now_us = world->now.us;
    if (!worker->poll.since_us || worker->poll.until_us < now_us)
        worker->poll = (struct poll){.since_us = now_us, .until_us = now_us + 20 * INT64_C(1000000)};
    return world->options.waits ? &worker->poll : NULL;
}

/* Held back: only for what is asked for, and within its patience. */
static void check_held(struct world *world, const struct poll *poll)
{
    bool asked = false;
    for (int i = 0; i < WORLD_SEARCHES; i++) {
        const struct search *search = sched_search(&world->sched, i + 1);
        asked |= search_asking(search) > 0 && poll->again_us <= poll->since_us + poll_patience_us(search);
    }
    assert(asked && poll->again_us > world->now.us && poll->again_us <= poll->until_us);
    world->held++;
}

/* A proposal was handed out. It knows what was known when the poll came, or nothing could be done about it in time. */
static void check_given(struct world *world, const struct poll *poll, const struct lease *lease,
                        bool was_asked, int64_t patience_us)
{
    const struct search *search = sched_search(&world->sched, lease->search);
    int known = search->trials[lease->trial].origin.watermark;
    bool all = known == search->log.n || search->log.events[known].learnt_us > poll->since_us;
    int64_t waited_us = world->now.us - poll->since_us;
    assert(all || !was_asked || waited_us >= patience_us || world->now.us >= poll->until_us);
    world->knew_all += all;
    world->knew_less += !all;
}

static void poll_job(struct world *world, struct world_worker *worker)
{
    const struct lease *lease;
    struct poll *poll = poll_of(world, worker);
    bool asking[WORLD_SEARCHES];
    int made[WORLD_SEARCHES];
    int64_t patience_us[WORLD_SEARCHES];
    for (int i = 0; i < WORLD_SEARCHES; i++) {
        const struct search *search = sched_search(&world->sched, i + 1);
        asking[i] = search_asking(search) > 0;
        made[i] = search->streams[search->plan.streams_n - 1].proposed;
        patience_us[i] = poll_patience_us(search);
    }
    world->sched.waiting = 1;
    int rc = sched_lease(&world->sched, worker->id, world->now, poll, &lease, NULL);
    if (rc == ERR_NOT_READY && poll && poll->again_us)
        check_held(world, poll);
    if (rc == 0) {
        const struct search *search = sched_search(&world->sched, lease->search);
        int last = search->plan.streams_n - 1, i = (int)lease->search - 1;
        if (poll && search->plan.streams[last].modelled && search->streams[last].proposed > made[i])
            check_given(world, poll, lease, asking[i], patience_us[i]);
        worker->poll.since_us = 0;
    }
    if (rc == ERR_NOT_FOUND) {
        const struct worker *known = fleet_register(&world->sched.fleet, worker->name, 1, "t", world->now.us);
        snprintf(worker->id, sizeof worker->id, "%s", known->id);
        worker->refused = 0;
        return;
    }
    if (rc)
        return; /* nothing to do, or the disk refused */
    if (world_happens(world, world->options.answer_lost)) {
        world->lost_answers++;
        return;
    }
    assert(!(worker->refused & (1u << lease->search))); /* never again what it has refused */
    memcpy(worker->token, lease->token, sizeof worker->token);
    worker->search = lease->search;
    worker->trial = lease->trial;
    worker->half = lease->half;
    worker->slices_done = 0;
    worker->stop = false;
    worker->finish_us =
        world->now.us + (int64_t)(rng_uniform(&world->rng) * (world->options.waits ? 600e6 : 60e6));
    worker->slice_us =
        world->options.slices ? (worker->finish_us - world->now.us) / world->options.slices : 0;
    worker->beat_us = world_happens(world, world->options.worker_stalls) ? 0 : world->now.us + LEASE_US / 3;
}

/* It looks at its files before it does anything. */
static void refuse(struct world *world, struct world_worker *worker)
{
    bool known = lease_find(&world->sched.leases, worker->token); /* not when another has done the trial */
    int rc =
        sched_refuse(&world->sched, worker->token, "base differs in model.norm.weight", world->now, NULL);
    assert(rc == 0 || rc == ERR_IO);
    if (rc)
        return; /* a disk that refuses is tried again later */
    if (known)
        worker->refused |= 1u << worker->search;
    world->refusals++;
    worker->token[0] = 0;
}

/* What a trial scores over its first slices: on the way to its score, the same way each time. */
static void partial_score(struct world *world, const struct world_worker *worker, int done,
                          double means[WORLD_M])
{
    const struct search *search = sched_search(&world->sched, worker->search);
    world_score(search_ratios(search, worker->trial), means);
    for (int j = 0; j < WORLD_M && done < world->options.slices; j++)
        means[j] += 0.01 * (world->options.slices - done) * (j ? -1 : 1);
}

static int deliver(struct world *world, const struct world_worker *worker, bool *duplicate)
{
    double means[WORLD_M];
    int slices = world->options.slices, done = worker->stop ? worker->slices_done : slices;
    partial_score(world, worker, done, means);
    struct score scores[WORLD_M] = {{"task.m0", means[0], 0.01, 10, NULL, 0},
                                    {"task.m1", means[1], NAN, 10, NULL, 0}};
    struct result result = {.scores = scores,
                            .scores_n = WORLD_M,
                            .merge_s = 0.1,
                            .evaluate_s = 0.2,
                            .slices_done = done,
                            .slices = slices,
                            .items = slices ? 10 * done : 0};
    return sched_result(&world->sched, worker->token, &result, world->now, duplicate, NULL);
}

static void finish(struct world *world, struct world_worker *worker)
{
    bool duplicate;
    int rc;
    if (world_happens(world, world->options.evaluation_fails)) {
        rc = sched_failure(&world->sched, worker->token, "out of memory", world->now, NULL);
    } else if (world_happens(world, world->options.gives_back)) {
        rc = sched_release(&world->sched, worker->token, world->now, NULL);
    } else {
        rc = deliver(world, worker, &duplicate);
        world->results += rc == 0 && !duplicate;
        world->late += rc == 0 && !worker->beat_us;
        if (!rc && world_happens(world, world->options.answer_lost)) { /* it never heard "accepted": again */
            if (world_happens(world, 0.5))
                world_crash(world);
            rc = deliver(world, worker, &duplicate);
            assert(!rc && duplicate);
            world->duplicates++;
        }
    }
    if (rc != ERR_IO) /* a disk that refuses is tried again later */
        worker->token[0] = 0;
}

/* The next slice is done: told, perhaps twice. The worker stops when it hears so. */
static void report(struct world *world, struct world_worker *worker)
{
    double means[WORLD_M];
    int done = worker->slices_done + 1;
    partial_score(world, worker, done, means);
    struct score scores[WORLD_M] = {{"task.m0", means[0], 0.01, 10, NULL, 0},
                                    {"task.m1", means[1], NAN, 10, NULL, 0}};
    struct slice_report slice = {scores, WORLD_M, done, world->options.slices, 10 * done};
    if (worker->half == HALF_SEARCH && world_happens(world, world->options.stops))
        sched_stop_trial(&world->sched, worker->search, worker->trial);
    bool stop;
    int rc = sched_slice(&world->sched, worker->token, &slice, world->now, &stop, NULL);
    if (rc == ERR_IO || (!rc && world_happens(world, world->options.answer_lost)))
        return; /* it tells so again */
    if (rc) {
        assert(rc == ERR_NOT_FOUND);
        worker->token[0] = 0;
        return;
    }
    world->slices++;
    worker->slices_done = done;
    worker->stop = stop;
    if (stop)
        worker->finish_us = world->now.us;
}

void world_step_worker(struct world *world, struct world_worker *worker)
{
    if (world_happens(world, world->options.worker_crashes)) {
        world_replace_worker(world, worker);
        return;
    }
    if (!*worker->token) {
        poll_job(world, worker);
        return;
    }
    if (worker->wrong_files & (1u << worker->search)) {
        refuse(world, worker);
        return;
    }
    if (worker->beat_us && worker->beat_us <= world->now.us) {
        worker->beat_us = world->now.us + LEASE_US / 3;
        if (sched_heartbeat(&world->sched, worker->token, world->now, NULL)) {
            worker->token[0] = 0;
            return;
        }
    }
    if (worker->slices_done + 1 < world->options.slices && worker->beat_us && !worker->stop &&
        worker->finish_us - (world->options.slices - worker->slices_done - 1) * worker->slice_us <=
            world->now.us) {
        report(world, worker);
        return;
    }
    int64_t patience_us =
        worker->beat_us ? 0 : 2 * LEASE_US; /* stalled: it comes back after its lease is over */
    if (worker->finish_us + patience_us <= world->now.us)
        finish(world, worker);
}
