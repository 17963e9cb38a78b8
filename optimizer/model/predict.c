#include "optimizer/model/surrogate.h"

#include "proto/mem.h"

#include <string.h>

void surrogate_x(const struct space *space, const double *ratios, double *x)
{
    space_gather(space, ratios, x);
    for (int i = 0; i < space->n; i++)
        x[i] = (x[i] - space->range[i].low) / (space->range[i].high - space->range[i].low);
}

void surrogate_objective(const struct surrogate *s, int j, double y, double y_sd, double *mean, double *sd)
{
    *mean = frame_score(&s->frame[j], y);
    *sd = y_sd * frame_slope(&s->frame[j], y);
}

void surrogate_predict(const struct surrogate *s, int j, int q, const double *x, double *mean, double *sd)
{
    gp_predict(s->gp[j], q, x, mean, sd);
}

void surrogate_predict_gradient(const struct surrogate *s, int j, const double *x, double *mean, double *sd,
                                double *mean_gradient, double *sd_gradient)
{
    gp_predict_gradient(s->gp[j], x, mean, sd, mean_gradient, sd_gradient);
}

void surrogate_sample(const struct surrogate *s, int j, int q, const double *x, int draws,
                      const double *normals, double *out)
{
    gp_sample(s->gp[j], q, x, draws, normals, out);
}

/* Row i of `some` [n] is row i rows / n of all, so that they are all of them when n is. scale: what the variances will be multiplied
 * by; what is open stays the same then. */
static void take_rows(const struct surrogate *s, int j, int n, double scale, double *x, double *y,
                      double *variance)
{
    double more = s->fit[j].hyper.scale / scale - 1;
    size_t d = (size_t)s->d;
    for (int i = 0; i < n; i++) {
        int row = (int)((int64_t)i * s->rows / n);
        memcpy(&x[(size_t)i * d], &s->x[(size_t)row * d], sizeof *x * d);
        y[i] = s->y[row * s->m + j];
        variance[i] = s->told[row * s->m + j] + more * s->open[row * s->m + j];
    }
}

void surrogate_spread(const struct surrogate *s, int j, int count, struct rng *rng, struct gp **out)
{
    size_t rows = (size_t)s->rows + 1;
    double *x = mem_zero(rows * (size_t)s->d, sizeof *x), *y = mem_zero(rows, sizeof *y);
    double *variance = mem_zero(rows, sizeof *variance);
    struct gp_hyper *hyper = mem_zero((size_t)count, sizeof *hyper);
    int n = s->rows < SURROGATE_SPREAD_ROWS ? s->rows : SURROGATE_SPREAD_ROWS;
    struct gp_data data = {n, s->d, x, y, variance};
    take_rows(s, j, n, s->fit[j].hyper.scale, x, y, variance);
    gp_spread(&data, s->exact[j], &s->fit[j].hyper, count, rng, hyper);
    data.n = s->rows;
    for (int i = 0; i < count; i++) {
        take_rows(s, j, s->rows, hyper[i].scale, x, y, variance);
        out[i] = gp_create(s->d, s->rows, &hyper[i]);
        gp_condition(out[i], &data);
    }
    mem_free(x);
    mem_free(y);
    mem_free(variance);
    mem_free(hyper);
}
