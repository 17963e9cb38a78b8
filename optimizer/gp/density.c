#include "optimizer/gp/density.h"

#include "optimizer/gp/kernel.h"
#include "optimizer/gp/linalg.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define LN_2PI 1.8378770664093453
#define JITTER_FIRST 1e-8
#define JITTER_LAST 1e-2

/* Normal priors of ln length, of the mean, and of the other logarithms below: gp.h says why. */
#define LENGTH_SD 1.7320508075688772
#define NOISE_MEAN (-5.0)
#define SCALE_MEAN (-0.6931471805599453)
#define MEAN_SD 5.0

/* Of ln signal, ln weights, ln noise, ln scale. */
static const struct {
    double mean, sd;
} usual[GP_MEAN] = {
    [GP_SIGNAL] = {0, 0.5},
    [GP_WEIGHT + POLYNOMIAL_LINEAR] = {-2, 2},
    [GP_WEIGHT + POLYNOMIAL_SQUARES] = {-4, 2},
    [GP_WEIGHT + POLYNOMIAL_NEIGHBOURS] = {-4, 2},
    [GP_WEIGHT + POLYNOMIAL_PRODUCTS] = {-5, 2},
    [GP_NOISE] = {NOISE_MEAN, 1},
    [GP_SCALE] = {SCALE_MEAN, 1},
};

static double length_mean(int d)
{
    return M_SQRT2 - LENGTH_SD * LENGTH_SD + 0.5 * log(d);
}

static double *doubles(int n, int m)
{
    return mem_zero((size_t)n * (size_t)m + 1, sizeof(double));
}

static size_t at(int i, int stride)
{
    return (size_t)i * (size_t)stride;
}

static void sum_products(struct density *density)
{
    int n = density->data.n, d = density->data.d;
    double *u = doubles(n, d);
    polynomial_columns(n, d, density->data.x, u);
    for (int s = 0; s < POLYNOMIAL_SUMS; s++)
        density->sums[s] = doubles(n, n);
    for (int i = 0; i < n; i++)
        polynomial_sums(i + 1, d, u, n, u + i, n, density->sums[0] + at(i, n), density->sums[1] + at(i, n),
                        density->sums[2] + at(i, n));
    mem_free(u);
}

void density_init(struct density *density, const struct gp_data *data, enum kernel_shape shape,
                  bool known_noise)
{
    int n = data->n, d = data->d;
    assert(n >= 0 && d >= 1 && d <= GP_D_MAX);
    *density = (struct density){.data = *data, .shape = shape, .known_noise = known_noise};
    density->l = doubles(n, n);
    density->inverse = doubles(n, n);
    density->slope = doubles(n, n);
    density->ones = doubles(n, 1);
    density->y = doubles(n, 1);
    density->weights = doubles(n, 1);
    density->x = doubles(n, d);
    density->product = doubles(n, d);
    density->row_sum = doubles(n, 1);
    sum_products(density);
    for (int k = 0; k < d; k++) {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += data->x[at(i, d) + (size_t)k];
        for (int i = 0; i < n; i++)
            density->x[at(i, d) + (size_t)k] = data->x[at(i, d) + (size_t)k] - sum / n;
    }
    for (int i = 0; i < n; i++)
        assert(isfinite(data->y[i]) && isfinite(data->variance[i]) && data->variance[i] >= 0);
}

void density_fini(struct density *density)
{
    mem_free(density->l);
    mem_free(density->inverse);
    mem_free(density->slope);
    mem_free(density->ones);
    mem_free(density->y);
    mem_free(density->weights);
    mem_free(density->x);
    mem_free(density->product);
    mem_free(density->row_sum);
    for (int s = 0; s < POLYNOMIAL_SUMS; s++)
        mem_free(density->sums[s]);
}

/* l = signal l + the polynomial, its lower triangle. */
static void add_polynomial(struct density *density, const struct gp_hyper *hyper)
{
    int n = density->data.n;
    struct polynomial p = polynomial_make(density->data.d, hyper->weight);
    for (int i = 0; i < n; i++) {
        double *row = density->l + at(i, n);
        const double *s1 = density->sums[0] + at(i, n), *s2 = density->sums[1] + at(i, n),
                     *s3 = density->sums[2] + at(i, n);
        for (int j = 0; j <= i; j++)
            row[j] = hyper->signal * row[j] + polynomial_value(&p, s1[j], s2[j], s3[j]);
    }
}

