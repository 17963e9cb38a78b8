#include "optimizer/insight/posterior.h"

#include "optimizer/gp/linalg.h"
#include "optimizer/normal.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_FITS UINT64_C(0x66697473) /* of chance */

static bool is_exact(const struct vectors *v, int vector, int j)
{
    return v->exact[j] && v->whole[vector] >= 0;
}

static void predict(struct posterior *p, int j, bool with_sd)
{
    int n = p->vectors->n, m = p->m;
    double *mean = mem_zero((size_t)n + 1, sizeof *mean);
    double *sd = with_sd ? mem_zero((size_t)n + 1, sizeof *sd) : NULL;
    surrogate_predict(p->surrogate, j, n, p->x, mean, sd);
    for (int i = 0; i < n; i++) {
        double score = p->vectors->score[i * m + j], own_sd = 0;
        if (!is_exact(p->vectors, i, j))
            surrogate_objective(p->surrogate, j, mean[i], sd ? sd[i] : 0, &score, &own_sd);
        p->mean[i * m + j] = score;
        if (sd)
            p->sd[i * m + j] = own_sd;
    }
    mem_free(mean);
    mem_free(sd);
}

void posterior_make(const struct opt_problem *problem, const struct opt_history *history,
                    const struct surrogate *surrogate, const struct vectors *vectors, bool with_sd,
                    struct posterior *out)
{
    struct space space;
    space_box(&space, problem);
    size_t n = (size_t)vectors->n, m = (size_t)problem->m, d = (size_t)surrogate->d;
    *out = (struct posterior){.surrogate = surrogate, .vectors = vectors, .m = problem->m, .d = surrogate->d};
    out->x = mem_zero(n * d + 1, sizeof *out->x);
    out->mean = mem_zero(n * m + 1, sizeof *out->mean);
    if (with_sd)
        out->sd = mem_zero(n * m + 1, sizeof *out->sd);
    for (size_t i = 0; i < n; i++)
        surrogate_x(&space, &history->ratios[(size_t)vectors->trial[i] * (size_t)problem->k], &out->x[i * d]);
    for (int j = 0; j < problem->m; j++)
        predict(out, j, with_sd);
}

void posterior_fini(struct posterior *p)
{
    if (!p)
        return;
    mem_free(p->x);
    mem_free(p->mean);
    mem_free(p->sd);
    *p = (struct posterior){0};
}

/* What objective j is drawn from: draw i of s comes from gp[i n / s]. */
struct source {
    int n;
    struct gp *gp[POSTERIOR_FITS_MAX];
};

static void source_make(const struct posterior *p, int j, uint64_t seed, uint64_t stream, struct source *out)
{
    struct rng rng;
    assert(p->fits <= POSTERIOR_FITS_MAX);
    *out = (struct source){.n = 1, .gp = {p->surrogate->gp[j]}};
    if (p->fits == 0)
        return;
    out->n = p->fits;
    rng_seed(&rng, seed, STREAM_FITS + stream + ((uint64_t)j << 56));
    surrogate_spread(p->surrogate, j, p->fits, &rng, out->gp);
}

static void source_fini(const struct posterior *p, struct source *source)
{
    for (int i = 0; i < source->n && p->fits > 0; i++)
        gp_destroy(source->gp[i]);
}

static void draw_from(const struct source *source, int q, const double *x, int s, const double *normals,
                      double *y)
{
    for (int i = 0; i < source->n; i++) {
        int from = i * s / source->n, to = (i + 1) * s / source->n;
        size_t at = (size_t)from * (size_t)q;
        if (to > from)
            gp_sample(source->gp[i], q, x, to - from, &normals[at], &y[at]);
    }
}

/* Objective j of the vectors chosen[order[0 … q - 1]], into their columns of f. */
static void draw_block(const struct posterior *p, int j, const struct source *source, const int *chosen,
                       const int *order, int q, int n, int s, struct rng *rng, double *f)
{
    size_t d = (size_t)p->d, size = (size_t)s * (size_t)q;
    double *x = mem_zero((size_t)q * d + 1, sizeof *x);
    double *normals = mem_zero(size + 1, sizeof *normals), *y = mem_zero(size + 1, sizeof *y);
    for (int i = 0; i < q; i++)
        memcpy(&x[(size_t)i * d], &p->x[(size_t)chosen[order[i]] * d], d * sizeof *x);
    normal_fill(rng, (int)size, normals);
    draw_from(source, q, x, s, normals, y);
    for (int draw = 0; draw < s; draw++) {
        for (int i = 0; i < q; i++) {
            int vector = chosen[order[i]];
            double score =
                is_exact(p->vectors, vector, j)
                    ? p->vectors->score[vector * p->m + j]
                    : frame_score(&p->surrogate->frame[j], y[(size_t)draw * (size_t)q + (size_t)i]);
            f[((size_t)draw * (size_t)n + (size_t)order[i]) * (size_t)p->m + (size_t)j] = score;
        }
    }
    mem_free(x);
    mem_free(normals);
    mem_free(y);
}

struct place {
    double mean;
    int index;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->mean != y->mean)
        return x->mean < y->mean ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* order [n]: positions in `chosen`, by the mean of the first objective when they are too many for one block. */
static void sort_chosen(const struct posterior *p, const int *chosen, int n, int *order)
{
    struct place *place = mem_zero((size_t)n + 1, sizeof *place);
    for (int i = 0; i < n; i++)
        place[i] = (struct place){p->mean[chosen[i] * p->m], i};
    if (n > POSTERIOR_JOINT)
        qsort(place, (size_t)n, sizeof *place, compare_places);
    for (int i = 0; i < n; i++)
        order[i] = place[i].index;
    mem_free(place);
}

void posterior_draw(const struct posterior *p, const int *chosen, int n, int s, uint64_t seed,
                    uint64_t stream, double *f)
{
    int *order = mem_zero((size_t)n + 1, sizeof *order);
    struct rng rng;
    rng_seed(&rng, seed, stream);
    sort_chosen(p, chosen, n, order);
    for (int j = 0; j < p->m; j++) {
        struct source source;
        source_make(p, j, seed, stream, &source);
        for (int from = 0; from < n; from += POSTERIOR_JOINT) {
            int q = n - from < POSTERIOR_JOINT ? n - from : POSTERIOR_JOINT;
            draw_block(p, j, &source, chosen, &order[from], q, n, s, &rng, f);
        }
        source_fini(p, &source);
    }
    mem_free(order);
}
