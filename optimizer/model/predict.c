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
