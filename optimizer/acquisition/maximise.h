/* WHAT   The best point of an acquisition function over the free ratios: many starts, NLopt's gradient methods.
 * WHO    model/ (bayes).
 * UNITS  x: [n], the free ratios of a struct space, in their own ranges.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None; chance from (seed, stream): equal runs give equal bits.
 *
 * Candidates (seeded points of the space, perturbations of good known points, what the caller adds) are scored together. The
 * best few that are apart from one another start local runs of a few calls each, and the best four of what is then known go
 * on: NLOPT_LD_SLSQP on a slice (mean of the ratios fixed), NLOPT_LD_LBFGS in a box. What comes back is projected onto the
 * space, exactly, and counts only where it is better than its start.
 *
 * What decides is how many basins are entered, not the local method. Measured on 196 acquisition surfaces of 9 searches (2 to 26
 * ratios, 6 to 200 scores; exact log-EHVI), distance in log-EHVI to the best of 100 starts and 4096 candidates:
 *   512 candidates, 6 starts to the end      0.041 in 4.7 ms      the method: LBFGS 69, CCSAQ 136, SLSQP 96, MMA 135 calls
 *   128 candidates, 30 starts, best 4 on     0.007 in 4.1 ms      for values equal to 0.01 (8 ratios in a box, 6 starts)
 *   128 candidates, 20 starts, best 4 on     0.010 in 3.4 ms
 * Weakness: of SLSQP's time on a slice of 26 ratios the larger part is its own, 0.03 ms a call. */
#ifndef OPTIMIZER_ACQUISITION_MAXIMISE_H
#define OPTIMIZER_ACQUISITION_MAXIMISE_H

#include "optimizer/space.h"

struct maximise_run {
    const struct space *space;
    uint64_t seed, stream; /* of the candidates: the trial's number is the stream */
    int candidates; /* seeded points, 1 …, e.g. 128; as many perturbations beside them if good_n > 0 */
    int starts;     /* local runs, 0 …, e.g. 30 */
    int calls_max;  /* of each that goes on to the end, e.g. 60 */
    const double
        *good; /* [good_n][space->n]: known points around which it is worth looking, the best first */
    int good_n;
    const double *extra; /* [extra_n][space->n]: further candidates; projected onto the space first */
    int extra_n;
    /* To be maximised; gradient [n] or NULL. What is not finite counts as the worst. */
    double (*value)(void *arg, const double *x, double *gradient);
    void (*values)(void *arg, int q, const double *x, double *values); /* of q points x [q][n] at once */
    /* Points that must not come out (known or pending ones, nearer than an evaluation can tell); NULL: all may. */
    bool (*taken)(void *arg, const double *x);
    void *arg;
};

/* ratios: [k], feasible to the bit of space_spread, and on a slice by slice_holds. Returns the value there; -INFINITY
 * when every candidate is taken or without a finite value: ratios are then the first seeded point. */
double maximise(const struct maximise_run *run, double *ratios);

#endif
