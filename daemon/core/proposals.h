/* WHAT   Proposals of a modelled stream that are held ready: for its next steps, no trials yet.
 * WHO    daemon/core/search.
 * UNITS  Ratios: weight of the tuned checkpoint.
 * MEMORY init by zero (but k); fini.
 * ERRORS None.
 * STATE  In memory only: whoever starts again asks again. Proposal i is for step proposed + i of the stream and rests on
 *        the ratios of those before it, so they are handed out in order, and replaced all together. */
#ifndef DAEMON_CORE_PROPOSALS_H
#define DAEMON_CORE_PROPOSALS_H

#include "daemon/core/trial.h"

struct proposals {
    int n, cap;
    int k;
    int watermark;          /* events that all of them rest on */
    double *ratios;         /* [n][k] */
    struct origin *origins; /* [n] */
};

/* Behind those that are there. */
void proposals_add(struct proposals *proposals, const double *ratios, const struct origin *origins, int n);
void proposals_clear(struct proposals *proposals);
void proposals_pop(struct proposals *proposals); /* the first */
void proposals_fini(struct proposals *proposals);

#endif
