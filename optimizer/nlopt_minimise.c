#include "optimizer/nlopt_minimise.h"

#include <assert.h>
#include <math.h>
#include <nlopt.h>
#include <stdbool.h>
#include <string.h>

#define D_MAX MINIMISE_D_MAX
#define FEASIBLE 1e-9

struct state {
    const struct minimise_run *run;
    nlopt_opt opt;
    int n, free[D_MAX];        /* coordinates whose bounds differ: NLopt sees these alone */
    double x[D_MAX];           /* all of them, as last asked */
    double best[D_MAX], least; /* of the feasible points */
    double worst;              /* finite value seen, least when none */
    int calls;
    bool stopped;
};

static double clip(double x, double low, double high)
{
    return !(x > low) ? low : x > high ? high : x; /* NaN counts as low */
}

static double residual(const struct minimise_run *run, const double *x)
{
    double sum = -run->target;
    for (int i = 0; i < run->d; i++)
        sum += run->coefficient[i] * x[i];
    return sum;
}

/* The nearest point of the box with sum coefficient_i x_i = target: x_i = clip(x_i + t coefficient_i), t by bisection. */
static void project(const struct minimise_run *run, double *x)
{
    double start[D_MAX], low = -1, high = 1;
    for (int i = 0; i < run->d; i++)
        x[i] = clip(x[i], run->lower[i], run->upper[i]);
    if (!run->coefficient || fabs(residual(run, x)) <= FEASIBLE / 10)
        return;
    memcpy(start, x, (size_t)run->d * sizeof *x);
    for (int round = 0; round < 300; round++) {
        double t = round < 100 ? (residual(run, x) > 0 ? low : high) : low + (high - low) / 2;
        for (int i = 0; i < run->d; i++)
            x[i] = clip(start[i] + t * run->coefficient[i], run->lower[i], run->upper[i]);
        double over = residual(run, x);
        if (round < 100 && t == low && over > 0)
            low *= 2;
        else if (round < 100 && t == high && over < 0)
            high *= 2;
        else if (over > 0)
            high = t;
        else
            low = t;
    }
}

static bool feasible(const struct minimise_run *run, const double *x)
{
    return !run->coefficient || fabs(residual(run, x)) <= FEASIBLE;
}

/* What NLopt is told of a point without a value: worse than all it has seen, yet finite, for NaN and infinity make SLSQP, MMA and
 * CCSAQ spin and COBYLA and BOBYQA report them as success. */
static double very_bad(const struct state *state)
{
    if (!isfinite(state->least))
        return 1e6;
    return state->worst + 10 * (1 + fabs(state->worst - state->least));
}

static double ask(struct state *state, double *gradient)
{
    const struct minimise_run *run = state->run;
    double all[D_MAX] = {0};
    double value = run->value(run->arg, state->x, gradient ? all : NULL);
    bool bad = !isfinite(value);
    for (int i = 0; gradient && i < run->d; i++)
        bad = bad || !isfinite(all[i]);
    if (isfinite(value) && feasible(run, state->x) && value < state->least) {
        state->least = value;
        memcpy(state->best, state->x, sizeof state->best);
    }
    if (isfinite(value))
        state->worst = state->calls == 1 || value > state->worst ? value : state->worst;
    for (int i = 0; gradient && i < state->n; i++)
        gradient[i] = bad ? 0 : all[state->free[i]];
    return isfinite(value) ? value : very_bad(state);
}

static double call_back(unsigned n, const double *z, double *gradient, void *arg)
{
    struct state *state = arg;
    const struct minimise_run *run = state->run;
    if (state->stopped || state->calls >= run->calls_max) {
        state->stopped = true;
        nlopt_force_stop(state->opt);
        for (unsigned i = 0; gradient && i < n; i++)
            gradient[i] = 0;
        return very_bad(state);
    }
    state->calls++;
    for (int i = 0; i < state->n; i++) {
        int k = state->free[i];
        state->x[k] = clip(z[i], run->lower[k], run->upper[k]);
    }
    return ask(state, gradient);
}

static double constraint(unsigned n, const double *z, double *gradient, void *arg)
{
    struct state *state = arg;
    double x[D_MAX];
    memcpy(x, state->x, sizeof x);
    for (unsigned i = 0; i < n; i++) {
        x[state->free[i]] = z[i];
        if (gradient)
            gradient[i] = state->run->coefficient[state->free[i]];
    }
    return residual(state->run, x);
}

static bool set_up(struct state *state)
{
    const struct minimise_run *run = state->run;
    double lower[D_MAX], upper[D_MAX];
    for (int i = 0; i < state->n; i++) {
        lower[i] = run->lower[state->free[i]];
        upper[i] = run->upper[state->free[i]];
    }
    /* BOBYQA needs two coordinates. */
    bool one = state->n == 1 && strcmp(run->algorithm, "LN_BOBYQA") == 0;
    nlopt_algorithm algorithm = nlopt_algorithm_from_string(one ? "LN_COBYLA" : run->algorithm);
    state->opt = nlopt_create(algorithm, (unsigned)state->n);
    return state->opt && nlopt_set_lower_bounds(state->opt, lower) >= 0 &&
           nlopt_set_upper_bounds(state->opt, upper) >= 0 &&
           nlopt_set_min_objective(state->opt, call_back, state) >= 0 &&
           (!run->coefficient || nlopt_add_equality_constraint(state->opt, constraint, state, 1e-10) >= 0) &&
           /* Never without a tolerance (COBYLA can then spin out of reach of every limit), never with a time limit. */
           nlopt_set_ftol_abs(state->opt, run->ftol_abs) >= 0 &&
           nlopt_set_xtol_abs1(state->opt, fmax(run->xtol_abs, 1e-12)) >= 0 &&
           nlopt_set_maxeval(state->opt, run->calls_max) >= 0;
}

double nlopt_minimise(const struct minimise_run *run, double *x)
{
    assert(run->d >= 1 && run->d <= D_MAX && run->calls_max > 0);
    struct state state = {.run = run, .least = INFINITY};
    double z[D_MAX], minimum;
    project(run, x);
    memcpy(state.x, x, (size_t)run->d * sizeof *x);
    memcpy(state.best, x, (size_t)run->d * sizeof *x);
    for (int i = 0; i < run->d; i++)
        if (run->lower[i] < run->upper[i])
            state.free[state.n++] = i;
    for (int i = 0; i < state.n; i++)
        z[i] = x[state.free[i]];
    if (state.n == 0) {
        state.calls++;
        ask(&state, NULL);
    } else if (set_up(&state)) {
        nlopt_srand(
            1); /* none of these algorithms draws a number; were one to, it would not be the clock's */
        nlopt_optimize(state.opt, z,
                       &minimum); /* its code says nothing that the points themselves do not say better */
    }
    nlopt_destroy(state.opt);
    memcpy(x, state.best, (size_t)run->d * sizeof *x);
    return state.least;
}
