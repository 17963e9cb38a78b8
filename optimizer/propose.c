#include "optimizer/strategy.h"

#include "proto/mem.h"

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

/* Phase 0 is settled by the events before the watermark, and what is spread is proposed. */
static int check_modelled(const struct opt_plan *plan, const struct opt_history *history, int stream,
                          struct err *err)
{
    bool *settled = mem_zero((size_t)history->n + 1, sizeof *settled);
    for (int i = 0; i < history->events_n; i++) {
        const struct opt_event *e = &history->event[i];
        settled[e->trial] =
            e->kind == OPT_EVENT_DONE || e->kind == OPT_EVENT_STOPPED || e->kind == OPT_EVENT_FAILED;
    }
    int waits = -1;
    for (int s = 0; s < stream; s++) {
        const struct opt_stream *st = &plan->streams[s];
        for (int i = st->first; i < st->first + st->quota && waits < 0; i++)
            if (history->state[i] == OPT_ABSENT || (st->phase == 0 && !settled[i]))
                waits = i;
    }
    mem_free(settled);
    if (waits >= 0)
        return err_set(err, ERR_NOT_READY, "the model is asked when trial %d %s", waits,
                       history->state[waits] == OPT_ABSENT ? "is under way" : "has a result");
    return 0;
}

static int propose_modelled(const struct opt_problem *problem, const struct opt_plan *plan,
                            const struct opt_history *history, int stream, struct opt_model *model,
                            struct opt_proposal *out, struct err *err)
{
    int rc = check_modelled(plan, history, stream, err);
    if (rc)
        return rc;
    out->watermark = history->events_n;
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
    out->path = s->kind == OPT_SOBOL && problem->kind != OPT_SOBOL ? OPT_PATH_DESIGN : OPT_PATH_DIRECT;
    if (s->kind == OPT_SWEEP)
        sweep_ratios(problem, s->quota, step, out->ratios);
    else if (s->kind == OPT_IDENTIFY)
        identify_ratios(problem, out->ratios);
    else
        sobol_ratios(problem, stream, step, out->ratios);
    return 0;
}
