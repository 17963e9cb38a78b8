#include "optimizer/model/relevant.h"

#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RAW_DEVIATIONS 2.0 /* of a score's noise, before the posterior is asked */
/* By which one point must be better than another in every objective to be surely so. Less would leave out points that are on many a
 * draw's front. */
#define POSTERIOR_DEVIATIONS 2.5

/* The first rows of each set of equal x, that no other's raw scores are far better than. */
static int preselect(const struct surrogate *s, int *row)
{
    int kept = 0;
    size_t d = (size_t)s->d, size = sizeof *s->x * d;
    double slack[OPT_M_MAX];
    for (int j = 0; j < s->m; j++)
        slack[j] = 2 * RAW_DEVIATIONS * sqrt(s->noise[j]);
    for (int i = 0; i < s->rows; i++) {
        bool out = false;
        for (int o = 0; o < i && !out; o++)
            out = memcmp(&s->x[(size_t)o * d], &s->x[(size_t)i * d], size) == 0;
        for (int o = 0; o < s->rows && !out; o++) {
            bool better = o != i;
            for (int j = 0; j < s->m && better; j++)
                better = s->y[o * s->m + j] + slack[j] < s->y[i * s->m + j];
            out = better;
        }
        if (!out)
            row[kept++] = i;
    }
    return kept;
}

/* Deviations by which the surest dominator of i beats it in the objective where it does least; negative: none dominates. */
static double beaten_by(const struct relevant *r, int i)
{
    double most = -INFINITY;
    for (int o = 0; o < r->n; o++) {
        double least = INFINITY;
        for (int j = 0; j < r->m && o != i; j++) {
            double away = r->mean[i * r->m + j] - r->mean[o * r->m + j];
            least = fmin(least, away / (r->sd[i * r->m + j] + r->sd[o * r->m + j]));
        }
        most = o != i ? fmax(most, least) : most;
    }
    return most;
}

struct ranked {
    double beaten;
    int index;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->beaten != y->beaten)
        return x->beaten < y->beaten ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int compare_indices(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static void keep(struct relevant *r, const struct ranked *ranked, int n)
{
    size_t m = (size_t)r->m, d = (size_t)r->d;
    for (int i = 0; i < n; i++) { /* from >= to */
        size_t from = (size_t)ranked[i].index, to = (size_t)i;
        r->row[to] = r->row[from];
        memmove(&r->x[to * d], &r->x[from * d], sizeof *r->x * d);
        memmove(&r->mean[to * m], &r->mean[from * m], sizeof *r->mean * m);
        memmove(&r->sd[to * m], &r->sd[from * m], sizeof *r->sd * m);
    }
    r->n = n;
}

static void select_likely(struct relevant *r, int most)
{
    struct ranked *ranked = mem_zero((size_t)r->n + 1, sizeof *ranked);
    int n = 0;
    for (int i = 0; i < r->n; i++) {
        ranked[n] = (struct ranked){beaten_by(r, i), i};
        n += ranked[n].beaten < POSTERIOR_DEVIATIONS;
    }
    if (n > most) {
        qsort(ranked, (size_t)n, sizeof *ranked, compare_ranked);
        n = most;
        qsort(ranked, (size_t)n, sizeof *ranked, compare_indices);
    }
    keep(r, ranked, n);
    mem_free(ranked);
}

void relevant_make(const struct surrogate *s, int most, struct relevant *out)
{
    size_t n = (size_t)s->rows + 1, d = (size_t)s->d, m = (size_t)s->m;
    *out = (struct relevant){.m = s->m, .d = s->d};
    out->row = mem_zero(n, sizeof *out->row);
    out->n = preselect(s, out->row);
    n = (size_t)out->n + 1;
    out->x = mem_zero(n * d, sizeof *out->x);
    out->mean = mem_zero(n * m, sizeof *out->mean);
    out->sd = mem_zero(n * m, sizeof *out->sd);
    double *mean = mem_zero(n, sizeof *mean), *sd = mem_zero(n, sizeof *sd);
    for (int i = 0; i < out->n; i++)
        memcpy(&out->x[(size_t)i * d], &s->x[(size_t)out->row[i] * d], sizeof *out->x * d);
    for (int j = 0; j < s->m; j++) {
        surrogate_predict(s, j, out->n, out->x, mean, sd);
        for (int i = 0; i < out->n; i++) {
            out->mean[i * s->m + j] = mean[i];
            out->sd[i * s->m + j] = sd[i];
        }
    }
    mem_free(mean);
    mem_free(sd);
    select_likely(out, most);
}

void relevant_fini(struct relevant *relevant)
{
    if (!relevant)
        return;
    mem_free(relevant->row);
    mem_free(relevant->x);
    mem_free(relevant->mean);
    mem_free(relevant->sd);
    *relevant = (struct relevant){0};
}
