/* WHAT   Noisy expected hypervolume improvement: the mean of EHVI over draws of the true objectives at the points known so far, each
 *        draw with a front of its own; its logarithm.
 * WHO    model/ (bayes).
 * UNITS  Minimised. draws: [s][q][m] (s draws of q points), reference: [m].
 * MEMORY make/fini.
 * ERRORS As boxes_make.
 * STATE  None.
 *
 * Letham, Karrer, Ottoni and Bakshy, "Constrained Bayesian optimization with noisy experiments", Bayesian Analysis 14, 2019,
 * carried over to hypervolume (Daulton, Balandat and Bakshy, NeurIPS 2021): a draw fixes what the objectives are at the known
 * points, and given that the improvement is exact (ehvi.h). So the value is smooth in the point, and no samples are
 * drawn at the point itself. */
#ifndef OPTIMIZER_ACQUISITION_NEHVI_H
#define OPTIMIZER_ACQUISITION_NEHVI_H

#include "optimizer/acquisition/boxes.h"

struct nehvi {
    int draws_n, m;
    struct boxes *boxes; /* [draws_n] */
};

int nehvi_make(const double *draws, int s, int q, int m, const double *reference, struct nehvi *out,
               struct err *err);
void nehvi_fini(struct nehvi *nehvi);

/* ln of the mean over the draws. mean: [s][m], of the new point given each draw; sd: [m] > 0, the same for all (a posterior's variance does
 * not depend on what was observed). d_mean: [s][m], d_sd: [m], derivatives of the logarithm; both NULL: the value alone.
 * Finite for finite arguments. s = 64, fronts of 20, m = 2: some 55 us with derivatives, three times that where logarithms are needed. */
double nehvi_log(const struct nehvi *nehvi, const double *mean, const double *sd, double *d_mean,
                 double *d_sd);

#endif
