#include "optimizer/insight/insight.h"
#include "optimizer/insight/scale.h"

#include <math.h>

/* What the front's own posterior means span. */
struct span {
    double best[OPT_M_MAX], worst[OPT_M_MAX]; /* [m] */
};

static const double *mean_of(const struct insight *in, int trial)
{
    return &in->mean[trial * in->m];
}

static struct span front_span(const struct insight *in)
{
    struct span span;
    for (int j = 0; j < in->m; j++) {
        span.best[j] = INFINITY;
        span.worst[j] = -INFINITY;
        for (int t = 0; t < in->n; t++) {
            if (!in->front[t])
                continue;
            span.best[j] = fmin(span.best[j], mean_of(in, t)[j]);
            span.worst[j] = fmax(span.worst[j], mean_of(in, t)[j]);
        }
    }
    return span;
}

/* 1 - sum_j u_j with the front's best as 0 and its worst as 1: above 0 is below the plane through the corners. */
static double depth(const struct insight *in, const struct span *span, int trial)
{
    double depth = 1;
    for (int j = 0; j < in->m; j++) {
        double width = span->worst[j] - span->best[j];
        depth -= width > 0 ? (mean_of(in, trial)[j] - span->best[j]) / width : 0;
    }
    return depth;
}

static bool is_interior(const struct insight *in, const struct span *span, int trial)
{
    for (int j = 0; j < in->m; j++)
        if (mean_of(in, trial)[j] == span->best[j])
            return false;
    return true;
}

static int pick_knee(const struct insight *in)
{
    struct span span = front_span(in);
    int pick = -1;
    double most = 1e-9; /* rounding is no knee */
    for (int t = 0; t < in->n; t++) {
        if (!in->front[t] || !is_interior(in, &span, t) || depth(in, &span, t) <= most)
            continue;
        pick = t;
        most = depth(in, &span, t);
    }
    return pick;
}

static int pick_certain(const struct insight *in)
{
    struct span span = front_span(in);
    int pick = -1;
    for (int t = 0; t < in->n; t++) {
        if (!in->front[t] || !is_interior(in, &span, t))
            continue;
        if (pick < 0 || in->confidence[t] > in->confidence[pick] ||
            (in->confidence[t] == in->confidence[pick] && depth(in, &span, t) > depth(in, &span, pick)))
            pick = t;
    }
    return pick;
}

/* Not of an end whose score came after the insight. */
static bool has_mean(const struct insight *in, int trial)
{
    return trial < in->n && !isnan(mean_of(in, trial)[0]);
}

static bool taxes_little(const struct insight *in, const struct scale *scale, int alignment, double tax,
                         int trial)
{
    const double *low = mean_of(in, scale->low), *high = mean_of(in, scale->high);
    for (int j = 0; j < in->m; j++) {
        double lost = mean_of(in, trial)[j] - fmin(low[j], high[j]);
        if (j != alignment && lost > tax * fabs(low[j] - high[j]))
            return false;
    }
    return true;
}

static int pick_least_tax(const struct opt_problem *problem, const struct opt_history *history,
                          const struct insight *in, double tax)
{
    struct scale scale;
    int pick = -1, j = problem->alignment;
    if (!scale_make(problem, history, &scale) || !has_mean(in, scale.low) || !has_mean(in, scale.high))
        return -1;
    for (int t = 0; t < in->n; t++)
        if (in->front[t] && taxes_little(in, &scale, j, tax, t) &&
            (pick < 0 || mean_of(in, t)[j] < mean_of(in, pick)[j]))
            pick = t;
    return pick;
}

int insight_pick(const struct opt_problem *problem, const struct opt_history *history,
                 const struct insight *insight, enum insight_pick pick, double tax)
{
    switch (pick) {
    case PICK_KNEE:
        return pick_knee(insight);
    case PICK_LEAST_TAX:
        return pick_least_tax(problem, history, insight, tax);
    case PICK_CERTAIN:
        return pick_certain(insight);
    }
    return -1;
}
