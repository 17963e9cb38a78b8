/* WHAT   Independent standard normal numbers.
 * WHO    model/, insight/, acquisition/maximise.
 * UNITS  None.
 * MEMORY The caller's array.
 * ERRORS None.
 * STATE  The generator. */
#ifndef OPTIMIZER_NORMAL_H
#define OPTIMIZER_NORMAL_H

#include "proto/rng.h"

/* Box and Muller, Annals of Mathematical Statistics 29, 1958. */
void normal_fill(struct rng *rng, int n, double *out);

#endif
