/* WHAT   The forward pass: token ids in, logits (or one score) out, with a cache of keys and values.
 * WHO    worker/generate, worker/likelihood; worker/native opens it.
 * UNITS  Tokens and positions; float32.
 * MEMORY forward_open allocates cache and scratch once; forward_close.
 * ERRORS ERR_CANCELLED, ERR_TIMEOUT from `stop`; nothing else fails.
 * STATE  The cache: `slots_n` sequences of `slot_keys` keys. A slot's content is what the last segments wrote there.
 *
 * The rows (tokens) of a call may belong to any sequences and positions, without padding. A row's result
 * depends on its sequence alone, bit for bit, never on the rows beside it. */
#ifndef WORKER_FORWARD_H
#define WORKER_FORWARD_H

#include "worker/model.h"
#include "worker/stop.h"

#include <stdint.h>

struct forward;

/* rows_max: most tokens of one forward_run. slots_max sequences of at most keys_max tokens each; fewer slots
 * are made where the cache would pass FORWARD_CACHE_MAX bytes, but at least one. The model is borrowed. */
#define FORWARD_CACHE_MAX ((size_t)256 << 20)
void forward_open(const struct model *model, const struct kernel *kernel, int rows_max, int slots_max,
                  int keys_max, struct forward **out);
void forward_close(struct forward *forward);

const struct model *forward_model(const struct forward *forward);
const struct kernel *forward_kernel(const struct forward *forward);
int forward_rows_max(const struct forward *forward);
int forward_slots(const struct forward *forward);
int forward_slot_keys(const struct forward *forward);

/* Tokens that follow each other. Token j stands at position prefix + j, its key goes to place first + j of
 * the slot, and it sees the keys [0, prefix) and [first, first + j].
 *   a prompt:         prefix 0, first 0
 *   a decoded token:  prefix = first = tokens so far
 *   one of several continuations of a prompt of n tokens: prefix n, first anywhere from n on;
 *   continuations of the same prompt share its keys and do not see each other. */
struct segment {
    int slot;
    int prefix, first;
    int n;
    const int32_t *ids; /* borrowed for the call */
};

/* Runs all tokens, segment after segment; row r is the r-th token. Writes their keys and values to the cache. */
int forward_run(struct forward *forward, const struct segment *segments, int segments_n,
                const struct stop *stop, struct err *err);

/* The first n keys and values of one slot as those of another: prompts that are the same are run once. */
void forward_copy(struct forward *forward, int from, int to, int n);

/* The head on rows of the last forward_run: out[n][columns] (a row may be named twice), columns = vocabulary, or 1 with HEAD_SCORE. */
#define FORWARD_LOGIT_ROWS 32 /* largest n */
int forward_columns(const struct forward *forward);
void forward_logits(struct forward *forward, const int *rows, int n, float *out);

#endif
