#include "optimizer/model/trend.h"

#include "optimizer/gp/linalg.h"
#include "optimizer/model/ridge.h"
#include "proto/mem.h"

#include <math.h>

#define WORTH 0.8       /* of the mean square that a simpler trend leaves: no more may be left */
#define SIGNAL_MIN 0.04 /* of a mean square; so much of what is left is taken for no noise, at least */
#define LEFT_MIN 1e-3   /* what is left becomes the unit of a process */

static double mean_square(int n, const double *y)
{
    return linalg_dot(n, y, y) / n;
}

static void try_level(enum terms level, int n, int d, const double *x, const double *y, struct ridge *out)
{
    int terms = terms_count(level, d);
    double *phi = mem_zero((size_t)n * (size_t)terms, sizeof *phi);
    for (int i = 0; i < n; i++)
        terms_fill(level, d, &x[(size_t)i * (size_t)d], &phi[(size_t)i * (size_t)terms]);
    ridge_make(n, terms, phi, y, out);
    mem_free(phi);
}

/* Part of what is left is noise, which must not become the unit of a process, or it would take noise for its function. */
static double without_noise(double left, int n, const double *variance)
{
    double noise = 0;
    for (int i = 0; i < n; i++)
        noise += variance[i] / n;
    return fmax(sqrt(fmax(left - noise, SIGNAL_MIN * left)), LEFT_MIN);
}

void trend_make(int n, int d, const double *x, const double *y, const double *variance, struct trend *out)
{
    *out = (struct trend){.d = d, .level = TERMS_CONSTANT, .left = 1};
    if (d < TREND_FREE_MIN)
        return;
    double best = mean_square(n, y);
    for (enum terms level = TERMS_LINEAR; level <= TERMS_PRODUCTS; level++) {
        int terms = terms_count(level, d);
        if (terms > TERMS_MAX || (level == TERMS_PRODUCTS && terms > n))
            continue;
        struct ridge ridge;
        try_level(level, n, d, x, y, &ridge);
        if (ridge.left < WORTH * best) {
            best = ridge.left;
            out->level = level;
            out->left = without_noise(best, n, variance);
            mem_free(out->weights);
            mem_free(out->factor);
            out->weights = ridge.weights;
            out->factor = ridge.factor;
            out->error = sqrt(best);
            ridge.weights = ridge.factor = NULL;
        }
        ridge_fini(&ridge);
    }
}

void trend_fini(struct trend *trend)
{
    if (!trend)
        return;
    mem_free(trend->weights);
    mem_free(trend->factor);
    *trend = (struct trend){0};
}

double trend_at(const struct trend *t, const double *x, double *slope)
{
    double phi[TERMS_MAX];
    for (int i = 0; slope && i < t->d; i++)
        slope[i] = 0;
    if (!t->weights)
        return 0;
    terms_fill(t->level, t->d, x, phi);
    if (slope)
        terms_slope(t->level, t->d, x, t->weights, slope);
    return linalg_dot(terms_count(t->level, t->d), phi, t->weights);
}

void trend_doubt(const struct trend *t, int q, const double *x, double *rows)
{
    if (!t->weights)
        return;
    size_t terms = (size_t)terms_count(t->level, t->d);
    for (size_t i = 0; i < (size_t)q; i++)
        terms_fill(t->level, t->d, &x[i * (size_t)t->d], &rows[i * terms]);
    linalg_solve_rows((int)terms, t->factor, (int)terms, q, rows, (int)terms);
    for (size_t i = 0; i < (size_t)q * terms; i++)
        rows[i] *= t->error;
}
