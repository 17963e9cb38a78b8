#include "optimizer/gp/gp.h"
#include "optimizer/gp/kernel.h"
#include "optimizer/gp/linalg.h"
#include "optimizer/nlopt_minimise.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define LN_2PI 1.8378770664093453
#define JITTER_FIRST 1e-8
#define JITTER_LAST 1e-2

/* Normal priors of ln length, ln noise, ln scale and of the mean: gp.h says why. */
#define LENGTH_SD 1.7320508075688772
#define NOISE_MEAN (-5.0)
#define NOISE_SD 1.0
#define SCALE_MEAN (-0.6931471805599453)
#define SCALE_SD 1.0
#define MEAN_SD 5.0

#define STARTS_MAX 5
#define FEW_ROWS 100
#define CALLS_MAX 60
#define THIN_ABOVE 300 /* rows: above them the search begins with some of them */
#define THIN_ROWS 200

static double length_mean(int d)
{
    return M_SQRT2 - LENGTH_SD * LENGTH_SD + 0.5 * log(d);
}

/* One data set and the room that an evaluation needs: three matrices, however many evaluations there are. */
struct work {
    struct gp_data data;
    bool known_noise;
    enum kernel_shape shape;
    int evaluations;
    double jitter;                 /* of the last evaluation */
    double *l, *inverse, *slope;   /* [n][n] */
    double *ones, *y, *weights;    /* [n]: L^-1 1, L^-1 (y - mean), K^-1 (y - mean) */
    double *x, *product, *row_sum; /* [n][d] centred, [n][d], [n] */
};

static double *doubles(int n, int m)
{
    return mem_zero((size_t)n * (size_t)m + 1, sizeof(double));
}

static size_t at(int i, int stride)
{
    return (size_t)i * (size_t)stride;
}

static void work_init(struct work *work, const struct gp_data *data, enum kernel_shape shape,
                      bool known_noise)
{
    int n = data->n, d = data->d;
    assert(n >= 0 && d >= 1 && d <= GP_D_MAX);
    *work = (struct work){.data = *data, .shape = shape, .known_noise = known_noise};
    work->l = doubles(n, n);
    work->inverse = doubles(n, n);
    work->slope = doubles(n, n);
    work->ones = doubles(n, 1);
    work->y = doubles(n, 1);
    work->weights = doubles(n, 1);
    work->x = doubles(n, d);
    work->product = doubles(n, d);
    work->row_sum = doubles(n, 1);
    for (int k = 0; k < d; k++) {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += data->x[at(i, d) + (size_t)k];
        for (int i = 0; i < n; i++)
            work->x[at(i, d) + (size_t)k] = data->x[at(i, d) + (size_t)k] - sum / n;
    }
    for (int i = 0; i < n; i++)
        assert(isfinite(data->y[i]) && isfinite(data->variance[i]) && data->variance[i] >= 0);
}

static void work_fini(struct work *work)
{
    mem_free(work->l);
    mem_free(work->inverse);
    mem_free(work->slope);
    mem_free(work->ones);
    mem_free(work->y);
    mem_free(work->weights);
    mem_free(work->x);
    mem_free(work->product);
    mem_free(work->row_sum);
}

static bool factor(struct work *work, const struct gp_hyper *hyper, double *slope)
{
    int n = work->data.n;
    struct kernel kernel = {hyper->shape, work->data.d, hyper->length};
    for (work->jitter = 0;
         work->jitter<2 * JITTER_LAST; work->jitter = work->jitter> 0 ? 10 * work->jitter : JITTER_FIRST) {
        kernel_matrix(&kernel, n, work->data.x, work->l, slope, n);
        for (int i = 0; i < n; i++)
            work->l[at(i, n) + (size_t)i] +=
                hyper->scale * work->data.variance[i] + hyper->noise + work->jitter;
        if (linalg_cholesky(n, work->l, n > 0 ? n : 1))
            return true;
    }
    return false;
}

/* Whitened data; with `profile` the mean that is best given everything else, which is also the one of the joint optimum. */
static void whiten(struct work *work, struct gp_hyper *hyper, bool profile)
{
    int n = work->data.n;
    for (int i = 0; i < n; i++) {
        work->ones[i] = 1;
        work->y[i] = work->data.y[i];
    }
    linalg_solve(n, work->l, n, work->ones);
    linalg_solve(n, work->l, n, work->y);
    if (profile)
        hyper->mean = linalg_dot(n, work->ones, work->y) /
                      (linalg_dot(n, work->ones, work->ones) + 1 / (MEAN_SD * MEAN_SD));
    linalg_axpy(n, -hyper->mean, work->ones, work->y);
}

