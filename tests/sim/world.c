#include "world.h"

#include "daemon/core/search_restore.h"
#include "daemon/hash.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LEASE_US INT64_C(30000000)
#define STEPS_MAX 400000
#define BORN_WALL_US INT64_C(1790000000000000)

static bool happens(struct world *world, double chance)
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

/* ---- the disk ---- */

static void save_trials(struct world_search *row, const struct sched_write *write)
{
    const struct search *search = write->search;
    for (int i = 0; i < write->add_n; i++) {
        int step = search->streams[write->add_stream].proposed + i;
        struct world_trial *t = &row->trial[search->plan.streams[write->add_stream].first + step];
        assert(!t->exists);
        *t = (struct world_trial){.exists = true,
                                  .stream = write->add_stream,
                                  .step = step,
                                  .state = TRIAL_READY,
                                  .created_us = write->now.wall_us};
        memcpy(t->ratios, write->add_ratios + i * WORLD_K, sizeof t->ratios);
        t->origin = write->add_origins[i];
    }
    for (size_t i = 0; i < write->trials_n; i++) {
        const struct trial_change *change = &write->trials[i];
        struct world_trial *t = &row->trial[change->number];
        assert(t->exists);
        if (change->half == HALF_HELDOUT) {
            t->heldout_state = change->to;
            continue;
        }
        t->state = change->to;
        t->attempts = change->attempts;
        if (change->reason)
            snprintf(t->reason, sizeof t->reason, "%s", change->reason);
    }
}

static void save_result(struct world_search *row, const struct sched_write *write)
{
    const struct trial_change *change = &write->trials[0];
    struct world_trial *t = &row->trial[change->number];
    if (change->half == HALF_SEARCH) {
        t->done_us = write->now.wall_us;
        t->wall_s = write->wall_s;
    }
    if (change->to == TRIAL_STOPPED) {
        row->stopped++;
        return;
    }
    assert(change->to == TRIAL_DONE);
    assert(t->scores_n[change->half] == 0); /* never two scores for one */
    t->scores_n[change->half] = (int)write->result->scores_n;
    for (int j = 0; j < WORLD_M; j++) {
        t->means[change->half][j] = write->result->scores[j].mean;
        t->stderrs[change->half][j] = write->result->scores[j].stderr_;
    }
}

static void save_events(struct world_search *row, const struct sched_write *write)
{
    for (size_t i = 0; i < write->events_n; i++) {
        assert(row->events_n < WORLD_EVENTS && row->events_n == write->search->log.n + (int)i);
        struct world_event *e = &row->event[row->events_n++];
        e->event = write->events[i];
        if (e->event.kind == OPT_EVENT_SLICE || e->event.kind == OPT_EVENT_STOPPED) {
            memcpy(e->means, e->event.means, sizeof e->means);
            memcpy(e->stderrs, e->event.stderrs, sizeof e->stderrs);
            e->event.means = e->means;
            e->event.stderrs = e->stderrs;
        } else {
            e->event.means = e->event.stderrs = NULL; /* those of a done one are the trial's */
        }
    }
}

static void save_leases(struct world *world, const struct sched_write *write)
{
    if (write->grant) {
        assert(world->lease_n < WORLD_LEASES);
        world->lease[world->lease_n++] = *write->grant;
    }
    for (size_t i = 0; i < write->leases_n; i++) {
        struct lease *lease = NULL;
        for (int l = 0; l < world->lease_n; l++)
            if (!strcmp(world->lease[l].token, write->leases[i].token))
                lease = &world->lease[l];
        assert(lease && lease->state == LEASE_ACTIVE); /* as store_lease_end insists */
        lease->state = write->leases[i].to;
        world->expired += lease->state == LEASE_EXPIRED;
    }
}

static int on_persist(void *ctx, const struct sched_write *write, struct err *err)
{
    struct world *world = ctx;
    if (happens(world, world->options.disk_fails)) {
        world->disk_errors++;
        return err_set(err, ERR_IO, "the disk is full");
    }
    struct world_search *row = &world->search[write->search->id - 1];
    assert(write->revision == row->revision + 1);
    row->revision = write->revision;
    save_trials(row, write);
    if (write->result)
        save_result(row, write);
    save_events(row, write);
    save_leases(world, write);
    if (write->new_state) {
        row->state = write->state;
        snprintf(row->reason, sizeof row->reason, "%s", write->reason ? write->reason : "");
    }
    return 0;
}

static void on_ask(void *ctx, const struct search *search, int stream, int n)
{
    struct world *world = ctx;
    assert(world->ask_n < WORLD_ASKS);
    struct world_ask *ask = &world->ask[world->ask_n++];
    ask->search = search->id;
    ask->stream = stream;
    ask->n = n;
    if (search->plan.streams[stream].modelled)
        search_ask_begin(search, stream, n, &ask->model, &ask->history);
    else
        search_history(search, &ask->history);
}

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

