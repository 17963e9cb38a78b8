#include "optimizer/model/gain.h"

#include "optimizer/acquisition/ehvi.h"
#include "optimizer/gp/linalg.h"
#include "optimizer/model/relevant.h"
#include "optimizer/normal.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 128
#define NOISY_ROWS_MAX 400 /* above, means are sure, and draws dear */
#define SCORED_FULLY 48
#define DRAWS_FEW 16 /* enough to tell which of many candidates are worth more */
#define RELEVANT_MAX 80
#define PENDING_MAX 64 /* the latest; a fleet is smaller */
#define STREAM_DRAWS UINT64_C(0x6472617773000000)

/* The points on which everything is conditioned: those that may be on the front, then the pending ones. */
struct points {
    int n, m, d;
    double *x; /* [n][d] */
};

static void points_make(const struct relevant *relevant, const struct known *known, struct points *out)
{
    size_t d = (size_t)known->d;
    *out = (struct points){.m = relevant->m, .d = known->d};
    out->x = mem_zero((size_t)(relevant->n + PENDING_MAX) * d + 1, sizeof *out->x);
    if (relevant->n)
        memcpy(out->x, relevant->x, sizeof *out->x * (size_t)relevant->n * d);
    out->n = relevant->n;
    int pending = 0;
    for (int i = known->n - 1; i >= 0 && pending < PENDING_MAX; i--) {
        if (!known->pending[i])
            continue;
        memcpy(&out->x[(size_t)out->n++ * d], &known->x[(size_t)i * d], sizeof *out->x * d);
        pending++;
    }
}

static void reference_y(const struct surrogate *s, double *reference)
{
    for (int j = 0; j < s->m; j++)
        reference[j] = frame_y(&s->frame[j], s->reference[j]);
}

/* Kriging believer: the pending points are rows with their posterior mean and the noise of a usual score. */
static void believe(const struct surrogate *s, const struct points *points, int pending)
{
    for (int j = 0; j < s->m; j++) {
        for (int i = points->n - pending; i < points->n; i++) {
            const double *x = &points->x[(size_t)i * (size_t)points->d];
            double mean;
            gp_predict(s->gp[j], 1, x, &mean, NULL);
            gp_append(s->gp[j], x, mean, s->variance[j]);
        }
    }
}

static int make_plain(struct gain *g, const struct points *points, int pending, struct err *err)
{
    const struct surrogate *s = g->s;
    double reference[OPT_M_MAX];
    reference_y(s, reference);
    believe(s, points, pending);
    double *f = mem_zero((size_t)(points->n * s->m) + 1, sizeof *f);
    double *mean = mem_zero((size_t)points->n + 1, sizeof *mean);
    for (int j = 0; j < s->m; j++) {
        surrogate_predict(s, j, points->n, points->x, mean, NULL);
        for (int i = 0; i < points->n; i++)
            f[i * s->m + j] = mean[i];
    }
    int rc = boxes_make(f, points->n, s->m, reference, &g->boxes, err);
    mem_free(f);
    mem_free(mean);
    return rc;
}

static int make_noisy(const struct opt_problem *problem, struct gain *g, const struct points *points,
                      int trial, struct err *err)
{
    const struct surrogate *s = g->s;
    int n = points->n, m = s->m;
    size_t each = (size_t)DRAWS * (size_t)n;
    double reference[OPT_M_MAX], *normal = mem_zero(each + 1, sizeof *normal);
    double *values = mem_zero(each + 1, sizeof *values),
           *draws = mem_zero((size_t)m * each + 1, sizeof *draws);
    struct rng rng;
    rng_seed(&rng, problem->seed, STREAM_DRAWS + (uint64_t)trial);
    reference_y(s, reference);
    for (int j = 0; j < m; j++) {
        normal_fill(&rng, (int)each, normal);
        gp_sample(s->gp[j], n, points->x, DRAWS, normal, values);
        g->drawn[j] = gp_draws_create(s->gp[j], n, points->x, DRAWS, values);
        for (size_t i = 0; i < each; i++)
            draws[i * (size_t)m + (size_t)j] = values[i];
    }
    int rc = nehvi_make(draws, DRAWS, n, m, reference, &g->nehvi, err);
    mem_free(normal);
    mem_free(values);
    mem_free(draws);
    return rc;
}

