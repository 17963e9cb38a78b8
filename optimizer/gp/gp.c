#include "optimizer/gp/gp_internal.h"

#include "optimizer/gp/kernel.h"
#include "optimizer/gp/linalg.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define JITTER_FIRST 1e-8
#define JITTER_LAST 1e-2
#define PIVOT_MIN 1e-8   /* squared; a row that is nearer to the others than that counts as noisier */
#define ROWS_AT_ONCE 128 /* of gp_predict: bounds what it allocates */

static double *doubles(int n, int m)
{
    return mem_zero((size_t)n * (size_t)m + 1, sizeof(double));
}

static size_t at(int i, int stride)
{
    return (size_t)i * (size_t)stride;
}

struct gp *gp_create(int d, int capacity, const struct gp_hyper *hyper)
{
    assert(d >= 1 && d <= GP_D_MAX && capacity >= 0 && hyper->noise >= 0 && hyper->scale > 0);
    struct gp *gp = mem_zero(1, sizeof *gp);
    gp->d = d;
    gp->hyper = *hyper;
    gp->capacity = capacity > 0 ? capacity : 1;
    gp->x = doubles(gp->capacity, d);
    gp->m = doubles(gp->capacity, gp->capacity);
    gp->z = doubles(gp->capacity, 1);
    gp->weights = doubles(gp->capacity, 1);
    return gp;
}

void gp_destroy(struct gp *gp)
{
    if (!gp)
        return;
    mem_free(gp->x);
    mem_free(gp->m);
    mem_free(gp->z);
    mem_free(gp->weights);
    mem_free(gp);
}

int gp_n(const struct gp *gp)
{
    return gp->n;
}

double gp_jitter(const struct gp *gp)
{
    return gp->jitter;
}

/* By half as much again, so that rows appended one by one are moved a bounded number of times each. */
static void reserve(struct gp *gp, int n)
{
    if (n <= gp->capacity)
        return;
    int capacity = gp->capacity + gp->capacity / 2 > n ? gp->capacity + gp->capacity / 2 : n;
    double *m = doubles(capacity, capacity);
    for (int i = 0; i < gp->n; i++)
        memcpy(m + at(i, capacity), gp->m + at(i, gp->capacity), (size_t)(i + 1) * sizeof *m);
    mem_free(gp->m);
    gp->m = m;
    gp->x = mem_grow(gp->x, at(capacity, gp->d) + 1, sizeof *gp->x);
    gp->z = mem_grow(gp->z, (size_t)capacity + 1, sizeof *gp->z);
    gp->weights = mem_grow(gp->weights, (size_t)capacity + 1, sizeof *gp->weights);
    gp->capacity = capacity;
}

/* One row's share of the weights: always the same additions in the same order. */
static void weigh_row(struct gp *gp, int i)
{
    gp->weights[i] = 0;
    linalg_axpy(i + 1, gp->z[i], gp->m + at(i, gp->capacity), gp->weights);
}

static void weigh(struct gp *gp)
{
    gp->version++;
    for (int i = 0; i < gp->n; i++)
        weigh_row(gp, i);
}

static double noise_of(const struct gp *gp, double variance)
{
    assert(isfinite(variance) && variance >= 0);
    return gp->hyper.scale * variance + gp->hyper.noise;
}

static bool factor(struct gp *gp, const struct gp_data *data)
{
    struct kernel kernel = gp_kernel(gp);
    kernel_matrix(&kernel, gp->n, gp->x, gp->m, gp->capacity);
    for (int i = 0; i < gp->n; i++)
        gp->m[at(i, gp->capacity) + (size_t)i] += noise_of(gp, data->variance[i]) + gp->jitter;
    return linalg_cholesky(gp->n, gp->m, gp->capacity);
}

