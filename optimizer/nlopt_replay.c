#include "optimizer/nlopt_replay.h"

#include "optimizer/optimizer.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <nlopt.h>

/* What NLopt sees after the stop: finite, since several algorithms spin or hang on NaN and infinity. */
#define AFTER_STOP 0.0

struct state {
    const struct replay_run *run;
    nlopt_opt opt;
    bool stopped;
    int calls, calls_after;
};

/* ORIG_DIRECT 2.7.1 reads outside its arrays when it is stopped at its very first point (it then has no best
 * one to report), so the flag is raised from the second call back on. */
static void stop(struct state *state)
{
    if (state->calls + state->calls_after > 1)
        nlopt_force_stop(state->opt);
}

static double ask(struct state *state, const double *z, double *value)
{
    const struct replay_run *run = state->run;
    if (!state->stopped && ++state->calls > run->calls_max)
        state->stopped = true;
    if (!state->stopped && run->ask(run->arg, z, value) == REPLAY_STOP)
        state->stopped = true;
    if (state->stopped) {
        stop(state);
        *value = AFTER_STOP;
    }
    assert(isfinite(*value));
    return *value;
}

/* BOBYQA can step out of its box by an epsilon, NEWUOA has no box. */
static void clamp(const struct replay_run *run, const double *z, double *clamped)
{
    for (int i = 0; i < run->d; i++) {
        double low = run->lower[i], high = run->upper[i];
        clamped[i] = isnan(z[i]) ? low + (high - low) / 2 : z[i] < low ? low : z[i] > high ? high : z[i];
    }
}

/* Forward differences, backward at an upper bound. Every point of them is asked for like any other. */
static void differentiate(struct state *state, double *z, double value, double *gradient)
{
    const struct replay_run *run = state->run;
    for (int i = 0; i < run->d && !state->stopped; i++) {
        double kept = z[i];
        double step = run->difference[i];
        z[i] = kept + step <= run->upper[i] ? kept + step : kept - step;
        double other = AFTER_STOP;
        ask(state, z, &other);
        gradient[i] = (other - value) / (z[i] - kept);
        z[i] = kept;
    }
    for (int i = 0; state->stopped && i < run->d; i++)
        gradient[i] = 0;
}

static double call_back(unsigned n, const double *z, double *gradient, void *arg)
{
    struct state *state = arg;
    double clamped[OPT_K_MAX], value = AFTER_STOP;
    assert((int)n == state->run->d);
    if (gradient)
        for (unsigned i = 0; i < n; i++)
            gradient[i] = 0;
    if (state->stopped) {
        state->calls_after++;
        stop(state);
        return AFTER_STOP;
    }
    clamp(state->run, z, clamped);
    ask(state, clamped, &value);
    if (gradient)
        differentiate(state, clamped, value, gradient);
    return state->stopped ? AFTER_STOP : value;
}

/* Tolerances are never left out: without one COBYLA and AUGLAG can spin inside the library, out of reach of
 * maxeval and of the stop flag. maxtime is never used: it would make a replay depend on the clock. */
static bool set_limits(nlopt_opt opt, const struct replay_run *run)
{
    return nlopt_set_xtol_abs1(opt, run->tolerance) >= 0 && nlopt_set_xtol_rel(opt, 1e-6) >= 0 &&
           nlopt_set_ftol_rel(opt, 1e-9) >= 0 && nlopt_set_maxeval(opt, run->calls_max) >= 0;
}

/* Steps lead into the box: the start of a stream is often a corner of it. */
static bool set_step(nlopt_opt opt, const struct replay_run *run)
{
    double step[OPT_K_MAX];
    for (int i = 0; i < run->d; i++) {
        double up = run->upper[i] - run->start[i], down = run->start[i] - run->lower[i];
        double size = fmin(run->step, 0.5 * (run->upper[i] - run->lower[i]));
        step[i] = up >= size || up >= down ? size : -size;
    }
    return nlopt_set_initial_step(opt, step) >= 0;
}

static bool set_local(nlopt_opt opt, const struct replay_run *run)
{
    if (!run->local)
        return true;
    nlopt_opt local = nlopt_create(nlopt_algorithm_from_string(run->local), (unsigned)run->d);
    bool ok =
        local && set_limits(local, run) && set_step(local, run) && nlopt_set_local_optimizer(opt, local) >= 0;
    nlopt_destroy(local);
    return ok;
}

int nlopt_replay(const struct replay_run *run)
{
    assert(run->d >= 1 && run->d <= OPT_K_MAX && run->tolerance > 0 && run->step > 0 && run->calls_max > 0);
    struct state state = {.run = run};
    state.opt = nlopt_create(nlopt_algorithm_from_string(run->algorithm), (unsigned)run->d);
    if (!state.opt)
        return 0;
    double z[OPT_K_MAX], minimum;
    clamp(run, run->start, z);
    bool ok = nlopt_set_lower_bounds(state.opt, run->lower) >= 0 &&
              nlopt_set_upper_bounds(state.opt, run->upper) >= 0 &&
              nlopt_set_min_objective(state.opt, call_back, &state) >= 0 && set_limits(state.opt, run) &&
              set_step(state.opt, run) && set_local(state.opt, run) &&
              (!run->population || nlopt_set_population(state.opt, (unsigned)run->population) >= 0);
    if (ok) {
        nlopt_srand((unsigned long)run->seed);
        /* The result code is of no use: success can mean an infeasible point, -4 a good one, and the best
         * point is in the caller's record. What matters is what was asked. */
        nlopt_optimize(state.opt, z, &minimum);
    }
    nlopt_destroy(state.opt);
    return state.calls_after;
}

const char *nlopt_replay_name(int i)
{
    return i >= 0 && i < NLOPT_NUM_ALGORITHMS ? nlopt_algorithm_to_string((nlopt_algorithm)i) : NULL;
}
