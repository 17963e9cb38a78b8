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

struct interval {
    double low, high;
};

/* The union of the free ranges as disjoint ascending intervals; returns how many. Where no range is, all ratios are at
 * an end of theirs, and a grid point there would be the one before it again. */
static int join_ranges(const struct space *space, struct interval *out)
{
    int n = 0;
    for (int i = 0; i < space->n; i++) {
        struct interval in = {space->range[i].low, space->range[i].high};
        int kept = 0;
        for (int j = 0; j < n; j++) {
            if (out[j].high < in.low || out[j].low > in.high) {
                out[kept++] = out[j];
                continue;
            }
            in.low = out[j].low < in.low ? out[j].low : in.low;
            in.high = out[j].high > in.high ? out[j].high : in.high;
        }
        for (n = kept + 1; kept > 0 && out[kept - 1].low > in.low; kept--)
            out[kept] = out[kept - 1];
        out[kept] = in;
    }
    return n;
}

/* The ratio at `at` of 0 … last, evenly spaced over the intervals laid end to end. */
static double grid_ratio(const struct interval *interval, int n, int last, int at)
{
    if (n == 1) {
        /* Rounded once where the bounds are 0 and 1: point 3 of 0 … 10 is 0.3 exactly as a reader of "0.3" gets
         * it, so that the sweep's point can answer for the start of a stream at that mean. */
        return (interval->low * (last - at) + interval->high * at) / last;
    }
    double length = 0;
    for (int i = 0; i < n; i++)
        length += interval[i].high - interval[i].low;
    double way = length * at / last;
    for (; n > 1 && way > interval->high - interval->low; interval++, n--)
        way -= interval->high - interval->low;
    return interval->low + way;
}

void sweep_ratios(const struct opt_problem *problem, int n, int step, double *ratios)
{
    struct space space;
    struct interval interval[OPT_K_MAX];
    double x[OPT_K_MAX];
    space_box(&space, problem);
    int at = position(n, step), intervals_n = join_ranges(&space, interval);
    double ratio = grid_ratio(interval, intervals_n, n - 1, at);
    for (int i = 0; i < space.n; i++) {
        const struct range *range = &space.range[i];
        x[i] = ratio < range->low || at == 0        ? range->low
               : ratio > range->high || at == n - 1 ? range->high
                                                    : ratio;
    }
    space_spread(&space, x, ratios);
}
