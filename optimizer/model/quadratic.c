#include "optimizer/model/quadratic.h"

#include "optimizer/gp/linalg.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SD_MIN 1e-6

/* The richest that there are rows for; without enough for any, squares all the same: the penalty sees to it. */
static enum terms choose_level(int n, int d)
{
    for (enum terms level = TERMS_PRODUCTS; level > TERMS_SQUARES; level--)
        if (terms_count(level, d) <= n && terms_count(level, d) <= TERMS_MAX)
            return level;
    return TERMS_SQUARES;
}

void quadratic_make(int n, int d, const double *x, const double *y, const double *weight,
                    struct quadratic *out)
{
    assert(n >= 1 && d >= 1);
    *out = (struct quadratic){.d = d, .level = choose_level(n, d)};
    size_t terms = (size_t)terms_count(out->level, d);
    double *phi = mem_zero((size_t)n * terms, sizeof *phi), *scaled = mem_zero((size_t)n, sizeof *scaled);
    for (size_t i = 0; i < (size_t)n; i++) {
        double root = sqrt(weight[i]);
        terms_fill(out->level, d, &x[i * (size_t)d], &phi[i * terms]);
        for (size_t t = 0; t < terms; t++)
            phi[i * terms + t] *= root;
        scaled[i] = root * y[i];
    }
    ridge_make(n, (int)terms, phi, scaled, &out->ridge);
    mem_free(phi);
    mem_free(scaled);
}

void quadratic_fini(struct quadratic *quadratic)
{
    if (!quadratic)
        return;
    ridge_fini(&quadratic->ridge);
}

double quadratic_mean(const struct quadratic *q, const double *x)
{
    double phi[TERMS_MAX];
    terms_fill(q->level, q->d, x, phi);
    return linalg_dot(q->ridge.terms, phi, q->ridge.weights);
}

void quadratic_predict(const struct quadratic *q, const double *x, double *mean, double *sd,
                       double *mean_gradient, double *sd_gradient)
{
    const struct ridge *r = &q->ridge;
    double phi[TERMS_MAX], v[TERMS_MAX];
    terms_fill(q->level, q->d, x, phi);
    *mean = linalg_dot(r->terms, phi, r->weights);
    memcpy(v, phi, sizeof *v * (size_t)r->terms);
    linalg_solve(r->terms, r->factor, r->terms, v);
    double spread = sqrt(r->left * linalg_dot(r->terms, v, v));
    *sd = fmax(spread, SD_MIN);
    if (!mean_gradient)
        return;
    terms_slope(q->level, q->d, x, r->weights, mean_gradient);
    linalg_solve_transposed(r->terms, r->factor, r->terms, v);
    terms_slope(q->level, q->d, x, v, sd_gradient);
    for (int i = 0; i < q->d; i++)
        sd_gradient[i] = spread > SD_MIN ? sd_gradient[i] * r->left / spread : 0;
}
