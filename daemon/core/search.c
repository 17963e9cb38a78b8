#include "daemon/core/search.h"

#include "proto/mem.h"
#include "proto/spec_space.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BIT(state) (1u << SEARCH_##state)

/* moves[from]: the states a search may go to. */
static const unsigned moves[SEARCH_STATES_N] = {
    [SEARCH_RUNNING] = BIT(PAUSED) | BIT(CONFIRMING) | BIT(DONE) | BIT(CANCELLED) | BIT(FAILED),
    [SEARCH_PAUSED] = BIT(RUNNING) | BIT(CONFIRMING) | BIT(CANCELLED),
    [SEARCH_CONFIRMING] = BIT(PAUSED) | BIT(DONE) | BIT(CANCELLED),
};

static const char *const names[SEARCH_STATES_N] = {"running", "paused",    "confirming",
                                                   "done",    "cancelled", "failed"};

static enum opt_kind kind_of(enum spec_strategy strategy)
{
    switch (strategy) {
    case STRATEGY_SWEEP:
        return OPT_SWEEP;
    case STRATEGY_HMA:
        return OPT_HMA;
    case STRATEGY_SCALARIZE:
        return OPT_SCALARIZE;
    case STRATEGY_SOBOL:
        return OPT_SOBOL;
    case STRATEGY_QUADRATIC:
        return OPT_QUADRATIC;
    case STRATEGY_BAYES:
        return OPT_BAYES;
    case STRATEGY_IDENTIFY:
        return OPT_IDENTIFY;
    }
    assert(!"a strategy without a kind");
    return OPT_SWEEP;
}

static void problem_make(const struct search_spec *spec, int k, struct opt_problem *out)
{
    *out = (struct opt_problem){
        .k = k,
        .m = spec->objectives_n,
        .kind = kind_of(spec->strategy),
        .trials = spec->trials,
        .sweep_points = spec->sweep_points,
        .means_n = spec->means_n,
        .alignment = spec->alignment,
        .streams = spec->streams,
        .rho = spec->rho,
        .ratio = spec->ratio,
        .initial_step = spec->initial_step,
        .given = spec->given ? spec->given->n : 0,
        .has_mean = spec->has_mean,
        .mean = spec->mean,
        .design = spec->design,
        .repeats = spec->repeats,
        .seed = spec->seed,
    };
    for (int j = 0; j < spec->objectives_n; j++) {
        const struct spec_objective *o = &spec->objectives[j];
        out->has_reference[j] = o->has_reference;
        out->reference[j] = o->minimise ? o->reference : -o->reference;
    }
    _Static_assert(OPT_MEANS_MAX >= SPEC_MEANS_MAX, "every mean of a spec has a place");
    _Static_assert(OPT_M_MAX >= SPEC_OBJECTIVES_MAX, "every objective of a spec has a place");
    memcpy(out->means, spec->means, (size_t)spec->means_n * sizeof *spec->means);
    snprintf(out->algorithm, sizeof out->algorithm, "%s", spec->algorithm);
}

static void allocate(struct search *search)
{
    size_t n = (size_t)search->plan.trials;
    search->trials = mem_zero(n, sizeof *search->trials);
    search->ratios = mem_zero(n * (size_t)search->k, sizeof *search->ratios);
    search->done_order = mem_zero(n, sizeof *search->done_order);
    for (int h = 0; h < HALVES_N; h++) {
        search->means[h] = mem_zero(n * (size_t)search->m, sizeof *search->means[h]);
        search->stderrs[h] = mem_zero(n * (size_t)search->m, sizeof *search->stderrs[h]);
        search->count[h][TRIAL_ABSENT] = search->plan.trials;
    }
    for (int s = 0; s < search->plan.streams_n; s++) {
        const struct opt_stream *stream = &search->plan.streams[s];
        search->streams[s].blocked_done = -1;
        search->streams[s].ready.k = search->k;
        for (int i = 0; i < stream->quota; i++) {
            struct trial *trial = &search->trials[stream->first + i];
            trial->number = stream->first + i;
            trial->stream = s;
            trial->step = i;
        }
    }
}

