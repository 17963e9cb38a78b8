/* WHAT   What the forward pass and its attention share.
 * WHO    worker/forward.c, worker/attention.c.
 * UNITS  float32; sizes in elements.
 * MEMORY Owned by struct forward.
 * ERRORS None.
 * STATE  See forward.h. */
#ifndef WORKER_FORWARD_INTERNAL_H
#define WORKER_FORWARD_INTERNAL_H

#include "worker/forward.h"

#define ATTENTION_ROWS 48 /* query rows of one head that are scored together */

struct forward {
    const struct model *model;
    const struct kernel *kernel;
    int rows_max, slots_n;
    size_t keys; /* of a slot; a multiple of PANEL */

    /* Rotary angles: [keys][head_dim / 2] */
    float *cos, *sin;

    /* Keys and values lie as the kernels want the right factor of a product:
     * keys   [layer][slot][kv_head] [keys / PANEL][head_dim][PANEL]   for q k^T
     * values [layer][slot][kv_head] [ceil(head_dim / PANEL)][keys][PANEL]   for weights v */
    float *key_cache, *value_cache;
    size_t key_size, value_size; /* of one (layer, slot, kv_head) */

    /* Scratch of one call, a row a token. */
    float *x;      /* [rows_max][hidden] residual stream */
    float *h;      /* [rows_max][hidden] normalised, then a block's output */
    float *qkv;    /* [rows_max][qkv width] */
    float *mixed;  /* [rows_max][heads * head_dim] attention output */
    float *inner;  /* [rows_max][2 * intermediate] */
    float *gated;  /* [rows_max][intermediate] */
    float *scores; /* [ATTENTION_ROWS or heads / kv_heads][keys] */
    float *heads;  /* [FORWARD_LOGIT_ROWS][hidden] */
    int *position; /* [rows_max] */
};

/* qkv -> mixed for every row; turns q and k by their position and fills the cache first. */
void attention_run(struct forward *forward, int layer, const struct segment *segments, int segments_n);
/* forward_copy */
void attention_copy(struct forward *forward, int from, int to, int n);
/* Fills cos and sin. */
void attention_angles(struct forward *forward);

#endif
