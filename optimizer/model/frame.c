#include "optimizer/model/frame.h"

#include "optimizer/front.h"
#include "optimizer/order.h"
#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>

#define REFERENCE_BEYOND 0.1 /* of the range */
#define STRAY 6.0            /* robust standard deviations below the median, and farther, is a stray */
#define BENT_MAX 1e3         /* scales outside; farther counts as this */

static const struct row *end_of_sweep(const struct opt_plan *plan, const struct rows *rows, int which)
{
    for (int s = 0; s < plan->streams_n; s++) {
        if (plan->streams[s].kind != OPT_SWEEP || plan->streams[s].quota < 2)
            continue;
        for (int i = 0; i < rows->settled_n; i++)
            if (rows->row[i].trial == plan->streams[s].first + which && rows->row[i].share == 1)
                return &rows->row[i];
    }
    return NULL;
}

/* As many rows as phase 0 and the design give. In a plan without a model phase 1 is no design: were all its rows early, each
 * new one would move every frame. */
static int early_rows(const struct opt_plan *plan, const struct rows *rows)
{
    int n = 0;
    bool modelled = plan->streams_n > 0 && plan->streams[plan->streams_n - 1].modelled;
    for (int s = 0; s < plan->streams_n; s++)
        if (plan->streams[s].phase == 0 || (modelled && !plan->streams[s].modelled))
            n += plan->streams[s].quota;
    n = n < 8 ? 8 : n;
    return n < rows->settled_n ? n : rows->settled_n;
}

/* Best and worst of one objective on the front of the first n rows; where they are one, of all these rows. */
static void spread_of(const struct rows *rows, int n, const bool *member, int j, double *best, double *worst)
{
    double all = -INFINITY;
    *best = INFINITY;
    *worst = -INFINITY;
    for (int i = 0; i < n; i++) {
        double f = rows->row[i].mean[j];
        *best = fmin(*best, f);
        all = fmax(all, f);
        *worst = member[i] ? fmax(*worst, f) : *worst;
    }
    if (!(*worst > *best))
        *worst = all;
}

static void mark_front(const struct rows *rows, int n, int m, bool *member)
{
    double *points = mem_zero((size_t)(n + 1) * (size_t)m, sizeof *points);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            points[i * m + j] = rows->row[i].mean[j];
    if (front_members(points, n, m, member, NULL))
        for (int i = 0; i < n; i++)
            member[i] = true;
    mem_free(points);
}

static double finite_range(double best, double worst)
{
    double range = worst - best;
    return range > 0 && isfinite(range) ? range : 1;
}

void frame_reference(const struct opt_problem *problem, const struct opt_plan *plan, const struct rows *rows,
                     struct frame *frame)
{
    const struct row *low = end_of_sweep(plan, rows, 0), *high = end_of_sweep(plan, rows, 1);
    int n = early_rows(plan, rows);
    bool *member = mem_zero((size_t)n + 1, sizeof *member);
    mark_front(rows, n, problem->m, member);
    for (int j = 0; j < problem->m; j++) {
        double best = 0, worst = 0;
        if (low && high) {
            best = fmin(low->mean[j], high->mean[j]);
            worst = fmax(low->mean[j], high->mean[j]);
        }
        if (!(worst > best))
            spread_of(rows, n, member, j, &best, &worst);
        frame[j] = (struct frame){.range = finite_range(best, worst)};
        frame[j].reference = worst + REFERENCE_BEYOND * frame[j].range;
        if (problem->has_reference[j])
            frame[j].reference = fmin(fmax(problem->reference[j], -ROWS_LARGEST), ROWS_LARGEST);
    }
    mem_free(member);
}

static double bend_beyond(double far, double scale)
{
    double u = fmin(far / scale, BENT_MAX);
    return scale * log1p(u);
}

static double bend(const struct frame *f, double score)
{
    if (score > f->upper)
        return f->upper + bend_beyond(score - f->upper, f->scale);
    if (score < f->lower)
        return f->lower - bend_beyond(f->lower - score, f->scale);
    return score;
}

/* Median, and the robust standard deviation: of a normal's, 1.349 lie between the quartiles. */
static void robust(double *sorted, int n, double *median, double *deviation)
{
    qsort(sorted, (size_t)n, sizeof *sorted, order_doubles);
    *median = sorted[n / 2];
    *deviation = (sorted[(3 * n) / 4] - sorted[n / 4]) / 1.349;
}

static void standardise(struct frame *f, const double *score, int n)
{
    double sum = 0, squares = 0, farthest = 0;
    for (int i = 0; i < n; i++)
        sum += bend(f, score[i]) / n;
    for (int i = 0; i < n; i++)
        farthest = fmax(farthest, fabs(bend(f, score[i]) - sum));
    for (int i = 0; i < n && farthest > 0; i++) {
        double away = (bend(f, score[i]) - sum) / farthest; /* a square of scores can overflow, or vanish */
        squares += away * away / n;
    }
    f->offset = sum;
    f->unit = sqrt(squares) * farthest;
    double least =
        1e-9 * fmax(fabs(sum), f->range); /* a constant: nothing is known but that it moves little */
    if (!(f->unit > least))
        f->unit = fmax(least, 1e-3 * f->range);
}

void frame_fit(struct frame *frame, const struct rows *rows, int objective, int n)
{
    double *score = mem_zero((size_t)n + 1, sizeof *score), median, deviation;
    for (int i = 0; i < n; i++)
        score[i] = rows->row[i].mean[objective];
    robust(score, n, &median, &deviation);
    double scale = deviation > 0 && isfinite(deviation) ? fmax(deviation, 0.1 * frame->range) : frame->range;
    frame->scale = scale;
    frame->upper = fmax(frame->reference, median) + 2 * scale;
    frame->lower = fmin(frame->reference - 2 * frame->range, median - STRAY * scale);
    standardise(frame, score, n);
    mem_free(score);
}

double frame_y(const struct frame *frame, double score)
{
    return (bend(frame, score) - frame->offset) / frame->unit;
}

/* Of what is bent: score = bound + scale (exp(u) - 1), u no more than bend gives. */
static double straighten(double beyond, double scale, double *slope)
{
    double u = fmin(beyond / scale, log1p(BENT_MAX));
    *slope = exp(u);
    return scale * expm1(u);
}

static double unbend(const struct frame *f, double bent, double *slope)
{
    *slope = 1;
    if (bent > f->upper)
        return f->upper + straighten(bent - f->upper, f->scale, slope);
    if (bent < f->lower)
        return f->lower - straighten(f->lower - bent, f->scale, slope);
    return bent;
}

double frame_score(const struct frame *frame, double y)
{
    double slope;
    return unbend(frame, frame->offset + frame->unit * y, &slope);
}

double frame_slope(const struct frame *frame, double y)
{
    double slope;
    unbend(frame, frame->offset + frame->unit * y, &slope);
    return slope * frame->unit;
}