int search_create(int64_t id, struct search_spec *spec, int k, const char *const *group_names,
                  struct search **out, struct err *err)
{
    struct search *search = mem_zero(1, sizeof *search);
    search->id = id;
    search->k = k;
    search->m = search->log.m = spec->objectives_n;
    tally_init(&search->tally);
    if (k < 1 || k > OPT_K_MAX) {
        mem_free(search);
        return err_set(err, ERR_INVALID, "groups: %d ratios; a search has 1 to %d, so make fewer groups", k,
                       OPT_K_MAX);
    }
    struct opt_problem *problem = &search->problem;
    problem_make(spec, k, problem);
    int rc = search_spec_space(spec, group_names, k, problem->low, problem->high, problem->tie, err);
    if (!rc)
        rc = opt_plan_make(problem, &search->plan, err);
    if (rc) {
        mem_free(search);
        return rc;
    }
    allocate(search);
    search->group_names = mem_zero((size_t)k, sizeof *search->group_names);
    for (int i = 0; i < k; i++)
        search->group_names[i] = mem_strdup(group_names[i]);
    search->spec = *spec;
    memset(spec, 0, sizeof *spec);
    *out = search;
    return 0;
}

void search_destroy(struct search *search)
{
    if (!search)
        return;
    for (int i = 0; i < search->plan.trials; i++)
        trial_fini(&search->trials[i]);
    for (int h = 0; h < HALVES_N; h++) {
        mem_free(search->means[h]);
        mem_free(search->stderrs[h]);
        mem_free(search->ready[h].number);
    }
    for (int i = 0; i < search->k; i++)
        mem_free(search->group_names[i]);
    mem_free(search->group_names);
    mem_free(search->trials);
    mem_free(search->ratios);
    mem_free(search->done_order);
    event_log_fini(&search->log);
    mem_free(search->reason);
    mem_free(search->close_reason);
    for (int s = 0; s < search->plan.streams_n; s++)
        proposals_fini(&search->streams[s].ready);
    tally_fini(&search->tally);
    search_spec_fini(&search->spec);
    mem_free(search);
}

const char *search_state_name(enum search_state state)
{
    return names[state];
}

bool search_state_read(const char *word, enum search_state *out)
{
    for (int i = 0; i < SEARCH_STATES_N; i++)
        if (!strcmp(word, names[i])) {
            *out = (enum search_state)i;
            return true;
        }
    return false;
}

bool search_state_is_final(enum search_state state)
{
    return moves[state] == 0;
}

bool search_may_move(enum search_state from, enum search_state to)
{
    return (moves[from] & (1u << to)) != 0;
}

void search_move(struct search *search, enum search_state to)
{
    assert(search_may_move(search->state, to));
    search->state = to;
}

bool search_has_front(const struct search *search)
{
    return search->problem.kind != OPT_IDENTIFY;
}

const double *search_ratios(const struct search *search, int number)
{
    return search->ratios + (size_t)number * (size_t)search->k;
}

const double *search_means(const struct search *search, enum half half, int number)
{
    return search->means[half] + (size_t)number * (size_t)search->m;
}

const double *search_stderrs(const struct search *search, enum half half, int number)
{
    return search->stderrs[half] + (size_t)number * (size_t)search->m;
}

static const struct score *score_find(const struct score *scores, size_t n, const char *metric)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(scores[i].metric, metric))
            return &scores[i];
    return NULL;
}

int search_objectives(const struct search *search, const struct score *scores, size_t n, double *means,
                      double *stderrs, struct err *err)
{
    for (int j = 0; j < search->m; j++) {
        const struct spec_objective *o = &search->spec.objectives[j];
        double sum = 0, squares = 0;
        for (int i = 0; i < o->metrics_n; i++) {
            const struct score *score = score_find(scores, n, o->metrics[i]);
            if (!score)
                return err_set(err, ERR_INVALID,
                               "the result has no metric \"%s\", which the objective \"%s\" is made of; "
                               "the evaluator must report it",
                               o->metrics[i], o->name);
            if (!isfinite(score->mean))
                return err_set(err, ERR_INVALID, "the mean of \"%s\" is not a finite number", o->metrics[i]);
            sum += score->mean;
            squares += score->stderr_ * score->stderr_;
        }
        means[j] = sum / o->metrics_n;
        stderrs[j] = sqrt(squares) / o->metrics_n; /* metrics taken as independent */
        if (!isfinite(means[j]))
            return err_set(err, ERR_INVALID, "objective \"%s\" overflows: its metrics are too large",
                           o->name);
    }
    return 0;
}

