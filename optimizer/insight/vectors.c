#include "optimizer/insight/vectors.h"

#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of one trial: its latest event with a score, and whether that is the whole one. */
struct latest {
    const struct opt_event *event;
    bool whole;
};

static void read_events(const struct opt_history *history, struct latest *latest)
{
    for (int i = 0; i < history->events_n; i++) {
        const struct opt_event *e = &history->event[i];
        struct latest *l = &latest[e->trial];
        if (e->kind == OPT_EVENT_FAILED)
            *l = (struct latest){0};
        else if (e->means)
            *l = (struct latest){e, e->kind == OPT_EVENT_DONE};
    }
}

struct entry {
    const double *ratios; /* [k] */
    int trial, k;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = memcmp(x->ratios, y->ratios, (size_t)x->k * sizeof *x->ratios);
    return order ? order : (x->trial > y->trial) - (x->trial < y->trial);
}

/* of[t]: the first scored trial with the same ratios, -1 without a score. */
static void find_same(int k, const struct opt_history *history, const struct latest *latest, int *of)
{
    struct entry *entry = mem_zero((size_t)history->n + 1, sizeof *entry);
    int n = 0;
    for (int t = 0; t < history->n; t++) {
        of[t] = -1;
        if (latest[t].event)
            entry[n++] = (struct entry){&history->ratios[(size_t)t * (size_t)k], t, k};
    }
    qsort(entry, (size_t)n, sizeof *entry, compare_entries);
    for (int i = 0, first = 0; i < n; i++) {
        if (memcmp(entry[i].ratios, entry[first].ratios, (size_t)k * sizeof *entry->ratios) != 0)
            first = i;
        of[entry[i].trial] = entry[first].trial;
    }
    mem_free(entry);
}

static void add_whole(struct vectors *v, int at, int trial, const struct opt_event *event)
{
    double *score = &v->score[at * v->m];
    for (int j = 0; j < v->m; j++) {
        if (event->stderrs[j] != 0 || (v->whole[at] >= 0 && score[j] != event->means[j]))
            v->exact[j] = false;
        if (v->whole[at] < 0)
            score[j] = event->means[j];
    }
    if (v->whole[at] < 0)
        v->whole[at] = trial;
}

void vectors_make(const struct opt_problem *problem, const struct opt_history *history, struct vectors *out)
{
    size_t trials = (size_t)history->n + 1, m = (size_t)problem->m;
    struct latest *latest = mem_zero(trials, sizeof *latest);
    read_events(history, latest);
    *out = (struct vectors){.m = problem->m, .trials_n = history->n};
    out->of = mem_zero(trials, sizeof *out->of);
    out->trial = mem_zero(trials, sizeof *out->trial);
    out->whole = mem_zero(trials, sizeof *out->whole);
    out->scored = mem_zero(trials, sizeof *out->scored);
    out->score = mem_zero(trials * m, sizeof *out->score);
    for (int j = 0; j < problem->m; j++)
        out->exact[j] = true;
    find_same(problem->k, history, latest, out->of);
    for (int t = 0; t < history->n; t++) {
        if (out->of[t] < 0)
            continue;
        bool is_first = out->of[t] == t;
        int at = is_first ? out->n++ : out->of[out->of[t]]; /* the first one's entry is its vector by now */
        if (is_first) {
            out->trial[at] = t;
            out->whole[at] = -1;
            for (size_t j = 0; j < m; j++)
                out->score[(size_t)at * m + j] = NAN;
        }
        out->of[t] = at;
        out->scored[at]++;
        if (latest[t].whole)
            add_whole(out, at, t, latest[t].event);
    }
    mem_free(latest);
}

void vectors_fini(struct vectors *v)
{
    if (!v)
        return;
    mem_free(v->of);
    mem_free(v->trial);
    mem_free(v->whole);
    mem_free(v->scored);
    mem_free(v->score);
    *v = (struct vectors){0};
}
