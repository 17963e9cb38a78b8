/* WHAT   A plan and its ratios as a recipe for mergekit-yaml (linear merge) that gives the same weights.
 * WHO    client (paretoctl export --format mergekit).
 * UNITS  Ratio = weight of tuned. mergekit's weights are written as 1 - ratio and ratio.
 * MEMORY Appends to the caller's buffer.
 * ERRORS ERR_UNSUPPORTED: names that mergekit's filters cannot tell apart, or layers in two stacks; the sentence names
 *        the tensor.
 * STATE  None. The same arguments give the same bytes.
 *
 * One slice a run of layers with equal ratios. Never a gradient list: mergekit gives the final norm and lm_head the
 * first value of such a list. It evaluates embeddings with the parameters of the first slice and final norm and head
 * with those of the last; tensors of a slice that have another ratio than most get a filter, a part of their name.
 * base_model is tuned, because that is where mergekit takes config.json and the tokenizer from; for a linear merge it
 * means nothing else. The first line says which model is which to merge/recipe/recipe.
 *
 * mergekit computes w * base + v * tuned in float32, we base + r (tuned - base): the results are at most one unit in the
 * last place apart, but where base and tuned cancel. What it cannot say stands in the comment on top. Source: mergekit
 * 0.1.4, plan.py and config.py. */
#ifndef MERGE_MERGEKIT_WRITE_H
#define MERGE_MERGEKIT_WRITE_H

#include "merge/merge.h"
#include "proto/buf.h"

#define MERGEKIT_FIRST_LINE "# paretoctl export: base is the first model, tuned the second"

/* title: one more line of comment, or NULL. how: may be NULL. */
int mergekit_write(const struct plan *plan, const double *ratios, const char *base, const char *tuned,
                   const struct merge_how *how, const char *title, struct buf *out, struct err *err);

#endif
