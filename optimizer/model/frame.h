/* WHAT   The unit of one objective inside the models: where its hypervolume ends, what its range is, and how scores are bent and
 *        standardised before a process sees them.
 * WHO    model/, insight/ (through surrogate.h).
 * UNITS  score: the objective, minimised, its own unit. y: standardised.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None.
 *
 * y = (bend(score) - offset) / unit. bend is the identity wherever the front can be, below `upper` (at or beyond the
 * reference) and above `lower` (far below anything seen but strays), and logarithmic outside of them, so that how bad a bad vector is, or
 * one mad score, does not decide what the process makes of the rest. bend rises, so fronts stay fronts, and volumes below
 * the reference are exact. */
#ifndef OPTIMIZER_MODEL_FRAME_H
#define OPTIMIZER_MODEL_FRAME_H

#include "optimizer/model/rows.h"

struct frame {
    double reference, range;    /* objective's unit; range > 0 */
    double lower, upper, scale; /* bend: identity between, scale > 0 outside */
    double offset, unit;        /* unit > 0 */
};

/* Reference and range of every objective, frame [m]: of the two ends of the sweep, or of the earliest settled rows while an end has
 * no score (as many as the plan's phase 0 and design have, all as long as there are fewer). problem.reference goes before. */
void frame_reference(const struct opt_problem *problem, const struct opt_plan *plan, const struct rows *rows,
                     struct frame *frame);

/* The rest of one objective's frame from the first n rows. */
void frame_fit(struct frame *frame, const struct rows *rows, int objective, int n);

double frame_y(const struct frame *frame, double score);
double frame_score(const struct frame *frame, double y);
/* d score / d y at y: what a standard deviation is multiplied by on the way back. */
double frame_slope(const struct frame *frame, double y);

#endif
