#include "optimizer/strategy.h"

#include <math.h>

void sobol_ratios(const struct opt_problem *problem, int stream, int step, double *ratios)
{
    struct space space;
    space_box(&space, problem);
    space_sample(&space, problem->seed, (uint64_t)stream, (uint64_t)step, ratios);
}
