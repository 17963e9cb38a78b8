/* WHAT   The distinct ratio vectors that have a score, and which trials have scored each.
 * WHO    insight/.
 * UNITS  Objectives minimised, in their own units.
 * MEMORY make/fini; nothing is borrowed but for the call.
 * ERRORS None.
 * STATE  A function of the events before the watermark. */
#ifndef OPTIMIZER_INSIGHT_VECTORS_H
#define OPTIMIZER_INSIGHT_VECTORS_H

#include "optimizer/optimizer.h"

struct vectors {
    int n, m, trials_n;
    int *of;       /* [trials_n] a scored trial's vector; -1: it has no score, or failed */
    int *trial;    /* [n] the first trial of a vector */
    int *whole;    /* [n] the first trial that is scored as a whole, -1: none is */
    int *scored;   /* [n] trials with a score, in part or as a whole */
    double *score; /* [n][m] of trial whole[i]; NaN when there is none */
    /* [m] every whole score says stderr 0, and repeats agree to the bit. */
    bool exact[OPT_M_MAX];
};

/* In the order of their first trials. */
void vectors_make(const struct opt_problem *problem, const struct opt_history *history, struct vectors *out);
void vectors_fini(struct vectors *vectors);

#endif
