#include "optimizer/model/surrogate.h"

#include "optimizer/model/subset.h"
#include "optimizer/order.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIT_ROWS_MAX 200
#define BASE_ROWS_MAX 512
#define NOISY 0.01 /* standard deviation of a score over the objective's range */
/* Of a partial score whose standard error is not known, in y^2, where half of the items are scored. */
#define OPEN_UNKNOWN 0.1
#define VARIANCE_MAX 1e12 /* in y^2: as good as no score, and far from what a double can hold */

/* What a row is to the processes: the first x_n + 2 m numbers of `number` are its x, its y and its variances. */
struct opt_model {
    struct surrogate surrogate;
    double *key; /* of the fits: all that they were made of */
    size_t key_n;
    int base, rows_n;         /* rows that came with gp_condition; rows that the processes hold */
    int *trial;               /* [rows_n] */
    double *x, *y, *variance; /* [rows_n][d], [rows_n][m], [rows_n][m] */
    double *open;             /* [rows_n][m], a part of variance */
};

struct opt_model *opt_model_create(void)
{
    return mem_zero(1, sizeof(struct opt_model));
}

static void forget_rows(struct opt_model *model)
{
    mem_free(model->trial);
    mem_free(model->x);
    mem_free(model->y);
    mem_free(model->variance);
    mem_free(model->open);
    model->trial = NULL;
    model->x = model->y = model->variance = model->open = NULL;
    model->base = model->rows_n = 0;
}

static void forget(struct opt_model *model)
{
    for (int j = 0; j < OPT_M_MAX; j++)
        gp_destroy(model->surrogate.gp[j]);
    mem_free(model->key);
    forget_rows(model);
    *model = (struct opt_model){0};
}

void opt_model_destroy(struct opt_model *model)
{
    if (!model)
        return;
    forget(model);
    mem_free(model);
}

/* All that the fits at r rows are a function of, one number after another. */
static double *make_key(const struct opt_problem *problem, const struct rows *rows, int r,
                        const struct frame *frame, size_t *n)
{
    int m = problem->m, d = rows->d;
    double *key = mem_zero((size_t)r * (size_t)(d + 3 * m + 2) + 4 + 2 * OPT_M_MAX, sizeof *key), *at = key;
    *at++ = d;
    *at++ = m;
    *at++ = r;
    memcpy(at++, &problem->seed, sizeof *at);
    for (int j = 0; j < m; j++) {
        *at++ = frame[j].reference;
        *at++ = frame[j].range;
    }
    for (int i = 0; i < r; i++) {
        const struct row *row = &rows->row[i];
        memcpy(at, &rows->x[(size_t)i * (size_t)d], sizeof *at * (size_t)d);
        at += d;
        for (int j = 0; j < m; j++) {
            *at++ = row->mean[j];
            *at++ = row->stderrs[j];
            *at++ = row->open ? row->open[j] : 0;
        }
        *at++ = row->share;
        *at++ = row->trial;
    }
    *n = (size_t)(at - key);
    return key;
}

/* Variance of y that the standard error tells, before hyper.scale multiplies it; `usual` where it is not known. A partial score
 * has in common with complete ones stderr^2 share (finite population); what its missing items leave open besides, *left, is not
 * scaled. */
static double variance_of(const struct row *row, int j, double unit, double usual, double scale, double *left)
{
    double s = row->stderrs[j] / unit, told = isnan(s) ? usual : s * s * row->share;
    double open = row->open ? row->open[j] / (unit * unit) : 0;
    if (isnan(open))
        open = OPEN_UNKNOWN * (1 - row->share) / row->share;
    double variance = fmin(told + open / scale, VARIANCE_MAX);
    *left = fmin(open / scale, variance);
    return variance;
}

