#include "optimizer/gp/gp_internal.h"

#include "optimizer/gp/kernel.h"
#include "optimizer/gp/linalg.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define VARIANCE_MIN 1e-18

/* The factor of the rows and the q places together is
 *     [ L  0 ]        V = K(places, rows) L^-T,
 *     [ V  C ]        C C^T = K(places, places) - V V^T, the posterior covariance of the places.
 * L is the process's own; V, C and the weights of each draw are here. */
struct gp_draws {
    const struct gp *gp;
    uint64_t version;
    int q, s;
    double *x;       /* [q][d] */
    double *v;       /* [q][n] */
    double *c;       /* [q][q] */
    double *weights; /* [s][n + q] */
};

static double *doubles(size_t n, size_t m)
{
    return mem_zero(n * m + 1, sizeof(double));
}

static int ld(int n)
{
    return n > 0 ? n : 1;
}

/* Weights of one draw: those of the rows and zero, plus L_ext^-T [0; C^-1 (values - mean)]. */
static void weigh(struct gp_draws *draws, const double *mean, const double *values, double *weights)
{
    int n = draws->gp->n, q = draws->q;
    double *places = weights + n;
    for (int i = 0; i < q; i++)
        places[i] = values[i] - mean[i];
    linalg_solve(q, draws->c, ld(q), places);
    linalg_solve_transposed(q, draws->c, ld(q), places);
    memset(weights, 0, (size_t)n * sizeof *weights);
    linalg_multiply_transposed(q, n, -1, draws->v, ld(n), places, 0, weights);
    linalg_solve_transposed(n, draws->gp->l, draws->gp->capacity, weights);
    linalg_axpy(n, 1, draws->gp->weights, weights);
}

struct gp_draws *gp_draws_create(const struct gp *gp, int q, const double *x, int s, const double *values)
{
    assert(q >= 0 && s >= 1);
    struct gp_draws *draws = mem_zero(1, sizeof *draws);
    size_t n = (size_t)gp->n, d = (size_t)gp->d, places = (size_t)q;
    draws->gp = gp;
    draws->version = gp->version;
    draws->q = q;
    draws->s = s;
    draws->x = doubles(places, d);
    draws->v = doubles(places, n);
    draws->c = doubles(places, places);
    draws->weights = doubles((size_t)s, n + places);
    memcpy(draws->x, x, places * d * sizeof *x);
    double *mean = doubles(places, 1);
    gp_predict_joint(gp, q, x, mean, draws->c);
    gp_factor_covariance(q, draws->c, q);
    for (size_t i = 0; i < places; i++)
        kernel_row(gp->n, gp->d, gp->x, x + i * d, gp->hyper.length, draws->v + i * n, NULL);
    linalg_solve_rows(gp->n, gp->l, gp->capacity, q, draws->v, ld(gp->n));
    for (int i = 0; i < s; i++)
        weigh(draws, mean, values + (size_t)i * places, draws->weights + (size_t)i * (n + places));
    mem_free(mean);
    return draws;
}

void gp_draws_destroy(struct gp_draws *draws)
{
    if (!draws)
        return;
    mem_free(draws->x);
    mem_free(draws->v);
    mem_free(draws->c);
    mem_free(draws->weights);
    mem_free(draws);
}

/* k [n + q] becomes L_ext^-1 k; then, when asked, L_ext^-T of that. */
static double solve(const struct gp_draws *draws, double *k, bool both)
{
    const struct gp *gp = draws->gp;
    int n = gp->n, q = draws->q;
    double *places = k + n, *explained = doubles((size_t)q, 1);
    linalg_solve(n, gp->l, gp->capacity, k);
    linalg_multiply(q, n, draws->v, ld(n), k, explained);
    linalg_axpy(q, -1, explained, places);
    linalg_solve(q, draws->c, ld(q), places);
    double variance = fmax(1 - linalg_dot(n + q, k, k), VARIANCE_MIN);
    if (both) {
        linalg_solve_transposed(q, draws->c, ld(q), places);
        linalg_multiply_transposed(q, n, -1, draws->v, ld(n), places, 1, k);
        linalg_solve_transposed(n, gp->l, gp->capacity, k);
    }
    mem_free(explained);
    return variance;
}

void gp_draws_predict(const struct gp_draws *draws, const double *x, double *mean, double *sd,
                      double *mean_gradient, double *sd_gradient)
{
    const struct gp *gp = draws->gp;
    assert(gp->version == draws->version); /* the process has changed since */
    int n = gp->n, d = gp->d, all = n + draws->q;
    double *k = doubles((size_t)all, (size_t)d + 1), *dk = k + all;
    if (mean_gradient) {
        kernel_row_gradient(n, d, gp->x, x, gp->hyper.length, k, dk);
        kernel_row_gradient(draws->q, d, draws->x, x, gp->hyper.length, k + n, dk + (size_t)n * (size_t)d);
        linalg_multiply_columns(draws->s, d, all, draws->weights, ld(all), dk, d, mean_gradient, d);
    } else {
        kernel_row(n, d, gp->x, x, gp->hyper.length, k, NULL);
        kernel_row(draws->q, d, draws->x, x, gp->hyper.length, k + n, NULL);
    }
    linalg_multiply(draws->s, all, draws->weights, ld(all), k, mean);
    for (int i = 0; i < draws->s; i++)
        mean[i] += gp->hyper.mean;
    double variance = solve(draws, k, sd_gradient != NULL);
    *sd = sqrt(variance);
    if (sd_gradient) {
        memset(sd_gradient, 0, (size_t)d * sizeof *sd_gradient);
        if (variance > VARIANCE_MIN)
            linalg_multiply_transposed(all, d, -1 / *sd, dk, d, k, 0, sd_gradient);
    }
    mem_free(k);
}
