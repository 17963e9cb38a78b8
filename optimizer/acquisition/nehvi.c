#include "optimizer/acquisition/nehvi.h"

#include "optimizer/acquisition/ehvi.h"
#include "proto/mem.h"

#include <math.h>
#include <stddef.h>

#define M BOXES_M_MAX

int nehvi_make(const double *draws, int s, int q, int m, const double *reference, struct nehvi *out,
               struct err *err)
{
    if (s < 1)
        return err_set(err, ERR_INVALID, "noisy improvement over %d draws; at least 1 is needed", s);
    *out = (struct nehvi){.m = m, .boxes = mem_zero((size_t)s, sizeof *out->boxes)};
    for (int i = 0; i < s; i++) {
        const double *points = q ? &draws[(size_t)i * (size_t)q * (size_t)m] : NULL;
        int code = boxes_make(points, q, m, reference, &out->boxes[i], err);
        if (code) {
            nehvi_fini(out);
            return code;
        }
        out->draws_n++;
    }
    return 0;
}

void nehvi_fini(struct nehvi *nehvi)
{
    if (!nehvi)
        return;
    for (int i = 0; i < nehvi->draws_n; i++)
        boxes_fini(&nehvi->boxes[i]);
    mem_free(nehvi->boxes);
    *nehvi = (struct nehvi){0};
}

/* Plain sums, good for most points: returns the mean, or 0 when rounding or underflow may have spoilt it. */
static double plain_mean(const struct nehvi *a, const double *mean, const double *sd, double *d_mean,
                         double *d_sd)
{
    double sum = 0, errors = 0, one[M];
    int m = a->m;
    for (int i = 0; i < a->draws_n; i++) {
        double error;
        sum += ehvi_value(&a->boxes[i], &mean[i * m], sd, d_mean ? &d_mean[i * m] : NULL, one, &error);
        errors += error;
        for (int j = 0; j < m && d_mean; j++)
            d_sd[j] += one[j];
    }
    if (!(sum > EHVI_LEAST && errors < EHVI_RELATIVE_ERROR * sum))
        return 0;
    for (int i = 0; i < a->draws_n * m && d_mean; i++)
        d_mean[i] /= sum;
    for (int j = 0; j < m && d_mean; j++)
        d_sd[j] /= sum;
    return sum / a->draws_n;
}

/* Draw by draw, then log-sum-exp. */
static double in_logarithms(const struct nehvi *a, const double *mean, const double *sd, double *d_mean,
                            double *d_sd)
{
    int m = a->m;
    double *value = mem_zero((size_t)a->draws_n * (size_t)(m + 1), sizeof *value);
    double *own_sd = value + a->draws_n, largest = -INFINITY, sum = 0;
    for (int i = 0; i < a->draws_n; i++) {
        value[i] = ehvi_log(&a->boxes[i], &mean[i * m], sd, d_mean ? &d_mean[i * m] : NULL,
                            d_mean ? &own_sd[i * m] : NULL);
        largest = fmax(largest, value[i]);
    }
    for (int i = 0; i < a->draws_n; i++)
        sum += exp(value[i] - largest);
    for (int i = 0; i < a->draws_n && d_mean; i++) {
        double share = exp(value[i] - largest) / sum;
        for (int j = 0; j < m; j++) {
            d_mean[i * m + j] *= share;
            d_sd[j] += share * own_sd[i * m + j];
        }
    }
    mem_free(value);
    return largest + log(sum / a->draws_n);
}

double nehvi_log(const struct nehvi *nehvi, const double *mean, const double *sd, double *d_mean,
                 double *d_sd)
{
    for (int j = 0; j < nehvi->m && d_mean; j++)
        d_sd[j] = 0;
    double value = plain_mean(nehvi, mean, sd, d_mean, d_sd);
    if (value > 0)
        return log(value);
    for (int j = 0; j < nehvi->m && d_mean; j++)
        d_sd[j] = 0;
    return in_logarithms(nehvi, mean, sd, d_mean, d_sd);
}
