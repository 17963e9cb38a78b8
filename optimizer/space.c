#include "optimizer/space.h"

#include "optimizer/sobol.h"
#include "proto/rng.h"

#include <assert.h>
#include <math.h>

void space_box(struct space *space, int k, double lower, double upper)
{
    assert(k >= 1 && k <= OPT_K_MAX && lower < upper);
    *space = (struct space){.k = k, .d = k, .lower = lower, .upper = upper};
    for (int i = 0; i < k; i++) {
        space->z_lower[i] = lower;
        space->z_upper[i] = upper;
    }
}

/* Row j = 1 … k-1 of B: j entries of h = 1/sqrt(j(j+1)), then one of -j h, then zeros. */
static double helmert(int j)
{
    return 1 / sqrt((double)j * (j + 1));
}

/* The bounds of z_j are a small linear programme over the slice: its answer is to hand the mass above `lower`
 * (k * (mean - lower) in all) out in the order of the entries of row j, at most `range` to each. */
void space_slice(struct space *space, int k, double lower, double upper, double mean)
{
    assert(k >= 2 && k <= OPT_K_MAX && lower < mean && mean < upper);
    *space = (struct space){.k = k, .d = k - 1, .lower = lower, .upper = upper, .slice = true, .mean = mean};
    double range = upper - lower, mass = k * (mean - lower);
    for (int j = 1; j < k; j++) {
        double first = j * range, zeros = (k - 1 - j) * range;
        space->z_upper[j - 1] = helmert(j) * (fmin(mass, first) - j * fmax(0, mass - first - zeros));
        space->z_lower[j - 1] = helmert(j) * (fmax(0, mass - range - zeros) - j * fmin(mass, range));
    }
}

static double clamp_z(const struct space *space, const double *z, int i)
{
    double low = space->z_lower[i], high = space->z_upper[i];
    if (isnan(z[i]))
        return low + (high - low) / 2;
    return z[i] < low ? low : z[i] > high ? high : z[i];
}

void space_map(const struct space *space, const double *z, double *ratios)
{
    if (space->slice) {
        /* B^T z in O(k): entry i is the sum of h_j z_j over j > i, less i h_i z_i. */
        double v[OPT_K_MAX], tail = 0;
        for (int i = space->k - 1; i >= 0; i--) {
            double own = i > 0 ? helmert(i) * clamp_z(space, z, i - 1) : 0;
            v[i] = space->mean + (tail - i * own);
            tail += own;
        }
        slice_project(v, space->k, space->lower, space->upper, space->mean, ratios);
    } else {
        for (int i = 0; i < space->k; i++)
            ratios[i] = clamp_z(space, z, i);
    }
    for (int i = 0; i < space->k; i++)
        ratios[i] += 0.0; /* -0 and 0 are one point: records are compared bit by bit */
}

void space_inverse(const struct space *space, const double *ratios, double *z)
{
    if (!space->slice) {
        for (int i = 0; i < space->k; i++)
            z[i] = ratios[i];
        return;
    }
    double sum = 0;
    for (int j = 1; j < space->k; j++) {
        sum += ratios[j - 1] - space->mean;
        z[j - 1] = helmert(j) * (sum - j * (ratios[j] - space->mean));
    }
}

/* Uniform on the slice: a Gibbs chain of pairwise exchanges. Two coordinates keep their sum, and one of them
 * is uniform on what the bounds leave. Successive states 4k moves apart are almost uncorrelated, so 16k moves
 * from the centre are enough for a start point. */
static void sample_slice(const struct space *space, struct rng *rng, double *ratios)
{
    int k = space->k;
    for (int i = 0; i < k; i++)
        ratios[i] = space->mean;
    for (int move = 0; move < 16 * k; move++) {
        int a = (int)(rng_uniform(rng) * k), b = (int)(rng_uniform(rng) * (k - 1));
        b += b >= a;
        double sum = ratios[a] + ratios[b];
        double low = fmax(space->lower, sum - space->upper), high = fmin(space->upper, sum - space->lower);
        ratios[a] = fmin(fmax(low + (high - low) * rng_uniform(rng), space->lower), space->upper);
        ratios[b] = fmin(fmax(sum - ratios[a], space->lower), space->upper);
    }
    double v[OPT_K_MAX];
    for (int i = 0; i < k; i++)
        v[i] = ratios[i];
    slice_project(v, k, space->lower, space->upper, space->mean, ratios);
}

void space_sample(const struct space *space, uint64_t seed, uint64_t stream, uint64_t index, double *ratios)
{
    struct rng rng;
    if (space->slice) {
        rng_seed(&rng, seed, stream * 0x100000000u + index);
        sample_slice(space, &rng, ratios);
    } else {
        sobol_point(space->k, index, seed, stream, ratios);
        for (int i = 0; i < space->k; i++)
            ratios[i] = fmin(space->lower + (space->upper - space->lower) * ratios[i], space->upper);
    }
    for (int i = 0; i < space->k; i++)
        ratios[i] += 0.0;
}