/* With W = a a^T - K^-1, a = K^-1 (y - mean), and h the kernel's slope (Rasmussen and Williams, eq. 5.9):
 *     d/d ln length_k = 1/2 sum_ij W_ij h_ij (x_ik - x_jk)^2 / length_k^2
 *                     = (sum_i r_i x_ik^2 - sum_i x_ik (G x)_ik) / length_k^2,   G = W o h, r = its row sums,
 * one product of G with x instead of d matrices. What cancels there is bounded by the rounding of a sum of terms |G_ij| x^2 with x
 * centred: far below what the optimiser looks at. */
static void differentiate(struct work *work, const struct gp_hyper *hyper, double *gradient)
{
    int n = work->data.n, d = work->data.d;
    double trace = 0, scaled = 0;
    memcpy(work->weights, work->y, (size_t)n * sizeof *work->y);
    linalg_solve_transposed(n, work->l, n, work->weights);
    linalg_inverse(n, work->l, n, work->inverse, n);
    memset(work->row_sum, 0, (size_t)n * sizeof *work->row_sum);
    for (int i = 0; i < n; i++) {
        double *g = work->slope + at(i, n), *inverse = work->inverse + at(i, n), sum = 0;
        double w = work->weights[i] * work->weights[i] - inverse[i];
        for (int j = 0; j < i; j++)
            g[j] *= work->weights[i] * work->weights[j] - inverse[j];
        for (int j = 0; j < i; j++)
            work->row_sum[j] += g[j];
        for (int j = 0; j < i; j++)
            sum += g[j];
        work->row_sum[i] += sum;
        g[i] = 0; /* no distance, no matter */
        trace += w;
        scaled += w * work->data.variance[i];
    }
    linalg_multiply_symmetric(n, d, work->slope, n, work->x, d, work->product, d);
    for (int k = 0; k < d; k++) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            double x = work->x[at(i, d) + (size_t)k];
            sum += x * (work->row_sum[i] * x - work->product[at(i, d) + (size_t)k]);
        }
        gradient[k] = sum / (hyper->length[k] * hyper->length[k]);
    }
    gradient[d] = 0.5 * hyper->noise * trace;
    gradient[d + 1] = 0.5 * hyper->scale * scaled;
    gradient[d + 2] = linalg_dot(n, work->ones, work->y);
}

/* ln N(value; mean, sd^2), whose derivative is added to *gradient. */
static double prior(double value, double mean, double sd, double *gradient)
{
    double z = (value - mean) / sd;
    if (gradient)
        *gradient -= z / sd;
    return -0.5 * (z * z + LN_2PI) - log(sd);
}

static double priors(const struct work *work, const struct gp_hyper *hyper, double *gradient)
{
    int d = work->data.d;
    double sum = hyper->shape == KERNEL_SQUARED ? GP_SQUARED_LOG_ODDS : 0;
    sum += prior(hyper->mean, 0, MEAN_SD, gradient ? gradient + d + 2 : NULL);
    for (int k = 0; k < d; k++)
        sum += prior(log(hyper->length[k]), length_mean(d), LENGTH_SD, gradient ? gradient + k : NULL);
    if (work->known_noise)
        return sum;
    sum += prior(log(hyper->noise), NOISE_MEAN, NOISE_SD, gradient ? gradient + d : NULL);
    return sum + prior(log(hyper->scale), SCALE_MEAN, SCALE_SD, gradient ? gradient + d + 1 : NULL);
}

static double evaluate(struct work *work, struct gp_hyper *hyper, bool profile, double *gradient)
{
    int n = work->data.n, d = work->data.d;
    work->evaluations++;
    if (!factor(work, hyper, gradient ? work->slope : NULL)) {
        for (int k = 0; gradient && k < d + 3; k++)
            gradient[k] = 0;
        return -INFINITY;
    }
    whiten(work, hyper, profile);
    double value = -0.5 * (linalg_dot(n, work->y, work->y) + n * LN_2PI);
    for (int i = 0; i < n; i++)
        value -= log(work->l[at(i, n) + (size_t)i]);
    if (gradient) {
        differentiate(work, hyper, gradient);
        for (int k = d; work->known_noise && k < d + 2; k++)
            gradient[k] = 0;
    }
    return value + priors(work, hyper, gradient);
}

