#include "optimizer/model/ridge.h"

#include "optimizer/gp/linalg.h"
#include "proto/mem.h"

#include <math.h>
#include <string.h>

#define LEVERAGE_MAX 0.999
#define CONSTANT_STRENGTH 1e-9

static const double strengths[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};

struct fitting {
    int n, terms;
    const double *phi, *y;
    double *gram;   /* [terms][terms]: Phi^T Phi */
    double *moment; /* [terms]: Phi^T y */
    double *row;    /* [n][terms]: room */
};

static void fitting_make(int n, int terms, const double *phi, const double *y, struct fitting *f)
{
    size_t t = (size_t)terms, rows = (size_t)n;
    *f = (struct fitting){.n = n, .terms = terms, .phi = phi, .y = y};
    f->gram = mem_zero(t * t, sizeof *f->gram);
    f->moment = mem_zero(t, sizeof *f->moment);
    f->row = mem_zero(rows * t, sizeof *f->row);
    double *across = mem_zero(rows * t, sizeof *across);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < t; k++)
            across[k * rows + i] = phi[i * t + k];
    linalg_multiply_rows(terms, terms, n, 1, across, n, across, n, 0, f->gram, terms);
    linalg_multiply_transposed(n, terms, 1, phi, terms, y, 0, f->moment);
    mem_free(across);
}

static void fitting_fini(struct fitting *f)
{
    mem_free(f->gram);
    mem_free(f->moment);
    mem_free(f->row);
}

static double left_out(const struct fitting *f, const double *factor, const double *weights)
{
    int t = f->terms;
    size_t size = (size_t)t;
    double sum = 0;
    memcpy(f->row, f->phi, sizeof *f->row * (size_t)f->n * size);
    linalg_solve_rows(t, factor, t, f->n, f->row, t);
    for (int i = 0; i < f->n; i++) {
        const double *row = &f->row[(size_t)i * size];
        double leverage = fmin(linalg_dot(t, row, row), LEVERAGE_MAX);
        double left = (f->y[i] - linalg_dot(t, &f->phi[(size_t)i * size], weights)) / (1 - leverage);
        sum += left * left;
    }
    return sum / f->n;
}

static double try_strength(const struct fitting *f, double strength, double *factor, double *weights)
{
    int t = f->terms;
    size_t size = (size_t)t;
    memcpy(factor, f->gram, sizeof *factor * size * size);
    for (size_t i = 0; i < size; i++)
        factor[i * size + i] += f->n * (i > 0 ? strength : CONSTANT_STRENGTH);
    if (!linalg_cholesky(t, factor, t))
        return INFINITY;
    memcpy(weights, f->moment, sizeof *weights * size);
    linalg_solve(t, factor, t, weights);
    linalg_solve_transposed(t, factor, t, weights);
    return left_out(f, factor, weights);
}

void ridge_make(int n, int terms, const double *phi, const double *y, struct ridge *out)
{
    size_t t = (size_t)terms;
    *out = (struct ridge){.terms = terms, .left = INFINITY};
    out->weights = mem_zero(t, sizeof *out->weights);
    out->factor = mem_zero(t * t, sizeof *out->factor);
    double *weights = mem_zero(t, sizeof *weights), *factor = mem_zero(t * t, sizeof *factor);
    struct fitting f;
    fitting_make(n, terms, phi, y, &f);
    for (size_t i = 0; i < sizeof strengths / sizeof *strengths; i++) {
        double left = try_strength(&f, strengths[i], factor, weights);
        if (!(left < out->left))
            continue;
        out->left = left;
        out->strength = strengths[i];
        memcpy(out->weights, weights, sizeof *weights * t);
        memcpy(out->factor, factor, sizeof *factor * t * t);
    }
    fitting_fini(&f);
    mem_free(weights);
    mem_free(factor);
}

void ridge_fini(struct ridge *ridge)
{
    if (!ridge)
        return;
    mem_free(ridge->weights);
    mem_free(ridge->factor);
    *ridge = (struct ridge){0};
}