/* In the ranges' own units. */
static void keep_front(struct gain *g, const struct points *points)
{
    int d = points->d;
    g->front_n = points->n;
    g->front = mem_zero((size_t)(points->n * d) + 1, sizeof *g->front);
    for (int i = 0; i < points->n; i++)
        for (int l = 0; l < d; l++) {
            const struct range *range = &g->space->range[l];
            double x = range->low + (range->high - range->low) * points->x[i * d + l];
            g->front[i * d + l] = fmin(fmax(x, range->low), range->high);
        }
}

int gain_make(const struct opt_problem *problem, const struct surrogate *surrogate, const struct known *known,
              int trial, struct gain *out, struct err *err)
{
    *out = (struct gain){.s = surrogate, .space = known->space, .known = known};
    struct relevant relevant;
    struct points points;
    relevant_make(surrogate, RELEVANT_MAX, &relevant);
    points_make(&relevant, known, &points);
    keep_front(out, &points);
    out->noisy = surrogate->noisy && surrogate->rows <= NOISY_ROWS_MAX;
    size_t m = (size_t)surrogate->m, d = (size_t)known->d;
    out->scratch = mem_zero(DRAWS * (1 + 2 * m) + m * d * (DRAWS + 1), sizeof *out->scratch);
    int rc = out->noisy ? make_noisy(problem, out, &points, trial, err)
                        : make_plain(out, &points, points.n - relevant.n, err);
    mem_free(points.x);
    relevant_fini(&relevant);
    if (rc)
        gain_fini(out);
    return rc;
}

void gain_fini(struct gain *gain)
{
    if (!gain || !gain->s)
        return;
    for (int j = 0; j < gain->s->m; j++) {
        gp_draws_destroy(gain->drawn[j]);
        gp_truncate(gain->s->gp[j], gain->s->rows);
    }
    boxes_fini(&gain->boxes);
    nehvi_fini(&gain->nehvi);
    mem_free(gain->scratch);
    mem_free(gain->front);
    *gain = (struct gain){0};
}

static void to_unit(const struct space *space, const double *x, double *unit)
{
    for (int i = 0; i < space->n; i++)
        unit[i] = (x[i] - space->range[i].low) / (space->range[i].high - space->range[i].low);
}

static double plain_value(const struct gain *g, const double *x, double *gradient)
{
    const struct surrogate *s = g->s;
    int m = s->m, d = s->d;
    double mean[OPT_M_MAX], sd[OPT_M_MAX], d_mean[OPT_M_MAX], d_sd[OPT_M_MAX];
    double mean_gradient[OPT_M_MAX][OPT_K_MAX], sd_gradient[OPT_M_MAX][OPT_K_MAX];
    for (int j = 0; j < m; j++) {
        if (gradient)
            surrogate_predict_gradient(s, j, x, &mean[j], &sd[j], mean_gradient[j], sd_gradient[j]);
        else
            surrogate_predict(s, j, 1, x, &mean[j], &sd[j]);
    }
    double value = ehvi_log(&g->boxes, mean, sd, gradient ? d_mean : NULL, gradient ? d_sd : NULL);
    for (int i = 0; gradient && i < d; i++) {
        gradient[i] = 0;
        for (int j = 0; j < m; j++)
            gradient[i] += d_mean[j] * mean_gradient[j][i] + d_sd[j] * sd_gradient[j][i];
    }
    return value;
}

/* Means of the first `draws` draws and sd at x, in y; gradients [m][DRAWS][d] and [m][d], NULL together. */
static void predict_draws(const struct gain *g, const double *x, int draws, double *mean, double *sd,
                          double *mean_gradient, double *sd_gradient)
{
    const struct surrogate *s = g->s;
    size_t d = (size_t)s->d;
    for (int j = 0; j < s->m; j++) {
        double *rows = mean_gradient ? mean_gradient + (size_t)j * DRAWS * d : NULL;
        double *row = mean_gradient ? sd_gradient + (size_t)j * d : NULL;
        gp_draws_predict(g->drawn[j], x, g->scratch, &sd[j], rows, row);
        for (int i = 0; i < draws; i++)
            mean[i * s->m + j] = g->scratch[i];
    }
}

