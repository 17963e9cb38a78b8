/* WHAT   The weights of one Llama-like model, packed for the kernels, filled from one checkpoint or a merge
 *        of two.
 * WHO    worker/forward (reads), worker/native (loads, once a trial).
 * UNITS  float32 elements.
 * MEMORY model_open allocates 4 bytes a parameter; model_close frees.
 * ERRORS ERR_UNSUPPORTED, ERR_INVALID: the sentence names the directory and the tensor or field.
 *        ERR_CANCELLED and ERR_TIMEOUT from `stop`.
 * STATE  Weights change in model_load alone, which remembers what stands where and merges only what changed. */
#ifndef WORKER_MODEL_H
#define WORKER_MODEL_H

#include "merge/files/hash.h"
#include "merge/merge.h"
#include "merge/plan/plan.h"
#include "worker/gemm.h"
#include "worker/model_config.h"
#include "worker/stop.h"

enum model_head {
    HEAD_LANGUAGE, /* logits over the vocabulary: lm_head.weight, or the embeddings when tied */
    HEAD_SCORE,    /* one number: score.weight [1, hidden] of a …ForSequenceClassification checkpoint */
};

struct model_layer {
    float *attention_norm, *mlp_norm; /* [hidden] */
    struct matrix qkv;                /* rows: all q heads, all k heads, all v heads */
    struct matrix o, gate_up, down;
    float *qkv_bias, *o_bias, *gate_up_bias, *down_bias; /* NULL when the model has none */
};

/* What one of the model's tensors was filled with. */
struct model_kept {
    struct hash128 key; /* merge_key; zero: unknown, to be filled in any case */
    struct merge_effect effect;
};

struct model {
    struct model_config config;
    enum model_head head_kind;
    float *embeddings; /* [vocab][hidden] */
    struct model_layer *layers;
    float *norm; /* [hidden] */
    struct matrix head;
    struct model_kept *kept; /* a tensor of the model each */
    size_t merged_n;         /* tensors that the last model_load filled */
};

/* Reads config.json, checks that the checkpoint has exactly the model's tensors in their shapes, and
 * allocates. Weights are zero until model_load. */
int model_open(const struct checkpoint *ckpt, enum model_head head, struct model **out, struct err *err);
void model_close(struct model *model);

/* Where weights come from: base alone (tuned, plan, ratios NULL), or base and tuned merged by the plan. */
struct weights {
    const struct checkpoint *base, *tuned;
    const struct plan *plan;
    const double *ratios; /* [plan->ratios_n] */
    struct merge_how how;
    /* What names the contents of base and tuned: their digests, or anything that is the same for the same files as
     * long as the model lives. Both zero: not known, and everything is merged. */
    struct hash128 base_id, tuned_id;
    struct merge_effect *effects; /* out: [plan->entries_n], zero for entries outside the model; or NULL */
};

/* Fills the model: every tensor as merge_tensor_f32 gives it. Tensors that stand there already, by pair, name, ratio
 * and rounding, are left alone. On failure the weights are a mixture: load again. `stop` (may be NULL) is looked at
 * before every tensor. */
int model_load(struct model *model, const struct weights *weights, const struct stop *stop, struct err *err);

#endif
