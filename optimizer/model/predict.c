#include "optimizer/model/surrogate.h"

#include "proto/mem.h"

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

void surrogate_add_trend(const struct surrogate *s, int j, int q, const double *x, int draws, double *values)
{
    const struct trend *t = &s->trend[j];
    for (int i = 0; i < q; i++) {
        double level = trend_at(t, &x[(size_t)i * (size_t)s->d], NULL);
        for (int draw = 0; draw < draws; draw++) {
            double *value = &values[(size_t)draw * (size_t)q + (size_t)i];
            *value = level + t->left * *value;
        }
    }
}

void surrogate_predict(const struct surrogate *s, int j, int q, const double *x, double *mean, double *sd)
{
    gp_predict(s->gp[j], q, x, mean, sd);
    if (mean)
        surrogate_add_trend(s, j, q, x, 1, mean);
    for (int i = 0; sd && i < q; i++)
        sd[i] *= s->trend[j].left;
}

void surrogate_predict_gradient(const struct surrogate *s, int j, const double *x, double *mean, double *sd,
                                double *mean_gradient, double *sd_gradient)
{
    const struct trend *t = &s->trend[j];
    double slope[OPT_K_MAX];
    gp_predict_gradient(s->gp[j], x, mean, sd, mean_gradient, sd_gradient);
    *mean = trend_at(t, x, slope) + t->left * *mean;
    *sd *= t->left;
    for (int i = 0; i < s->d; i++) {
        mean_gradient[i] = slope[i] + t->left * mean_gradient[i];
        sd_gradient[i] *= t->left;
    }
}

void surrogate_sample(const struct surrogate *s, int j, int q, const double *x, int draws,
                      const double *normals, double *out)
{
    gp_sample(s->gp[j], q, x, draws, normals, out);
    surrogate_add_trend(s, j, q, x, draws, out);
}
