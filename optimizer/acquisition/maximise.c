#include "optimizer/acquisition/maximise.h"

#include "optimizer/nlopt_minimise.h"
#include "optimizer/normal.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CALLS 8 /* of every start; then the KEEP best of what is known go on */
#define KEEP 4
#define APART 0.05           /* of starts, the largest difference of a ratio, in widths of its range */
#define SHARE 0.3            /* of the coordinates that a perturbation changes */
#define STEP_TOLERANCE 1e-6  /* in widths */
#define VALUE_TOLERANCE 1e-6 /* of a logarithm */

static const double steps[] = {0.2, 0.05, 0.1, 0.02}; /* of perturbations, in widths, in turn */

struct pool {
    const struct maximise_run *run;
    int n, points, capacity;
    double *x;     /* [capacity][n], feasible */
    double *value; /* [capacity] */
    int *order;    /* [capacity] */
};

static double *row(const struct pool *pool, int i)
{
    return &pool->x[(size_t)i * (size_t)pool->n];
}

/* In place; what is not a number becomes the middle of its range. */
static void make_feasible(const struct space *space, double *x)
{
    double v[OPT_K_MAX];
    for (int i = 0; i < space->n; i++) {
        const struct range *range = &space->range[i];
        v[i] = isnan(x[i]) ? range->low + (range->high - range->low) / 2
                           : fmin(fmax(x[i], range->low), range->high) + 0.0;
    }
    if (space->slice)
        slice_project(space->range, space->n, space->mean, v, x);
    else
        memcpy(x, v, (size_t)space->n * sizeof *x);
}

static double normal(struct rng *rng)
{
    double out;
    normal_fill(rng, 1, &out);
    return out;
}

/* One coordinate for certain, the others with chance SHARE. */
static void perturb_box(const struct space *space, struct rng *rng, double step, double *x)
{
    int certain = (int)(rng_uniform(rng) * space->n);
    for (int i = 0; i < space->n; i++) {
        bool changes = rng_uniform(rng) < SHARE;
        double by = step * (space->range[i].high - space->range[i].low) * normal(rng);
        if (changes || i == certain)
            x[i] += by;
    }
}

/* Exchanges between pairs, which keep the weighted sum; each as far as both ranges allow. */
static void perturb_slice(const struct space *space, struct rng *rng, double step, double *x)
{
    int n = space->n, exchanges = (int)ceil(SHARE * n / 2);
    for (int e = 0; e < exchanges; e++) {
        int a = (int)(rng_uniform(rng) * n), b = (int)(rng_uniform(rng) * (n - 1));
        b += b >= a;
        const struct range *p = &space->range[a], *q = &space->range[b];
        double width = fmin((p->high - p->low) * p->weight, (q->high - q->low) * q->weight);
        double mass = step * width * normal(rng);
        double most = fmin((p->high - x[a]) * p->weight, (x[b] - q->low) * q->weight);
        double least = fmax((p->low - x[a]) * p->weight, (x[b] - q->high) * q->weight);
        mass = fmin(fmax(mass, least), most);
        x[a] += mass / p->weight;
        x[b] -= mass / q->weight;
    }
}

static void add_seeded(struct pool *pool)
{
    const struct maximise_run *run = pool->run;
    double ratios[OPT_K_MAX];
    for (int i = 0; i < run->candidates; i++) {
        space_sample(run->space, run->seed, run->stream, (uint64_t)i, ratios);
        space_gather(run->space, ratios, row(pool, pool->points++));
    }
}

/* Good points in turn, and step sizes in turn of whole rounds of them. */
static void add_perturbed(struct pool *pool, int count)
{
    const struct maximise_run *run = pool->run;
    struct rng rng;
    rng_seed(&rng, run->seed ^ 0x6d6178696d697365u, run->stream);
    for (int i = 0; i < count; i++) {
        double *x = row(pool, pool->points++);
        double step = steps[(size_t)(i / run->good_n) % (sizeof steps / sizeof *steps)];
        memcpy(x, &run->good[(size_t)(i % run->good_n) * (size_t)pool->n], (size_t)pool->n * sizeof *x);
        make_feasible(run->space, x);
        if (run->space->slice)
            perturb_slice(run->space, &rng, step, x);
        else
            perturb_box(run->space, &rng, step, x);
        make_feasible(run->space, x);
    }
}

static void add_extra(struct pool *pool)
{
    const struct maximise_run *run = pool->run;
    for (int i = 0; i < run->extra_n; i++) {
        double *x = row(pool, pool->points++);
        memcpy(x, &run->extra[(size_t)i * (size_t)pool->n], (size_t)pool->n * sizeof *x);
        make_feasible(run->space, x);
    }
}

static double finite_or_worst(double value)
{
    return isfinite(value) ? value : -INFINITY;
}

static void make_pool(struct pool *pool, const struct maximise_run *run)
{
    int perturbed = run->good_n > 0 ? run->candidates : 0;
    *pool = (struct pool){.run = run, .n = run->space->n};
    pool->capacity = run->candidates + perturbed + run->extra_n + 2 * run->starts;
    pool->x = mem_zero((size_t)pool->capacity * (size_t)pool->n, sizeof *pool->x);
    pool->value = mem_zero((size_t)pool->capacity, sizeof *pool->value);
    pool->order = mem_zero((size_t)pool->capacity, sizeof *pool->order);
    add_seeded(pool);
    if (perturbed)
        add_perturbed(pool, perturbed);
    add_extra(pool);
    run->values(run->arg, pool->points, pool->x, pool->value);
    for (int i = 0; i < pool->points; i++)
        pool->value[i] = finite_or_worst(pool->value[i]);
}

