/* WHAT   Log-likelihoods of given continuations, and scores of whole sequences.
 * WHO    worker/tasks.
 * UNITS  Natural logarithms; tokens.
 * MEMORY Outputs are the caller's room.
 * ERRORS ERR_CANCELLED, ERR_TIMEOUT, ERR_EVALUATOR (logits that are not finite).
 * STATE  Uses the whole cache of `forward`. A result does not depend on the ones beside it. */
#ifndef WORKER_LIKELIHOOD_H
#define WORKER_LIKELIHOOD_H

#include "worker/bundle.h"
#include "worker/forward.h"

/* A prompt and the continuations to judge. The prompt is computed once for all of them: the model's input for
 * continuation c is prompt + c without its last token, exactly as if each were computed alone. */
struct likelihood {
    const struct ids *prompt;
    const struct ids *continuations;
    int n;
    double *sums; /* out: [n] sum of the log-probabilities of the continuation's tokens */
};

int likelihood_run(struct forward *forward, struct likelihood *all, size_t n, const struct stop *stop,
                   struct err *err);

/* out[i] = the HEAD_SCORE model's score of sequences[i], read at its last token that is not
 * config.pad_token_id. */
int sequence_scores(struct forward *forward, const struct ids *sequences, size_t n, double *out,
                    const struct stop *stop, struct err *err);

#endif
