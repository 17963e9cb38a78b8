/* WHAT   How uncertain a model is of a question by its sampled answers, and the split into certain and uncertain halves
 *        (R-Tuning-U: Zhang et al., NAACL 2024, section 5.1).
 * WHO    rtuning/construct, the worker.
 * UNITS  Entropy in nats.
 * MEMORY The caller's arrays.
 * ERRORS ERR_INVALID: an entropy that is not a number.
 * STATE  None. */
#ifndef RTUNING_CERTAINTY_H
#define RTUNING_CERTAINTY_H

#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>

#define CERTAINTY_SAMPLES 10     /* the paper's k */
#define CERTAINTY_SAMPLES_CODE 5 /* the code's */
#define CERTAINTY_TEMPERATURE 0.7

/* u = -sum_j p_j ln p_j over the distinct answers, p_j their share among the k. Bytes are compared. k > 0.
 * The same shares give the same number to the bit, in whatever order the answers came. */
double certainty_entropy(char *const *answers, size_t k);

/* certain[i] of n questions by their entropies: ranked from the least to the greatest, equals in the order they came, the
 * last floor(n/2) are uncertain (the 50 % most uncertain). compat_code: the first floor(n/2) are certain; for odd n that is
 * one certain question fewer. *torn (may be NULL): how many questions have the entropy at which the split falls, 0 when equals
 * are all on one side. Danger: most entropies may be 0, and then the order of the file decides; `torn` says so. */
int certainty_split(const double *entropy, size_t n, bool compat_code, bool *certain, size_t *torn,
                    struct err *err);

#endif