static void queue_add(struct job_queue *queue, int number)
{
    if (queue->n == queue->cap) {
        queue->cap = queue->cap ? 2 * queue->cap : 16;
        queue->number = mem_grow(queue->number, (size_t)queue->cap, sizeof *queue->number);
    }
    queue->number[queue->n++] = number;
}

static void queue_remove(struct job_queue *queue, int number)
{
    for (int i = 0; i < queue->n; i++)
        if (queue->number[i] == number) {
            queue->number[i] = queue->number[--queue->n];
            return;
        }
    assert(!"a ready job is in the queue, by (2)");
}

void search_trial_move(struct search *search, int number, enum half half, enum trial_state to)
{
    assert(number >= 0 && number < search->plan.trials);
    struct trial *trial = &search->trials[number];
    enum trial_state from = trial->job[half].state;
    trial_move(trial, half, to);
    search->count[half][from]--;
    search->count[half][to]++;
    if (from == TRIAL_READY)
        queue_remove(&search->ready[half], number);
    if (to == TRIAL_READY)
        queue_add(&search->ready[half], number);
    if (to == TRIAL_DONE && half == HALF_SEARCH) {
        search->done_order[search->count[HALF_SEARCH][TRIAL_DONE] - 1] = number;
        search->wall_sum_s += trial->wall_s;
        if (search_has_front(search))
            tally_add(search, number);
    }
}

void search_trial_add(struct search *search, int stream, const double *ratios, const struct origin *origin,
                      int64_t wall_us)
{
    struct search_stream *s = &search->streams[stream];
    assert(s->proposed < search->plan.streams[stream].quota);
    int number = search->plan.streams[stream].first + s->proposed++;
    memcpy(search->ratios + (size_t)number * (size_t)search->k, ratios, (size_t)search->k * sizeof *ratios);
    search->trials[number].origin = *origin;
    search->trials[number].created_us = wall_us;
    search_trial_move(search, number, HALF_SEARCH, TRIAL_READY);
}

void search_minimised(const struct search *search, const double *x, double *out)
{
    for (int j = 0; j < search->m; j++)
        out[j] = search->spec.objectives[j].minimise ? x[j] : -x[j];
}

void search_event_add(struct search *search, const struct search_event *event)
{
    struct trial *trial = &search->trials[event->trial];
    event_log_add(&search->log, event);
    if (event->kind == OPT_EVENT_REOPENED)
        trial->reopened = true;
    if (event->share > trial->share)
        trial->share = event->share;
    int64_t items = event->items < ITEMS_MAX ? event->items : ITEMS_MAX;
    if (items > trial->items) {
        int64_t sum = search->items + (items - trial->items);
        search->items = sum < ITEMS_MAX ? sum : ITEMS_MAX;
        trial->items = items;
    }
}

static void check_half(const struct search *search, enum half half)
{
    int count[TRIAL_STATES_N] = {0};
    for (int i = 0; i < search->plan.trials; i++)
        count[search->trials[i].job[half].state]++;
    for (int s = 0; s < TRIAL_STATES_N; s++)
        assert(count[s] == search->count[half][s]); /* (1) */
    const struct job_queue *queue = &search->ready[half];
    assert(queue->n == count[TRIAL_READY]);
    for (int i = 0; i < queue->n; i++)
        assert(search->trials[queue->number[i]].job[half].state == TRIAL_READY); /* (2) */
}

void search_check(const struct search *search)
{
    for (int h = 0; h < HALVES_N; h++)
        check_half(search, (enum half)h);
    for (int i = 0; i < search->plan.trials; i++) {
        const struct trial *t = &search->trials[i];
        bool absent = t->job[HALF_SEARCH].state == TRIAL_ABSENT;
        assert(absent == (t->step >= search->streams[t->stream].proposed)); /* (3) */
    }
    for (int s = 0; s < search->plan.streams_n; s++)
        assert(search->streams[s].proposed + search->streams[s].ready.n <=
               search->plan.streams[s].quota); /* (6) */
    for (int i = 0; i < search->count[HALF_SEARCH][TRIAL_DONE]; i++)
        assert(search->trials[search->done_order[i]].job[HALF_SEARCH].state == TRIAL_DONE); /* (4) */
    struct err err = {0};
    int rc = search_log_check(search, &err); /* (7) */
    assert(rc == 0);
}
