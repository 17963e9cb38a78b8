/* WHAT   What a tensor is, told from its name: its place, its layer, and its kind.
 * WHO    merge/plan/plan; merge/preflight/preflight.
 * UNITS  None.
 * MEMORY naming_open allocates; naming_close. Borrows from the checkpoint and the spec until then.
 * ERRORS ERR_INVALID: a layer_pattern that is wrong, finds no number, or takes too long; an index beyond all reason.
 * STATE  Immutable, but its pattern has room for one match at a time: one thread.
 *
 * Layer: the first all-digit path component whose parent is "layers", "h", "blocks", "block" or "layer", compared as
 * an integer; or what the first parentheses of the search's layer_pattern hold. Names without are "before" (embeddings:
 * names with "embed", "wte", "wpe", and "shared.weight") or "after" (everything else: final norm, head).
 *
 * Kind, by path components, so that the schemes of Llama, Mistral, Qwen2, Qwen3, Gemma, Phi, Mixtral, GPT-NeoX, GPT-2,
 * Falcon and their relatives are read alike. A norm inside a layer belongs to the part that it stands before, or, in
 * models that also norm what a part puts out, to that part: "post_attention_layernorm" is the MLP's, unless there
 * are norms of "feedforward" too (Gemma 2 and 3, OLMo 2), which makes it the attention's. Where one norm serves both
 * (Phi, Falcon 7B), it is the attention's.
 *
 * A buffer is a table that programs compute by themselves and old versions saved: rotary frequencies, causal masks. */
#ifndef MERGE_NAMING_H
#define MERGE_NAMING_H

#include "merge/files/checkpoint.h"
#include "proto/search_spec.h"

enum plan_place { PLACE_BEFORE, PLACE_LAYER, PLACE_AFTER };

enum tensor_kind {
    TENSOR_OTHER, /* the name does not tell */
    TENSOR_ATTENTION,
    TENSOR_MLP,
    TENSOR_NORM,
    TENSOR_EMBEDDING,
    TENSOR_HEAD,
    TENSOR_BUFFER,
};

struct tensor_role {
    enum plan_place place;
    int layer; /* -1 outside the layers */
    enum tensor_kind kind;
    enum spec_kind part; /* of a layer's tensor, a norm or buffer too; KIND_ALL: the name does not tell */
};

struct naming;

/* base: the checkpoint whose names and config tell how this family names things. */
int naming_open(const struct search_spec *spec, const struct checkpoint *base, struct naming **out,
                struct err *err);
void naming_close(struct naming *naming);

int naming_role(struct naming *naming, const struct st_tensor *tensor, struct tensor_role *role,
                struct err *err);

const char *tensor_kind_name(enum tensor_kind kind); /* "attention" */

/* Whether the head is the embeddings: tie_word_embeddings, or the default of the model's family where config.json does
 * not say. */
bool naming_tied(const struct checkpoint *ckpt);

/* Why an output may do without a tensor that one checkpoint has: "a table that programs compute", "a copy of the
 * embeddings, which are the head too"; NULL for all others. The copy is not compared with the embeddings. */
const char *naming_surplus(const struct checkpoint *ckpt, const struct st_tensor *tensor);

/* The token embeddings; the head's matrix. NULL when the checkpoint has none of a known name. */
const struct st_tensor *naming_embeddings(const struct checkpoint *ckpt);
const struct st_tensor *naming_head(const struct checkpoint *ckpt);

#endif
