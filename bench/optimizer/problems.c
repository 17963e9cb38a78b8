#include "bench/optimizer/problems.h"

#include "bench/optimizer/pair_table.h"
#include "optimizer/sobol.h"
#include "proto/rng.h"

#include <math.h>
#include <string.h>

/* Streams of chance of one seed. 1 is the shares' (as bench/optimizer.c always had it). */
enum { STREAM_SHARES = 1, STREAM_DESIGN = 2, STREAM_NOISE = 1000, STREAM_RANDOM = 1000000 };

// clang-format off
static const struct cell cells[] = {
    /* name             d  m dsgn swp evals q  noise          reference         mean */
    {"branin-currin",   2, 2,  6,  0,  86, 4, {15.19, 0.63}, {18, 6},          -1},
    {"dtlz2",           6, 2, 14,  0,  94, 4, {0},           {1.1, 1.1},       -1},
    {"dtlz2-noise",     6, 2, 14,  0,  94, 4, {0.05, 0.05},  {1.1, 1.1},       -1},
    {"zdt1",            4, 2, 10,  0,  90, 4, {0},           {11, 11},         -1},
    {"hma-8",           8, 2, 18, 11, 194, 8, {0.02, 0.02},  {0.1, 1.1},       -1},
    {"hma-26",         26, 2, 54, 11, 198, 8, {0.02, 0.02},  {0.1, 1.1},       -1},
    {"slice-8",         8, 2, 18,  0, 106, 8, {0.02, 0.02},  {-0.55, 0.5},    0.4},
    {"slice-26",       26, 2, 54,  0, 126, 8, {0.02, 0.02},  {-0.55, 0.5},    0.4},
    {"hma-3",           3, 2, 14, 11,  62, 4, {0.02, 0.02},  {0.1, 1.1},       -1},
    {"pair",            3, 2, 14, 11,  62, 4, PAIR_NOISE,    PAIR_REFERENCE,    -1},
    {"dtlz2-3",         6, 3, 14,  0,  94, 4, {0},           {1.1, 1.1, 1.1},  -1},
};
// clang-format on

const struct cell *cell_at(int i)
{
    return i >= 0 && i < (int)(sizeof cells / sizeof *cells) ? &cells[i] : NULL;
}

void problem_make_hma(struct problem *p, int d, uint64_t seed)
{
    struct rng rng;
    double a = 0, b = 0;
    p->cell.d = d;
    p->seed = seed;
    rng_seed(&rng, seed, STREAM_SHARES);
    for (int i = 0; i < d; i++) {
        a += p->a[i] = 0.2 + rng_uniform(&rng);
        b += p->b[i] = 0.7 + 0.6 * rng_uniform(&rng);
    }
    for (int i = 0; i < d; i++) {
        p->a[i] /= a;
        p->b[i] /= b;
    }
}

int problem_make(struct problem *p, const char *cell, uint64_t seed)
{
    for (int i = 0; cell_at(i); i++) {
        if (strcmp(cells[i].name, cell) != 0)
            continue;
        *p = (struct problem){.cell = cells[i], .seed = seed};
        problem_make_hma(p, p->cell.d, seed);
        return 0;
    }
    return -1;
}

static void branin_currin(const double *x, double *f)
{
    double u = 15 * x[0] - 5, v = 15 * x[1];
    double branin = v - 5.1 / (4 * M_PI * M_PI) * u * u + 5 / M_PI * u - 6;
    f[0] = branin * branin + 10 * (1 - 1 / (8 * M_PI)) * cos(u) + 10;
    double factor = x[1] == 0 ? 1 : 1 - exp(-1 / (2 * x[1]));
    double s = x[0];
    f[1] = factor * (((2300 * s + 1900) * s + 2092) * s + 60) / (((100 * s + 500) * s + 4) * s + 20);
}

static void dtlz2(const double *x, int d, int m, double *f)
{
    double g = 0;
    for (int i = m - 1; i < d; i++)
        g += (x[i] - 0.5) * (x[i] - 0.5);
    for (int j = 0; j < m; j++) {
        f[j] = 1 + g;
        for (int i = 0; i < m - 1 - j; i++)
            f[j] *= cos(x[i] * M_PI / 2);
        f[j] *= j > 0 ? sin(x[m - 1 - j] * M_PI / 2) : 1;
    }
}

static void zdt1(const double *x, int d, double *f)
{
    double g = 0;
    for (int i = 1; i < d; i++)
        g += x[i];
    g = 1 + 9 * g / (d - 1);
    f[0] = x[0];
    f[1] = g * (1 - sqrt(x[0] / g));
}

