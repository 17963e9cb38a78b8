/* WHAT   The observations of a search before a watermark: what the models of this room are fitted to.
 * WHO    model/surrogate.c, model/known.c, strategy_quadratic.
 * UNITS  x: free ratios in the unit cube of their ranges. mean, stderr: objectives, minimised, in their own units.
 * MEMORY make/fini.
 * ERRORS None.
 * STATE  A function of the events before the watermark.
 *
 * 1. A row is a trial with a score: first the settled trials in the order in which they were settled (a reopened one is not,
 *    until it is settled again), then what is known in part of running ones, by trial number.
 * 2. Trials of the same ratios are rows of their own.
 * 3. A failed trial has no row.
 * 4. A partial score is read against the whole ones that were known when the last of the first r rows was settled, r =
 *    rows_fitted(settled_n), if its own is one of these; else when its own was, or at the watermark. So a row changes
 *    only where there is a new fit, and those that were stopped before much was known are read anew by and by.
 * 5. Scores and standard errors beyond ROWS_LARGEST count as that: a square of one, or a difference of two, is finite. */
#ifndef OPTIMIZER_MODEL_ROWS_H
#define OPTIMIZER_MODEL_ROWS_H

#include "optimizer/optimizer.h"
#include "optimizer/space.h"

#define ROWS_LARGEST 1e100

struct row {
    int trial;
    double share;          /* of its items that are scored; 1: all */
    const double *mean;    /* [m]; of a partial score what model/slices.h makes of it */
    const double *stderrs; /* [m], NaN: unknown */
    const double
        *open; /* [m] variance that the missing items leave open, NaN: unknown; NULL of a whole score */
};

enum row_state { ROW_PENDING, ROW_SETTLED, ROW_FAILED };

struct rows {
    int n, settled_n;      /* rows; the settled ones come first */
    int d;                 /* free ratios */
    struct row *row;       /* [n] */
    double *x;             /* [n][d] */
    enum row_state *state; /* [history.n], of every trial */
    double *numbers;       /* [n][3 m]: what mean, stderrs and open point into */
};

#define ROWS_MIN 3 /* of a model */

/* At how many of n settled rows the models were fitted last: at every row at first, at every tenth part later; 3 at least. */
int rows_fitted(int n);

void rows_make(const struct opt_problem *problem, const struct opt_history *history, struct rows *out);
void rows_fini(struct rows *rows);

#endif
