/* WHAT   An event log filled by hand, and a problem that goes with it: what insight is made of.
 * WHO    test_insight.c, test_posterior.c, test_promise.c.
 * UNITS  As optimizer.h.
 * MEMORY init/fini.
 * ERRORS Asserts.
 * STATE  The history. */
#ifndef TESTS_UNIT_OPTIMIZER_INSIGHT_LOG_H
#define TESTS_UNIT_OPTIMIZER_INSIGHT_LOG_H

#include "optimizer/optimizer.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

struct insight_log {
    struct opt_problem problem;
    struct opt_plan plan;
    struct opt_history history;
    enum opt_state *state; /* [n] */
    double *ratios;        /* [n][k] */
    double *scores;        /* [n][m] */
    struct opt_event *event;
};

static inline void log_init(struct insight_log *log, int k, int m, int n, uint64_t seed)
{
    *log = (struct insight_log){
        .problem = {
            .k = k, .m = m, .kind = OPT_BAYES, .trials = n, .sweep_points = 2, .design = -1, .seed = seed}};
    for (int i = 0; i < k; i++) {
        log->problem.high[i] = 1;
        log->problem.tie[i] = i;
    }
    struct err err = {0};
    if (opt_plan_make(&log->problem, &log->plan, &err))
        fail_msg("%s", err.text);
    assert_int_equal(log->plan.trials, n);
    log->state = mem_zero((size_t)n + 1, sizeof *log->state);
    log->ratios = mem_zero((size_t)(n * k) + 1, sizeof *log->ratios);
    log->scores = mem_zero((size_t)(n * m) + 1, sizeof *log->scores);
    log->history =
        (struct opt_history){.n = n, .state = log->state, .ratios = log->ratios, .scores = log->scores};
}

/* All but the first events_n events. */
static inline void log_forget(struct insight_log *log, int events_n)
{
    for (int i = events_n; i < log->history.events_n; i++) {
        mem_free((void *)log->event[i].means);
        mem_free((void *)log->event[i].stderrs);
    }
    log->history.events_n = events_n;
}

static inline void log_fini(struct insight_log *log)
{
    log_forget(log, 0);
    mem_free(log->event);
    mem_free(log->state);
    mem_free(log->ratios);
    mem_free(log->scores);
}

/* means, stderrs: [m], or NULL together */
static inline void log_add(struct insight_log *log, int trial, enum opt_event_kind kind, double share,
                           const double *means, const double *stderrs)
{
    size_t m = (size_t)log->problem.m * sizeof *means;
    int at = log->history.events_n++;
    log->event = mem_grow(log->event, (size_t)log->history.events_n, sizeof *log->event);
    log->event[at] = (struct opt_event){trial, kind, share, means ? mem_copy(means, m) : NULL,
                                        means ? mem_copy(stderrs, m) : NULL};
    log->history.event = log->event;
    log->state[trial] = kind == OPT_EVENT_DONE     ? OPT_DONE
                        : kind == OPT_EVENT_FAILED ? OPT_FAILED
                                                   : OPT_PENDING;
    if (kind == OPT_EVENT_DONE)
        memcpy(&log->scores[trial * log->problem.m], means, m);
}

static inline double *log_ratios(const struct insight_log *log, int trial)
{
    return &log->ratios[trial * log->problem.k];
}

/* The ends of the sweep, then uniform points; all of them proposed. */
static inline void log_place(struct insight_log *log, struct rng *rng)
{
    for (int t = 0; t < log->history.n; t++) {
        log->state[t] = OPT_PENDING;
        for (int i = 0; i < log->problem.k; i++)
            log_ratios(log, t)[i] = t < 2 ? t : rng_uniform(rng);
    }
}

static inline double log_normal(struct rng *rng)
{
    double radius = sqrt(-2 * log(1 - rng_uniform(rng)));
    return radius * cos(2 * M_PI * rng_uniform(rng));
}

/* Smooth objectives that pull in different directions: squared distances from m points of their own. */
struct bowls {
    double at[OPT_M_MAX][OPT_K_MAX];
};

static inline void bowls_make(struct bowls *bowls, int k, int m, struct rng *rng)
{
    for (int j = 0; j < m; j++)
        for (int i = 0; i < k; i++)
            bowls->at[j][i] = rng_uniform(rng);
}

static inline void bowls_value(const struct bowls *bowls, int k, int m, const double *ratios, double *f)
{
    for (int j = 0; j < m; j++) {
        f[j] = 0;
        for (int i = 0; i < k; i++)
            f[j] += (ratios[i] - bowls->at[j][i]) * (ratios[i] - bowls->at[j][i]) / k;
    }
}

/* Every trial scored once, with normal noise of standard deviation `noise`, which is also what is reported. */
static inline void log_score_all(struct insight_log *log, const struct bowls *bowls, double noise,
                                 struct rng *rng)
{
    double f[OPT_M_MAX], stderrs[OPT_M_MAX];
    for (int t = 0; t < log->history.n; t++) {
        bowls_value(bowls, log->problem.k, log->problem.m, log_ratios(log, t), f);
        for (int j = 0; j < log->problem.m; j++) {
            f[j] += noise > 0 ? noise * log_normal(rng) : 0;
            stderrs[j] = noise;
        }
        log_add(log, t, OPT_EVENT_DONE, 1, f, stderrs);
    }
}

static inline bool truly_dominates(const double *a, const double *b, int m)
{
    bool no_worse = true, better = false;
    for (int j = 0; j < m; j++) {
        no_worse &= a[j] <= b[j];
        better |= a[j] < b[j];
    }
    return no_worse && better;
}

#endif