static void fill_rows(const struct rows *rows, const int *index, int n, int m, const struct frame *frame,
                      const double *usual, const double *scale, struct opt_model *into)
{
    size_t d = (size_t)rows->d;
    into->rows_n = n;
    into->trial = mem_zero((size_t)n + 1, sizeof *into->trial);
    into->x = mem_zero((size_t)(n + 1) * d, sizeof *into->x);
    into->y = mem_zero((size_t)(n + 1) * (size_t)m, sizeof *into->y);
    into->variance = mem_zero((size_t)(n + 1) * (size_t)m, sizeof *into->variance);
    into->open = mem_zero((size_t)(n + 1) * (size_t)m, sizeof *into->open);
    for (int i = 0; i < n; i++) {
        const struct row *row = &rows->row[index[i]];
        into->trial[i] = row->trial;
        memcpy(&into->x[(size_t)i * d], &rows->x[(size_t)index[i] * d], sizeof *into->x * d);
        for (int j = 0; j < m; j++) {
            into->y[i * m + j] = frame_y(&frame[j], row->mean[j]);
            into->variance[i * m + j] =
                variance_of(row, j, frame[j].unit, usual[j], scale ? scale[j] : 1, &into->open[i * m + j]);
        }
    }
}

/* Column j of [n][m]. */
static double *column(const double *matrix, int n, int m, int j)
{
    double *out = mem_zero((size_t)n + 1, sizeof *out);
    for (int i = 0; i < n; i++)
        out[i] = matrix[i * m + j];
    return out;
}

static double median(const double *values, int n)
{
    double *sorted = mem_copy(values, sizeof *values * (size_t)n);
    qsort(sorted, (size_t)n, sizeof *sorted, order_doubles);
    double middle = sorted[n / 2];
    mem_free(sorted);
    return middle;
}

/* The median of what the first r rows that say so, and are whole, report in y^2; 0 when none does. */
static double usual_variance(const struct rows *rows, int j, int r, double unit)
{
    double *known = mem_zero((size_t)r, sizeof *known);
    int n = 0;
    for (int i = 0; i < r; i++)
        if (rows->row[i].share == 1 && !isnan(rows->row[i].stderrs[j]))
            known[n++] = rows->row[i].stderrs[j];
    double error = n > 0 ? median(known, n) / unit : 0;
    mem_free(known);
    return fmin(error * error, VARIANCE_MAX);
}

/* Every one of the first r scores is whole, and says that its standard error is 0. */
static bool is_exact(const struct rows *rows, int j, int r)
{
    for (int i = 0; i < r; i++)
        if (rows->row[i].share < 1 || rows->row[i].stderrs[j] != 0)
            return false;
    return true;
}

static void fit_objective(const struct opt_model *sample, int j, bool exact, struct surrogate *s)
{
    int n = sample->rows_n;
    double *y = column(sample->y, n, s->m, j), *variance = column(sample->variance, n, s->m, j);
    struct gp_data data = {n, s->d, sample->x, y, variance};
    s->exact[j] = exact;
    gp_fit(&data, exact, NULL, &s->fit[j]);
    s->variance[j] = median(variance, n);
    s->noise[j] = s->fit[j].hyper.noise + s->fit[j].hyper.scale * s->variance[j];
    s->noisy |= !exact && sqrt(s->noise[j]) * s->unit[j] > NOISY * s->range[j];
    mem_free(y);
    mem_free(variance);
}

/* Frames and hyperparameters from the first r rows. */
static void fit(const struct opt_problem *problem, const struct rows *rows, int r, const struct frame *frame,
                struct opt_model *model)
{
    struct surrogate *s = &model->surrogate;
    s->m = problem->m;
    s->d = rows->d;
    for (int j = 0; j < s->m; j++) {
        s->frame[j] = frame[j];
        frame_fit(&s->frame[j], rows, j, r);
        s->offset[j] = s->frame[j].offset;
        s->unit[j] = s->frame[j].unit;
        s->reference[j] = frame[j].reference;
        s->range[j] = frame[j].range;
        s->usual[j] = usual_variance(rows, j, r, s->unit[j]);
    }
    int *index = mem_zero((size_t)r, sizeof *index);
    int n = subset_rows(rows, r, s->m, FIT_ROWS_MAX, problem->seed, index);
    struct opt_model sample = {0};
    fill_rows(rows, index, n, s->m, s->frame, s->usual, NULL, &sample);
    for (int j = 0; j < s->m; j++)
        fit_objective(&sample, j, is_exact(rows, j, r), s);
    forget_rows(&sample);
    mem_free(index);
}

