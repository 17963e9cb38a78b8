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

/* Rounded once where the ends are 0 and 1: point 3 of 0 … 10 is 0.3 exactly as a reader of "0.3" gets it, so that the
 * sweep's point can answer for the start of a stream at that mean. */
static double grid(double low, double high, int last, int at)
{
    return (low * (last - at) + high * at) / last;
}

/* Even in the mean of all ratios. So each vector has another mean than the others, and is the level vector of its slice,
 * where an hma stream of that mean would start. */
void sweep_ratios(const struct opt_problem *problem, int n, int step, double *ratios)
{
    struct space space;
    double x[OPT_K_MAX], lowest, highest;
    space_box(&space, problem);
    space_means(&space, &lowest, &highest);
    int at = position(n, step), last = n - 1;
    bool inside = at > 0 && at < last;
    if (inside && space.n > 1 && !space.plain)
        space_slice(&space, problem, grid(lowest, highest, last, at));
    for (int i = 0; i < space.n; i++) {
        const struct range *range = &space.range[i];
        double between = space.slice ? space.level[i] : grid(range->low, range->high, last, at);
        x[i] = at == 0 ? range->low : at == last ? range->high : between;
    }
    space_spread(&space, x, ratios);
}