static void free_pool(struct pool *pool)
{
    mem_free(pool->x);
    mem_free(pool->value);
    mem_free(pool->order);
}

struct entry {
    double value;
    int index;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *p = a, *q = b;
    if (p->value != q->value)
        return p->value > q->value ? -1 : 1;
    return (p->index > q->index) - (p->index < q->index);
}

/* pool->order: the best first, of equal ones the earlier. */
static void sort_pool(struct pool *pool)
{
    struct entry *entry = mem_zero((size_t)pool->points, sizeof *entry);
    for (int i = 0; i < pool->points; i++)
        entry[i] = (struct entry){pool->value[i], i};
    qsort(entry, (size_t)pool->points, sizeof *entry, compare_entries);
    for (int i = 0; i < pool->points; i++)
        pool->order[i] = entry[i].index;
    mem_free(entry);
}

static double distance(const struct space *space, const double *x, const double *y)
{
    double largest = 0;
    for (int i = 0; i < space->n; i++)
        largest = fmax(largest, fabs(x[i] - y[i]) / (space->range[i].high - space->range[i].low));
    return largest;
}

/* The best, then the next best that is not near an earlier one. Returns how many; start: [most]. */
static int choose(struct pool *pool, int most, int *start)
{
    int chosen = 0;
    sort_pool(pool);
    for (int i = 0; i < pool->points && chosen < most; i++) {
        const double *x = row(pool, pool->order[i]);
        bool apart = isfinite(pool->value[pool->order[i]]);
        for (int j = 0; j < chosen && apart; j++)
            apart = distance(pool->run->space, x, row(pool, start[j])) >= APART;
        if (apart)
            start[chosen++] = pool->order[i];
    }
    return chosen;
}

/* NLopt sees u in the unit cube, x = low + u * width, and a function to be minimised. */
static double minus_value(void *arg, const double *u, double *gradient)
{
    const struct maximise_run *run = arg;
    const struct space *space = run->space;
    double x[OPT_K_MAX];
    for (int i = 0; i < space->n; i++)
        x[i] = fmin(space->range[i].low + u[i] * (space->range[i].high - space->range[i].low),
                    space->range[i].high);
    double value = run->value(run->arg, x, gradient);
    for (int i = 0; i < space->n && gradient; i++)
        gradient[i] *= -(space->range[i].high - space->range[i].low);
    return -value;
}

/* One local run from a point of the pool; where it ends is a new point of the pool, unless it is no better. */
static void climb(struct pool *pool, int start, int calls)
{
    const struct space *space = pool->run->space;
    double u[OPT_K_MAX], zero[OPT_K_MAX] = {0}, one[OPT_K_MAX], coefficient[OPT_K_MAX], target = 0;
    for (int i = 0; i < space->n; i++) {
        const struct range *range = &space->range[i];
        double width = range->high - range->low;
        one[i] = 1;
        u[i] = (row(pool, start)[i] - range->low) / width;
        coefficient[i] = range->weight * width;
        target += range->weight * (space->mean - range->low);
    }
    const struct minimise_run local = {.algorithm = space->slice ? "LD_SLSQP" : "LD_LBFGS",
                                       .d = space->n,
                                       .lower = zero,
                                       .upper = one,
                                       .coefficient = space->slice ? coefficient : NULL,
                                       .target = target,
                                       .calls_max = calls,
                                       .ftol_abs = VALUE_TOLERANCE,
                                       .xtol_abs = STEP_TOLERANCE,
                                       .value = minus_value,
                                       .arg = (void *)pool->run};
    nlopt_minimise(&local, u);
    double *x = row(pool, pool->points);
    for (int i = 0; i < space->n; i++)
        x[i] = space->range[i].low + u[i] * (space->range[i].high - space->range[i].low);
    make_feasible(space, x);
    double value = finite_or_worst(pool->run->value(pool->run->arg, x, NULL));
    if (value > pool->value[start])
        pool->value[pool->points++] = value;
}

/* The index of the best point that may come out, -1 when none may. */
static int pick(const struct pool *pool)
{
    const struct maximise_run *run = pool->run;
    for (int i = 0; i < pool->points; i++) {
        int index = pool->order[i];
        if (!isfinite(pool->value[index]))
            break;
        if (!run->taken || !run->taken(run->arg, row(pool, index)))
            return index;
    }
    return -1;
}

/* Local runs from the best points so far that are apart from one another. */
static void climb_all(struct pool *pool, int most, int calls)
{
    int *start = mem_zero((size_t)most + 1, sizeof *start), chosen = choose(pool, most, start);
    for (int i = 0; i < chosen && calls > 0; i++)
        climb(pool, start[i], calls);
    mem_free(start);
}

double maximise(const struct maximise_run *run, double *ratios)
{
    assert(run->candidates >= 1 && run->starts >= 0 && run->space->n >= 1);
    struct pool pool;
    make_pool(&pool, run);
    int first = run->calls_max < FIRST_CALLS ? run->calls_max : FIRST_CALLS;
    climb_all(&pool, run->starts, first);
    climb_all(&pool, run->starts < KEEP ? run->starts : KEEP, run->calls_max - first);
    sort_pool(&pool);
    int best = pick(&pool);
    double value = best < 0 ? -INFINITY : pool.value[best];
    space_spread(run->space, row(&pool, best < 0 ? 0 : best), ratios);
    free_pool(&pool);
    return value;
}