static double noisy_value(const struct gain *g, int draws, const double *x, double *gradient)
{
    int m = g->s->m, d = g->s->d;
    double sd[OPT_M_MAX] = {0}, d_sd[OPT_M_MAX], *mean = g->scratch + DRAWS, *d_mean = mean + DRAWS * m;
    double *sd_gradient = d_mean + DRAWS * m, *mean_gradient = sd_gradient + m * d;
    struct nehvi first = {draws, m, g->nehvi.boxes};
    predict_draws(g, x, draws, mean, sd, gradient ? mean_gradient : NULL, gradient ? sd_gradient : NULL);
    double value = nehvi_log(&first, mean, sd, gradient ? d_mean : NULL, gradient ? d_sd : NULL);
    if (!gradient)
        return value;
    memset(gradient, 0, sizeof *gradient * (size_t)d);
    for (int j = 0; j < m; j++) {
        for (int i = 0; i < draws; i++)
            linalg_axpy(d, d_mean[i * m + j], &mean_gradient[((size_t)j * DRAWS + (size_t)i) * (size_t)d],
                        gradient);
        linalg_axpy(d, d_sd[j], &sd_gradient[j * d], gradient);
    }
    return value;
}

double gain_value(void *arg, const double *x, double *gradient)
{
    const struct gain *g = arg;
    double unit[OPT_K_MAX];
    to_unit(g->space, x, unit);
    double value = g->noisy ? noisy_value(g, DRAWS, unit, gradient) : plain_value(g, unit, gradient);
    for (int i = 0; gradient && i < g->space->n; i++)
        gradient[i] /= g->space->range[i].high - g->space->range[i].low;
    return value;
}

static void plain_values(const struct gain *g, int q, const double *x, double *values)
{
    const struct surrogate *s = g->s;
    double *mean = mem_zero((size_t)(q * s->m), sizeof *mean), *sd = mem_zero((size_t)(q * s->m), sizeof *sd);
    for (int j = 0; j < s->m; j++)
        surrogate_predict(s, j, q, x, &mean[j * q], &sd[j * q]);
    for (int i = 0; i < q; i++) {
        double at[OPT_M_MAX], away[OPT_M_MAX];
        for (int j = 0; j < s->m; j++) {
            at[j] = mean[j * q + i];
            away[j] = sd[j * q + i];
        }
        values[i] = ehvi_log(&g->boxes, at, away, NULL, NULL);
    }
    mem_free(mean);
    mem_free(sd);
}

struct scored {
    double value;
    int index;
};

static int compare_scored(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* A few draws for all, all draws for the best; the others stay behind these, in their order. */
static void noisy_values(const struct gain *g, int q, const double *x, double *values)
{
    struct scored *scored = mem_zero((size_t)q + 1, sizeof *scored);
    double least = INFINITY;
    for (int i = 0; i < q; i++)
        scored[i] = (struct scored){noisy_value(g, DRAWS_FEW, &x[i * g->s->d], NULL), i};
    qsort(scored, (size_t)q, sizeof *scored, compare_scored);
    for (int i = 0; i < q; i++) {
        double *value = &values[scored[i].index];
        if (i < SCORED_FULLY)
            least = fmin(least, *value = noisy_value(g, DRAWS, &x[scored[i].index * g->s->d], NULL));
        else
            *value = fmin(scored[i].value, least);
    }
    mem_free(scored);
}

void gain_values(void *arg, int q, const double *x, double *values)
{
    const struct gain *g = arg;
    size_t d = (size_t)g->space->n;
    double *unit = mem_zero((size_t)q * d + 1, sizeof *unit);
    for (int i = 0; i < q; i++)
        to_unit(g->space, &x[(size_t)i * d], &unit[(size_t)i * d]);
    if (g->noisy)
        noisy_values(g, q, unit, values);
    else
        plain_values(g, q, unit, values);
    mem_free(unit);
}

bool gain_taken(void *arg, const double *x)
{
    const struct gain *g = arg;
    double unit[OPT_K_MAX];
    to_unit(g->space, x, unit);
    return known_near(g->known, unit);
}

double gain_volume(const struct gain *gain, double value)
{
    for (int j = 0; j < gain->s->m; j++)
        value += log(gain->s->unit[j] / gain->s->range[j]);
    double volume = exp(value);
    return isfinite(volume) ? volume : NAN;
}
