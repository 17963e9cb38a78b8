/* WHAT   What is known of a search and how surely: posterior of every scored trial, chance that it is on the front, the front of
 *        posterior means, hypervolume with its interval, picks, and whether a running trial still deserves its items.
 * WHO    daemon (in its modelling thread), bench, tests. Any strategy's search can be looked at.
 * UNITS  Objectives minimised, in their own units. Hypervolume and gain: endpoint-normalised (of the two ends of the sweep the
 *        worse is 0 and the better 1, reference -0.1 or the problem's own), as everywhere else.
 * MEMORY make/destroy.
 * ERRORS ERR_NOT_READY: too few scores for a model (fewer than 3), or an end of the sweep is not scored. ERR_UNSUPPORTED.
 * STATE  None: a function of (problem, events before the watermark), to the bit; `model` is a cache (optimizer.h). */
#ifndef OPTIMIZER_INSIGHT_INSIGHT_H
#define OPTIMIZER_INSIGHT_INSIGHT_H

#include "optimizer/optimizer.h"

enum insight_verdict { INSIGHT_UNKNOWN, INSIGHT_FRONT, INSIGHT_DOUBTFUL, INSIGHT_DOMINATED };

struct insight {
    int watermark;
    int n, m;     /* trials of the plan, objectives */
    double *mean; /* [n][m] posterior of the noise-free objective; NaN for trials without a score */
    double *sd;   /* [n][m] */
    double
        *confidence; /* [n] P(no scored trial dominates it), share of joint posterior draws; NaN as above */
    enum insight_verdict *verdict; /* [n] front: confidence >= 0.8, dominated: <= 0.2 */
    bool *
        front; /* [n] non-dominated among posterior means; of repeats of one vector the first stands for all */
    int *scored;                                   /* [n] how many trials have scored this vector */
    double volume;                                 /* hypervolume of that front */
    double volume_low, volume_median, volume_high; /* 5, 50, 95 % of the draws' hypervolumes */
    double gain; /* expected gain of the best next trial; NaN when the strategy has no model */
    double fit_rms
        [OPT_M_MAX]; /* leave-one-out residuals over their predicted sd, root mean square: near 1 is honest */
};

int insight_make(const struct opt_problem *problem, const struct opt_plan *plan,
                 const struct opt_history *history, struct opt_model *model, struct insight **out,
                 struct err *err);
void insight_destroy(struct insight *insight);

enum insight_pick { PICK_KNEE, PICK_LEAST_TAX, PICK_CERTAIN };

/* A trial of the front to ship; -1 when there is none that qualifies.
 * KNEE: farthest below the line (plane) through the ends of the front, in normalised units (Das, Structural Optimization 18, 1999).
 * LEAST_TAX: the best of objective `alignment` among those that lose at most `tax` in every other one, as shares of the range between
 * the ends of the sweep, against the better end. CERTAIN: the greatest confidence among the front's interior. */
int insight_pick(const struct opt_problem *problem, const struct opt_history *history,
                 const struct insight *insight, enum insight_pick pick, double tax);

/* The probability that a running trial, scored in part by the events before the watermark, will be on the front when it is scored as a whole.
 * 1 when it cannot be told (fewer than two slices, no model). */
double insight_promise(const struct opt_problem *problem, const struct opt_plan *plan,
                       const struct opt_history *history, struct opt_model *model, int trial);

#endif
