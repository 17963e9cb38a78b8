/* WHAT   The points that a search has had before a trial: settled, failed and pending ones.
 * WHO    strategy_bayes, strategy_quadratic.
 * UNITS  x: free ratios in the unit cube of their ranges.
 * MEMORY make/fini.
 * ERRORS None.
 * STATE  A function of the ratios of the trials with lower numbers and of the events before the watermark. */
#ifndef OPTIMIZER_MODEL_KNOWN_H
#define OPTIMIZER_MODEL_KNOWN_H

#include "optimizer/model/rows.h"

struct known {
    int n, d;
    int *trial;    /* [n], ascending */
    bool *pending; /* [n] */
    double *x;     /* [n][d] */
    const struct space *space;
};

/* Trials 0 … trial - 1 that are proposed. space is borrowed. */
void known_make(const struct opt_problem *problem, const struct opt_history *history,
                const struct space *space, int trial, struct known *out);
void known_fini(struct known *known);

/* One of them is nearer to x [d] than 1e-3 in every coordinate: an evaluation could not tell the two apart. */
bool known_near(const struct known *known, const double *x);

/* The first point of the seeded series of `stream` that is not near a known one; where the series has none, the first that is not one
 * of them. ratios: [k] */
void known_fill(const struct known *known, uint64_t seed, int stream, double *ratios);

#endif
