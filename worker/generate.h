/* WHAT   Continuations of many prompts at once: greedy or sampled, sequences entering as others end.
 * WHO    worker/tasks.
 * UNITS  Tokens.
 * MEMORY generation.made is the caller's room for max_new ids.
 * ERRORS ERR_CANCELLED, ERR_TIMEOUT, ERR_EVALUATOR (logits that are not finite).
 * STATE  Uses the whole cache of `forward`. A continuation does not depend on the ones beside it. */
#ifndef WORKER_GENERATE_H
#define WORKER_GENERATE_H

#include "proto/rng.h"
#include "worker/forward.h"

#include <stdbool.h>

/* What the continuations of a task share. */
struct generation_rules {
    int tokens_n; /* tokens 0 … tokens_n - 1 can be chosen: models may have more rows than the bundle has texts */
    const int32_t *stop_ids;
    int stop_ids_n;
};

struct generation {
    const struct generation_rules *rules;
    const int32_t *prompt;
    int prompt_n;
    int max_new;
    double temperature; /* 0: greedy */
    struct rng rng;     /* one number a token; unused when greedy */
    int32_t *made;      /* out: [max_new], without the stop id */
    int made_n;         /* out */
    bool weighs;        /* logp is wanted */
    double
        logp; /* out: natural logarithm of the probability of made[made_n], or, when nothing was made, of the stop id */
};

int generate_run(struct forward *forward, struct generation *all, size_t n, const struct stop *stop,
                 struct err *err);

#endif
