/* WHAT   The door to NLopt for functions of our own that are cheap: one local minimisation with gradients.
 * WHO    gp/fit.c, acquisition/maximise.c, model/quadratic.
 * UNITS  x: [d].
 * MEMORY The caller's.
 * ERRORS None: whatever NLopt's result code says (success can mean an infeasible point, -4 a good one), the best feasible point that was
 *        seen is the result, the start included.
 * STATE  None: deterministic algorithms only (LD_LBFGS, LD_SLSQP, LD_CCSAQ, LD_MMA, LN_COBYLA, LN_BOBYQA). */
#ifndef OPTIMIZER_NLOPT_MINIMISE_H
#define OPTIMIZER_NLOPT_MINIMISE_H

#define MINIMISE_D_MAX 128

struct minimise_run {
    const char *algorithm; /* without prefix: "LD_SLSQP" */
    int d;
    const double *lower, *upper; /* [d] */
    const double *coefficient;   /* [d] or NULL: sum_i coefficient_i x_i = target (LD_SLSQP) */
    double target;
    int calls_max;
    double ftol_abs, xtol_abs;
    double
        step; /* length of the first step of a method with gradients, about; 0: the gradient's own, be it ever so long */
    /* May return NaN or infinity: the point then counts as very bad. gradient: [d] or NULL. */
    double (*value)(void *arg, const double *x, double *gradient);
    void *arg;
};

/* x: [d] the start, clamped to the bounds; then the best point, within the bounds to the bit, and within 1e-9 of the target (the
 * caller projects it for more). Returns its value. */
double nlopt_minimise(const struct minimise_run *run, double *x);

#endif
