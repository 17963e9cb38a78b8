/* WHAT   Which scored points may be on the front: the few whose draws matter.
 * WHO    model/gain.c, model/repeat.c.
 * UNITS  y of model/frame.h.
 * MEMORY make/fini.
 * ERRORS None.
 * STATE  A function of the surrogate. */
#ifndef OPTIMIZER_MODEL_RELEVANT_H
#define OPTIMIZER_MODEL_RELEVANT_H

#include "optimizer/model/surrogate.h"

struct relevant {
    int n, m, d;
    int *row;     /* [n] of the surrogate, the first of those with the same ratios */
    double *x;    /* [n][d] */
    double *mean; /* [n][m] posterior */
    double *sd;   /* [n][m] */
};

/* Points that no other is surely better than, at most `most` of them, the likeliest ones. */
void relevant_make(const struct surrogate *surrogate, int most, struct relevant *out);
void relevant_fini(struct relevant *relevant);

#endif
