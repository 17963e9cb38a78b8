/* WHAT   From logits to what is asked of them: the likeliest token, a sampled token, a log-probability.
 * WHO    worker/generate, worker/likelihood.
 * UNITS  Natural logarithms.
 * MEMORY scratch: [n], the caller's.
 * ERRORS ERR_EVALUATOR when a logit is NaN or infinite.
 * STATE  The generator passed in. */
#ifndef WORKER_LOGITS_H
#define WORKER_LOGITS_H

#include "proto/err.h"
#include "worker/kernel.h"

#include <stdint.h>

int logits_check(const float *logits, int n, struct err *err);

/* The first of the largest. */
int32_t logits_best(const float *logits, int n);

/* log sum exp(logits): log softmax(logits)[token] = logits[token] - this. */
double logits_logsum(const struct kernel *kernel, const float *logits, int n, float *scratch);

/* The token at which the cumulated softmax(logits / temperature) passes u in [0, 1): one uniform number a
 * token, so that models that agree draw the same token. */
int32_t logits_draw(const struct kernel *kernel, const float *logits, int n, double temperature, double u,
                    float *scratch);

#endif
