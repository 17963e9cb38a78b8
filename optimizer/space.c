#include "optimizer/space.h"

#include "optimizer/sobol.h"
#include "proto/rng.h"

#include <assert.h>
#include <math.h>

/* The free ratios: the first group of each set that is not frozen, in order. */
static void find_free(struct space *space, const struct opt_problem *p)
{
    for (int i = 0; i < p->k; i++) {
        space->fixed[i] = p->low[i] + 0.0;
        space->source[i] = -1;
        if (p->low[i] == p->high[i])
            continue;
        if (p->tie[i] == i) {
            space->range[space->n] = (struct range){p->low[i], p->high[i], 0};
            space->source[i] = space->n++;
        }
        space->source[i] = space->source[p->tie[i]];
        space->range[space->source[i]].weight++;
    }
}

void space_box(struct space *space, const struct opt_problem *problem)
{
    *space = (struct space){.k = problem->k};
    find_free(space, problem);
    space->d = space->n;
    space->plain = space->n == space->k;
    for (int i = 0; i < space->n; i++) {
        const struct range *range = &space->range[i];
        space->width = fmax(space->width, range->high - range->low);
        space->plain =
            space->plain && range->low == space->range[0].low && range->high == space->range[0].high;
        space->z_lower[i] = range->low;
        space->z_upper[i] = range->high;
    }
}

void space_means(const struct space *space, double *lowest, double *highest)
{
    double low = 0, high = 0;
    for (int i = 0; i < space->k; i++) {
        const struct range *range = space->source[i] < 0 ? NULL : &space->range[space->source[i]];
        low += range ? range->low : space->fixed[i];
        high += range ? range->high : space->fixed[i];
    }
    /* Without the rounding of a sum where none is needed. */
    *lowest = space->plain ? space->range[0].low : low / space->k;
    *highest = space->plain ? space->range[0].high : high / space->k;
}

/* What the frozen ratios leave to the free ones, so that the mean of all is `mean`. */
static double free_mean(const struct space *space, double mean)
{
    double fixed = 0;
    int free_n = 0;
    for (int i = 0; i < space->k; i++) {
        free_n += space->source[i] >= 0;
        fixed += space->source[i] < 0 ? space->fixed[i] : 0;
    }
    return free_n == space->k ? mean : (space->k * mean - fixed) / free_n;
}

/* Row j of B is h in the free ratios before the j-th and -h W_j / weight_j in the j-th, W_j being the weights before
 * it: its weighted sum is zero and its length sum_i weight_i b_i^2 is 1. With all weights 1, Helmert's contrasts. */
struct row {
    double h;
    double ratio; /* W_j / weight_j */
};

static struct row row_of(const struct space *space, int j, int before)
{
    double weight = space->range[j].weight;
    return (struct row){1 / sqrt(before * (before + weight) / weight), before / weight};
}

/* The bounds of z_j are a small linear programme over the slice: its answer is to hand the mass above the low ends
 * (sum_i weight_i (mean - low_i) in all) out in the order of the entries of row j, to each what its range holds. z_j at
 * the low ends themselves is the offset. */
static void set_z_bounds(struct space *space)
{
    double above[OPT_K_MAX], width[OPT_K_MAX], offset[OPT_K_MAX];
    int n = space->n, before = space->range[0].weight;
    for (int i = 0; i < n; i++) {
        above[i] = space->mean - space->range[i].low;
        width[i] = space->range[i].high - space->range[i].low;
    }
    double mass = slice_sum(space->range, above, 0, n);
    for (int j = 1; j < n; j++) {
        struct row row = row_of(space, j, before);
        for (int i = 0; i < j; i++)
            offset[i] = space->range[i].low - space->range[j].low - (space->level[i] - space->level[j]);
        double first = slice_sum(space->range, width, 0, j), zeros = slice_sum(space->range, width, j + 1, n);
        double own = slice_sum(space->range, width, j, j + 1), at_low = slice_sum(space->range, offset, 0, j);
        double upper = fmin(mass, first) - row.ratio * fmax(0, mass - first - zeros) + at_low;
        double lower = fmax(0, mass - own - zeros) - row.ratio * fmin(mass, own) + at_low;
        space->z_upper[j - 1] =
            fmax(row.h * upper, 0); /* the level vector is in the box, whatever the rounding */
        space->z_lower[j - 1] = fmin(row.h * lower, 0);
        before += space->range[j].weight;
    }
}

void space_slice(struct space *space, const struct opt_problem *problem, double mean)
{
    space_box(space, problem);
    double lowest, highest;
    space_means(space, &lowest, &highest);
    assert(space->n >= 2 && lowest < mean && mean < highest);
    space->d = space->n - 1;
    space->slice = true;
    space->mean = free_mean(space, mean);
    double equal[OPT_K_MAX];
    for (int i = 0; i < space->n; i++)
        equal[i] = space->mean;
    slice_project(space->range, space->n, space->mean, equal, space->level);
    set_z_bounds(space);
}

