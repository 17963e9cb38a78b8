#include "optimizer/insight/chance.h"
#include "optimizer/insight/insight.h"
#include "optimizer/insight/posterior.h"
#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>

/* The trial is held against the vectors most likely to dominate it. Leaving the others out can only raise the promise, so no
 * trial is stopped by it. */
enum { DRAWS = 1024, RIVALS = 128 };
#define STREAM 0x2000000000000 /* of chance: plus the watermark, plus the trial in the bits above it */

/* Scored in part at two shares at least, and not settled. */
static bool can_tell(const struct opt_history *history, int trial)
{
    int slices = 0;
    double share = 0;
    bool running = false;
    for (int i = 0; i < history->events_n; i++) {
        const struct opt_event *e = &history->event[i];
        if (e->trial != trial)
            continue;
        running = e->kind == OPT_EVENT_SLICE || e->kind == OPT_EVENT_REOPENED;
        slices += e->kind == OPT_EVENT_SLICE && e->share > share;
        share = e->kind == OPT_EVENT_SLICE ? e->share : share;
    }
    return running && slices >= 2;
}

struct rival {
    double
        excess; /* the most by which its mean is worse than the trial's, in standardised units; <= 0: it dominates */
    int vector;
};

static int compare_rivals(const void *a, const void *b)
{
    const struct rival *x = a, *y = b;
    if (x->excess != y->excess)
        return x->excess < y->excess ? -1 : 1;
    return (x->vector > y->vector) - (x->vector < y->vector);
}

/* The vector itself, then its rivals, nearest first; chosen: room for vectors.n. Returns how many, itself included. */
static int choose_rivals(const struct posterior *p, int vector, int *chosen)
{
    const struct vectors *v = p->vectors;
    struct rival *rival = mem_zero((size_t)v->n + 1, sizeof *rival);
    int n = 0, kept = 1;
    for (int i = 0; i < v->n; i++) {
        if (v->whole[i] < 0 || i == vector)
            continue;
        double excess = -INFINITY;
        for (int j = 0; j < p->m; j++)
            excess =
                fmax(excess, (p->mean[i * p->m + j] - p->mean[vector * p->m + j]) / p->surrogate->unit[j]);
        rival[n++] = (struct rival){excess, i};
    }
    qsort(rival, (size_t)n, sizeof *rival, compare_rivals);
    chosen[0] = vector;
    for (int i = 0; i < n && kept <= RIVALS; i++)
        chosen[kept++] = rival[i].vector;
    mem_free(rival);
    return kept;
}

static double promise_of(const struct posterior *p, int vector, uint64_t seed, uint64_t stream)
{
    const struct vectors *v = p->vectors;
    int *chosen = mem_zero((size_t)v->n + 1, sizeof *chosen), n = choose_rivals(p, vector, chosen);
    bool rival[RIVALS + 1];
    double *f = mem_zero((size_t)n * DRAWS * (size_t)p->m + 1, sizeof *f);
    for (int i = 0; i < n; i++)
        rival[i] = v->whole[chosen[i]] >= 0;
    posterior_draw(p, chosen, n, DRAWS, seed, stream, f);
    double promise = chance_of(f, DRAWS, n, p->m, rival, 0);
    mem_free(chosen);
    mem_free(f);
    return promise;
}

double insight_promise(const struct opt_problem *problem, const struct opt_plan *plan,
                       const struct opt_history *history, struct opt_model *model, int trial)
{
    if (!can_tell(history, trial))
        return 1;
    struct opt_model *own = model ? NULL : opt_model_create();
    const struct surrogate *surrogate;
    double promise = 1;
    if (surrogate_get(problem, plan, history, model ? model : own, &surrogate, NULL) == 0) {
        struct vectors vectors;
        struct posterior posterior;
        vectors_make(problem, history, &vectors);
        posterior_make(problem, history, surrogate, &vectors, false, &posterior);
        uint64_t stream = STREAM + ((uint64_t)trial << 24) + (uint64_t)history->events_n;
        promise = promise_of(&posterior, vectors.of[trial], problem->seed, stream);
        posterior_fini(&posterior);
        vectors_fini(&vectors);
    }
    opt_model_destroy(own);
    return promise;
}
