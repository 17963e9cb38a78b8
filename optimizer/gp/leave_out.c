#include "optimizer/gp/gp_internal.h"

#include "proto/mem.h"

#include <math.h>

/* The inverse's diagonal is the columns' squares of m = L^-1. */
void gp_leave_one_out(const struct gp *gp, double *residual, double *sd)
{
    double *diagonal = mem_zero((size_t)gp->n + 1, sizeof *diagonal);
    for (int i = 0; i < gp->n; i++) {
        const double *row = &gp->m[(size_t)i * (size_t)gp->capacity];
        for (int j = 0; j <= i; j++)
            diagonal[j] += row[j] * row[j];
    }
    for (int i = 0; i < gp->n; i++) {
        residual[i] = gp->weights[i] / diagonal[i];
        sd[i] = 1 / sqrt(diagonal[i]);
    }
    mem_free(diagonal);
}
