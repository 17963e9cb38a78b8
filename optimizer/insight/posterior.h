/* WHAT   What the models say of every scored vector: mean and standard deviation, and joint draws of several vectors.
 * WHO    insight/.
 * UNITS  Objectives minimised, in their own units.
 * MEMORY make/fini; the surrogate and the vectors are borrowed.
 * ERRORS None.
 * STATE  Chance from (seed, stream).
 *
 * Means and standard deviations are those of the best hyperparameters.
 * An exact objective of a vector that is scored as a whole is its score, in every draw. Else the processes speak. */
#ifndef OPTIMIZER_INSIGHT_POSTERIOR_H
#define OPTIMIZER_INSIGHT_POSTERIOR_H

#include "optimizer/insight/vectors.h"
#include "optimizer/model/surrogate.h"

struct posterior {
    const struct surrogate *surrogate;
    const struct vectors *vectors;
    int m, d;
    int fits; /* draws are spread over so many sets of hyperparameters (surrogate_spread); 0, as made: the best alone */
    double *x;    /* [vectors.n][d] */
    double *mean; /* [vectors.n][m] */
    double *sd;   /* [vectors.n][m]; NULL when it was not asked for */
};

void posterior_make(const struct opt_problem *problem, const struct opt_history *history,
                    const struct surrogate *surrogate, const struct vectors *vectors, bool with_sd,
                    struct posterior *out);
void posterior_fini(struct posterior *posterior);

/* f [s][n][m]: s draws of n vectors, given by index in `chosen`. Up to POSTERIOR_JOINT of them are drawn together; of more, in
 * blocks of so many in the order of their means in the first objective, each block apart from the others. */
#define POSTERIOR_JOINT 1024
#define POSTERIOR_FITS_MAX 16
void posterior_draw(const struct posterior *posterior, const int *chosen, int n, int s, uint64_t seed,
                    uint64_t stream, double *f);

#endif
