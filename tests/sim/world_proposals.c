#include "world_internal.h"

#include "daemon/hash.h"

#include <assert.h>
#include <string.h>

void world_asked(void *ctx, const struct search *search, int stream, int n)
{
    struct world *world = ctx;
    assert(world->ask_n < WORLD_ASKS);
    struct world_ask *ask = &world->ask[world->ask_n++];
    ask->search = search->id;
    ask->stream = stream;
    ask->n = n;
    ask->history = (struct history){0};
    if (search->plan.streams[stream].modelled)
        search_ask_begin(search, stream, n, &ask->model, &ask->history);
    else
        search_history(search, &ask->history);
}

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

void world_answer_ask(struct world *world)
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