static void hyper_of(const struct work *work, const double *log_theta, struct gp_hyper *hyper)
{
    int d = work->data.d;
    *hyper =
        (struct gp_hyper){.shape = work->shape, .noise = GP_NOISE_MIN, .scale = 1, .mean = log_theta[d + 2]};
    for (int k = 0; k < d; k++)
        hyper->length[k] = exp(log_theta[k]);
    if (work->known_noise)
        return;
    hyper->noise = exp(log_theta[d]);
    hyper->scale = exp(log_theta[d + 1]);
}

double gp_log_posterior(const struct gp_data *data, enum kernel_shape shape, bool known_noise,
                        const double *log_theta, double *gradient)
{
    struct work work;
    struct gp_hyper hyper;
    work_init(&work, data, shape, known_noise);
    hyper_of(&work, log_theta, &hyper);
    double value = evaluate(&work, &hyper, false, gradient);
    work_fini(&work);
    return value;
}

/* The optimiser's coordinates p [d + 2] are standard deviations of the priors, so that where the data say nothing every coordinate is
 * curved alike. */
static void theta_of(int d, const double *p, double *theta)
{
    for (int k = 0; k < d; k++)
        theta[k] = length_mean(d) + LENGTH_SD * p[k];
    theta[d] = NOISE_MEAN + NOISE_SD * p[d];
    theta[d + 1] = SCALE_MEAN + SCALE_SD * p[d + 1];
    theta[d + 2] = 0;
}

static void coordinates(int d, double ln_length, double ln_noise, double ln_scale, double *p)
{
    for (int k = 0; k < d; k++)
        p[k] = (ln_length - length_mean(d)) / LENGTH_SD;
    p[d] = (ln_noise - NOISE_MEAN) / NOISE_SD;
    p[d + 1] = (ln_scale - SCALE_MEAN) / SCALE_SD;
}

static double value(void *arg, const double *p, double *gradient)
{
    struct work *work = arg;
    int d = work->data.d;
    double theta[GP_D_MAX + 3], g[GP_D_MAX + 3];
    struct gp_hyper hyper;
    theta_of(d, p, theta);
    hyper_of(work, theta, &hyper);
    double found = evaluate(work, &hyper, true, gradient ? g : NULL);
    for (int k = 0; gradient && k < d; k++)
        gradient[k] = -LENGTH_SD * g[k];
    if (gradient && !work->known_noise) {
        gradient[d] = -NOISE_SD * g[d];
        gradient[d + 1] = -SCALE_SD * g[d + 1];
    }
    return -found;
}

/* From p [d + 2] to the best point seen; returns the negative log posterior there. */
static double descend(struct work *work, double tolerance, double *p)
{
    double lower[GP_D_MAX + 2], upper[GP_D_MAX + 2];
    int d = work->data.d;
    coordinates(d, log(GP_LENGTH_MIN), log(GP_NOISE_MIN), log(GP_SCALE_MIN), lower);
    coordinates(d, log(GP_LENGTH_MAX), log(GP_NOISE_MAX), log(GP_SCALE_MAX), upper);
    struct minimise_run run = {.algorithm = "LD_LBFGS",
                               .d = work->known_noise ? d : d + 2,
                               .lower = lower,
                               .upper = upper,
                               .calls_max = CALLS_MAX,
                               .ftol_abs = tolerance,
                               .step = 1,
                               .xtol_abs = 1e-4,
                               .value = value,
                               .arg = work};
    return nlopt_minimise(&run, p);
}

/* A place where a descent may start, or where one ended. */
struct start {
    enum kernel_shape shape;
    double p[GP_D_MAX + 2], value;
};

/* The first is long enough that its gradient does not vanish in many coordinates (Hvarfner, Hellsten and Nardi, ICML 2024), whatever d
 * is. Few rows leave room for other explanations, and cost little. */