void space_spread(const struct space *space, const double *x, double *ratios)
{
    for (int i = 0; i < space->k; i++) /* -0 and 0 are one point: records are compared bit by bit */
        ratios[i] = (space->source[i] < 0 ? space->fixed[i] : x[space->source[i]]) + 0.0;
}

void space_gather(const struct space *space, const double *ratios, double *x)
{
    for (int i = space->k - 1; i >= 0; i--) /* the first of a set last */
        if (space->source[i] >= 0)
            x[space->source[i]] = ratios[i];
}

static double clamp_z(const struct space *space, const double *z, int i)
{
    double low = space->z_lower[i], high = space->z_upper[i];
    if (isnan(z[i]))
        return low + (high - low) / 2;
    return z[i] < low ? low : z[i] > high ? high : z[i];
}

/* B^T z in O(n): entry i is the sum of h_j z_j over j > i, less its own row's part. */
static void map_slice(const struct space *space, const double *z, double *x)
{
    double v[OPT_K_MAX], tail = 0;
    int before = 0;
    for (int i = 0; i < space->n - 1; i++)
        before += space->range[i].weight;
    for (int i = space->n - 1; i >= 0; i--) {
        struct row row = i > 0 ? row_of(space, i, before) : (struct row){0};
        double own = i > 0 ? row.h * clamp_z(space, z, i - 1) : 0;
        v[i] = space->level[i] + (tail - row.ratio * own);
        tail += own;
        before -= i > 0 ? space->range[i - 1].weight : 0;
    }
    slice_project(space->range, space->n, space->mean, v, x);
}

void space_map(const struct space *space, const double *z, double *ratios)
{
    double x[OPT_K_MAX];
    if (space->slice)
        map_slice(space, z, x);
    else
        for (int i = 0; i < space->n; i++)
            x[i] = clamp_z(space, z, i);
    space_spread(space, x, ratios);
}

void space_inverse(const struct space *space, const double *ratios, double *z)
{
    double x[OPT_K_MAX], sum = 0;
    if (!space->slice) {
        space_gather(space, ratios, z);
        return;
    }
    space_gather(space, ratios, x);
    int before = 0;
    for (int j = 1; j < space->n; j++) {
        before += space->range[j - 1].weight;
        sum += space->range[j - 1].weight * (x[j - 1] - space->level[j - 1]);
        z[j - 1] = row_of(space, j, before).h * (sum - before * (x[j] - space->level[j]));
    }
}

static double between(double x, const struct range *range)
{
    return fmin(fmax(x, range->low), range->high);
}

/* Two free ratios keep their weighted sum; the first becomes uniform on what both ranges leave. */
static void exchange(const struct range *a, const struct range *b, double chance, double *x, double *y)
{
    double sum = a->weight * *x + b->weight * *y;
    double low = fmax(a->low, (sum - b->weight * b->high) / a->weight);
    double high = fmin(a->high, (sum - b->weight * b->low) / a->weight);
    *x = between(low + (high - low) * chance, a);
    *y = between((sum - a->weight * *x) / b->weight, b);
}

/* Uniform on the slice: a Gibbs chain of pairwise exchanges. Successive states 4n moves apart are almost uncorrelated,
 * so 16n moves from the centre are enough for a start point. */
static void sample_slice(const struct space *space, struct rng *rng, double *ratios)
{
    int n = space->n;
    double v[OPT_K_MAX], x[OPT_K_MAX];
    for (int i = 0; i < n; i++)
        v[i] = space->level[i];
    for (int move = 0; move < 16 * n; move++) {
        int a = (int)(rng_uniform(rng) * n), b = (int)(rng_uniform(rng) * (n - 1));
        b += b >= a;
        exchange(&space->range[a], &space->range[b], rng_uniform(rng), &v[a], &v[b]);
    }
    slice_project(space->range, n, space->mean, v, x);
    space_spread(space, x, ratios);
}

void space_sample(const struct space *space, uint64_t seed, uint64_t stream, uint64_t index, double *ratios)
{
    struct rng rng;
    if (space->slice) {
        rng_seed(&rng, seed, stream * 0x100000000u + index);
        sample_slice(space, &rng, ratios);
        return;
    }
    double x[OPT_K_MAX];
    sobol_point(space->n, index, seed, stream, x);
    for (int i = 0; i < space->n; i++)
        x[i] = fmin(space->range[i].low + (space->range[i].high - space->range[i].low) * x[i],
                    space->range[i].high);
    space_spread(space, x, ratios);
}
