/* WHAT   A whole modelled search with workers that answer in shuffled order: proposals, slices, failures, trials that are
 *        stopped and reopened, and the log of events from which every proposal is derived again.
 * WHO    The tests of bayes and quadratic.
 * UNITS  As optimizer.h.
 * MEMORY init/fini.
 * ERRORS Asserts.
 * STATE  The log. */
#ifndef TESTS_UNIT_OPTIMIZER_MODEL_SEARCH_H
#define TESTS_UNIT_OPTIMIZER_MODEL_SEARCH_H

#include "fake_search.h"

#define LOG_MAX 4000

struct model_search {
    struct fake_search fake; /* problem, plan, history; history.event is the log */
    struct opt_event event[LOG_MAX];
    double means[LOG_MAX][OPT_M_MAX], stderrs[LOG_MAX][OPT_M_MAX];
    struct opt_proposal *made; /* [plan.trials], what was proposed */
    double *share;             /* [plan.trials], scored so far */
    bool *stopped;             /* [plan.trials] */
    int *running, running_n, workers;
    double noise, failures; /* standard deviation of a score; chance of a failure */
    bool slices;
    fake_objective *objective;
    struct opt_model *model;
    struct rng rng;
};

static inline void model_search_init(struct model_search *s, const struct opt_problem *problem, int workers,
                                     fake_objective *objective, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    fake_init(&s->fake, problem);
    size_t n = (size_t)s->fake.plan.trials;
    s->made = mem_zero(n, sizeof *s->made);
    s->share = mem_zero(n, sizeof *s->share);
    s->stopped = mem_zero(n, sizeof *s->stopped);
    s->running = mem_zero(n, sizeof *s->running);
    s->workers = workers;
    s->objective = objective;
    s->model = opt_model_create();
    s->fake.history.event = s->event;
    rng_seed(&s->rng, seed, 99);
}

static inline void model_search_fini(struct model_search *s)
{
    fake_fini(&s->fake);
    mem_free(s->made);
    mem_free(s->share);
    mem_free(s->stopped);
    mem_free(s->running);
    opt_model_destroy(s->model);
}

static inline double model_search_normal(struct model_search *s)
{
    double radius = sqrt(-2 * log(1 - rng_uniform(&s->rng)));
    return radius * cos(2 * M_PI * rng_uniform(&s->rng));
}

/* Adds an event; share 0: one without scores. */
static inline void model_search_log(struct model_search *s, int trial, enum opt_event_kind kind, double share)
{
    int at = s->fake.history.events_n++;
    assert_true(at < LOG_MAX);
    s->event[at] = (struct opt_event){.trial = trial, .kind = kind, .share = share};
    if (kind == OPT_EVENT_REOPENED || kind == OPT_EVENT_FAILED)
        return;
    int m = s->fake.problem.m;
    s->objective(fake_ratios(&s->fake, trial), s->fake.problem.k, s->means[at], m);
    for (int j = 0; j < m; j++) {
        s->stderrs[at][j] = s->noise > 0 ? s->noise / sqrt(share) : 0;
        s->means[at][j] += s->stderrs[at][j] * model_search_normal(s);
    }
    s->event[at].means = s->means[at];
    s->event[at].stderrs = s->stderrs[at];
}

/* The next proposal of the first stream that has one; false: none is ready. */
static inline bool model_search_ask(struct model_search *s)
{
    struct opt_proposal p;
    for (int stream = 0; stream < s->fake.plan.streams_n; stream++) {
        struct err err = {0};
        int rc = opt_propose(&s->fake.problem, &s->fake.plan, &s->fake.history, stream, s->model, &p, &err);
        if (rc == ERR_NOT_READY)
            continue;
        if (rc)
            fail_msg("%s", err.text);
        s->made[p.trial] = p;
        s->fake.state[p.trial] = OPT_PENDING;
        memcpy(fake_ratios(&s->fake, p.trial), p.ratios, sizeof *p.ratios * (size_t)s->fake.problem.k);
        s->running[s->running_n++] = p.trial;
        return true;
    }
    return false;
}

static inline bool model_search_is_end(const struct model_search *s, int trial)
{
    return trial < s->fake.problem.given + 2;
}

static inline void model_search_settle(struct model_search *s, int at, enum opt_event_kind kind, double share)
{
    int trial = s->running[at];
    model_search_log(s, trial, kind, share);
    s->running[at] = s->running[--s->running_n];
    s->stopped[trial] = kind == OPT_EVENT_STOPPED;
    s->fake.state[trial] = kind == OPT_EVENT_FAILED ? OPT_FAILED : OPT_DONE;
}

/* Something happens to a running trial, or a stopped one is taken up again. */
static inline void model_search_progress(struct model_search *s)
{
    int at = (int)(rng_uniform(&s->rng) * s->running_n), trial = s->running[at];
    double chance = rng_uniform(&s->rng);
    if (chance < s->failures) {
        model_search_settle(s, at, OPT_EVENT_FAILED, 0);
    } else if (!s->slices || s->share[trial] >= 0.7 || chance > 0.9) {
        model_search_settle(s, at, OPT_EVENT_DONE, 1);
    } else if (s->share[trial] >= 0.25 && chance > 0.6 && !model_search_is_end(s, trial)) {
        model_search_settle(s, at, OPT_EVENT_STOPPED, s->share[trial]);
    } else {
        s->share[trial] += 0.25;
        model_search_log(s, trial, OPT_EVENT_SLICE, s->share[trial]);
    }
    for (int t = 0; t < s->fake.plan.trials && s->slices; t++)
        if (s->stopped[t] && rng_uniform(&s->rng) < 0.03) {
            model_search_log(s, t, OPT_EVENT_REOPENED, 0);
            s->stopped[t] = false;
            s->fake.state[t] = OPT_PENDING;
            s->running[s->running_n++] = t;
        }
}

static inline void model_search_run(struct model_search *s)
{
    for (;;) {
        bool asked = s->running_n < s->workers && model_search_ask(s);
        if (!asked && s->running_n == 0)
            break;
        if (s->running_n > 0 && (!asked || rng_uniform(&s->rng) < 0.3))
            model_search_progress(s);
    }
    for (int i = 0; i < s->fake.plan.trials; i++)
        assert_true(s->fake.state[i] != OPT_ABSENT);
}

/* A modelled trial from the log alone: what comes after its watermark, and trials with higher numbers, are unknown. */
static inline void model_search_again(const struct model_search *s, int trial, struct opt_model *model,
                                      struct opt_proposal *out)
{
    const struct opt_plan *plan = &s->fake.plan;
    enum opt_state *state = mem_zero((size_t)plan->trials, sizeof *state);
    for (int t = 0; t < trial; t++)
        state[t] = OPT_PENDING;
    struct opt_history history = s->fake.history;
    history.state = state;
    history.events_n = s->made[trial].watermark;
    struct err err = {0};
    if (opt_propose(&s->fake.problem, plan, &history, plan->streams_n - 1, model, out, &err))
        fail_msg("%s", err.text);
    mem_free(state);
}

static inline bool model_search_same(const struct opt_proposal *a, const struct opt_proposal *b, int k)
{
    return a->trial == b->trial && a->watermark == b->watermark && a->path == b->path &&
           a->repeat_of == b->repeat_of && memcmp(&a->gain, &b->gain, sizeof a->gain) == 0 &&
           memcmp(a->ratios, b->ratios, sizeof *a->ratios * (size_t)k) == 0;
}

#endif
