/* WHAT   Whether the next trial is a doubtful one once more, and which.
 * WHO    strategy_bayes.
 * UNITS  As model/surrogate.h.
 * MEMORY None.
 * ERRORS None.
 * STATE  A function of its arguments.
 *
 * Of the settled trials that may be on the front, the one with the largest p (1 - p) sum_j sd_j / range_j, p being the share of joint posterior draws in
 * which no other one dominates it: doubt times what is not known. Never in the first third of the budget, after that as
 * often as problem.repeats allows, evenly. With problem.has_mean phase 0 is left out: it need not have that mean. */
#ifndef OPTIMIZER_MODEL_REPEAT_H
#define OPTIMIZER_MODEL_REPEAT_H

#include "optimizer/model/known.h"
#include "optimizer/model/surrogate.h"

/* -1: none. */
int repeat_choose(const struct opt_problem *problem, const struct opt_plan *plan,
                  const struct surrogate *surrogate, const struct known *known, int trial);

#endif
