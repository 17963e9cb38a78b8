#include "optimizer/insight/scale.h"

#include "optimizer/front.h"
#include "proto/mem.h"

#include <math.h>

static const double REFERENCE = 0.1;

static bool equal(const double *a, const double *b, int k)
{
    for (int i = 0; i < k; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

/* The event of the first trial at `ratios` that is scored as a whole; NULL: none is. */
static const struct opt_event *end_event(const struct opt_problem *problem, const struct opt_history *history,
                                         const double *ratios)
{
    const struct opt_event *found = NULL;
    for (int i = 0; i < history->events_n; i++) {
        const struct opt_event *e = &history->event[i];
        if (e->kind == OPT_EVENT_DONE && (!found || e->trial < found->trial) &&
            equal(&history->ratios[(size_t)e->trial * (size_t)problem->k], ratios, problem->k))
            found = e;
    }
    return found;
}

bool scale_make(const struct opt_problem *problem, const struct opt_history *history, struct scale *out)
{
    const struct opt_event *low = end_event(problem, history, problem->low),
                           *high = end_event(problem, history, problem->high);
    if (!low || !high)
        return false;
    *out = (struct scale){.m = problem->m, .low = low->trial, .high = high->trial};
    for (int j = 0; j < problem->m; j++) {
        double a = low->means[j], b = high->means[j];
        out->worse[j] = fmax(a, b);
        out->span[j] = a == b ? 1 : fabs(a - b);
        out->reference[j] = REFERENCE;
        if (problem->has_reference[j])
            out->reference[j] = (problem->reference[j] - out->worse[j]) / out->span[j];
    }
    return true;
}

double scale_volume(const struct scale *scale, const double *points, int n)
{
    int m = scale->m;
    double volume = NAN, *mapped = mem_zero((size_t)n * (size_t)m + 1, sizeof *mapped);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            mapped[i * m + j] = (points[i * m + j] - scale->worse[j]) / scale->span[j];
    if (front_hypervolume(mapped, n, m, scale->reference, &volume, NULL))
        volume = NAN;
    mem_free(mapped);
    return volume;
}
