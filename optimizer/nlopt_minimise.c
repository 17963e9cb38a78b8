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
    double worst;              /* finite value seen */
    double start[D_MAX], start_value,
        start_gradient[D_MAX]; /* known before NLopt asks; gradient of the free ones */
    double scale; /* what values are multiplied by for NLopt: its first step is the gradient's length */
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

/* The start is asked for before NLopt does: its gradient says how long a first step would be. */
static void ask_start(struct state *state)
{
    const struct minimise_run *run = state->run;
    double norm = 0;
    bool gradient = strncmp(run->algorithm, "LD_", 3) == 0;
    state->calls++;
    memcpy(state->start, state->x, sizeof state->start);
    state->start_value = ask(state, gradient ? state->start_gradient : NULL);
    for (int i = 0; i < state->n; i++)
        norm += state->start_gradient[i] * state->start_gradient[i];
    if (run->step > 0 && norm > run->step * run->step)
        state->scale = run->step / sqrt(norm);
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
        return very_bad(state) * state->scale;
    }
    for (int i = 0; i < state->n; i++) {
        int k = state->free[i];
        state->x[k] = clip(z[i], run->lower[k], run->upper[k]);
    }
    double value = state->start_value;
    if (memcmp(state->x, state->start, (size_t)run->d * sizeof *state->x) == 0) {
        for (int i = 0; gradient && i < state->n; i++)
            gradient[i] = state->start_gradient[i];
    } else {
        state->calls++;
        value = ask(state, gradient);
    }
    for (int i = 0; gradient && i < state->n; i++)
        gradient[i] *= state->scale;
    return value * state->scale;
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
           nlopt_set_ftol_abs(state->opt, run->ftol_abs * state->scale) >= 0 &&
           nlopt_set_xtol_abs1(state->opt, fmax(run->xtol_abs, 1e-12)) >= 0 &&
           nlopt_set_maxeval(state->opt, run->calls_max) >= 0;
}

double nlopt_minimise(const struct minimise_run *run, double *x)
{
    assert(run->d >= 1 && run->d <= D_MAX && run->calls_max > 0);
    struct state state = {.run = run, .least = INFINITY, .scale = 1};
    double z[D_MAX], minimum;
    project(run, x);
    memcpy(state.x, x, (size_t)run->d * sizeof *x);
    memcpy(state.best, x, (size_t)run->d * sizeof *x);
    for (int i = 0; i < run->d; i++)
        if (run->lower[i] < run->upper[i])
            state.free[state.n++] = i;
    for (int i = 0; i < state.n; i++)
        z[i] = x[state.free[i]];
    ask_start(&state);
    if (state.n > 0 && set_up(&state)) {
        /* None of these algorithms draws a number; were one to, it would not be the clock's. The result code says nothing that
         * the points themselves do not say better. */
        nlopt_srand(1);
        nlopt_optimize(state.opt, z, &minimum);
    }
    nlopt_destroy(state.opt);
    memcpy(x, state.best, (size_t)run->d * sizeof *x);
    return state.least;
}
