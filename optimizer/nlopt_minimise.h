/* WHAT   The door to NLopt for functions of our own that are cheap: one local minimisation.
 * WHO    gp/fit.c, acquisition/maximise.c, model/.
 * UNITS  x: [d], d <= MINIMISE_D_MAX.
 * MEMORY The caller's.
 * ERRORS None: whatever NLopt's result code says (success can mean an infeasible point, -4 a good one), the best feasible
 *        point that was seen is the result, the start included; INFINITY when no feasible point had a value.
 * STATE  None: deterministic algorithms only (LD_LBFGS, LD_SLSQP, LD_CCSAQ, LD_MMA, LN_COBYLA, LN_BOBYQA).
 *
 * What NLopt 2.7.1 does, and what is done about it here:
 * (1) Result codes of success for infeasible points (SLSQP), of failure for good ones (-1 of LBFGS on a flat start, -4), the
 *     last point instead of the best (COBYLA): codes are not read; the best feasible point is kept as it is asked for.
 * (2) NaN and infinity make SLSQP, MMA and CCSAQ spin, and are success to COBYLA and BOBYQA: NLopt is told a finite value worse
 *     than all it has seen, and no gradient.
 * (3) maxeval is soft, and forced stops can be lost: calls are counted here, and after the last one no value is computed any more.
 * (4) Without a tolerance COBYLA can hang where no limit reaches it: there always is one. maxtime is never set: it reads the
 *     wall clock.
 * (5) Points an epsilon outside the box (BOBYQA, SLSQP): every point is clamped before it is evaluated.
 * (6) Coordinates with equal bounds are kept from NLopt, whose own elimination loses forced stops.
 * (7) A generator seeded by the clock in every new thread: seeded before each run, though none of these algorithms uses it. */
#ifndef OPTIMIZER_NLOPT_MINIMISE_H
#define OPTIMIZER_NLOPT_MINIMISE_H

#define MINIMISE_D_MAX 128

struct minimise_run {
    const char *algorithm; /* without prefix: "LD_SLSQP" */
    int d;
    const double *lower, *upper; /* [d], lower <= upper; equal: the coordinate is fixed */
    const double *coefficient;   /* [d] or NULL: sum_i coefficient_i x_i = target (LD_SLSQP alone) */
    double target;
    int calls_max; /* of value, 1 … */
    double ftol_abs, xtol_abs;
    double
        step; /* length of the first step of a method with gradients, about; 0: the gradient's own, be it ever so long */
    /* May return NaN or infinity: the point then counts as very bad. gradient: [d] or NULL. */
    double (*value)(void *arg, const double *x, double *gradient);
    void *arg;
};

/* x: [d] the start, moved to the nearest point of the box that satisfies the equality; then the best point, within the bounds to
 * the bit, and within 1e-9 of the target (the caller projects it for more). Returns its value. */
double nlopt_minimise(const struct minimise_run *run, double *x);

#endif
