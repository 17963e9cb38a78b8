/* WHAT   What a partial score says of the whole one: the scored slices are the same items for every trial, so what they came
 *        out too high or too low in the trials that were scored as a whole is known, and taken off.
 * WHO    model/surrogate.c (rows of partial scores).
 * UNITS  Objectives minimised, in their own units; variances in their squares.
 * MEMORY create/destroy; events are copied.
 * ERRORS None.
 * STATE  The events that were added, in their order. What slices_estimate says is a function of these, to the bit.
 *
 * Of the trials i that are scored as a whole and had an event at the same share, partial_i = a + b whole_i + e_i (least
 * squares, b drawn towards 1). The estimate of a running trial is (partial - a) / b: the classical calibration estimator,
 * not the regression of whole on partial. The latter draws towards the mean of all trials, and whoever feeds its result to a
 * Gaussian process has that done twice; the former has E[estimate | whole] = whole, which is what an observation is. */
#ifndef OPTIMIZER_MODEL_SLICES_H
#define OPTIMIZER_MODEL_SLICES_H

#include "optimizer/optimizer.h"

struct slices;
struct slices *slices_create(int m, int trials_n);
void slices_destroy(struct slices *slices);

/* The next event of the history, of any kind. A DONE makes pairs with the SLICE events of its trial; the share of an event
 * that comes twice (a repeated attempt) replaces the earlier one. */
void slices_add(struct slices *slices, const struct opt_event *event);

struct slices_guess {
    double share;
    int pairs;              /* completed trials that were looked at; 0: the partial score as it is */
    double mean[OPT_M_MAX]; /* [m] of the whole score */
    /* [m] of (whole score - mean): what the missing items leave open, beside the noise that whole scores have. NaN when
     * nothing tells: no standard error above 0 and fewer than 4 pairs. */
    double variance[OPT_M_MAX];
};

/* From the last partial score (SLICE or STOPPED) of a trial and the events so far. false: it has none, or it is DONE since. */
bool slices_guess(const struct slices *slices, int trial, struct slices_guess *out);

#endif
