#include "optimizer/model/rows.h"

#include "optimizer/model/slices.h"
#include "optimizer/model/surrogate.h"
#include "proto/mem.h"

#include <math.h>
#include <string.h>

#define EVERY_ROW 40 /* up to so many rows each one brings a new fit */
#define STEP_MAX 64

int rows_fitted(int n)
{
    int r = ROWS_MIN;
    for (;;) {
        int step = r < EVERY_ROW ? 1 : r / 10 < STEP_MAX ? r / 10 : STEP_MAX;
        if (r + step > n)
            return r;
        r += step;
    }
}

/* Of one trial: its latest event with a score, and the event that settled it; -1: none. */
struct latest {
    int scored, settled;
};

static void read_events(const struct opt_history *history, struct latest *latest, enum row_state *state)
{
    for (int t = 0; t < history->n; t++)
        latest[t] = (struct latest){-1, -1};
    for (int i = 0; i < history->events_n; i++) {
        const struct opt_event *e = &history->event[i];
        if (e->trial < 0 || e->trial >= history->n)
            continue;
        struct latest *l = &latest[e->trial];
        bool settles =
            e->kind == OPT_EVENT_DONE || e->kind == OPT_EVENT_STOPPED || e->kind == OPT_EVENT_FAILED;
        if (e->means)
            l->scored = i;
        if (e->kind == OPT_EVENT_FAILED)
            l->scored = -1;
        l->settled = settles ? i : -1;
        state[e->trial] = e->kind == OPT_EVENT_FAILED ? ROW_FAILED : settles ? ROW_SETTLED : ROW_PENDING;
    }
}

/* By (5); NaN stays what it is. */
static void copy_within(const double *from, int m, double *to)
{
    for (int j = 0; j < m; j++)
        to[j] = isnan(from[j]) ? from[j] : fmin(fmax(from[j], -ROWS_LARGEST), ROWS_LARGEST);
}

/* numbers: [2 m], room for what it points to. */
static struct opt_event within(const struct opt_event *event, int m, double *numbers)
{
    struct opt_event out = *event;
    if (event->means) {
        copy_within(event->means, m, numbers);
        copy_within(event->stderrs, m, numbers + m);
        out.means = numbers;
        out.stderrs = numbers + m;
    }
    return out;
}

/* What is known of the trial in part, from the events that `slices` has seen. */
static void guess(const struct slices *slices, int m, double *mean, double *open, struct row *row)
{
    struct slices_guess made;
    if (row->share == 1 || !slices_guess(slices, row->trial, &made))
        return;
    memcpy(mean, made.mean, (size_t)m * sizeof *mean);
    memcpy(open, made.variance, (size_t)m * sizeof *open);
    row->open = open;
}

static void add(struct rows *rows, const struct space *space, const struct opt_history *history,
                const struct slices *slices, int m, int event)
{
    double *numbers = &rows->numbers[(size_t)rows->n * (size_t)m * 3];
    const struct opt_event e = within(&history->event[event], m, numbers);
    struct row *row = &rows->row[rows->n];
    *row = (struct row){e.trial, e.kind == OPT_EVENT_DONE ? 1 : e.share, numbers, numbers + m, NULL};
    guess(slices, m, numbers, numbers + 2 * m, row);
    surrogate_x(space, &history->ratios[(size_t)e.trial * (size_t)space->k],
                &rows->x[(size_t)rows->n * (size_t)space->n]);
    rows->n++;
}

/* The event settles a row. */
static bool settles_row(const struct opt_history *history, const struct latest *latest, int event)
{
    int t = history->event[event].trial;
    return t >= 0 && t < history->n && latest[t].settled == event && latest[t].scored >= 0;
}

/* By (4): how many events are known when the last of the rows that were fitted is settled. */
static int read_against(const struct opt_history *history, const struct latest *latest)
{
    int rows = 0, at = 0;
    for (int i = 0; i < history->events_n; i++)
        rows += settles_row(history, latest, i);
    for (int left = rows_fitted(rows); at < history->events_n && left > 0; at++)
        left -= settles_row(history, latest, at);
    return at;
}

static void add_all(const struct opt_problem *problem, const struct opt_history *history,
                    const struct latest *latest, struct rows *out)
{
    struct space space;
    double numbers[2 * OPT_M_MAX];
    space_box(&space, problem);
    struct slices *slices = slices_create(problem->m, history->n);
    int together = read_against(history, latest), next = 0;
    for (int i = 0; i < history->events_n; i++) {
        for (int upto = i < together ? together : i + 1; next < upto; next++) {
            const struct opt_event event = within(&history->event[next], problem->m, numbers);
            if (event.trial >= 0 && event.trial < history->n)
                slices_add(slices, &event);
        }
        if (settles_row(history, latest, i))
            add(out, &space, history, slices, problem->m, latest[history->event[i].trial].scored);
    }
    out->settled_n = out->n;
    for (int t = 0; t < history->n; t++)
        if (latest[t].settled < 0 && latest[t].scored >= 0)
            add(out, &space, history, slices, problem->m, latest[t].scored);
    slices_destroy(slices);
}

void rows_make(const struct opt_problem *problem, const struct opt_history *history, struct rows *out)
{
    struct space space;
    space_box(&space, problem);
    size_t trials = (size_t)history->n, scored = 0;
    struct latest *latest = mem_zero(trials + 1, sizeof *latest);
    *out = (struct rows){.d = space.n};
    out->state = mem_zero(trials + 1, sizeof *out->state);
    read_events(history, latest, out->state);
    for (size_t t = 0; t < trials; t++)
        scored += latest[t].scored >= 0;
    out->row = mem_zero(scored + 1, sizeof *out->row);
    out->x = mem_zero((scored + 1) * (size_t)space.n, sizeof *out->x);
    out->numbers = mem_zero((scored + 1) * (size_t)problem->m * 3, sizeof *out->numbers);
    add_all(problem, history, latest, out);
    mem_free(latest);
}

void rows_fini(struct rows *rows)
{
    if (!rows)
        return;
    mem_free(rows->row);
    mem_free(rows->x);
    mem_free(rows->state);
    mem_free(rows->numbers);
    *rows = (struct rows){0};
}
