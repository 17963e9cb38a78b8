/* WHAT   A whole search in a loop: plan, propose, score, until every quota is used.
 * WHO    The tests of the optimizer.
 * UNITS  As optimizer.h.
 * MEMORY init/fini.
 * ERRORS Asserts.
 * STATE  The history. */
#ifndef TESTS_UNIT_OPTIMIZER_FAKE_SEARCH_H
#define TESTS_UNIT_OPTIMIZER_FAKE_SEARCH_H

#include "optimizer/optimizer.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* scores: [m]; false: the trial failed */
typedef bool fake_objective(const double *ratios, int k, double *scores, int m);

struct fake_search {
    struct opt_problem problem;
    struct opt_plan plan;
    struct opt_history history;
    enum opt_state *state;
    double *ratios, *scores;
};

/* One range for all, nothing tied. */
static inline void fake_range(struct opt_problem *p, double lower, double upper)
{
    for (int i = 0; i < OPT_K_MAX; i++) {
        p->low[i] = lower;
        p->high[i] = upper;
        p->tie[i] = i;
    }
}

static inline struct opt_problem fake_problem(enum opt_kind kind, int k, int m, int trials)
{
    struct opt_problem p = {.k = k,
                            .m = m,
                            .kind = kind,
                            .trials = trials,
                            .sweep_points = 6,
                            .means = {0.2, 0.4, 0.6},
                            .means_n = 3,
                            .streams = 4,
                            .rho = 0.05,
                            .algorithm = "LN_COBYLA",
                            .initial_step = 0.25,
                            .seed = 7};
    fake_range(&p, 0, 1);
    return p;
}

/* Random ranges, ties and frozen ratios; at least `free_n` ratios stay free of one another. */
static inline void fake_bounds(struct opt_problem *p, struct rng *rng, int free_n)
{
    int all = p->k;
    for (int i = 0; i < all; i++) {
        double a = rng_uniform(rng), b = rng_uniform(rng), chance = rng_uniform(rng);
        p->tie[i] = i;
        p->low[i] = 0;
        p->high[i] = 1;
        if (chance < 0.3) { /* a range of its own, now and then a very narrow one or one outside of [0, 1] */
            p->low[i] = chance < 0.05 ? -a : fmin(a, b);
            p->high[i] = chance < 0.1 ? p->low[i] + 2e-6 : fmax(fmax(a, b), p->low[i] + 0.01);
        } else if (chance < 0.5 && i >= free_n) {
            p->low[i] = p->high[i] = chance < 0.35 ? 0 : chance < 0.4 ? 1 : a;
        } else if (chance < 0.7 && i >= free_n) {
            p->tie[i] = p->tie[(int)(b * i)];
            p->low[i] = p->low[p->tie[i]];
            p->high[i] = p->high[p->tie[i]];
        }
    }
}

static inline void fake_init(struct fake_search *f, const struct opt_problem *problem)
{
    struct err err = {0};
    *f = (struct fake_search){.problem = *problem};
    if (opt_plan_make(problem, &f->plan, &err))
        fail_msg("%s", err.text);
    size_t n = (size_t)f->plan.trials;
    f->state = mem_zero(n, sizeof *f->state);
    f->ratios = mem_zero(n * (size_t)problem->k, sizeof(double));
    f->scores = mem_zero(n * (size_t)problem->m, sizeof(double));
    f->history = (struct opt_history){
        .n = f->plan.trials, .state = f->state, .ratios = f->ratios, .scores = f->scores};
}

static inline void fake_fini(struct fake_search *f)
{
    mem_free(f->state);
    mem_free(f->ratios);
    mem_free(f->scores);
}

static inline double *fake_ratios(struct fake_search *f, int number)
{
    return &f->ratios[(size_t)number * (size_t)f->problem.k];
}

static inline double *fake_scores(struct fake_search *f, int number)
{
    return &f->scores[(size_t)number * (size_t)f->problem.m];
}

/* The ratios alone, without a model. */
static inline int fake_ask(const struct opt_problem *problem, const struct opt_plan *plan,
                           const struct opt_history *history, int stream, double *ratios, struct err *err)
{
    struct opt_proposal proposal;
    int rc = opt_propose(problem, plan, history, stream, NULL, &proposal, err);
    if (!rc)
        memcpy(ratios, proposal.ratios, sizeof *ratios * (size_t)problem->k);
    return rc;
}

/* Proposes and scores the next step of a stream; false when it is not ready. Returns its number in
 * *number. */
static inline bool fake_step(struct fake_search *f, int stream, fake_objective *objective, int *number)
{
    struct err err = {0};
    double ratios[OPT_K_MAX];
    int rc = fake_ask(&f->problem, &f->plan, &f->history, stream, ratios, &err);
    if (rc == ERR_NOT_READY)
        return false;
    if (rc)
        fail_msg("%s", err.text);
    int at = f->plan.streams[stream].first;
    while (f->state[at] != OPT_ABSENT)
        at++;
    memcpy(fake_ratios(f, at), ratios, sizeof *ratios * (size_t)f->problem.k);
    f->state[at] = objective(ratios, f->problem.k, fake_scores(f, at), f->problem.m) ? OPT_DONE : OPT_FAILED;
    if (number)
        *number = at;
    return true;
}

static inline void fake_run(struct fake_search *f, fake_objective *objective)
{
    for (int s = 0; s < f->plan.streams_n; s++)
        while (fake_step(f, s, objective, NULL))
            ;
    for (int i = 0; i < f->plan.trials; i++)
        assert_true(f->state[i] == OPT_DONE || f->state[i] == OPT_FAILED);
}

static inline double fake_mean(const double *ratios, int k)
{
    double sum = 0;
    for (int i = 0; i < k; i++)
        sum += ratios[i];
    return sum / k;
}

/* Two smooth conflicting objectives with an interaction between groups; enough to have a front. */
static inline bool fake_bowl(const double *ratios, int k, double *scores, int m)
{
    for (int j = 0; j < m; j++) {
        scores[j] = 0;
        for (int i = 0; i < k; i++) {
            double away = ratios[i] - (0.15 + 0.7 * ((i + 2 * j) % 3) / 2.0);
            scores[j] += away * away * (1 + 0.3 * ((i + j) % 2));
            scores[j] += i > 0 ? 0.2 * away * (ratios[i - 1] - 0.5) : 0;
        }
    }
    return true;
}

#endif
