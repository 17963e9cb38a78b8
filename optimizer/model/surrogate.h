/* WHAT   One Gaussian process an objective over everything a search knows before a watermark: which observations, in which order,
 *        in which units, with which hyperparameters.
 * WHO    strategy_bayes, insight/.
 * UNITS  x: free ratios in the unit cube of their ranges. Objectives minimised; the processes are standardised, the functions
 *        here speak the objective's own unit.
 * MEMORY surrogate_get borrows from the model; good until the next call with that model.
 * ERRORS ERR_NOT_READY: fewer than 3 scored trials.
 * STATE  struct opt_model keeps the last fits and factors. What it gives is a function of (problem, plan, history before the watermark) to the bit:
 *
 * (1) Rows are the settled trials with a score in the order in which they were settled, then the partial scores of running ones by trial number.
 *     A row is ratios, mean, variance; a partial score's variance is what the items still missing leave open.
 * (2) Hyperparameters are fitted at fixed numbers of settled rows r_0 < r_1 < … (every row at first, every tenth part more later), from fixed starts,
 *     on the first r_i rows alone. The fit in use at n rows is that of the largest r_i <= n.
 * (3) The factor is one Cholesky factorisation of the first r_i rows, then appended row by row; so whoever comes with nothing and whoever
 *     has followed all along hold the same bits.
 * (4) Above SURROGATE_ROWS_MAX rows a subset is taken: front and near-front first, then spread (docs/OPTIMIZER.md). */
#ifndef OPTIMIZER_MODEL_SURROGATE_H
#define OPTIMIZER_MODEL_SURROGATE_H

#include "optimizer/gp/gp.h"
#include "optimizer/optimizer.h"
#include "optimizer/space.h"

#define SURROGATE_ROWS_MAX 1024

struct surrogate {
    int m, d, rows; /* d: free ratios */
    struct gp *gp[OPT_M_MAX];
    double offset[OPT_M_MAX], unit[OPT_M_MAX]; /* y = (objective - offset) / unit */
    struct gp_fit fit[OPT_M_MAX];
    const int *trial; /* [rows] which trial each row is of */
    const double *x;  /* [rows][d] */
    bool noisy; /* some objective's noise is not small against its front: the noisy acquisition is used */
    double reference[OPT_M_MAX]; /* of the hypervolume, objective units */
    double range[OPT_M_MAX];     /* of the ends of the sweep, objective units: what normalises volumes */
};

int surrogate_get(const struct opt_problem *problem, const struct opt_plan *plan,
                  const struct opt_history *history, struct opt_model *model, const struct surrogate **out,
                  struct err *err);

/* ratios [k] -> x [d], and back (frozen ones filled in, ties spread). */
void surrogate_x(const struct space *space, const double *ratios, double *x);

#endif
