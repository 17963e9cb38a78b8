#include "optimizer/gp/gp_internal.h"
#include "optimizer/gp/kernel.h"
#include "optimizer/gp/linalg.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* The factor of the n rows and the q places together, and its inverse, are
 *     [ L  0 ]    and    [  M       0    ]      V = K(places, rows) M^T,  M = L^-1,
 *     [ V  C ]           [ -P     C^-1   ]      C C^T = K(places, places) - V V^T, the posterior covariance of the places,
 *                                               P = C^-1 V M.
 * M is the process's own; its q further rows [-P, C^-1] and the weights of each draw are here. */
struct gp_draws {
    const struct gp *gp;
    uint64_t version;
    int q, s, all;   /* all = n + q */
    double *x;       /* [q][d] */
    double *rows;    /* [q][all] */
    double *weights; /* [s][all] */
};

static double *doubles(size_t n, size_t m)
{
    return mem_zero(n * m + 1, sizeof(double));
}

/* rows from the factor c [q][q] of the places' covariance */
static void extend(struct gp_draws *draws, double *c)
{
    const struct gp *gp = draws->gp;
    int n = gp->n, q = draws->q, all = draws->all;
    size_t rows = (size_t)n, places = (size_t)q, width = (size_t)all;
    double *v = doubles(places, rows), *u = doubles(places, rows);
    struct kernel kernel = gp_kernel(gp);
    kernel_cross(&kernel, q, draws->x, n, gp->x, v);
    if (n > 0) {
        linalg_multiply_lower_rows(n, gp->m, gp->capacity, q, v, n);
        linalg_multiply_columns(q, n, n, v, n, gp->m, gp->capacity, u, n);
    }
    linalg_invert_factor(q, c, q);
    for (size_t i = 0; i < places; i++)
        for (size_t j = 0; j < places; j++)
            draws->rows[i * width + rows + j] = c[i * places + j] = j > i ? 0 : c[i * places + j];
    if (n > 0)
        linalg_multiply_columns(q, n, q, c, q, u, n, draws->rows, all);
    for (size_t i = 0; i < places; i++)
        for (size_t j = 0; j < rows; j++)
            draws->rows[i * width + j] = -draws->rows[i * width + j];
    mem_free(v);
    mem_free(u);
}

/* Weights of one draw: the process's own and rows^T C^-1 (values - mean). */
static void weigh(struct gp_draws *draws, const double *mean, const double *values, double *weights)
{
    const struct gp *gp = draws->gp;
    size_t n = (size_t)gp->n, q = (size_t)draws->q, all = (size_t)draws->all;
    double *news = doubles(q, 1);
    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j <= i; j++)
            news[i] += draws->rows[i * all + n + j] * (values[j] - mean[j]);
    memcpy(weights, gp->weights, n * sizeof *weights);
    linalg_multiply_transposed(draws->q, draws->all, 1, draws->rows, draws->all, news, 1, weights);
    mem_free(news);
}

struct gp_draws *gp_draws_create(const struct gp *gp, int q, const double *x, int s, const double *values)
{
    assert(q >= 0 && s >= 1);
    struct gp_draws *draws = mem_zero(1, sizeof *draws);
    size_t d = (size_t)gp->d, places = (size_t)q;
    draws->gp = gp;
    draws->version = gp->version;
    draws->q = q;
    draws->s = s;
    draws->all = gp->n + q;
    draws->x = doubles(places, d);
    draws->rows = doubles(places, (size_t)draws->all);
    draws->weights = doubles((size_t)s, (size_t)draws->all);
    memcpy(draws->x, x, places * d * sizeof *x);
    double *mean = doubles(places, 1), *c = doubles(places, places);
    gp_predict_joint(gp, q, x, mean, c);
    gp_factor_covariance(q, c, q);
    extend(draws, c);
    for (size_t i = 0; i < (size_t)s; i++)
        weigh(draws, mean, values + i * places, draws->weights + i * (size_t)draws->all);
    mem_free(mean);
    mem_free(c);
    return draws;
}

void gp_draws_destroy(struct gp_draws *draws)
{
    if (!draws)
        return;
    mem_free(draws->x);
    mem_free(draws->rows);
    mem_free(draws->weights);
    mem_free(draws);
}

/* Of k [all]: v [all] = K^-1 k with K that of rows and places together (w [all] is room); returns how much of the variance is explained. */
static double solve(const struct gp_draws *draws, const double *k, double *w, double *v)
{
    const struct gp *gp = draws->gp;
    int n = gp->n, q = draws->q, all = draws->all;
    linalg_multiply_lower_both(n, gp->m, gp->capacity, k, w, v);
    memset(v + n, 0, (size_t)q * sizeof *v);
    linalg_multiply(q, all, draws->rows, all, k, w + n);
    linalg_multiply_transposed(q, all, 1, draws->rows, all, w + n, 1, v);
    return linalg_dot(all, w, w);
}

void gp_draws_predict(const struct gp_draws *draws, const double *x, double *mean, double *sd,
                      double *mean_gradient, double *sd_gradient)
{
    const struct gp *gp = draws->gp;
    assert(gp->version == draws->version); /* the process has changed since */
    int n = gp->n, d = gp->d, all = draws->all;
    double *k = doubles((size_t)all, (size_t)d + 3), *w = k + all, *v = w + all, *dk = v + all;
    struct kernel kernel = gp_kernel(gp);
    if (mean_gradient) {
        kernel_row_gradient(&kernel, n, gp->x, x, k, dk);
        kernel_row_gradient(&kernel, draws->q, draws->x, x, k + n, dk + (size_t)n * (size_t)d);
        linalg_multiply_columns(draws->s, d, all, draws->weights, all, dk, d, mean_gradient, d);
    } else {
        kernel_row(&kernel, n, gp->x, x, k);
        kernel_row(&kernel, draws->q, draws->x, x, k + n);
    }
    linalg_multiply(draws->s, all, draws->weights, all, k, mean);
    for (int i = 0; i < draws->s; i++)
        mean[i] += gp->hyper.mean;
    double variance = kernel_variance(&kernel, x, sd_gradient) - solve(draws, k, w, v);
    *sd = sqrt(fmax(variance, GP_VARIANCE_MIN));
    if (sd_gradient)
        gp_finish_sd_gradient(*sd, all, d, dk, v, sd_gradient);
    mem_free(k);
}
