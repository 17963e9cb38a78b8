/* WHAT   The native evaluator: merges in memory and evaluates Llama-like models in C on a bundle.
 * WHO    worker/evaluator.
 * UNITS  Seconds; scores as docs/EVALUATORS.md says.
 * MEMORY native_open takes 4 bytes a parameter of the model and of each reward model, and a cache of keys and values.
 * ERRORS Of native_open: ERR_INVALID, ERR_UNSUPPORTED, ERR_IO, ERR_NOT_FOUND, ERR_CORRUPT, with what to do.
 *        Of native_run: ERR_CANCELLED, ERR_TIMEOUT, ERR_EVALUATOR, ERR_INVALID and those of merge/.
 * STATE  Checkpoints, plan, bundle and reward models stay open; a run leaves nothing but its weights. */
#ifndef WORKER_NATIVE_H
#define WORKER_NATIVE_H

#include "worker/evaluator.h"

struct native;

int native_open(const struct search_spec *spec, struct native **out, struct err *err);
void native_close(struct native *native);
int native_names(const struct native *native, const char *names[SPEC_RATIOS_MAX]); /* see evaluator_names */

/* Runs the tasks that the search's objectives name. Draws use the search's own seed, never the trial: sampled replies of
 * two trials are made with the same random numbers. Only a repeat draws others, with evaluation->seed. */
int native_run(struct native *native, const struct evaluation *evaluation, struct scores *scores,
               struct err *err);

#endif
