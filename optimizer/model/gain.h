/* WHAT   How much hypervolume one more trial is expected to bring, by the surrogate: the logarithm, with its gradient.
 * WHO    strategy_bayes.
 * UNITS  x: free ratios of a struct space, in their own ranges (as acquisition/maximise.h asks). The logarithm is of a volume in
 *        y units; gain_volume turns it into one normalised by the ranges of the objectives.
 * MEMORY make/fini. Borrows the surrogate, and its processes hold the pending points until fini.
 * ERRORS ERR_UNSUPPORTED, ERR_INVALID of boxes.h.
 * STATE  Between make and fini nobody else may use the surrogate's processes.
 *
 * Little noise: exact log-EHVI over the front of posterior means; pending trials count as scored with their posterior mean
 * (Kriging believer; Ginsbourger, Le Riche and Carraro 2010). Noise that is not small: the average of exact EHVI over joint draws of the true objectives at the
 * points that may be on the front and at the pending ones; each draw has its own front, and the process is conditioned on it as if it were exact (NEHVI; Daulton,
 * Balandat and Bakshy, "Parallel Bayesian optimization of multiple noisy objectives with expected hypervolume improvement", NeurIPS 2021; the inner expectation is
 * analytic as in Letham et al., Bayesian Analysis 14, 2019). */
#ifndef OPTIMIZER_MODEL_GAIN_H
#define OPTIMIZER_MODEL_GAIN_H

#include "optimizer/acquisition/boxes.h"
#include "optimizer/acquisition/nehvi.h"
#include "optimizer/model/known.h"
#include "optimizer/model/surrogate.h"

struct gain {
    const struct surrogate *s;
    const struct space *space;
    const struct known *known;
    bool noisy;
    struct boxes boxes; /* not noisy: of the front of posterior means */
    struct nehvi nehvi; /* noisy: of every draw */
    struct gp_draws *drawn[OPT_M_MAX];
    double *scratch;
    int front_n;
    double *front; /* [front_n][d]: x, in the ranges' units, of the points that are or may be on the front */
};

/* trial: whose proposal this is, the seed of the draws. */
int gain_make(const struct opt_problem *problem, const struct surrogate *surrogate, const struct known *known,
              int trial, struct gain *out, struct err *err);
void gain_fini(struct gain *gain);

/* arg: a struct gain. For struct maximise_run. */
double gain_value(void *arg, const double *x, double *gradient);
void gain_values(void *arg, int q, const double *x, double *values);
bool gain_taken(void *arg, const double *x); /* near a known point */

double gain_volume(const struct gain *gain, double value);

#endif