void gp_condition(struct gp *gp, const struct gp_data *data)
{
    assert(data->d == gp->d && data->n >= 0);
    gp->n = 0;
    reserve(gp, data->n);
    gp->n = data->n;
    memcpy(gp->x, data->x, at(data->n, data->d) * sizeof *gp->x);
    gp->jitter = 0;
    while (!factor(gp, data)) {
        gp->jitter = gp->jitter > 0 ? 10 * gp->jitter : JITTER_FIRST;
        assert(gp->jitter < 2 * JITTER_LAST); /* a kernel matrix is semidefinite up to rounding */
    }
    for (int i = 0; i < gp->n; i++) {
        assert(isfinite(data->y[i]));
        gp->z[i] = data->y[i] - gp->hyper.mean;
    }
    linalg_solve(gp->n, gp->m, gp->capacity, gp->z);
    linalg_invert_factor(gp->n, gp->m, gp->capacity);
    weigh(gp);
}

/* The new row of L is [w, pivot], w = m k, and so that of m is [-m^T w, 1] / pivot. */
void gp_append(struct gp *gp, const double *x, double y, double variance)
{
    assert(isfinite(y));
    reserve(gp, gp->n + 1);
    int n = gp->n;
    double *row = gp->m + at(n, gp->capacity), *k = doubles(n, 2), *w = k + n;
    struct kernel kernel = gp_kernel(gp);
    kernel_row(&kernel, n, gp->x, x, k);
    linalg_multiply_lower_both(n, gp->m, gp->capacity, k, w, row);
    double left =
        kernel_variance(&kernel, x, NULL) + noise_of(gp, variance) + gp->jitter - linalg_dot(n, w, w);
    double pivot = sqrt(fmax(left, PIVOT_MIN));
    for (int i = 0; i < n; i++)
        row[i] = -row[i] / pivot;
    row[n] = 1 / pivot;
    gp->z[n] = (y - gp->hyper.mean - linalg_dot(n, w, gp->z)) / pivot;
    memcpy(gp->x + at(n, gp->d), x, (size_t)gp->d * sizeof *x);
    gp->n++;
    gp->version++;
    weigh_row(gp, n);
    mem_free(k);
}

void gp_truncate(struct gp *gp, int n)
{
    assert(n >= 0 && n <= gp->n);
    if (n == gp->n)
        return;
    gp->n = n;
    weigh(gp);
}

static double deviation(double variance)
{
    return sqrt(fmax(variance, GP_VARIANCE_MIN));
}

/* Of q points x [q][d] with the rows: out [q][n]. */
static void cross(const struct gp *gp, const struct kernel *kernel, int q, const double *x, double *out)
{
    if (q == 1)
        kernel_row(kernel, gp->n, gp->x, x, out);
    else
        kernel_cross(kernel, q, x, gp->n, gp->x, out);
}

static void means(const struct gp *gp, int q, const double *k, double *mean)
{
    for (int i = 0; i < q; i++)
        mean[i] = gp->hyper.mean + linalg_dot(gp->n, k + at(i, gp->n), gp->weights);
}

void gp_predict(const struct gp *gp, int q, const double *x, double *mean, double *sd)
{
    int n = gp->n;
    double *k = doubles(q < ROWS_AT_ONCE ? q : ROWS_AT_ONCE, n);
    struct kernel kernel = gp_kernel(gp);
    for (int from = 0; from < q; from += ROWS_AT_ONCE) {
        int m = q - from < ROWS_AT_ONCE ? q - from : ROWS_AT_ONCE;
        const double *places = x + at(from, gp->d);
        cross(gp, &kernel, m, places, k);
        if (mean)
            means(gp, m, k, mean + from);
        if (sd)
            linalg_multiply_lower_rows(n, gp->m, gp->capacity, m, k, n > 0 ? n : 1);
        for (int i = 0; sd && i < m; i++)
            sd[from + i] = deviation(kernel_variance(&kernel, places + at(i, gp->d), NULL) -
                                     linalg_dot(n, k + at(i, n), k + at(i, n)));
    }
    mem_free(k);
}