static bool factor(struct density *density, const struct gp_hyper *hyper, double *slope)
{
    int n = density->data.n;
    struct kernel kernel = {.shape = hyper->shape, .d = density->data.d, .length = hyper->length};
    density->jitter = 0;
    while (density->jitter < 2 * JITTER_LAST) {
        kernel_stationary(&kernel, n, density->data.x, density->l, slope, n);
        add_polynomial(density, hyper);
        for (int i = 0; i < n; i++)
            density->l[at(i, n) + (size_t)i] +=
                hyper->scale * density->data.variance[i] + hyper->noise + density->jitter;
        if (linalg_cholesky(n, density->l, n > 0 ? n : 1))
            return true;
        density->jitter = density->jitter > 0 ? 10 * density->jitter : JITTER_FIRST;
    }
    return false;
}

/* Whitened data; with `profile` the mean that is best given everything else, which is also the one of the joint optimum. */
static void whiten(struct density *density, struct gp_hyper *hyper, bool profile)
{
    int n = density->data.n;
    for (int i = 0; i < n; i++) {
        density->ones[i] = 1;
        density->y[i] = density->data.y[i];
    }
    linalg_solve(n, density->l, n, density->ones);
    linalg_solve(n, density->l, n, density->y);
    if (profile)
        hyper->mean = linalg_dot(n, density->ones, density->y) /
                      (linalg_dot(n, density->ones, density->ones) + 1 / (MEAN_SD * MEAN_SD));
    linalg_axpy(n, -hyper->mean, density->ones, density->y);
}

/* of_sum += tr(W S) of row i and its mirror, S = S_1, S_2, S_3, S_1^2; w [i]: row of W, its diagonal apart. */
static void add_sums(const struct density *density, int i, const double *w, double diagonal, double *of_sum)
{
    int n = density->data.n;
    const double *s1 = density->sums[0] + at(i, n), *s2 = density->sums[1] + at(i, n),
                 *s3 = density->sums[2] + at(i, n);
    double a = 0.5 * diagonal * s1[i], b = 0.5 * diagonal * s2[i], c = 0.5 * diagonal * s3[i], e = a * s1[i];
    for (int j = 0; j < i; j++) {
        a += w[j] * s1[j];
        b += w[j] * s2[j];
        c += w[j] * s3[j];
        e += w[j] * s1[j] * s1[j];
    }
    of_sum[0] += 2 * a;
    of_sum[1] += 2 * b;
    of_sum[2] += 2 * c;
    of_sum[3] += 2 * e;
}

/* With W = a a^T - K^-1, a = K^-1 (y - mean), and h the kernel's slope (Rasmussen and Williams, eq. 5.9):
 *     d/d ln length_k = 1/2 sum_ij W_ij h_ij (x_ik - x_jk)^2 / length_k^2
 *                     = (sum_i r_i x_ik^2 - sum_i x_ik (G x)_ik) / length_k^2,   G = W o h, r = its row sums,
 * one product of G with x instead of d matrices. What cancels there is bounded by the rounding of a sum of terms |G_ij| x^2 with x
 * centred: far below what the optimiser looks at.
 * Every other part of K is its hyperparameter times a matrix, K = sum_p K_p, so d/d ln theta_p = 1/2 tr(W K_p), and they sum to
 * 1/2 tr(W K) = 1/2 (|L^-1 (y - mean)|^2 - n): what the polynomial, the noise and the jitter leave of that is the signal's. */
