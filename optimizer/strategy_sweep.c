#include "optimizer/strategy.h"

/* Position on the ascending grid. Both ends first: every later score is read against them. Then the middle
 * and its neighbours by turns, since the ends of the trade-off say least. */
static int position(int n, int step)
{
    if (step == 0)
        return 0;
    if (step == 1)
        return n - 1;
    int inner = n - 2, s = step - 2, middle = inner / 2;
    int place = s % 2 ? middle - (s + 1) / 2 : middle + s / 2;
    /* An odd number of places has as many below the middle as above it, an even number one more below. */
    return 1 + place;
}

void sweep_ratios(const struct opt_problem *problem, int n, int step, double *ratios)
{
    int at = position(n, step);
    /* Rounded once where the bounds are 0 and 1: point 3 of 0 … 10 is 0.3 exactly as a reader of "0.3" gets
     * it, so that the sweep's point can answer for the start of a stream at that mean. */
    double ratio = (problem->lower * (n - 1 - at) + problem->upper * at) / (n - 1);
    if (at == 0)
        ratio = problem->lower;
    if (at == n - 1)
        ratio = problem->upper;
    for (int i = 0; i < problem->k; i++)
        ratios[i] = ratio + 0.0;
}
