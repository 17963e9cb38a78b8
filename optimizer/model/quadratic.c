#include "optimizer/model/quadratic.h"

#include "optimizer/gp/linalg.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SD_MIN 1e-6
#define LEVERAGE_MAX 0.999
static const double ridges[] = {1e-6, 1e-4, 1e-2, 1e-1, 1};

static int count_terms(int d, bool products)
{
    return products ? (d + 1) * (d + 2) / 2 : 2 * d + 1;
}

static void fill_terms(const struct quadratic *q, const double *x, double *phi)
{
    double u[64];
    int d = q->d, at = 1 + 2 * d;
    phi[0] = 1;
    for (int i = 0; i < d; i++) {
        u[i] = 2 * x[i] - 1;
        phi[1 + i] = u[i];
        phi[1 + d + i] = u[i] * u[i];
    }
    for (int i = 0; q->products && i < d; i++)
        for (int j = 0; j < i; j++)
            phi[at++] = u[i] * u[j];
}

/* out_i = sum_t c_t d phi_t / d x_i */
static void contract(const struct quadratic *q, const double *x, const double *c, double *out)
{
    int d = q->d, at = 1 + 2 * d;
    for (int i = 0; i < d; i++)
        out[i] = 2 * (c[1 + i] + 2 * (2 * x[i] - 1) * c[1 + d + i]);
    for (int i = 0; q->products && i < d; i++)
        for (int j = 0; j < i; j++, at++) {
            out[i] += 2 * c[at] * (2 * x[j] - 1);
            out[j] += 2 * c[at] * (2 * x[i] - 1);
        }
}

struct fitting {
    int n, terms;
    double *phi;    /* [n][terms], rows times the root of their weight */
    double *y;      /* [n], likewise */
    double *gram;   /* [terms][terms] */
    double *moment; /* [terms]: Phi^T y */
    double *row;    /* [n][terms]: Phi L^-T */
};

static void fitting_make(const struct quadratic *q, int n, const double *x, const double *y,
                         const double *weight, struct fitting *f)
{
    size_t t = (size_t)q->terms;
    *f = (struct fitting){.n = n, .terms = q->terms};
    f->phi = mem_zero((size_t)n * t, sizeof *f->phi);
    f->row = mem_zero((size_t)n * t, sizeof *f->row);
    f->y = mem_zero((size_t)n, sizeof *f->y);
    f->gram = mem_zero(t * t, sizeof *f->gram);
    f->moment = mem_zero(t, sizeof *f->moment);
    double *across = mem_zero((size_t)n * t, sizeof *across); /* phi transposed */
    for (int i = 0; i < n; i++) {
        double *phi = &f->phi[(size_t)i * t], root = sqrt(weight[i]);
        fill_terms(q, &x[(size_t)i * (size_t)q->d], phi);
        f->y[i] = root * y[i];
        for (size_t k = 0; k < t; k++) {
            phi[k] *= root;
            across[k * (size_t)n + (size_t)i] = phi[k];
        }
        linalg_axpy(q->terms, f->y[i], phi, f->moment);
    }
    linalg_multiply_rows(q->terms, q->terms, n, 1, across, n, across, n, 0, f->gram, q->terms);
    mem_free(across);
}

static void fitting_fini(struct fitting *f)
{
    mem_free(f->phi);
    mem_free(f->row);
    mem_free(f->y);
    mem_free(f->gram);
    mem_free(f->moment);
}

/* Factor and weights for one ridge; returns the mean square of the leave-one-out residuals. */
static double try_ridge(const struct fitting *f, double ridge, double *factor, double *weights)
{
    int t = f->terms;
    size_t size = (size_t)t;
    memcpy(factor, f->gram, sizeof *factor * size * size);
    for (size_t i = 0; i < size; i++)
        factor[i * size + i] += ridge * f->n;
    if (!linalg_cholesky(t, factor, t))
        return INFINITY;
    memcpy(weights, f->moment, sizeof *weights * size);
    linalg_solve(t, factor, t, weights);
    linalg_solve_transposed(t, factor, t, weights);
    memcpy(f->row, f->phi, sizeof *f->row * (size_t)f->n * size);
    linalg_solve_rows(t, factor, t, f->n, f->row, t);
    double sum = 0;
    for (int i = 0; i < f->n; i++) {
        const double *row = &f->row[(size_t)i * size];
        double leverage = fmin(linalg_dot(t, row, row), LEVERAGE_MAX);
        double left = f->y[i] - linalg_dot(t, &f->phi[(size_t)i * size], weights);
        sum += left * left / ((1 - leverage) * (1 - leverage));
    }
    return sum / f->n;
}

void quadratic_make(int n, int d, const double *x, const double *y, const double *weight,
                    struct quadratic *out)
{
    assert(n >= 1 && d >= 1 && d <= 64);
    int full = count_terms(d, true);
    bool products = n >= full && full <= QUADRATIC_TERMS_MAX;
    *out = (struct quadratic){
        .d = d, .products = products, .terms = count_terms(d, products), .noise = INFINITY};
    size_t t = (size_t)out->terms;
    out->weights = mem_zero(t, sizeof *out->weights);
    out->factor = mem_zero(t * t, sizeof *out->factor);
    struct fitting f;
    fitting_make(out, n, x, y, weight, &f);
    for (size_t i = 0; i < sizeof ridges / sizeof *ridges; i++) {
        double noise = try_ridge(&f, ridges[i], out->factor, out->weights);
        if (noise < out->noise) {
            out->noise = noise;
            out->ridge = ridges[i];
        }
    }
    if (!isfinite(out->noise))
        out->ridge = ridges[sizeof ridges / sizeof *ridges - 1];
    double noise = try_ridge(&f, out->ridge, out->factor, out->weights);
    out->noise = isfinite(noise) ? noise : 1;
    fitting_fini(&f);
}

void quadratic_fini(struct quadratic *quadratic)
{
    if (!quadratic)
        return;
    mem_free(quadratic->weights);
    mem_free(quadratic->factor);
    *quadratic = (struct quadratic){0};
}

double quadratic_mean(const struct quadratic *q, const double *x)
{
    double phi[QUADRATIC_TERMS_MAX];
    fill_terms(q, x, phi);
    return linalg_dot(q->terms, phi, q->weights);
}

void quadratic_predict(const struct quadratic *q, const double *x, double *mean, double *sd,
                       double *mean_gradient, double *sd_gradient)
{
    double phi[QUADRATIC_TERMS_MAX], v[QUADRATIC_TERMS_MAX];
    fill_terms(q, x, phi);
    *mean = linalg_dot(q->terms, phi, q->weights);
    memcpy(v, phi, sizeof *v * (size_t)q->terms);
    linalg_solve(q->terms, q->factor, q->terms, v);
    double spread = sqrt(q->noise * linalg_dot(q->terms, v, v));
    *sd = fmax(spread, SD_MIN);
    if (!mean_gradient)
        return;
    contract(q, x, q->weights, mean_gradient);
    linalg_solve_transposed(q->terms, q->factor, q->terms, v);
    contract(q, x, v, sd_gradient);
    for (int i = 0; i < q->d; i++)
        sd_gradient[i] = spread > SD_MIN ? sd_gradient[i] * q->noise / spread : 0;
}
