#include "optimizer/strategy.h"

static int check(const struct opt_problem *problem, const struct opt_plan *plan,
                 const struct opt_history *history, int stream, struct err *err)
{
    if (stream < 0 || stream >= plan->streams_n)
        return err_set(err, ERR_INVALID, "stream %d does not exist: the plan has %d", stream,
                       plan->streams_n);
    if (history->n != plan->trials || plan->trials != problem->trials)
        return err_set(err, ERR_INVALID, "the history has %d trials, the plan %d and the budget %d",
                       history->n, plan->trials, problem->trials);
    return 0;
}

static int first_absent(const struct opt_stream *stream, const struct opt_history *history)
{
    int step = 0;
    while (step < stream->quota && history->state[stream->first + step] != OPT_ABSENT)
        step++;
    return step;
}

int opt_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                const struct opt_history *history, int stream, double *ratios, struct err *err)
{
    int rc = check(problem, plan, history, stream, err);
    if (rc)
        return rc;
    const struct opt_stream *s = &plan->streams[stream];
    if (s->kind == OPT_HMA)
        return hma_propose(problem, plan, history, stream, ratios, err);
    if (s->kind == OPT_SCALARIZE)
        return scalarize_propose(problem, plan, history, stream, ratios, err);
    int step = first_absent(s, history);
    if (step == s->quota)
        return err_set(err, ERR_NOT_READY, "stream %d has used up its %d trials", stream, s->quota);
    if (s->kind == OPT_SWEEP)
        sweep_ratios(problem, s->quota, step, ratios);
    else
        sobol_ratios(problem, stream, step, ratios);
    return 0;
}
