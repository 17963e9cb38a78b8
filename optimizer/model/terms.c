#include "optimizer/model/terms.h"

int terms_count(enum terms level, int d)
{
    static const int times_d[] = {0, 1, 2, 3, 2};
    return 1 + times_d[level] * d - (level == TERMS_NEIGHBOURS) +
           (level == TERMS_PRODUCTS ? d * (d - 1) / 2 : 0);
}

/* From which index on the j of u_i u_j run, up to i - 1. */
static int first_partner(enum terms level, int i)
{
    return level == TERMS_PRODUCTS || i == 0 ? 0 : i - 1;
}

void terms_fill(enum terms level, int d, const double *x, double *phi)
{
    int at = 0;
    phi[at++] = 1;
    for (int i = 0; i < d && level >= TERMS_LINEAR; i++)
        phi[at++] = 2 * x[i] - 1;
    for (int i = 0; i < d && level >= TERMS_SQUARES; i++)
        phi[at++] = (2 * x[i] - 1) * (2 * x[i] - 1);
    for (int i = 0; i < d && level >= TERMS_NEIGHBOURS; i++)
        for (int j = first_partner(level, i); j < i; j++)
            phi[at++] = (2 * x[i] - 1) * (2 * x[j] - 1);
}

void terms_slope(enum terms level, int d, const double *x, const double *weight, double *slope)
{
    int at = 1;
    for (int i = 0; i < d; i++)
        slope[i] = level >= TERMS_LINEAR ? 2 * weight[at++] : 0;
    for (int i = 0; i < d && level >= TERMS_SQUARES; i++)
        slope[i] += 4 * (2 * x[i] - 1) * weight[at++];
    for (int i = 0; i < d && level >= TERMS_NEIGHBOURS; i++)
        for (int j = first_partner(level, i); j < i; j++, at++) {
            slope[i] += 2 * weight[at] * (2 * x[j] - 1);
            slope[j] += 2 * weight[at] * (2 * x[i] - 1);
        }
}
