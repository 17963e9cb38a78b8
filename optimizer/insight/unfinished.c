/* Which of the trials that are scored in part are to be scored as a whole, before the front is the answer. */
#include "optimizer/insight/chance.h"
#include "optimizer/insight/insight.h"
#include "optimizer/insight/posterior.h"

#include "optimizer/front.h"
#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Volumes are means over so many draws. Of many candidates those that are surest to be on the front are looked at; the others
 * have their turn when these are whole. */
enum { DRAWS = 64, CANDIDATES = 128 };
/* Expected volume, normalised by the ends of the sweep, below which a trial is not worth the rest of its items: a seventh of
 * what the interval of the volume spans on the shipped pair (docs/OPTIMIZER.md). */
#define GAIN_LEAST 0.003
#define STREAM 0x3000000000000 /* of chance: plus the watermark */

struct finish {
    int m, n;     /* vectors that have a chance */
    double *f;    /* [DRAWS][n][m] normalised: reference 0 */
    bool *whole;  /* [n] scored as a whole, or chosen to be */
    double *have; /* [DRAWS] volume of those */
    double *room; /* [n][m] */
};

/* The volume of what is whole in a draw, and of one more; -1: none. */
static double volume(const struct finish *a, int draw, int more)
{
    static const double reference[OPT_M_MAX] = {0};
    const double *f = &a->f[(size_t)draw * (size_t)a->n * (size_t)a->m];
    double out = 0;
    int n = 0;
    for (int i = 0; i < a->n; i++)
        if (a->whole[i] || i == more)
            memcpy(&a->room[n++ * a->m], &f[i * a->m], (size_t)a->m * sizeof *f);
    return front_hypervolume(a->room, n, a->m, reference, &out, NULL) ? 0 : out;
}

static void measure(struct finish *a)
{
    for (int draw = 0; draw < DRAWS; draw++)
        a->have[draw] = volume(a, draw, -1);
}

static double gain_of(const struct finish *a, int i)
{
    double sum = 0;
    for (int draw = 0; draw < DRAWS; draw++)
        sum += volume(a, draw, i) - a->have[draw];
    return sum / DRAWS;
}

struct candidate {
    double gain;
    int index; /* of `finish` */
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->gain != y->gain)
        return x->gain > y->gain ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Gains only fall as more is whole (volume is submodular), so an old gain is a bound: whoever is still first when his own is new
 * is the best (Minoux 1978). */
static int choose(struct finish *a, struct candidate *candidate, int n, int *chosen)
{
    int kept = 0;
    measure(a);
    for (int i = 0; i < n; i++)
        candidate[i].gain = gain_of(a, candidate[i].index);
    while (n > 0) {
        qsort(candidate, (size_t)n, sizeof *candidate, compare_candidates);
        double gain = gain_of(a, candidate[0].index);
        if (gain < candidate[0].gain && n > 1 && gain < candidate[1].gain) {
            candidate[0].gain = gain;
            continue;
        }
        if (gain < GAIN_LEAST)
            break;
        chosen[kept++] = candidate[0].index;
        a->whole[candidate[0].index] = true;
        measure(a);
        candidate[0] = candidate[--n];
    }
    return kept;
}

/* open [n of vectors]: the trial of a vector that may be scored as a whole, -1: none. */
static void find_open(const struct opt_history *history, const struct vectors *v, int *open)
{
    bool *reopened = mem_zero((size_t)history->n + 1, sizeof *reopened),
         *stopped = mem_zero((size_t)history->n + 1, sizeof *stopped);
    for (int i = 0; i < history->events_n; i++) {
        const struct opt_event *e = &history->event[i];
        stopped[e->trial] = e->kind == OPT_EVENT_STOPPED;
        reopened[e->trial] |= e->kind == OPT_EVENT_REOPENED;
    }
    for (int i = 0; i < v->n; i++)
        open[i] = -1;
    for (int t = history->n - 1; t >= 0; t--)
        if (v->of[t] >= 0 && v->whole[v->of[t]] < 0 && stopped[t] && !reopened[t])
            open[v->of[t]] = t;
    mem_free(reopened);
    mem_free(stopped);
}

