/* WHAT   The address of a merged tensor by its content: equal keys, equal bits.
 * WHO    worker/model (what need not be merged again).
 * UNITS  Ratio = weight of the tuned checkpoint.
 * MEMORY None.
 * ERRORS None.
 * STATE  None. */
#ifndef MERGE_KEY_H
#define MERGE_KEY_H

#include "merge/files/hash.h"
#include "merge/merge.h"

/* base, tuned: the digests of the checkpoints (merge/files/digest.h), or what else names their contents for as long as the
 * key is used. The plan and the group are in the key by the ratio they give the tensor. Of how, the seed counts under
 * stochastic rounding alone. */
struct hash128 merge_key(struct hash128 base, struct hash128 tuned, const char *tensor, double ratio,
                         const struct merge_how *how);

#endif