/* ---- proposals come back in any order ---- */

/* A proposal that shows every bit it rests on: lower numbers' ratios, and the events before the watermark. */
static void make_up(const struct search *search, const struct history *history, int stream,
                    struct opt_proposal *out)
{
    const struct opt_stream *s = &search->plan.streams[stream];
    int number = s->first;
    while (history->state[number] != OPT_ABSENT)
        number++;
    uint64_t h = hash_fnv((uint64_t)number, history->ratios, (size_t)number * WORLD_K * sizeof(double));
    for (int i = 0; i < history->known.events_n; i++) {
        const struct opt_event *e = &history->event[i];
        int what[2] = {e->trial, (int)e->kind};
        h = hash_fnv(h, what, sizeof what);
        h = hash_fnv(h, &e->share, sizeof e->share);
        if (e->means)
            h = hash_fnv(h, e->means, WORLD_M * sizeof *e->means);
    }
    struct rng rng;
    rng_seed(&rng, h, 0);
    *out = (struct opt_proposal){.trial = number,
                                 .watermark = history->known.events_n,
                                 .path = OPT_PATH_MODEL,
                                 .repeat_of = -1,
                                 .gain = rng_uniform(&rng)};
    for (int i = 0; i < WORLD_K; i++)
        out->ratios[i] = rng_uniform(&rng);
}

int world_propose(const struct world_options *options, const struct search *search,
                  const struct history *history, int stream, struct opt_proposal *out, struct err *err)
{
    if (!options->made_up || !search->plan.streams[stream].modelled)
        return opt_propose(&search->problem, &search->plan, &history->known, stream, NULL, out, err);
    make_up(search, history, stream, out);
    return 0;
}

static void answer_ask(struct world *world)
{
    int i = (int)(rng_uniform(&world->rng) * world->ask_n);
    struct world_ask ask = world->ask[i];
    world->ask[i] = world->ask[--world->ask_n];
    const struct search *search = sched_search(&world->sched, ask.search);
    const struct opt_stream *stream = &search->plan.streams[ask.stream];
    struct opt_proposal proposal;
    double found[WORLD_TRIALS * WORLD_K];
    struct origin origins[WORLD_TRIALS];
    struct err err = {0};
    int got = 0, rc = 0, step = 0;
    int wanted = stream->modelled ? ask.model.n : ask.n;
    while (wanted > 0 && step < stream->quota && ask.history.state[stream->first + step] != OPT_ABSENT)
        step++;
    while (got < wanted && !rc) {
        rc = world_propose(&world->options, search, &ask.history, ask.stream, &proposal, &err);
        if (rc)
            break;
        memcpy(found + got * WORLD_K, proposal.ratios, WORLD_K * sizeof *found);
        int number = stream->first + step++;
        origins[got] = (struct origin){proposal.watermark, proposal.path, proposal.repeat_of, proposal.gain};
        ask.history.state[number] = OPT_PENDING;
        memcpy(ask.history.ratios + number * WORLD_K, found + got * WORLD_K, WORLD_K * sizeof *found);
        got++;
    }
    if (stream->modelled)
        sched_prepared(&world->sched, ask.search, ask.stream, &ask.model, found, origins, got, rc, err.text,
                       world->now);
    else
        sched_proposed(&world->sched, ask.search, ask.stream, found, origins, got, rc, err.text, world->now);
    history_fini(&ask.history);
}

/* ---- the daemon ---- */

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
    spec->sweep_points = 5;
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

