#include "optimizer/strategy.h"

#include "optimizer/acquisition/ehvi.h"
#include "optimizer/acquisition/maximise.h"
#include "optimizer/gp/linalg.h"
#include "optimizer/model/frame.h"
#include "optimizer/model/known.h"
#include "optimizer/model/quadratic.h"
#include "optimizer/model/subset.h"
#include "optimizer/model/surrogate.h"
#include "proto/mem.h"

#include <math.h>
#include <string.h>

#define ROWS_MIN 3
#define ROWS_MAX 1200 /* of more a subset speaks (model/subset.h): a fit takes rows times terms squared */
#define CANDIDATES 128
#define STARTS 20
#define CALLS_MAX 60

/* One quadratic an objective, and the front that they say the known and the pending points have. */
struct surface {
    int m;
    const struct space *space;
    const struct known *known;
    struct frame frame[OPT_M_MAX];
    struct quadratic quadratic[OPT_M_MAX];
    struct boxes boxes;
};

static void fit(const struct rows *rows, int m, uint64_t seed, struct surface *out)
{
    size_t d = (size_t)rows->d, all = (size_t)rows->n;
    int *index = mem_zero(all, sizeof *index), n = subset_rows(rows, rows->n, m, ROWS_MAX, seed, index);
    double *x = mem_zero((size_t)n * d, sizeof *x);
    double *y = mem_zero((size_t)n, sizeof *y), *weight = mem_zero((size_t)n, sizeof *weight);
    for (int i = 0; i < n; i++) {
        memcpy(&x[(size_t)i * d], &rows->x[(size_t)index[i] * d], sizeof *x * d);
        weight[i] = rows->row[index[i]].share;
    }
    for (int j = 0; j < m; j++) {
        frame_fit(&out->frame[j], rows, j, rows->settled_n);
        for (int i = 0; i < n; i++)
            y[i] = frame_y(&out->frame[j], rows->row[index[i]].mean[j]);
        quadratic_make(n, rows->d, x, y, weight, &out->quadratic[j]);
    }
    mem_free(index);
    mem_free(x);
    mem_free(y);
    mem_free(weight);
}

static int box(struct surface *s, struct err *err)
{
    int m = s->m;
    double reference[OPT_M_MAX], *f = mem_zero((size_t)(s->known->n * m) + 1, sizeof *f);
    for (int j = 0; j < m; j++) {
        reference[j] = frame_y(&s->frame[j], s->frame[j].reference);
        for (int i = 0; i < s->known->n; i++)
            f[i * m + j] = quadratic_mean(&s->quadratic[j], &s->known->x[i * s->known->d]);
    }
    int rc = boxes_make(f, s->known->n, m, reference, &s->boxes, err);
    mem_free(f);
    return rc;
}

static void to_unit(const struct space *space, const double *x, double *unit)
{
    for (int i = 0; i < space->n; i++)
        unit[i] = (x[i] - space->range[i].low) / (space->range[i].high - space->range[i].low);
}

static double value(void *arg, const double *x, double *gradient)
{
    const struct surface *s = arg;
    int d = s->space->n;
    double unit[OPT_K_MAX], mean[OPT_M_MAX], sd[OPT_M_MAX], d_mean[OPT_M_MAX], d_sd[OPT_M_MAX];
    double mean_gradient[OPT_M_MAX][OPT_K_MAX], sd_gradient[OPT_M_MAX][OPT_K_MAX];
    to_unit(s->space, x, unit);
    for (int j = 0; j < s->m; j++)
        quadratic_predict(&s->quadratic[j], unit, &mean[j], &sd[j], gradient ? mean_gradient[j] : NULL,
                          gradient ? sd_gradient[j] : NULL);
    double result = ehvi_log(&s->boxes, mean, sd, gradient ? d_mean : NULL, gradient ? d_sd : NULL);
    for (int i = 0; gradient && i < d; i++) {
        gradient[i] = 0;
        for (int j = 0; j < s->m; j++)
            gradient[i] += d_mean[j] * mean_gradient[j][i] + d_sd[j] * sd_gradient[j][i];
        gradient[i] /= s->space->range[i].high - s->space->range[i].low;
    }
    return result;
}

static void values(void *arg, int q, const double *x, double *out)
{
    const struct surface *s = arg;
    for (int i = 0; i < q; i++)
        out[i] = value(arg, &x[i * s->space->n], NULL);
}

static bool taken(void *arg, const double *x)
{
    const struct surface *s = arg;
    double unit[OPT_K_MAX];
    to_unit(s->space, x, unit);
    return known_near(s->known, unit);
}

/* The known points, in their ranges' own units, the latest first. */
static double *good_points(const struct surface *s, int *n)
{
    int d = s->space->n;
    *n = s->known->n < 64 ? s->known->n : 64;
    double *good = mem_zero((size_t)(*n * d) + 1, sizeof *good);
    for (int i = 0; i < *n; i++)
        for (int l = 0; l < d; l++) {
            const struct range *range = &s->space->range[l];
            good[i * d + l] =
                range->low + (range->high - range->low) * s->known->x[(s->known->n - 1 - i) * d + l];
        }
    return good;
}

static void ask_surface(const struct opt_problem *problem, struct surface *s, struct opt_proposal *out)
{
    struct maximise_run run = {.space = s->space,
                               .seed = problem->seed,
                               .stream = (uint64_t)out->trial,
                               .candidates = CANDIDATES,
                               .starts = STARTS,
                               .calls_max = CALLS_MAX,
                               .value = value,
                               .values = values,
                               .taken = taken,
                               .arg = s};
    double *good = good_points(s, &run.good_n);
    run.good = good;
    double gain = maximise(&run, out->ratios);
    mem_free(good);
    if (!isfinite(gain))
        return;
    for (int j = 0; j < s->m; j++)
        gain += log(s->frame[j].unit / s->frame[j].range);
    out->path = OPT_PATH_MODEL;
    out->gain = isfinite(exp(gain)) ? exp(gain) : NAN;
}

static void surface_fini(struct surface *s)
{
    for (int j = 0; j < s->m; j++)
        quadratic_fini(&s->quadratic[j]);
    boxes_fini(&s->boxes);
}

int quadratic_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                      const struct opt_history *history, int stream, struct opt_model *model,
                      struct opt_proposal *out, struct err *err)
{
    (void)model; /* a fit is cheap */
    linalg_single_thread();
    struct space space;
    struct known known;
    struct rows rows;
    int rc = 0;
    strategy_space(&space, problem);
    known_make(problem, history, &space, out->trial, &known);
    rows_make(problem, history, &rows);
    out->path = OPT_PATH_FILL;
    if (rows.settled_n >= ROWS_MIN) {
        struct surface surface = {.m = problem->m, .space = &space, .known = &known};
        frame_reference(problem, plan, &rows, surface.frame);
        fit(&rows, problem->m, problem->seed, &surface);
        rc = box(&surface, err);
        if (!rc)
            ask_surface(problem, &surface, out);
        surface_fini(&surface);
    }
    if (!rc && out->path == OPT_PATH_FILL)
        known_fill(&known, problem->seed, stream, out->ratios);
    rows_fini(&rows);
    known_fini(&known);
    return rc;
}
