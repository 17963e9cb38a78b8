/* WHAT   The plan: which ratio every tensor of a pair gets. Checked, complete, printable.
 * WHO    daemon (at submit), worker and client (before a merge).
 * UNITS  Ratio = weight of the tuned checkpoint.
 * MEMORY plan_make allocates; plan_free.
 * ERRORS ERR_INVALID: one checkpoint given twice, a classifier beside a language model, tensors that differ between
 *        the checkpoints (name, shape, dtype), groups that do not fit the layers, a tensor that belongs nowhere; the
 *        sentence names the tensor or field.
 * STATE  Immutable.
 *
 * Where a tensor lies and what it is: merge/plan/naming.h. Every tensor that both checkpoints have is in exactly one group:
 * first those that a names[].tensors matches, then those of the layers, then those outside by `ends`. Two stacks of
 * layers share their numbers.
 *
 * What the output does without (`dropped`): buffers that only one checkpoint has, or that differ; a head's matrix that
 * config.json ties to the embeddings and that is equal to them. Any other tensor that is missing is an error.
 *
 * With ends "follow", embeddings go with the group of layer 0 and final norm and head with the group of the last
 * layer, in whatever order the user lists the groups; where attention and MLP are apart, with the attention of layer 0
 * and the MLP of the last. With "paper-code", norms are base's wherever they lie. */
#ifndef MERGE_PLAN_H
#define MERGE_PLAN_H

#include "merge/plan/naming.h"

/* Which ratio: an index 0 … ratios_n-1, or one of these. */
#define PLAN_MEAN (-1)  /* mean of the ratios of the layer groups */
#define PLAN_BASE (-2)  /* 0 */
#define PLAN_TUNED (-3) /* 1 */

struct plan_entry {
    const char *tensor;
    enum plan_place place;
    int layer; /* -1 outside the layers */
    enum tensor_kind kind;
    enum spec_kind part; /* of a layer */
    int group;           /* ratio index or PLAN_* */
    enum st_dtype dtype;
    uint64_t elements;
};

struct plan_dropped {
    const char *tensor;
    bool in_base, in_tuned;
    const char *why; /* a few words: "a table that programs compute; only base has it" */
};

struct plan {
    int layers_n;
    int groups_n;      /* of layers */
    int ratios_n;      /* groups_n, + 1 with ends "own" */
    char (*names)[64]; /* [ratios_n]: "layers 0-2", "layers 0-2 attention", the user's name, "ends" */
    size_t entries_n;
    struct plan_entry *entries; /* ascending tensor name; names borrow from the base checkpoint */
    /* Tensors of one of the checkpoints that the output does without: tables that can be computed, copies of a tied
     * head. Names borrow from their checkpoint. */
    size_t dropped_n;
    struct plan_dropped *dropped;
};

/* The entry of a tensor, NULL when it is not in the plan. */
const struct plan_entry *plan_find(const struct plan *plan, const char *tensor);

int plan_make(const struct search_spec *spec, const struct checkpoint *base, const struct checkpoint *tuned,
              struct plan **out, struct err *err);
void plan_free(struct plan *plan);

/* The ratio of one entry for a ratio vector [ratios_n]. */
double plan_ratio(const struct plan *plan, const struct plan_entry *entry, const double *ratios);

/* {"layers":8,"ratios":["layers 0-2",…],"groups":[{"name","parameters","tensors"}],"tensors":[{"name","group","place",
 * "layer","dtype","parameters","kind"}],"dropped":[{"name","in":["base"],"why"}]} ; "group" is a name, or "mean", "base",
 * "tuned"; "kind" that of tensor_kind_name. Plans that were stored before there were kinds lack "kind" and "dropped". */
void plan_write(const struct plan *plan, struct json_out *out);

#endif
