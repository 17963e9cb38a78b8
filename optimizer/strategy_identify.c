#include "optimizer/strategy.h"

/* Trials differ by the items that they evaluate, not by their ratios. */
void identify_ratios(const struct opt_problem *problem, double *ratios)
{
    for (int i = 0; i < problem->k; i++)
        ratios[i] = problem->low[i] == problem->high[i] ? problem->low[i] : problem->ratio;
}