/* f [s][n][m] -> units of the surrogate's range, below its reference. */
static void normalise(const struct surrogate *s, double *f, size_t points)
{
    for (size_t i = 0; i < points; i++)
        for (int j = 0; j < s->m; j++)
            f[i * (size_t)s->m + (size_t)j] =
                (f[i * (size_t)s->m + (size_t)j] - s->reference[j]) / s->range[j];
}

/* Of the n vectors that have a chance, those that are open, the surest first. */
static int list_candidates(const struct finish *a, const int *chosen, const int *open,
                           struct candidate *candidate)
{
    bool *rival = mem_zero((size_t)a->n + 1, sizeof *rival);
    double *share = mem_zero((size_t)a->n + 1, sizeof *share);
    int kept = 0;
    memset(rival, true, (size_t)a->n * sizeof *rival);
    chance_count(a->f, DRAWS, a->n, a->m, rival, share);
    for (int i = 0; i < a->n; i++)
        if (open[chosen[i]] >= 0 && share[i] > 0)
            candidate[kept++] = (struct candidate){share[i], i};
    qsort(candidate, (size_t)kept, sizeof *candidate, compare_candidates);
    mem_free(rival);
    mem_free(share);
    return kept < CANDIDATES ? kept : CANDIDATES;
}

/* trial: room for vectors.n */
static int finish_run(const struct posterior *p, const int *open, uint64_t seed, uint64_t stream, int *trial)
{
    const struct vectors *v = p->vectors;
    size_t n = (size_t)v->n + 1, m = (size_t)p->m;
    struct finish a = {.m = p->m};
    int *chosen = mem_zero(n, sizeof *chosen);
    bool *known = mem_zero(n, sizeof *known);
    for (int i = 0; i < v->n; i++)
        known[i] = v->whole[i] >= 0 || open[i] >= 0;
    a.n = chance_choose(p->mean, p->sd, known, v->n, a.m, chosen);
    a.f = mem_zero(DRAWS * n * m, sizeof *a.f);
    a.room = mem_zero(n * m, sizeof *a.room);
    a.have = mem_zero(DRAWS, sizeof *a.have);
    a.whole = mem_zero(n, sizeof *a.whole);
    struct candidate *candidate = mem_zero(n, sizeof *candidate);
    for (int i = 0; i < a.n; i++)
        a.whole[i] = v->whole[chosen[i]] >= 0;
    posterior_draw(p, chosen, a.n, DRAWS, seed, stream, a.f);
    normalise(p->surrogate, a.f, DRAWS * (size_t)a.n);
    int candidates = list_candidates(&a, chosen, open, candidate),
        kept = choose(&a, candidate, candidates, trial);
    for (int i = 0; i < kept; i++)
        trial[i] = open[chosen[trial[i]]];
    mem_free(a.f);
    mem_free(a.room);
    mem_free(a.have);
    mem_free(a.whole);
    mem_free(candidate);
    mem_free(chosen);
    mem_free(known);
    return kept;
}

int insight_unfinished(const struct opt_problem *problem, const struct opt_plan *plan,
                       const struct opt_history *history, struct opt_model *model, int *trial, int *n,
                       struct err *err)
{
    struct opt_model *own = model ? NULL : opt_model_create();
    const struct surrogate *surrogate;
    *n = 0;
    int code = surrogate_get(problem, plan, history, model ? model : own, &surrogate, err);
    if (!code) {
        struct vectors vectors;
        struct posterior posterior;
        vectors_make(problem, history, &vectors);
        posterior_make(problem, history, surrogate, &vectors, true, &posterior);
        int *open = mem_zero((size_t)vectors.n + 1, sizeof *open);
        find_open(history, &vectors, open);
        *n = finish_run(&posterior, open, problem->seed, STREAM + (uint64_t)history->events_n, trial);
        mem_free(open);
        posterior_fini(&posterior);
        vectors_fini(&vectors);
    }
    opt_model_destroy(own);
    return code;
}