static void load_search(struct world *world, int64_t id)
{
    struct search *search = world_make_search(&world->options, id);
    const struct world_search *row = &world->search[id - 1];
    struct restore *restore = restore_begin(search);
    struct err err = {0};
    for (int i = 0; i < WORLD_TRIALS; i++) {
        const struct world_trial *t = &row->trial[i];
        if (!t->exists)
            continue;
        struct trial_record record = {.number = i,
                                      .stream = t->stream,
                                      .step = t->step,
                                      .ratios = t->ratios,
                                      .state = t->state,
                                      .heldout_state = t->heldout_state,
                                      .attempts = t->attempts,
                                      .reason = *t->reason ? t->reason : NULL,
                                      .created_us = t->created_us,
                                      .done_us = t->done_us,
                                      .wall_s = t->wall_s,
                                      .origin = t->origin};
        int rc = restore_trial(restore, &record, &err);
        assert(!rc);
    }
    for (int i = 0; i < WORLD_TRIALS; i++)
        for (int h = 0; h < HALVES_N; h++) {
            const struct world_trial *t = &row->trial[i];
            if (!t->scores_n[h])
                continue;
            struct score scores[WORLD_M] = {{"task.m0", t->means[h][0], t->stderrs[h][0], 1, NULL, 0},
                                            {"task.m1", t->means[h][1], t->stderrs[h][1], 1, NULL, 0}};
            int rc = restore_scores(restore, i, (enum half)h, scores, WORLD_M, &err);
            assert(!rc);
        }
    for (int i = 0; i < row->events_n; i++) {
        int rc = restore_event(restore, i, &row->event[i].event, &err);
        assert(!rc);
    }
    int rc = restore_finish(restore, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    assert(!rc);
    search->state = row->state;
    text_replace(&search->reason, *row->reason ? row->reason : NULL);
    search->revision = row->revision;
    search->created_wall_us = BORN_WALL_US;
    sched_add(&world->sched, search, world->now);
}

static void start_daemon(struct world *world)
{
    struct sched_ops ops = {world, on_persist, on_ask, on_wake, on_changed, on_learnt, on_hurry};
    sched_init(&world->sched, &ops, LEASE_US, rng_u64(&world->rng));
    for (int64_t id = 1; id <= WORLD_SEARCHES; id++)
        load_search(world, id);
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

static void crash_daemon(struct world *world)
{
    world->crashes++;
    world_restart(world);
}

/* ---- workers ---- */

static void replace_worker(struct world *world, struct world_worker *worker)
{
    *worker = (struct world_worker){0};
    for (int id = 1; id <= WORLD_SEARCHES && worker != world->worker; id++)
        worker->wrong_files |= happens(world, world->options.refuses) ? 1u << id : 0;
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
    if (happens(world, world->options.answer_lost)) {
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
    worker->beat_us = happens(world, world->options.worker_stalls) ? 0 : world->now.us + LEASE_US / 3;
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
    if (happens(world, world->options.evaluation_fails)) {
        rc = sched_failure(&world->sched, worker->token, "out of memory", world->now, NULL);
    } else if (happens(world, world->options.gives_back)) {
        rc = sched_release(&world->sched, worker->token, world->now, NULL);
    } else {
        rc = deliver(world, worker, &duplicate);
        world->results += rc == 0 && !duplicate;
        world->late += rc == 0 && !worker->beat_us;
        if (!rc && happens(world, world->options.answer_lost)) { /* it never heard "accepted": again */
            if (happens(world, 0.5))
                crash_daemon(world);
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
    if (worker->half == HALF_SEARCH && happens(world, world->options.stops))
        sched_stop_trial(&world->sched, worker->search, worker->trial);
    bool stop;
    int rc = sched_slice(&world->sched, worker->token, &slice, world->now, &stop, NULL);
    if (rc == ERR_IO || (!rc && happens(world, world->options.answer_lost)))
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

static void step_worker(struct world *world, struct world_worker *worker)
{
    if (happens(world, world->options.worker_crashes)) {
        replace_worker(world, worker);
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
    int rc = sched_reopen(&world->sched, id, number, world->now, NULL);
    assert(rc || stopped);
    world->reopened += rc == 0;
}

/* An insight into every event there is, of which nothing follows. */
static void look(struct world *world)
{
    int64_t id = 1 + (int64_t)(rng_uniform(&world->rng) * WORLD_SEARCHES);
    sched_looked(&world->sched, id, sched_search(&world->sched, id)->log.n, world->now);
}

/* ---- the run ---- */

struct world *world_create(const struct world_options *options)
{
    struct world *world = mem_zero(1, sizeof *world);
    world->options = *options;
    rng_seed(&world->rng, options->seed, 1);
    world->now = (struct now){1000000, BORN_WALL_US};
    for (int i = 0; i < WORLD_WORKERS; i++)
        replace_worker(world, &world->worker[i]);
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
        answer_ask(world);
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
            happens(world, 0.01) ? -jump_us : jump_us; /* wall clocks are set back at times */
        if (happens(world, world->options.daemon_crashes))
            crash_daemon(world);
        if (world->ask_n && happens(world, world->options.waits ? 0.15 : 0.7)) /* slow models */
            answer_ask(world);
        if (happens(world, world->options.pauses))
            steer(world);
        if (happens(world, world->options.reopens))
            reopen(world);
        if (world->options.slices && happens(world, 0.3))
            look(world);
        step_worker(world, &world->worker[(int)(rng_uniform(&world->rng) * WORLD_WORKERS)]);
        sched_tick(&world->sched, world->now);
        if (step % 16 == 0)
            sched_check(&world->sched);
    }
    fprintf(stderr, "seed %llu: the searches do not end\n", (unsigned long long)world->options.seed);
    assert(!"the searches end");
}
