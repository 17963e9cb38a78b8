/* WHAT   The strategies: sweep, hma, scalarize, sobol, quadratic, bayes, identify.
 * WHO    plan.c and propose.c.
 * UNITS  As optimizer.h.
 * MEMORY The caller's.
 * ERRORS ERR_NOT_READY.
 * STATE  None. */
#ifndef OPTIMIZER_STRATEGY_H
#define OPTIMIZER_STRATEGY_H

#include "optimizer/optimizer.h"
#include "optimizer/record.h"
#include "optimizer/space.h"

/* Trial `step` of a grid of n vectors whose ratios are equal where their ranges allow it, evenly spaced in their mean: both
 * ends first, then from the middle outwards. */
void sweep_ratios(const struct opt_problem *problem, int n, int step, double *ratios);

void sobol_ratios(const struct opt_problem *problem, int stream, int step, double *ratios);

/* The ratios of every trial of a search that identifies: problem.ratio, and frozen ones as they are frozen. */
void identify_ratios(const struct opt_problem *problem, double *ratios);

/* Where the trials of sobol, quadratic and bayes are: the box, or the slice of problem.mean. */
void strategy_space(struct space *space, const struct opt_problem *problem);

/* Coordinates that a stream of this problem searches: the free ratios, one less on a slice. */
int strategy_dimensions(const struct opt_problem *problem);

/* Weights of stream `index` of n, evenly spread, all above 0, sum 1. weights: [m] */
void scalarize_weights(const struct opt_problem *problem, int index, int n, double *weights);

int hma_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                const struct opt_history *history, int stream, double *ratios, struct err *err);
int scalarize_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                      const struct opt_history *history, int stream, double *ratios, struct err *err);

/* The next trial of a modelled stream, whose step out->trial is. */
int quadratic_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                      const struct opt_history *history, int stream, struct opt_model *model,
                      struct opt_proposal *out, struct err *err);
int bayes_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                  const struct opt_history *history, int stream, struct opt_model *model,
                  struct opt_proposal *out, struct err *err);

/* One adaptive stream: NLopt replayed over `space` against `record`, started at `start` ([k]) with a first
 * step of `step` (a distance in ratios). When a run ends and trials are left, the next starts at a seeded
 * point; when runs bring nothing new any more, the rest are seeded points of the space. ratios: [k], never a
 * known point. */
void search_next(const struct opt_problem *problem, const struct opt_plan *plan, int stream,
                 const struct space *space, const double *start, double step, struct record *record,
                 double *ratios);

#endif
