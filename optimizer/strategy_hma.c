#include "optimizer/strategy.h"

static double alignment(const void *arg, const double *scores)
{
    const struct opt_problem *problem = arg;
    return scores[problem->alignment];
}

int hma_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                const struct opt_history *history, int stream, double *ratios, struct err *err)
{
    struct record record;
    int rc = record_init(&record, problem, plan, history, stream, alignment, problem, err);
    if (rc)
        return rc;
    struct space space;
    space_slice(&space, problem, plan->streams[stream].mean);
    double level[OPT_K_MAX];
    space_spread(&space, space.level, level);
    search_next(problem, plan, stream, &space, level, problem->initial_step * space.width, &record, ratios);
    record_fini(&record);
    return 0;
}
