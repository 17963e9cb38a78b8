/* WHAT   The plan: which ratio every tensor of a pair gets. Checked, complete, printable.
 * WHO    daemon (at submit), worker and client (before a merge).
 * UNITS  Ratio = weight of the tuned checkpoint.
 * MEMORY plan_make allocates; plan_free.
 * ERRORS ERR_INVALID: one checkpoint given twice, a classifier beside a language model, tensors that differ between
 *        the checkpoints (name, shape, dtype), groups that do not fit the layers, a tensor that belongs nowhere; the
 *        sentence names the tensor or field.
 * STATE  Immutable.
 *
 * Layer index of a tensor: the first all-digit path component whose parent is "layers", "h", "blocks" or "layer",
 * compared as an integer. Without one, tensors are "before" (embeddings: names containing "embed", "wte", "wpe")
 * or "after" (everything else: final norm, lm_head, score; also "embed_out" and "unembed", which are heads). A second
 * copy of a tied head ("lm_head.weight" with tie_word_embeddings) is "before", so that it stays equal to the
 * embeddings. Every tensor is in exactly one group. Two stacks of layers share their numbers.
 *
 * With ends "follow", embeddings go with the group of layer 0 and final norm and head with the group of the last
 * layer, in whatever order the user lists the groups. */
#ifndef MERGE_PLAN_H
#define MERGE_PLAN_H

#include "merge/checkpoint.h"
#include "proto/search_spec.h"

enum plan_place { PLACE_BEFORE, PLACE_LAYER, PLACE_AFTER };

/* Which ratio: an index 0 … ratios_n-1, or one of these. */
#define PLAN_MEAN (-1)  /* mean of the ratios of the layer groups */
#define PLAN_BASE (-2)  /* 0 */
#define PLAN_TUNED (-3) /* 1 */

struct plan_entry {
    const char *tensor;
    enum plan_place place;
    int layer; /* -1 outside the layers */
    int group; /* ratio index or PLAN_* */
    enum st_dtype dtype;
    uint64_t elements;
};

struct plan_dropped {
    const char *tensor;
    bool in_base, in_tuned;
    const char *why; /* a few words: "a table that is computed" */
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
 * "layer","dtype","parameters"}]} ; "group" is a name, or "mean", "base", "tuned". */
void plan_write(const struct plan *plan, struct json_out *out);

#endif