static int starts(int d, int n, struct start *start)
{
    double middle = log(0.5 * sqrt(d));
    coordinates(d, middle, NOISE_MEAN, SCALE_MEAN, start[0].p);
    if (n > FEW_ROWS)
        return 1;
    coordinates(d, middle, NOISE_MEAN - 3, SCALE_MEAN, start[1].p);
    coordinates(d, middle - 1.2, NOISE_MEAN - 2, SCALE_MEAN, start[2].p);
    coordinates(d, middle + 1.5, NOISE_MEAN + 2.5, SCALE_MEAN, start[3].p);
    return 4;
}

static void start_at(int d, const struct gp_hyper *hyper, struct start *start)
{
    start->shape = hyper->shape;
    coordinates(d, 0, log(hyper->noise), log(hyper->scale), start->p);
    for (int k = 0; k < d; k++)
        start->p[k] = (log(hyper->length[k]) - length_mean(d)) / LENGTH_SD;
}

static const struct start *least(const struct start *start, int n)
{
    const struct start *best = start;
    for (int i = 1; i < n; i++)
        if (start[i].value < best->value)
            best = start + i;
    return best;
}

/* The best of one shape, from every start; all rows. */
static void search(struct work *work, const struct gp_hyper *before, struct start *best)
{
    struct start start[STARTS_MAX] = {{.value = 0}};
    int n = starts(work->data.d, work->data.n, start);
    if (before && before->shape == work->shape)
        start_at(work->data.d, before, &start[n++]);
    for (int i = 0; i < n; i++) {
        start[i].shape = work->shape;
        start[i].value = descend(work, 1e-3, start[i].p);
    }
    *best = *least(start, n);
}

/* The best of both shapes; returns the number of evaluations. */
static int search_shapes(const struct gp_data *data, bool known_noise, const struct gp_hyper *before,
                         struct start *best)
{
    struct start found[2];
    struct work work;
    work_init(&work, data, KERNEL_MATERN, known_noise);
    for (int i = 0; i < 2; i++) {
        work.shape = i == 0 ? KERNEL_MATERN : KERNEL_SQUARED;
        search(&work, before, &found[i]);
    }
    *best = *least(found, 2);
    work_fini(&work);
    return work.evaluations;
}

/* Every (n / THIN_ROWS)-th row stands for all: an evaluation costs a hundredth there. */
static int search_thinned(const struct gp_data *data, bool known_noise, struct start *best)
{
    int d = data->d;
    double *x = doubles(THIN_ROWS, d), *y = doubles(THIN_ROWS, 1), *variance = doubles(THIN_ROWS, 1);
    for (int i = 0; i < THIN_ROWS; i++) {
        int row = (int)((int64_t)i * data->n / THIN_ROWS);
        memcpy(x + at(i, d), data->x + at(row, d), (size_t)d * sizeof *x);
        y[i] = data->y[row];
        variance[i] = data->variance[row];
    }
    struct gp_data some = {THIN_ROWS, d, x, y, variance};
    int evaluations = search_shapes(&some, known_noise, NULL, best);
    mem_free(x);
    mem_free(y);
    mem_free(variance);
    return evaluations;
}

/* Down from the better one of `thinned` and `before`, on all rows. */
static void polish(struct work *work, const struct gp_hyper *before, struct start *best)
{
    struct start start[2] = {*best};
    if (before) {
        start_at(work->data.d, before, &start[1]);
        for (int i = 0; i < 2; i++) {
            work->shape = start[i].shape;
            start[i].value = value(work, start[i].p, NULL);
        }
        *best = *least(start, 2);
    }
    work->shape = best->shape;
    descend(work, 1e-2, best->p);
}

void gp_fit(const struct gp_data *data, bool known_noise, const struct gp_hyper *before, struct gp_fit *out)
{
    double theta[GP_D_MAX + 3];
    struct start best;
    struct work work;
    bool many = data->n > THIN_ABOVE;
    *out = (struct gp_fit){0};
    out->evaluations =
        many ? search_thinned(data, known_noise, &best) : search_shapes(data, known_noise, before, &best);
    work_init(&work, data, best.shape, known_noise);
    if (many)
        polish(&work, before, &best);
    theta_of(data->d, best.p, theta);
    hyper_of(&work, theta, &out->hyper);
    out->log_posterior = evaluate(&work, &out->hyper, true, NULL);
    out->evaluations += work.evaluations;
    out->jitter = work.jitter;
    work_fini(&work);
}
