/* WHAT   One Gaussian process an objective over everything a search knows before a watermark: which observations, in which order,
 *        in which units, with which hyperparameters.
 * WHO    strategy_bayes, insight/.
 * UNITS  x: free ratios in the unit cube of their ranges. Objectives minimised; the processes see them standardised, y of
 *        model/frame.h.
 * MEMORY surrogate_get borrows from the model; good until the next call with that model.
 * ERRORS ERR_NOT_READY: fewer than 3 settled trials with a score.
 * STATE  struct opt_model keeps the last fits and factors. What it gives is a function of (problem, plan, events before the
 *        watermark and the ratios of the trials in them) to the bit:
 *
 * (1) Rows are those of model/rows.h. A partial score's variance is what the items still missing leave open.
 * (2) Hyperparameters are fitted at fixed numbers of settled rows r_0 < r_1 < … (every row at first, every tenth part later),
 *     from fixed starts, on the first r_i rows alone; so are the frames. The fit in use at n rows is that of the largest r_i <= n.
 *     An objective whose standard errors are all 0 has no noise but its floor; otherwise noise is fitted, and what is
 *     reported is scaled.
 * (3) The factor is one Cholesky factorisation of the first r_i rows, then appended row by row; so whoever comes with nothing
 *     and whoever has followed all along hold the same bits.
 * (4) When r_i is more than fits, a subset of the first r_i rows stands for them (model/subset.h): of FIT_ROWS_MAX for the
 *     hyperparameters, of BASE_ROWS_MAX for the factor. What came after r_i is appended in full. */
#ifndef OPTIMIZER_MODEL_SURROGATE_H
#define OPTIMIZER_MODEL_SURROGATE_H

#include "optimizer/gp/gp.h"
#include "optimizer/model/frame.h"
#include "optimizer/optimizer.h"
#include "optimizer/space.h"

struct surrogate {
    int m, d, rows; /* d: free ratios */
    struct gp *gp[OPT_M_MAX];
    double offset[OPT_M_MAX], unit[OPT_M_MAX]; /* y = (objective - offset) / unit where frame does not bend */
    struct frame frame[OPT_M_MAX];
    struct gp_fit fit[OPT_M_MAX];
    double noise[OPT_M_MAX];    /* variance of a usual complete score, in y^2 */
    double variance[OPT_M_MAX]; /* what of it is reported, as a process is told it */
    bool exact[OPT_M_MAX];      /* its errors are all 0: taken at its word */
    double usual[OPT_M_MAX];    /* what a whole score reports, in y^2: of those that report nothing, too */
    const int *trial;           /* [rows] which trial each row is of */
    const double *x;            /* [rows][d] */
    const double *y;            /* [rows][m] */
    const double *told;         /* [rows][m]: variance of y, as a process is told it */
    const double *open;         /* [rows][m]: what of it the missing items of a partial score leave open */
    bool noisy; /* some objective's noise is not small against its range: the noisy acquisition is used */
    double reference[OPT_M_MAX]; /* of the hypervolume, objective units */
    double range[OPT_M_MAX];     /* of the ends of the sweep, objective units: what normalises volumes */
};

/* model: not NULL. */
int surrogate_get(const struct opt_problem *problem, const struct opt_plan *plan,
                  const struct opt_history *history, struct opt_model *model, const struct surrogate **out,
                  struct err *err);

/* Posterior of y of objective j at q points x [q][d]: mean [q], sd [q], either may be NULL. */
void surrogate_predict(const struct surrogate *surrogate, int j, int q, const double *x, double *mean,
                       double *sd);
/* At one point, with gradients [d]. */
void surrogate_predict_gradient(const struct surrogate *surrogate, int j, const double *x, double *mean,
                                double *sd, double *mean_gradient, double *sd_gradient);
/* Draws of y at q points together, as gp_sample. */
void surrogate_sample(const struct surrogate *surrogate, int j, int q, const double *x, int s,
                      const double *normals, double *out);
/* Other processes of objective j on all rows, each with hyperparameters that the data bear out as well (gp_spread, from at most
 * SURROGATE_SPREAD_ROWS rows, evenly taken): out [count], for gp_destroy. Their own scales multiply what is reported, not what is
 * open. */
#define SURROGATE_SPREAD_ROWS 200
void surrogate_spread(const struct surrogate *surrogate, int j, int count, struct rng *rng, struct gp **out);

/* Mean and standard deviation of objective j in its own unit, from those of y. */
void surrogate_objective(const struct surrogate *surrogate, int j, double y, double y_sd, double *mean,
                         double *sd);

/* ratios [k] -> x [d] */
void surrogate_x(const struct space *space, const double *ratios, double *x);

#endif
