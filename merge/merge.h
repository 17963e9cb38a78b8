/* WHAT   merged = base + ratio * (tuned - base), accumulated in f32 and rounded once; and how true the ratio came out.
 * WHO    worker (in memory), merge/output/export (to disk), merge/preflight/preflight (what would come out).
 * UNITS  Ratio = weight of the tuned checkpoint: 0 gives base's values, 1 gives tuned's, exactly.
 * MEMORY The caller's output.
 * ERRORS ERR_UNSUPPORTED for a dtype that cannot be averaged, ERR_INVALID for a pair that differs in dtype or shape or
 *        a ratio that is not finite, ERR_IO; the sentence names the tensor.
 * STATE  None. The same bits on every machine and with any number of threads.
 *
 * Numbers. F64 is computed in f64, and on its way to another dtype rounded to f32 first. At ratios 0 and 1 base and tuned
 * are copied, or rounded to the output dtype. Between them, where both have the same bits they are kept, and equal
 * infinities are; NaN always comes out as the positive quiet NaN without payload. Past the largest number of the output dtype is
 * infinity: a BF16 checkpoint may hold numbers that F16 does not.
 *
 * Stochastic rounding, for BF16 and F16 outputs: the draw of element i comes from (seed, tensor name, i) alone, and the
 * number goes to the neighbour away from zero when its fraction and the draw, both in 65536ths of a unit, sum to a whole
 * unit. So it is unbiased, exact values never change, and with a growing ratio no element steps back. Between the largest
 * number and infinity nearest decides. Fractions of a subnormal F16 unit (2^-24) are cut to 65536ths of it.
 * Danger: a tensor that is stored twice under two names is drawn twice.
 *
 * Effects are summed in f32 within a block and in f64 from block to block, so updates below 1e-19 or above 1e19 do not
 * count or count as infinite. To get the same bits from any number of threads, cut a tensor at fixed places, take an
 * effect of its own for each piece and add them in order. */
#ifndef MERGE_MERGE_H
#define MERGE_MERGE_H

#include "merge/plan/plan.h"

/* How a merged number becomes a stored one. Zero is: nearest, in the pair's own dtype, others equal. */
struct merge_how {
    enum spec_rounding rounding;
    enum spec_dtype dtype;
    enum spec_others others;
    uint64_t
        seed; /* stochastic: every (seed, tensor name, element) has its own draw, the same for every ratio */
};

struct merge_how merge_how_of(const struct search_spec *spec);

/* The dtype in which a tensor of `dtype` is written: itself, unless it is a floating-point number and another was asked
 * for. */
enum st_dtype merge_dtype(const struct merge_how *how, enum st_dtype dtype);

/* How an entry of the plan is written: as `how`, but tables that programs compute are copied in their own dtype: they are
 * equal in base and tuned, and another dtype would make them other tables. */
struct merge_how merge_how_for(const struct merge_how *how, const struct plan_entry *entry);

/* Sums over elements: what was written, projected onto the update. */
struct merge_effect {
    double along;  /* sum (written - base) (tuned - base) */
    double update; /* sum (tuned - base)^2 */
};

/* along / update: the ratio that was really applied. NaN when there is no update, or no finite number. */
double merge_effective(const struct merge_effect *effect);

/* The effective ratio of each ratio of the plan from the effects of its entries, added in the order of the entries, so
 * that the answer has the same bits everywhere. effects: [plan->entries_n]; effective: [plan->ratios_n]. */
void merge_effective_ratios(const struct plan *plan, const struct merge_effect *effects, double *effective);

/* Elements a block: spans begin at a multiple of it. */
#define MERGE_BLOCK_N 2048

/* A pair of tensors, checked. */
struct merge_task {
    const struct st_tensor *base, *tuned;
    struct merge_how how;
    enum st_dtype dtype;               /* of the output */
    uint64_t key;                      /* of the stochastic draws */
    const struct merge_kernel *kernel; /* the fastest; all give the same bits */
};

int merge_begin(struct merge_task *task, const struct st_tensor *base, const struct st_tensor *tuned,
                const struct merge_how *how, struct err *err);

/* Elements first … first + n - 1 for k ratios in one pass over the inputs. base, tuned: the bytes of those elements, at
 * any address; first: a multiple of MERGE_BLOCK_N; outs: [k], each n elements of task->dtype, no two the same, none
 * overlapping the inputs; effects: [k], added to, or NULL. Outputs of 16 MiB and more at an address that is a multiple of
 * 64 are written past the caches. */
int merge_span(const struct merge_task *task, const void *base, const void *tuned, uint64_t first, uint64_t n,
               size_t k, const double *ratios, void *const *outs, struct merge_effect *effects,
               struct err *err);

/* A whole tensor into out [elements of merge_dtype]. how, effect: may be NULL. */
int merge_tensor(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                 const struct merge_how *how, void *out, struct merge_effect *effect, struct err *err);

/* The merged tensor as the evaluator sees it: rounded to the output dtype, then widened to f32. out: [elements].
 * ERR_UNSUPPORTED also for an equal tensor of a dtype that is no floating-point number. */
int merge_tensor_f32(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                     const struct merge_how *how, float *out, struct merge_effect *effect, struct err *err);

#endif
