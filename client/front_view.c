#include "client/front_internal.h"

#include "client/plot.h"
#include "client/text.h"
#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VOLUME_OBJECTIVES_MAX 3 /* the daemon computes no hypervolume of more */

static void add_pair(struct buf *out, double found, double sweep)
{
    buf_printf(out, "%.4f", found);
    if (!isnan(sweep))
        buf_printf(out, " (sweep %.4f)", sweep);
}

/* All trials of the search half have ended, so an end that has no score now gets none any more. */
static bool is_searched(const struct front *front)
{
    static const char *const states[] = {"confirming", "done", "failed", "cancelled"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(front->state, states[i]) == 0)
            return true;
    return false;
}

void front_headline(const struct front *front, struct buf *out)
{
    if (isnan(front->hypervolume)) {
        buf_text(out, front->objectives_n > VOLUME_OBJECTIVES_MAX
                          ? "hypervolume not computed for more than 3 objectives"
                      : is_searched(front) ? "no hypervolume: an end of the sweep has no score"
                                           : "hypervolume not known yet");
        return;
    }
    buf_text(out, "hypervolume ");
    add_pair(out, front->hypervolume, front->sweep_hypervolume);
    if (isnan(front->heldout_hypervolume))
        return;
    buf_text(out, ", held-out ");
    add_pair(out, front->heldout_hypervolume, front->heldout_sweep_hypervolume);
}

const char *const front_pick_words[FRONT_PICKS_N] = {"knee", "certain", "least-tax"};

int front_pick_find(const char *word, size_t n)
{
    for (int i = 0; i < FRONT_PICKS_N; i++) {
        size_t same = 0;
        while (same < n && front_pick_words[i][same] == (word[same] == '_' ? '-' : word[same]))
            same++;
        if (same == n && !front_pick_words[i][n])
            return i;
    }
    return -1;
}

void front_lag(const struct front *front, struct buf *out)
{
    const struct front_insight *insight = &front->insight;
    if (strcmp(front->state, "done") != 0 || insight->watermark >= insight->events)
        return;
    buf_printf(out, "! the model knows %lld of %lld events: confidence and picks may still change\n",
               (long long)insight->watermark, (long long)insight->events);
}

static void add_picks(const struct front *front, struct buf *out)
{
    bool any = false;
    for (int i = 0; i < FRONT_PICKS_N; i++) {
        if (front->picks[i] < 0)
            continue;
        buf_printf(out, "%s%s: trial %lld", any ? ", " : "picks: ", front_pick_words[i],
                   (long long)front->picks[i]);
        any = true;
    }
    if (any)
        buf_text(out, "\n");
}

void front_says(const struct front *front, struct buf *out)
{
    const struct front_insight *insight = &front->insight;
    if (front->has_insight && !isnan(insight->value)) {
        buf_printf(out, "by the model %.4f", insight->value);
        if (!isnan(insight->low))
            buf_printf(out, ", 90 %% sure to be between %.4f and %.4f", insight->low, insight->high);
        if (!isnan(insight->gain))
            buf_printf(out, "; the next trial may add %.2g", insight->gain);
        buf_text(out, "\n");
    }
    add_picks(front, out);
    front_lag(front, out);
}

/* The sweep's trial whose ratios are all one and the same, the largest (sign 1) or the smallest (-1). */
static const struct front_point *find_end(const struct front *front, int sign)
{
    const struct front_point *end = NULL;
    for (size_t i = 0; i < front->points_n; i++) {
        const struct front_point *point = &front->points[i];
        bool same = point->in_sweep && front->groups_n > 0;
        for (int g = 1; g < front->groups_n && same; g++)
            same = point->ratios[g] == point->ratios[0];
        if (same && (!end || sign * point->ratios[0] > sign * end->ratios[0]))
            end = point;
    }
    return end;
}

void front_stalled(const struct front *front, struct buf *out)
{
    if (!front->stalled)
        return;
    buf_text(out, "! nobody works on this search: ");
    text_clean(out, front->stalled);
    buf_text(out, " (paretoctl workers)\n");
}

void front_warnings(const struct front *front, struct buf *out)
{
    const struct front_point *low = find_end(front, -1), *high = find_end(front, 1);
    char number[TEXT_NUMBER_MAX];
    if (isnan(front->hypervolume) || !low || low == high)
        return;
    for (int k = 0; k < front->objectives_n; k++) {
        const struct front_score *a = &low->scores[k], *b = &high->scores[k];
        double apart = fabs(a->mean - b->mean);
        bool near = apart < 2 * hypot(a->stderr_of, b->stderr_of); /* false for a NaN */
        if (!near && apart != 0)
            continue;
        text_number(number, apart);
        text_clean(out, front->objectives[k].name);
        buf_printf(out,
                   ": the two ends differ by %s, within 2 standard errors; hypervolume mostly measures noise "
                   "here\n",
                   number);
    }
}

const struct front_score *front_shown_scores(const struct front_point *point, const struct front_view *view)
{
    return view->heldout ? point->heldout : point->scores;
}

int front_by_value(const void *left, const void *right)
{
    const struct front_ranked *a = left, *b = right;
    if (a->by < b->by || a->by > b->by)
        return a->by < b->by ? -1 : 1;
    return (a->point->trial > b->point->trial) - (a->point->trial < b->point->trial);
}