static void differentiate(struct density *density, const struct gp_hyper *hyper, double *gradient)
{
    int n = density->data.n, d = density->data.d;
    double trace = 0, scaled = 0, *others = gradient + d, of_sum[POLYNOMIAL_SUMS + 1] = {0};
    memcpy(density->weights, density->y, (size_t)n * sizeof *density->y);
    linalg_solve_transposed(n, density->l, n, density->weights);
    linalg_inverse(n, density->l, n, density->inverse, n);
    memset(density->row_sum, 0, (size_t)n * sizeof *density->row_sum);
    for (int i = 0; i < n; i++) {
        double *g = density->slope + at(i, n), *inverse = density->inverse + at(i, n), sum = 0;
        double w = density->weights[i] * density->weights[i] - inverse[i];
        for (int j = 0; j < i; j++)
            inverse[j] = density->weights[i] * density->weights[j] - inverse[j];
        add_sums(density, i, inverse, w, of_sum);
        for (int j = 0; j < i; j++)
            g[j] *= hyper->signal * inverse[j];
        for (int j = 0; j < i; j++)
            density->row_sum[j] += g[j];
        for (int j = 0; j < i; j++)
            sum += g[j];
        density->row_sum[i] += sum;
        g[i] = 0; /* no distance, no matter */
        trace += w;
        scaled += w * density->data.variance[i];
    }
    linalg_multiply_symmetric(n, d, density->slope, n, density->x, d, density->product, d);
    for (int k = 0; k < d; k++) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            double x = density->x[at(i, d) + (size_t)k];
            sum += x * (density->row_sum[i] * x - density->product[at(i, d) + (size_t)k]);
        }
        gradient[k] = sum / (hyper->length[k] * hyper->length[k]);
    }
    others[GP_NOISE] = 0.5 * hyper->noise * trace;
    others[GP_SCALE] = 0.5 * hyper->scale * scaled;
    others[GP_MEAN] = linalg_dot(n, density->ones, density->y);
    struct polynomial p = polynomial_make(d, hyper->weight);
    others[GP_WEIGHT + POLYNOMIAL_LINEAR] = 0.5 * p.c[POLYNOMIAL_LINEAR] * of_sum[0];
    others[GP_WEIGHT + POLYNOMIAL_SQUARES] = 0.5 * p.c[POLYNOMIAL_SQUARES] * of_sum[1];
    others[GP_WEIGHT + POLYNOMIAL_NEIGHBOURS] = 0.5 * p.c[POLYNOMIAL_NEIGHBOURS] * of_sum[2];
    others[GP_WEIGHT + POLYNOMIAL_PRODUCTS] = 0.25 * p.c[POLYNOMIAL_PRODUCTS] * (of_sum[3] - of_sum[1]);
    others[GP_SIGNAL] = 0.5 * (linalg_dot(n, density->y, density->y) - n - density->jitter * trace);
    for (int i = GP_WEIGHT; i <= GP_SCALE; i++)
        others[GP_SIGNAL] -= others[i];
}

/* ln N(value; mean, sd^2), whose derivative is added to *gradient. */
static double prior(double value, double mean, double sd, double *gradient)
{
    double z = (value - mean) / sd;
    if (gradient)
        *gradient -= z / sd;
    return -0.5 * (z * z + LN_2PI) - log(sd);
}

/* Logarithms; the mean is left out. */
static void others_of(const struct gp_hyper *hyper, double *other)
{
    other[GP_SIGNAL] = log(hyper->signal);
    for (int l = 0; l < POLYNOMIAL_LEVELS; l++)
        other[GP_WEIGHT + l] = log(hyper->weight[l]);
    other[GP_NOISE] = log(hyper->noise);
    other[GP_SCALE] = log(hyper->scale);
}

static double priors(const struct density *density, const struct gp_hyper *hyper, double *gradient)
{
    int d = density->data.d;
    double sum = hyper->shape == KERNEL_SQUARED ? GP_SQUARED_LOG_ODDS : 0;
    double *others = gradient ? gradient + d : NULL;
    sum += prior(hyper->mean, 0, MEAN_SD, others ? others + GP_MEAN : NULL);
    for (int k = 0; k < d; k++)
        sum += prior(log(hyper->length[k]), length_mean(d), LENGTH_SD, gradient ? gradient + k : NULL);
    double other[GP_OTHERS];
    others_of(hyper, other);
    for (int i = 0; i < (density->known_noise ? GP_NOISE : GP_MEAN); i++)
        sum += prior(other[i], usual[i].mean, usual[i].sd, others ? others + i : NULL);
    return sum;
}

double density_at(struct density *density, struct gp_hyper *hyper, bool profile, double *gradient)
{
    int n = density->data.n, d = density->data.d;
    density->evaluations++;
    if (!factor(density, hyper, gradient ? density->slope : NULL)) {
        for (int k = 0; gradient && k < d + GP_OTHERS; k++)
            gradient[k] = 0;
        return -INFINITY;
    }
    whiten(density, hyper, profile);
    double value = -0.5 * (linalg_dot(n, density->y, density->y) + n * LN_2PI);
    for (int i = 0; i < n; i++)
        value -= log(density->l[at(i, n) + (size_t)i]);
    if (gradient) {
        differentiate(density, hyper, gradient);
        if (density->known_noise)
            gradient[d + GP_NOISE] = gradient[d + GP_SCALE] = 0;
    }
    return value + priors(density, hyper, gradient);
}