/* The rows of the factor: index [rows->n]. *base: how many of them come with gp_condition. */
static int choose_rows(const struct opt_problem *problem, const struct rows *rows, int r, int *index,
                       int *base)
{
    int n = *base = subset_rows(rows, r, problem->m, BASE_ROWS_MAX, problem->seed, index);
    for (int i = r; i < rows->n; i++)
        index[n++] = i;
    return n;
}

static void condition(struct surrogate *s, int j, const struct opt_model *rows, int base)
{
    double *y = column(rows->y, base, s->m, j), *variance = column(rows->variance, base, s->m, j);
    struct gp_data data = {base, s->d, rows->x, y, variance};
    s->gp[j] = gp_create(s->d, rows->rows_n + 16, &s->fit[j].hyper);
    gp_condition(s->gp[j], &data);
    mem_free(y);
    mem_free(variance);
}

static bool same_row(const struct opt_model *a, const struct opt_model *b, int i, int d, int m)
{
    size_t x = sizeof *a->x * (size_t)d, y = sizeof *a->y * (size_t)m;
    return memcmp(&a->x[i * d], &b->x[i * d], x) == 0 && memcmp(&a->y[i * m], &b->y[i * m], y) == 0 &&
           memcmp(&a->variance[i * m], &b->variance[i * m], y) == 0;
}

/* By (3): what the processes hold beyond the common part is forgotten, what is new is appended. */
static void follow(struct opt_model *model, struct opt_model *rows, int base)
{
    struct surrogate *s = &model->surrogate;
    int same = model->base;
    while (same > 0 && same < model->rows_n && same < rows->rows_n && same_row(model, rows, same, s->d, s->m))
        same++;
    for (int j = 0; j < s->m; j++) {
        if (!s->gp[j])
            condition(s, j, rows, base);
        else
            gp_truncate(s->gp[j], same);
        for (int i = gp_n(s->gp[j]); i < rows->rows_n; i++) {
            gp_append(s->gp[j], &rows->x[i * s->d], rows->y[i * s->m + j], rows->variance[i * s->m + j]);
        }
    }
    forget_rows(model);
    model->base = base;
    model->rows_n = rows->rows_n;
    model->trial = rows->trial;
    model->x = rows->x;
    model->y = rows->y;
    model->variance = rows->variance;
    model->open = rows->open;
}

static void show(struct opt_model *model, const struct surrogate **out)
{
    struct surrogate *s = &model->surrogate;
    s->rows = model->rows_n;
    s->trial = model->trial;
    s->x = model->x;
    s->y = model->y;
    s->told = model->variance;
    s->open = model->open;
    *out = s;
}

int surrogate_get(const struct opt_problem *problem, const struct opt_plan *plan,
                  const struct opt_history *history, struct opt_model *model, const struct surrogate **out,
                  struct err *err)
{
    assert(model);
    struct rows rows;
    rows_make(problem, history, &rows);
    if (rows.settled_n < ROWS_MIN) {
        int have = rows.settled_n;
        rows_fini(&rows);
        return err_set(err, ERR_NOT_READY, "%d of the %d scores that a model needs", have, ROWS_MIN);
    }
    struct frame frame[OPT_M_MAX];
    frame_reference(problem, plan, &rows, frame);
    int r = rows_fitted(rows.settled_n), base;
    size_t key_n;
    double *key = make_key(problem, &rows, r, frame, &key_n), scale[OPT_M_MAX];
    if (model->key_n != key_n || memcmp(model->key, key, sizeof *key * key_n) != 0) {
        forget(model);
        fit(problem, &rows, r, frame, model);
        model->key = key;
        model->key_n = key_n;
    } else {
        mem_free(key);
    }
    for (int j = 0; j < problem->m; j++)
        scale[j] = model->surrogate.fit[j].hyper.scale;
    int *index = mem_zero((size_t)rows.n, sizeof *index);
    int n = choose_rows(problem, &rows, r, index, &base);
    struct opt_model held = {0};
    fill_rows(&rows, index, n, problem->m, model->surrogate.frame, model->surrogate.usual, scale, &held);
    follow(model, &held, base);
    show(model, out);
    mem_free(index);
    rows_fini(&rows);
    return 0;
}