void gp_finish_sd_gradient(double sd, int n, int d, const double *dk, const double *v, double *gradient)
{
    if (!(sd * sd > GP_VARIANCE_MIN))
        memset(gradient, 0, (size_t)d * sizeof *gradient);
    else
        linalg_multiply_transposed(n, d, -1 / sd, dk, d, v, 0.5 / sd, gradient);
}

void gp_predict_gradient(const struct gp *gp, const double *x, double *mean, double *sd,
                         double *mean_gradient, double *sd_gradient)
{
    int n = gp->n, d = gp->d;
    double *k = doubles(n, d + 3), *dk = k + n, *w = dk + at(n, d), *v = w + n;
    struct kernel kernel = gp_kernel(gp);
    kernel_row_gradient(&kernel, n, gp->x, x, k, dk);
    *mean = gp->hyper.mean + linalg_dot(n, k, gp->weights);
    memset(mean_gradient, 0, (size_t)d * sizeof *mean_gradient);
    linalg_multiply_transposed(n, d, 1, dk, d, gp->weights, 0, mean_gradient);
    if (sd) {
        linalg_multiply_lower_both(n, gp->m, gp->capacity, k, w, v);
        *sd = deviation(kernel_variance(&kernel, x, sd_gradient) - linalg_dot(n, w, w));
        gp_finish_sd_gradient(*sd, n, d, dk, v, sd_gradient);
    }
    mem_free(k);
}

void gp_predict_joint(const struct gp *gp, int q, const double *x, double *mean, double *covariance)
{
    int n = gp->n, ldk = n > 0 ? n : 1;
    double *k = doubles(q, n);
    struct kernel kernel = gp_kernel(gp);
    cross(gp, &kernel, q, x, k);
    means(gp, q, k, mean);
    linalg_multiply_lower_rows(n, gp->m, gp->capacity, q, k, ldk);
    kernel_matrix(&kernel, q, x, covariance, q);
    linalg_subtract_squares(q, n, k, ldk, covariance, q);
    for (int i = 0; i < q; i++) {
        double *row = covariance + at(i, q);
        row[i] = fmax(row[i], GP_VARIANCE_MIN);
        for (int j = 0; j < i; j++)
            covariance[at(j, q) + (size_t)i] = row[j];
    }
    mem_free(k);
}

void gp_factor_covariance(int n, double *a, int ld)
{
    double largest = GP_VARIANCE_MIN;
    double *kept = doubles(n, n);
    for (int i = 0; i < n; i++) {
        memcpy(kept + at(i, n), a + at(i, ld), (size_t)(i + 1) * sizeof *a);
        largest = fmax(largest, a[at(i, ld) + (size_t)i]);
    }
    for (double jitter = 1e-10 * largest;; jitter *= 10) {
        for (int i = 0; i < n; i++) {
            memcpy(a + at(i, ld), kept + at(i, n), (size_t)(i + 1) * sizeof *a);
            a[at(i, ld) + (size_t)i] += jitter;
        }
        if (linalg_cholesky(n, a, ld))
            break;
        assert(jitter <= 1e10); /* far beyond what makes any finite matrix diagonally dominant */
    }
    mem_free(kept);
}

void gp_sample(const struct gp *gp, int q, const double *x, int s, const double *normals, double *out)
{
    double *mean = doubles(q, 1), *covariance = doubles(q, q);
    gp_predict_joint(gp, q, x, mean, covariance);
    gp_factor_covariance(q, covariance, q);
    for (int i = 0; i < q; i++)
        for (int j = i + 1; j < q; j++)
            covariance[at(i, q) + (size_t)j] = 0;
    for (int i = 0; i < s; i++)
        memcpy(out + at(i, q), mean, (size_t)q * sizeof *mean);
    linalg_multiply_rows(s, q, q, 1, normals, q, covariance, q, 1, out, q);
    mem_free(mean);
    mem_free(covariance);
}