/* Each group carries a share of the reward and a share of the tax; the reward saturates, the tax grows faster than
 * linearly, and neighbours interact:
 *
 *   reward = (1 - exp(-2 x)) / (1 - exp(-2)),   x = sum_i a_i r_i
 *   tax    = y^1.5 + 0.1 sum_i (r_i - r_{i-1})^2,   y = sum_i b_i r_i
 *
 * so that equal ratios are decent (no jumps between neighbours) and unequal ones can be better. The ends are (0, 0)
 * and (-1, 1) by construction. */
static void hma(const struct problem *p, const double *r, double *f)
{
    double x = 0, y = 0, jumps = 0;
    for (int i = 0; i < p->cell.d; i++) {
        x += p->a[i] * r[i];
        y += p->b[i] * r[i];
        jumps += i > 0 ? (r[i] - r[i - 1]) * (r[i] - r[i - 1]) : 0;
    }
    f[0] = -(1 - exp(-2 * x)) / (1 - exp(-2));
    f[1] = pow(fmax(y, 0), 1.5) + 0.1 * jumps;
}

/* What the shipped pair scored, as smooth functions (make_pair.py): f = p0 + p . r + sum_i c_i |r - r_i|^3 */
static void pair(const double *r, double *f)
{
    for (int j = 0; j < 2; j++)
        f[j] = pair_p[0][j] + r[0] * pair_p[1][j] + r[1] * pair_p[2][j] + r[2] * pair_p[3][j];
    for (int i = 0; i < PAIR_N; i++) {
        double square = 0;
        for (int l = 0; l < 3; l++)
            square += (r[l] - pair_x[i][l]) * (r[l] - pair_x[i][l]);
        for (int j = 0; j < 2; j++)
            f[j] += pair_c[i][j] * square * sqrt(square);
    }
}

void problem_truth(const struct problem *p, const double *x, double *f)
{
    const char *name = p->cell.name;
    if (strncmp(name, "branin", 6) == 0)
        branin_currin(x, f);
    else if (strncmp(name, "dtlz2", 5) == 0)
        dtlz2(x, p->cell.d, p->cell.m, f);
    else if (strncmp(name, "zdt1", 4) == 0)
        zdt1(x, p->cell.d, f);
    else if (strcmp(name, "pair") == 0)
        pair(x, f);
    else
        hma(p, x, f);
}

void problem_score(const struct problem *p, int evaluation, const double *x, double *f)
{
    struct rng rng;
    rng_seed(&rng, p->seed, STREAM_NOISE + (uint64_t)evaluation);
    problem_truth(p, x, f);
    for (int j = 0; j < p->cell.m; j++) {
        double radius = sqrt(-2 * log(1 - rng_uniform(&rng)));
        f[j] += p->cell.noise[j] * radius * cos(2 * M_PI * rng_uniform(&rng));
    }
}

/* Uniform on {0 <= x <= 1, mean x = c}: Gibbs steps that share the sum of two coordinates anew. */
static void slice_uniform(struct rng *rng, int d, double mean, double *x)
{
    for (int i = 0; i < d; i++)
        x[i] = mean;
    for (int step = 0; step < 40 * d; step++) {
        int i = (int)(rng_uniform(rng) * d), j = (int)(rng_uniform(rng) * (d - 1));
        j += j >= i;
        double sum = x[i] + x[j], low = fmax(0, sum - 1), high = fmin(1, sum);
        x[i] = low + rng_uniform(rng) * (high - low);
        x[j] = fmin(fmax(sum - x[i], 0), 1);
    }
}

void problem_design(const struct problem *p, double *x)
{
    const struct cell *c = &p->cell;
    struct rng rng;
    rng_seed(&rng, p->seed, STREAM_DESIGN);
    for (int n = 0; n < c->design; n++, x += c->d) {
        if (c->mean >= 0)
            slice_uniform(&rng, c->d, c->mean, x);
        else if (n >= c->sweep)
            sobol_point(c->d, (uint64_t)(n - c->sweep), p->seed, STREAM_DESIGN, x);
        for (int i = 0; n < c->sweep && i < c->d; i++)
            x[i] = (double)n / (c->sweep - 1);
    }
}

void problem_random(const struct problem *p, int index, double *x)
{
    struct rng rng;
    rng_seed(&rng, p->seed, STREAM_RANDOM + (uint64_t)index);
    if (p->cell.mean >= 0)
        slice_uniform(&rng, p->cell.d, p->cell.mean, x);
    for (int i = 0; p->cell.mean < 0 && i < p->cell.d; i++)
        x[i] = rng_uniform(&rng);
}