static void hyper_of(const struct density *density, const double *log_theta, struct gp_hyper *hyper)
{
    int d = density->data.d;
    const double *others = log_theta + d;
    *hyper = (struct gp_hyper){.shape = density->shape,
                               .signal = exp(others[GP_SIGNAL]),
                               .noise = GP_NOISE_MIN,
                               .scale = 1,
                               .mean = others[GP_MEAN]};
    for (int k = 0; k < d; k++)
        hyper->length[k] = exp(log_theta[k]);
    for (int l = 0; l < POLYNOMIAL_LEVELS; l++)
        hyper->weight[l] = exp(others[GP_WEIGHT + l]);
    if (density->known_noise)
        return;
    hyper->noise = exp(others[GP_NOISE]);
    hyper->scale = exp(others[GP_SCALE]);
}

double gp_log_posterior(const struct gp_data *data, enum kernel_shape shape, bool known_noise,
                        const double *log_theta, double *gradient)
{
    struct density density;
    struct gp_hyper hyper;
    density_init(&density, data, shape, known_noise);
    hyper_of(&density, log_theta, &hyper);
    double value = density_at(&density, &hyper, false, gradient);
    density_fini(&density);
    return value;
}

void density_hyper(const struct density *density, const double *p, struct gp_hyper *hyper)
{
    int d = density->data.d;
    double theta[GP_THETA_MAX];
    for (int k = 0; k < d; k++)
        theta[k] = length_mean(d) + LENGTH_SD * p[k];
    for (int i = 0; i < GP_MEAN; i++)
        theta[d + i] = usual[i].mean + usual[i].sd * p[d + i];
    theta[d + GP_MEAN] = 0;
    hyper_of(density, theta, hyper);
}

void density_coordinates(const struct gp_hyper *hyper, int d, double *p)
{
    double other[GP_OTHERS];
    others_of(hyper, other);
    for (int k = 0; k < d; k++)
        p[k] = (log(hyper->length[k]) - length_mean(d)) / LENGTH_SD;
    for (int i = 0; i < GP_MEAN; i++)
        p[d + i] = (other[i] - usual[i].mean) / usual[i].sd;
}

static struct gp_hyper corner(int d, bool upper)
{
    struct gp_hyper h = {.signal = upper ? GP_SIGNAL_MAX : GP_SIGNAL_MIN,
                         .noise = upper ? GP_NOISE_MAX : GP_NOISE_MIN,
                         .scale = upper ? GP_SCALE_MAX : GP_SCALE_MIN};
    for (int k = 0; k < d; k++)
        h.length[k] = upper ? GP_LENGTH_MAX : GP_LENGTH_MIN;
    for (int l = 0; l < POLYNOMIAL_LEVELS; l++)
        h.weight[l] = upper ? GP_WEIGHT_MAX : GP_WEIGHT_MIN;
    return h;
}

void density_bounds(int d, double *lower, double *upper)
{
    struct gp_hyper least = corner(d, false), most = corner(d, true);
    density_coordinates(&least, d, lower);
    density_coordinates(&most, d, upper);
}

double density_value(void *arg, const double *p, double *gradient)
{
    struct density *density = arg;
    int d = density->data.d;
    double g[GP_THETA_MAX];
    struct gp_hyper hyper;
    density_hyper(density, p, &hyper);
    double found = density_at(density, &hyper, true, gradient ? g : NULL);
    for (int k = 0; gradient && k < d; k++)
        gradient[k] = -LENGTH_SD * g[k];
    for (int i = 0; gradient && i < (density->known_noise ? GP_NOISE : GP_MEAN); i++)
        gradient[d + i] = -usual[i].sd * g[d + i];
    return -found;
}

struct gp_hyper density_usual(int d, double length)
{
    struct gp_hyper h = {.signal = exp(usual[GP_SIGNAL].mean),
                         .noise = exp(usual[GP_NOISE].mean),
                         .scale = exp(usual[GP_SCALE].mean)};
    for (int k = 0; k < d; k++)
        h.length[k] = length;
    for (int l = 0; l < POLYNOMIAL_LEVELS; l++)
        h.weight[l] = exp(usual[GP_WEIGHT + l].mean);
    return h;
}
