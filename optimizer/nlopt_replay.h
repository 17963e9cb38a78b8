/* WHAT   The door to NLopt: one run of one algorithm, from its start to the first point that nobody knows.
 * WHO    search.c; algorithm.c for the names.
 * UNITS  z: coordinates of a struct space, [d].
 * MEMORY The caller's; nothing is kept.
 * ERRORS None: a run that NLopt ends for whatever reason has ended, and the caller starts the next.
 * STATE  NLopt's random generator is one a thread; it is seeded here before every run.
 *
 * NLopt calls back and waits, so it is run from the start on every ask. Points that are known are answered,
 * and at the first other one the run is stopped: that point is the proposal. Some algorithms look at the stop
 * flag late (CRS2 not before its whole first population), so from then on every call back is answered with a
 * constant and nothing is looked up or recorded any more. */
#ifndef OPTIMIZER_NLOPT_REPLAY_H
#define OPTIMIZER_NLOPT_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum replay_answer { REPLAY_GO_ON, REPLAY_STOP };

struct replay_run {
    const char *algorithm; /* NLopt's name without prefix: "LN_COBYLA" */
    const char *local;     /* inner algorithm of MLSL and AUGLAG, else NULL */
    bool gradient;         /* differences are taken with the steps `difference` */
    int d;
    const double *lower, *upper; /* [d] */
    const double *start;         /* [d] */
    const double *difference;    /* [d], in z */
    double step;                 /* first step, in z */
    double tolerance;            /* xtol_abs, in z */
    int population;              /* 0: NLopt's own */
    uint64_t seed;
    int calls_max; /* call backs answered at most */

    /* The value at z ([d], clamped to the bounds, free of NaN), or REPLAY_STOP. */
    enum replay_answer (*ask)(void *arg, const double *z, double *value);
    void *arg;
};

/* Returns the number of call backs made after the stop. */
int nlopt_replay(const struct replay_run *run);

/* Name of NLopt's i-th algorithm, NULL after the last. */
const char *nlopt_replay_name(int i);

#endif
