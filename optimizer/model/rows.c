#include "optimizer/model/rows.h"

#include "optimizer/model/slices.h"
#include "optimizer/model/surrogate.h"
#include "proto/mem.h"

#include <string.h>

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

/* What is known of the trial in part, from the events that `slices` has seen. */
static void guess(struct rows *rows, const struct slices *slices, int m, struct row *row)
{
    struct slices_guess made;
    if (row->share == 1 || !slices_guess(slices, row->trial, &made))
        return;
    double *mean = &rows->guess[(size_t)rows->n * (size_t)m * 2], *open = mean + m;
    memcpy(mean, made.mean, (size_t)m * sizeof *mean);
    memcpy(open, made.variance, (size_t)m * sizeof *open);
    row->mean = mean;
    row->open = open;
}

static void add(struct rows *rows, const struct space *space, const struct opt_history *history,
                const struct slices *slices, int m, int event)
{
    const struct opt_event *e = &history->event[event];
    struct row *row = &rows->row[rows->n];
    *row = (struct row){e->trial, e->kind == OPT_EVENT_DONE ? 1 : e->share, e->means, e->stderrs, NULL};
    guess(rows, slices, m, row);
    surrogate_x(space, &history->ratios[(size_t)e->trial * (size_t)space->k],
                &rows->x[(size_t)rows->n * (size_t)space->n]);
    rows->n++;
}

static void add_all(const struct opt_problem *problem, const struct opt_history *history,
                    const struct latest *latest, struct rows *out)
{
    struct space space;
    space_box(&space, problem);
    struct slices *slices = slices_create(problem->m, history->n);
    for (int i = 0; i < history->events_n; i++) {
        int t = history->event[i].trial;
        if (t < 0 || t >= history->n)
            continue;
        slices_add(slices, &history->event[i]);
        if (latest[t].settled == i && latest[t].scored >= 0)
            add(out, &space, history, slices, problem->m, latest[t].scored);
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
    out->guess = mem_zero((scored + 1) * (size_t)problem->m * 2, sizeof *out->guess);
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
    mem_free(rows->guess);
    *rows = (struct rows){0};
}
