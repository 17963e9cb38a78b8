#include "optimizer/model/rows.h"

#include "optimizer/model/surrogate.h"
#include "proto/mem.h"

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

static void add(struct rows *rows, const struct space *space, const struct opt_history *history, int event)
{
    const struct opt_event *e = &history->event[event];
    rows->row[rows->n] =
        (struct row){e->trial, e->kind == OPT_EVENT_DONE ? 1 : e->share, e->means, e->stderrs};
    surrogate_x(space, &history->ratios[(size_t)e->trial * (size_t)space->k],
                &rows->x[(size_t)rows->n * (size_t)space->n]);
    rows->n++;
}

void rows_make(const struct opt_problem *problem, const struct opt_history *history, struct rows *out)
{
    struct space space;
    space_box(&space, problem);
    size_t trials = (size_t)history->n;
    struct latest *latest = mem_zero(trials + 1, sizeof *latest);
    *out = (struct rows){.d = space.n};
    out->state = mem_zero(trials + 1, sizeof *out->state);
    read_events(history, latest, out->state);
    size_t scored = 0;
    for (size_t t = 0; t < trials; t++)
        scored += latest[t].scored >= 0;
    out->row = mem_zero(scored + 1, sizeof *out->row);
    out->x = mem_zero((scored + 1) * (size_t)space.n, sizeof *out->x);
    for (int i = 0; i < history->events_n; i++) {
        int t = history->event[i].trial;
        if (t >= 0 && t < history->n && latest[t].settled == i && latest[t].scored >= 0)
            add(out, &space, history, latest[t].scored);
    }
    out->settled_n = out->n;
    for (size_t t = 0; t < trials; t++)
        if (latest[t].settled < 0 && latest[t].scored >= 0)
            add(out, &space, history, latest[t].scored);
    mem_free(latest);
}

void rows_fini(struct rows *rows)
{
    if (!rows)
        return;
    mem_free(rows->row);
    mem_free(rows->x);
    mem_free(rows->state);
    *rows = (struct rows){0};
}
