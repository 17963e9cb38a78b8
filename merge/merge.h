/* WHAT   merged = base + ratio * (tuned - base), tensor by tensor, accumulated in f32 and rounded once.
 * WHO    worker (in memory), merge/export (to disk).
 * UNITS  Ratio = weight of the tuned checkpoint: 0 gives base's bytes, 1 gives tuned's bytes, exactly.
 * MEMORY The caller's output.
 * ERRORS ERR_UNSUPPORTED for a dtype that cannot be averaged, ERR_INVALID for a pair that differs in dtype or shape or
 *        a ratio that is not finite; the sentence names the tensor.
 * STATE  None. */
#ifndef MERGE_MERGE_H
#define MERGE_MERGE_H

#include "merge/plan.h"

/* The merged tensor in its stored dtype (round to nearest even). out: tensor->bytes bytes, at any address.
 * F16, BF16 and F32 are averaged in f32 with the ratio rounded to f32, F64 in f64. Tensors of other dtypes must be
 * equal in both and are copied (at ratio 0 and 1 they need not be equal). */
int merge_tensor(const struct st_tensor *base, const struct st_tensor *tuned, double ratio, void *out,
                 struct err *err);

/* The merged tensor as the evaluator sees it: rounded to the stored dtype, then widened to f32. out: [elements].
 * ERR_UNSUPPORTED also for an equal tensor of a dtype that is no floating-point number. */
int merge_tensor_f32(const struct st_tensor *base, const struct st_tensor *tuned, double ratio, float *out,
                     struct err *err);

#endif
