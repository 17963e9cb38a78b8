#include "optimizer/space.h"

#include <assert.h>
#include <math.h>

#define NEWTON_STEPS_MAX 200

static double clip(double x, double lower, double upper)
{
    return x < lower ? lower : x > upper ? upper : x;
}

bool slice_holds(const double *ratios, int k, double lower, double upper, double mean)
{
    double sum = 0;
    for (int i = 0; i < k; i++) {
        if (!(ratios[i] >= lower && ratios[i] <= upper))
            return false;
        sum += ratios[i];
    }
    double scale = fmax(fmax(fabs(lower), fabs(upper)), upper - lower);
    return fabs(sum / k - mean) <= 1e-12 * scale;
}

/* The shift t with sum clip(v + t) = k * mean. The sum is piecewise linear and rising in t, so Newton steps
 * kept inside a bracket end after at most a few pieces; bisection takes over where the slope is zero. */
static double find_shift(const double *v, int k, double lower, double upper, double mean)
{
    double v_min = v[0], v_max = v[0];
    for (int i = 1; i < k; i++) {
        v_min = fmin(v_min, v[i]);
        v_max = fmax(v_max, v[i]);
    }
    double t_low = lower - v_max, t_high = upper - v_min, t = 0;
    for (int step = 0; step < NEWTON_STEPS_MAX; step++) {
        double sum = 0;
        int free_n = 0;
        for (int i = 0; i < k; i++) {
            double x = v[i] + t;
            free_n += x > lower && x < upper;
            sum += clip(x, lower, upper);
        }
        double missing = k * mean - sum;
        if (missing == 0)
            break;
        if (missing > 0)
            t_low = fmax(t_low, t);
        else
            t_high = fmin(t_high, t);
        double next = free_n > 0 ? t + missing / free_n : t_low;
        if (!(next > t_low && next < t_high))
            next = t_low + (t_high - t_low) / 2;
        if (next == t)
            break;
        t = next;
    }
    return t;
}

void slice_project(const double *v, int k, double lower, double upper, double mean, double *ratios)
{
    for (int i = 0; i < k; i++)
        ratios[i] = v[i];
    if (slice_holds(ratios, k, lower, upper, mean))
        return;
    double t = find_shift(v, k, lower, upper, mean);
    for (int i = 0; i < k; i++)
        ratios[i] = clip(v[i] + t, lower, upper);
    assert(slice_holds(ratios, k, lower, upper, mean));
}
