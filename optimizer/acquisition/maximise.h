/* WHAT   The best point of an acquisition function over the free ratios: many starts, NLopt's gradient methods.
 * WHO    model/ (bayes).
 * UNITS  x: [n], the free ratios of a struct space, in their own ranges.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None; chance from the seed.
 *
 * Candidates (seeded points of the space, perturbations of good known points, what the caller adds) are scored together; the best few, chosen apart from
 * one another, start NLOPT_LD_SLSQP on a slice (mean of the ratios fixed) and LD_CCSAQ or LD_LBFGS in a box. What comes back is projected onto
 * the space, exactly. */
#ifndef OPTIMIZER_ACQUISITION_MAXIMISE_H
#define OPTIMIZER_ACQUISITION_MAXIMISE_H

#include "optimizer/space.h"

struct maximise_run {
    const struct space *space;
    uint64_t seed, stream; /* of the candidates: the trial's number is the stream */
    int candidates;        /* seeded points, e.g. 512 */
    int starts;            /* local runs, e.g. 8 */
    int calls_max;         /* of each */
    const double *good;    /* [good_n][space->n]: known points around which it is worth looking */
    int good_n;
    const double *extra; /* [extra_n][space->n]: further candidates, as they are */
    int extra_n;
    double (*value)(void *arg, const double *x, double *gradient); /* to be maximised; gradient [n] or NULL */
    void (*values)(void *arg, int q, const double *x, double *values); /* of q points x [q][n] at once */
    /* Points that must not come out (known or pending ones, nearer than an evaluation can tell); NULL: all may. */
    bool (*taken)(void *arg, const double *x);
    void *arg;
};

/* ratios: [k], feasible to the bit of space_spread. Returns the value there; -INFINITY when every candidate is taken, ratios
 * are then the first seeded point. */
double maximise(const struct maximise_run *run, double *ratios);

#endif
