#include "optimizer/space.h"

#include <assert.h>
#include <math.h>

#define NEWTON_STEPS_MAX 200

static double clip(double x, const struct range *range)
{
    return x < range->low ? range->low : x > range->high ? range->high : x;
}

double slice_sum(const struct range *range, const double *x, int from, int to)
{
    double sum = 0;
    for (int i = from; i < to;) {
        int weight = 0, first = i;
        for (; i < to && x[i] == x[first]; i++)
            weight += range[i].weight;
        sum += weight * x[first];
    }
    return sum;
}

static int total_weight(const struct range *range, int n)
{
    int weight = 0;
    for (int i = 0; i < n; i++)
        weight += range[i].weight;
    return weight;
}

bool slice_holds(const struct range *range, int n, double mean, const double *x)
{
    double sum = 0, scale = 0;
    for (int i = 0; i < n; i++) {
        if (!(x[i] >= range[i].low && x[i] <= range[i].high))
            return false;
        sum += range[i].weight * x[i];
        scale = fmax(scale, fmax(fabs(range[i].low), fabs(range[i].high)));
        scale = fmax(scale, range[i].high - range[i].low);
    }
    return fabs(sum / total_weight(range, n) - mean) <= 1e-12 * scale;
}

/* The interval of shifts that matter: left of it every x is at its low end, right of it at its high end. */
static void bracket(const struct range *range, int n, const double *v, double *t_low, double *t_high)
{
    *t_low = INFINITY;
    *t_high = -INFINITY;
    for (int i = 0; i < n; i++) {
        *t_low = fmin(*t_low, range[i].low - v[i]);
        *t_high = fmax(*t_high, range[i].high - v[i]);
    }
}

/* The shift t with sum weight clip(v + t) = W * mean. The sum is piecewise linear and rising in t, so Newton steps
 * kept inside a bracket end after at most a few pieces; bisection takes over where the slope is zero. That a shift
 * and a clip is the projection: the Lagrange condition is weight_i (x_i - v_i) = t weight_i inside the ranges (the
 * continuous quadratic knapsack problem; Brucker, Operations Research Letters 3, 1984). */
static double find_shift(const struct range *range, int n, double mean, const double *v)
{
    double t_low, t_high, t = 0;
    int weights = total_weight(range, n);
    bracket(range, n, v, &t_low, &t_high);
    for (int step = 0; step < NEWTON_STEPS_MAX; step++) {
        double sum = 0;
        int slope = 0;
        for (int i = 0; i < n; i++) {
            double x = v[i] + t;
            slope += x > range[i].low && x < range[i].high ? range[i].weight : 0;
            sum += range[i].weight * clip(x, &range[i]);
        }
        double missing = weights * mean - sum;
        if (missing == 0)
            break;
        if (missing > 0)
            t_low = fmax(t_low, t);
        else
            t_high = fmin(t_high, t);
        double next = slope > 0 ? t + missing / slope : t_low;
        if (!(next > t_low && next < t_high))
            next = t_low + (t_high - t_low) / 2;
        if (next == t)
            break;
        t = next;
    }
    return t;
}

void slice_project(const struct range *range, int n, double mean, const double *v, double *x)
{
    for (int i = 0; i < n; i++)
        x[i] = v[i];
    if (slice_holds(range, n, mean, x))
        return;
    double t = find_shift(range, n, mean, v);
    for (int i = 0; i < n; i++)
        x[i] = clip(v[i] + t, &range[i]);
    assert(slice_holds(range, n, mean, x));
}
