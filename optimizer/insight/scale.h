/* WHAT   The unit of hypervolumes and of the tax: of the two ends of the sweep, all ratios low and all ratios high, the
 *        worse is 0 and the better 1 in every objective.
 * WHO    insight/.
 * UNITS  Objectives minimised, in their own units; mapped ones minimised too, the better end -1 and the worse 0.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None. */
#ifndef OPTIMIZER_INSIGHT_SCALE_H
#define OPTIMIZER_INSIGHT_SCALE_H

#include "optimizer/optimizer.h"

struct scale {
    int m;
    int low, high;               /* the first trials there that are scored as a whole */
    double worse[OPT_M_MAX];     /* [m] */
    double span[OPT_M_MAX];      /* [m] > 0; 1 where both ends are equal */
    double reference[OPT_M_MAX]; /* [m] mapped: 0.1, or the problem's own */
};

/* false: an end has no whole score. */
bool scale_make(const struct opt_problem *problem, const struct opt_history *history, struct scale *out);

/* Hypervolume of points [n][m] in their own units; NaN when it is not possible (too many objectives). */
double scale_volume(const struct scale *scale, const double *points, int n);

#endif
