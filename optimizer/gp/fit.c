#include "optimizer/gp/density.h"
#include "optimizer/nlopt_minimise.h"
#include "proto/mem.h"

#include <math.h>
#include <string.h>

#define STARTS_MAX 5
#define FEW_ROWS 100
#define CALLS_MAX 60
#define CALLS_POLISH 12
#define CLOSELY 1e-3 /* of the density's logarithm, where a descent ends */
#define ROUGHLY 1e-2
#define THIN_ABOVE 199 /* rows: above them the search begins with some of them */
#define THIN_ROWS 112  /* more than FEW_ROWS: one start */

static double *doubles(int n, int m)
{
    return mem_zero((size_t)n * (size_t)m + 1, sizeof(double));
}

static size_t at(int i, int stride)
{
    return (size_t)i * (size_t)stride;
}

/* From p [d + GP_MEAN] to the best point seen; returns the negative log posterior there. */
static double descend(struct density *density, double tolerance, int calls, double *p)
{
    double lower[GP_THETA_MAX], upper[GP_THETA_MAX];
    int d = density->data.d;
    density_bounds(d, lower, upper);
    struct minimise_run run = {.algorithm = "LD_LBFGS",
                               .d = d + (density->known_noise ? GP_NOISE : GP_MEAN),
                               .lower = lower,
                               .upper = upper,
                               .calls_max = calls,
                               .ftol_abs = tolerance,
                               .step = 1,
                               .xtol_abs = 1e-4,
                               .value = density_value,
                               .arg = density};
    return nlopt_minimise(&run, p);
}

/* A place where a descent may start, or where one ended. */
struct start {
    enum kernel_shape shape;
    double p[GP_THETA_MAX], value;
};

/* The first is long enough that its gradient does not vanish in many coordinates (Hvarfner, Hellsten and Nardi, ICML 2024), whatever d
 * is. Few rows leave room for other explanations, and cost little. */
static int starts(int d, int n, struct start *start)
{
    static const struct {
        double length, noise;
    } away[] = {{0, 0}, {0, -3}, {-1.2, -2}, {1.5, 2.5}}; /* of logarithms */
    int count = n > FEW_ROWS ? 1 : (int)(sizeof away / sizeof *away);
    for (int i = 0; i < count; i++) {
        struct gp_hyper h = density_usual(d, 0.5 * sqrt(d) * exp(away[i].length));
        h.noise *= exp(away[i].noise);
        density_coordinates(&h, d, start[i].p);
    }
    return count;
}

static void start_at(int d, const struct gp_hyper *hyper, struct start *start)
{
    start->shape = hyper->shape;
    density_coordinates(hyper, d, start->p);
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
static void search(struct density *density, double tolerance, const struct gp_hyper *before,
                   struct start *best)
{
    struct start start[STARTS_MAX] = {{.value = 0}};
    int n = starts(density->data.d, density->data.n, start);
    if (before && before->shape == density->shape)
        start_at(density->data.d, before, &start[n++]);
    for (int i = 0; i < n; i++) {
        start[i].shape = density->shape;
        start[i].value = descend(density, tolerance, CALLS_MAX, start[i].p);
    }
    *best = *least(start, n);
}

/* The best of both shapes; returns the number of evaluations. */
static int search_shapes(const struct gp_data *data, bool known_noise, double tolerance,
                         const struct gp_hyper *before, struct start *best)
{
    struct start found[2];
    struct density density;
    density_init(&density, data, KERNEL_MATERN, known_noise);
    for (int i = 0; i < 2; i++) {
        density.shape = i == 0 ? KERNEL_MATERN : KERNEL_SQUARED;
        search(&density, tolerance, before, &found[i]);
    }
    *best = *least(found, 2);
    density_fini(&density);
    return density.evaluations;
}

/* Every (n / THIN_ROWS)-th row stands for all: an evaluation costs a fraction there. */
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
    int evaluations = search_shapes(&some, known_noise, ROUGHLY, NULL, best);
    mem_free(x);
    mem_free(y);
    mem_free(variance);
    return evaluations;
}

/* Down from the better one of `thinned` and `before`, on all rows. */
static void polish(struct density *density, const struct gp_hyper *before, struct start *best)
{
    struct start start[2] = {*best};
    if (before) {
        start_at(density->data.d, before, &start[1]);
        for (int i = 0; i < 2; i++) {
            density->shape = start[i].shape;
            start[i].value = density_value(density, start[i].p, NULL);
        }
        *best = *least(start, 2);
    }
    density->shape = best->shape;
    descend(density, ROUGHLY, CALLS_POLISH, best->p);
}

void gp_fit(const struct gp_data *data, bool known_noise, const struct gp_hyper *before, struct gp_fit *out)
{
    struct start best;
    struct density density;
    bool many = data->n > THIN_ABOVE;
    *out = (struct gp_fit){0};
    out->evaluations = many ? search_thinned(data, known_noise, &best)
                            : search_shapes(data, known_noise, CLOSELY, before, &best);
    density_init(&density, data, best.shape, known_noise);
    if (many)
        polish(&density, before, &best);
    density_hyper(&density, best.p, &out->hyper);
    out->log_posterior = density_at(&density, &out->hyper, true, NULL);
    out->evaluations += density.evaluations;
    out->jitter = density.jitter;
    density_fini(&density);
}