struct front_ranked *front_rank(const struct front *front, const struct front_view *view, size_t *n)
{
    struct front_ranked *ranked = mem_zero(front->points_n + 1, sizeof *ranked);
    *n = 0;
    for (size_t i = 0; i < front->points_n; i++) {
        const struct front_point *point = &front->points[i];
        if ((!view->all && !point->on_front) || (view->heldout && !point->has_heldout))
            continue;
        /* Quarantined trials have no place here, but a NaN would make the order undefined. */
        double first = front_shown_scores(point, view)[0].mean;
        ranked[(*n)++] = (struct front_ranked){point, isnan(first) ? -INFINITY : first};
    }
    qsort(ranked, *n, sizeof *ranked, front_by_value);
    return ranked;
}

#define MEAN_RATIO (-1) /* as an axis, beside the objectives from 0 */

/* What the two axes show. The one that was not chosen is the first objective that the other is not. */
static void choose_axes(const struct front *front, const struct front_view *view, int *x, int *y)
{
    bool single = front->objectives_n == 1;
    *x = view->x - 1;
    *y = view->y - 1;
    if (*x < 0)
        *x = single ? MEAN_RATIO : *y == 0 ? 1 : 0;
    if (*y < 0)
        *y = *x == 0 && !single ? 1 : 0;
}

static double coordinate(const struct front_point *point, const struct front_view *view, int axis)
{
    return axis == MEAN_RATIO ? point->mean_ratio : front_shown_scores(point, view)[axis].mean;
}

static bool is_doubtful(const struct front_point *point)
{
    return strcmp(point->verdict, "doubtful") == 0;
}

/* Which set a point is drawn as. Sweep trials are drawn twice when they are on the front: line and mark; doubtful ones of any
 * set are drawn over. */
static bool is_in(const struct front_point *point, enum front_set set)
{
    if (set == FRONT_DOUBTFUL)
        return is_doubtful(point);
    if (set == FRONT_MEMBER)
        return point->on_front;
    return set == FRONT_SWEEP ? point->in_sweep : !point->on_front && !point->in_sweep;
}

/* The points of one set by mean ratio, as the sweep is joined. The caller's, mem_free. */
static struct plot_point *collect(const struct front *front, const struct front_view *view,
                                  enum front_set set, size_t *n)
{
    struct front_ranked *ranked = mem_zero(front->points_n + 1, sizeof *ranked);
    struct plot_point *points = mem_zero(front->points_n + 1, sizeof *points);
    *n = 0;
    for (size_t i = 0; i < front->points_n; i++) {
        const struct front_point *point = &front->points[i];
        if (is_in(point, set) && (!view->heldout || point->has_heldout))
            ranked[(*n)++] = (struct front_ranked){point, isnan(point->mean_ratio) ? 0 : point->mean_ratio};
    }
    qsort(ranked, *n, sizeof *ranked, front_by_value);
    int x, y;
    choose_axes(front, view, &x, &y);
    for (size_t i = 0; i < *n; i++)
        points[i] =
            (struct plot_point){coordinate(ranked[i].point, view, x), coordinate(ranked[i].point, view, y)};
    mem_free(ranked);
    return points;
}

static void name_axis(const struct front *front, int k, char *name, size_t size)
{
    if (k == MEAN_RATIO)
        snprintf(name, size, "mean ratio");
    else
        snprintf(name, size, "%s (%s)", front->objectives[k].name,
                 front->objectives[k].minimise ? "min" : "max");
}

void front_picture(const struct front *front, const struct front_view *view, int columns, int rows,
                   bool colour, struct buf *out)
{
    /* Drawn in this order: a front member covers the sweep, which covers the rest. */
    static const struct {
        enum front_set set;
        const char *name, *mark, *sgr;
    } looks[] = {{FRONT_OTHER, "other trials", "·", "2"},
                 {FRONT_SWEEP, "sweep", "o", "33"},
                 {FRONT_MEMBER, "front", "●", "1;32"},
                 {FRONT_DOUBTFUL, "doubtful", "◐", "33"}};
    bool doubts = false;
    for (size_t i = 0; i < front->points_n; i++)
        doubts |= is_doubtful(&front->points[i]);
    char x_name[96], y_name[96];
    int x, y;
    choose_axes(front, view, &x, &y);
    name_axis(front, x, x_name, sizeof x_name);
    name_axis(front, y, y_name, sizeof y_name);
    struct plot plot = {
        .x_name = x_name, .y_name = y_name, .columns = columns, .rows = rows, .colour = colour};
    struct plot_point *points[4];
    int series_n = doubts ? 4 : 3;
    for (plot.series_n = 0; plot.series_n < series_n; plot.series_n++) {
        int s = plot.series_n;
        size_t n;
        points[s] = collect(front, view, looks[s].set, &n);
        plot.series[s] = (struct plot_series){.name = looks[s].name,
                                              .mark = looks[s].mark,
                                              .sgr = looks[s].sgr,
                                              .joined = looks[s].set == FRONT_SWEEP,
                                              .points = points[s],
                                              .n = n};
    }
    plot_draw(&plot, out);
    for (int s = 0; s < series_n; s++)
        mem_free(points[s]);
}
