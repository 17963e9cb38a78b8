#include "optimizer/strategy.h"

#include <math.h>

static int check(const struct opt_problem *problem, const struct opt_plan *plan,
                 const struct opt_history *history, int stream, struct err *err)
{
    if (stream < 0 || stream >= plan->streams_n)
        return err_set(err, ERR_INVALID, "stream %d does not exist: the plan has %d", stream,
                       plan->streams_n);
    if (history->n != plan->trials || plan->trials != problem->given + problem->trials)
        return err_set(err, ERR_INVALID, "the history has %d trials, the plan %d and the budget %d",
                       history->n, plan->trials, problem->given + problem->trials);
    return 0;
}

static int first_absent(const struct opt_stream *stream, const struct opt_history *history)
{
    int step = 0;
    while (step < stream->quota && history->state[stream->first + step] != OPT_ABSENT)
        step++;
    return step;
}

static int propose_modelled(const struct opt_problem *problem, const struct opt_plan *plan,
                            const struct opt_history *history, int stream, struct opt_model *model,
                            struct opt_proposal *out, struct err *err)
{
    return problem->kind == OPT_BAYES ? bayes_propose(problem, plan, history, stream, model, out, err)
                                      : quadratic_propose(problem, plan, history, stream, model, out, err);
}

int opt_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                const struct opt_history *history, int stream, struct opt_model *model,
                struct opt_proposal *out, struct err *err)
{
    int rc = check(problem, plan, history, stream, err);
    if (rc)
        return rc;
    const struct opt_stream *s = &plan->streams[stream];
    int step = first_absent(s, history);
    *out = (struct opt_proposal){.trial = s->first + step, .repeat_of = -1, .gain = NAN};
    if (s->kind == OPT_HMA)
        return hma_propose(problem, plan, history, stream, out->ratios, err);
    if (s->kind == OPT_SCALARIZE)
        return scalarize_propose(problem, plan, history, stream, out->ratios, err);
    if (step == s->quota)
        return err_set(err, ERR_NOT_READY, "stream %d has used up its %d trials", stream, s->quota);
    if (s->modelled)
        return propose_modelled(problem, plan, history, stream, model, out, err);
    if (s->kind == OPT_SWEEP)
        sweep_ratios(problem, s->quota, step, out->ratios);
    else
        sobol_ratios(problem, stream, step, out->ratios);
    return 0;
}
