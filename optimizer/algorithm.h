/* WHAT   NLopt's algorithms as this room sees them: which can run a search, and with which settings.
 * WHO    plan.c (checks), search.c (runs).
 * UNITS  None.
 * MEMORY Names live for ever.
 * ERRORS ERR_UNSUPPORTED, with the reason or the nearest name.
 * STATE  None. */
#ifndef OPTIMIZER_ALGORITHM_H
#define OPTIMIZER_ALGORITHM_H

#include "optimizer/optimizer.h"

struct algorithm {
    const char *name;  /* without prefix */
    const char *local; /* inner algorithm, or NULL */
    bool gradient;     /* needs differences: d more trials a step */
    bool population;   /* takes one, and NLopt's own is too large for a small budget */
    int d_min;         /* fewest coordinates it works with */
};

/* `name` with or without "NLOPT_", in any case. d: coordinates searched. */
int algorithm_find(const char *name, int d, struct algorithm *algorithm, struct err *err);

/* At most `quota` trials: a third of them, but no fewer than the algorithm needs. 0: its own default. */
int algorithm_population(const struct algorithm *algorithm, int d, int quota);

#endif
