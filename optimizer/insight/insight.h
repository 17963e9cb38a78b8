/* WHAT   What is known of a search and how surely: the posterior of every scored trial, the chance that it is on
 *        the front, the front of posterior means, the hypervolume with its interval, picks, and whether a running
 *        trial still deserves its items.
 * WHO    daemon (in its modelling thread), bench, tests. Any strategy's search can be looked at.
 * UNITS  Objectives minimised, in their own units. Hypervolumes endpoint-normalised (of the two ends of the sweep
 *        the worse is 0 and the better 1, reference -0.1 or the problem's own), as everywhere else; NaN while an
 *        end has no score.
 * MEMORY make/destroy.
 * ERRORS ERR_NOT_READY: too few scores for a model (fewer than 3).
 * STATE  None: a function of (problem, plan, events before the watermark), to the bit; `model` is a cache
 *        (optimizer.h).
 *
 * Trials of one vector share one function, so they have one posterior and one confidence. An objective all of
 * whose whole scores say stderr 0 is exact: its posterior is the score, its sd 0. When all are, confidence is 0 or
 * 1, as the scores say. */
#ifndef OPTIMIZER_INSIGHT_INSIGHT_H
#define OPTIMIZER_INSIGHT_INSIGHT_H

#include "optimizer/optimizer.h"

enum insight_verdict { INSIGHT_UNKNOWN, INSIGHT_FRONT, INSIGHT_DOUBTFUL, INSIGHT_DOMINATED };

struct insight {
    int watermark;
    int n, m; /* trials of the plan, objectives */
    /* [n][m] posterior of the noise-free objective; NaN for trials without a score. */
    double *mean, *sd;
    /* [n] P(no vector that is scored as a whole dominates it), share of joint posterior draws; NaN as above. Of a
     * running trial with a partial score: the chance that it will be on the front (insight_promise's). */
    double *confidence;
    enum insight_verdict *verdict; /* [n] front: confidence >= 0.8, dominated: <= 0.2 */
    /* [n] non-dominated among the posterior means of what is scored as a whole; of repeats of one vector the first
     * stands for all. */
    bool *front;
    int *scored; /* [n] how many trials have scored this vector, in part or as a whole */
    /* Of that front; and 5, 50, 95 % of the hypervolumes that its trials have in the draws. */
    double volume, volume_low, volume_median, volume_high;
    /* [m] leave-one-out residuals over their predicted sd, root mean square: near 1 is honest. */
    double fit_rms[OPT_M_MAX];
};

int insight_make(const struct opt_problem *problem, const struct opt_plan *plan,
                 const struct opt_history *history, struct opt_model *model, struct insight **out,
                 struct err *err);
void insight_destroy(struct insight *insight);

enum insight_pick { PICK_KNEE, PICK_LEAST_TAX, PICK_CERTAIN };

/* A trial of the front to ship, by posterior means; -1 when there is none that qualifies.
 * KNEE: farthest below the plane through the corners of the front's own range, u_1 + … + u_m = 1 (with two
 * objectives the line through its ends: Das, Structural Optimization 18, 1999); none when no point is below it.
 * LEAST_TAX: the best of objective problem.alignment among those that lose at most `tax` in every other one against
 * the better end of the sweep, as a share of the range between the ends; none while an end has no score.
 * CERTAIN: the greatest confidence among the front's interior (what is not the best of an objective); of equal
 * ones the one nearest to the knee. */
int insight_pick(const struct opt_problem *problem, const struct opt_history *history,
                 const struct insight *insight, enum insight_pick pick, double tax);

/* The probability that a running trial, scored in part by the events before the watermark, will be on the front
 * when it is scored as a whole: share of joint posterior draws in which no trial that is scored as a whole
 * dominates it. 1 when it cannot be told (fewer than two slices, settled, no model). */
double insight_promise(const struct opt_problem *problem, const struct opt_plan *plan,
                       const struct opt_history *history, struct opt_model *model, int trial);

/* The stopped trials that are to be scored as a whole before the front is the answer, those that bring most first: each
 * brings an expected 0.003 of normalised hypervolume at least beyond what is whole and those before it. Greedy over joint
 * posterior draws (volume is submodular: Nemhauser, Wolsey and Fisher 1978). A trial that was reopened before is none of
 * them, so whoever reopens all of them and asks again comes to an end. trial: [history->n], *n of them.
 * ERR_NOT_READY: as insight_make. */
int insight_unfinished(const struct opt_problem *problem, const struct opt_plan *plan,
                       const struct opt_history *history, struct opt_model *model, int *trial, int *n,
                       struct err *err);

#endif
