/* WHAT   The inner loops of a merge, once for each instruction set: widening, rounding, averaging, sums.
 * WHO    merge/merge, merge/floats; tests and bench/merge choose one by name.
 * UNITS  Elements. Stored arrays are little-endian and need no alignment.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None; tables are constant.
 *
 * Every table gives the same bits, of the sums too: no operation is fused, an element's number says which of 16 f32
 * sums it goes to and which draw it gets, and a block's sums are added in order in f64. */
#ifndef MERGE_KERNEL_H
#define MERGE_KERNEL_H

#include "merge/merge.h"

#include <stdbool.h>

/* How one block is mixed. in, out: BF16 to BF16, F16 to F16, or F32 to any of F32, BF16, F16. */
struct merge_mix {
    enum st_dtype in, out;
    float ratio;
    bool stochastic; /* for BF16 and F16 out; draws: of this block */
    uint64_t draws;
    bool
        stream; /* `out` is a multiple of 64 and large: past the caches; merge_kernel.fence before others read it */
};

struct merge_kernel {
    const char *name;

    /* As floats_widen and floats_narrow; F16, BF16, F32. */
    void (*widen)(enum st_dtype dtype, const void *in, size_t n, float *out);
    void (*narrow)(enum st_dtype dtype, const float *in, size_t n, void *out);

    /* out = base + ratio * (tuned - base) as the formula of merge.h; n <= MERGE_BLOCK_N. effect: added to, or NULL.
     * NaN comes out as the positive quiet one without payload; where both are equal base's value is kept. */
    void (*mix)(const struct merge_mix *mix, const void *base, const void *tuned, size_t n, void *out,
                struct merge_effect *effect);

    /* What mix adds to effect when it has written `written`. n <= MERGE_BLOCK_N. */
    void (*sums)(const float *base, const float *tuned, const float *written, size_t n,
                 struct merge_effect *effect);

    void (*fence)(void);
};

/* The fastest table this processor runs. */
const struct merge_kernel *merge_kernel_best(void);

/* All tables this processor runs, the fastest first. out: [max]; returns how many. */
size_t merge_kernel_list(const struct merge_kernel **out, size_t max);

#endif
