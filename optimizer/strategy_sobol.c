#include "optimizer/strategy.h"

void sobol_ratios(const struct opt_problem *problem, int stream, int step, double *ratios)
{
    struct space space;
    strategy_space(&space, problem);
    space_sample(&space, problem->seed, (uint64_t)stream, (uint64_t)step, ratios);
}

void strategy_space(struct space *space, const struct opt_problem *problem)
{
    bool modelled = problem->kind == OPT_BAYES || problem->kind == OPT_QUADRATIC;
    if (modelled && problem->has_mean)
        space_slice(space, problem, problem->mean);
    else
        space_box(space, problem);
}
