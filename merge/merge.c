#include "merge/merge.h"

#include "merge/floats.h"
#include "merge/hash.h"

#include <math.h>
#include <string.h>

struct merge_how merge_how_of(const struct search_spec *spec)
{
    return (struct merge_how){spec->rounding, spec->output_dtype, spec->others, spec->seed};
}

enum st_dtype merge_dtype(const struct merge_how *how, enum st_dtype dtype)
{
    static const enum st_dtype chosen[] = {
        [OUTPUT_F32] = ST_F32, [OUTPUT_BF16] = ST_BF16, [OUTPUT_F16] = ST_F16};
    return how->dtype == OUTPUT_SAME || !floats_can(dtype) ? dtype : chosen[how->dtype];
}

double merge_effective(const struct merge_effect *effect)
{
    double ratio = effect->update > 0 ? effect->along / effect->update : NAN;
    return isfinite(ratio) ? ratio : NAN;
}

void merge_effective_ratios(const struct plan *plan, const struct merge_effect *effects, double *effective)
{
    for (int r = 0; r < plan->ratios_n; r++) {
        struct merge_effect sum = {0};
        for (size_t i = 0; i < plan->entries_n; i++) {
            if (plan->entries[i].group != r)
                continue;
            sum.along += effects[i].along;
            sum.update += effects[i].update;
        }
        effective[r] = merge_effective(&sum);
    }
}

int merge_begin(struct merge_task *task, const struct st_tensor *base, const struct st_tensor *tuned,
                const struct merge_how *how, struct err *err)
{
    *task = (struct merge_task){.base = base, .tuned = tuned};
    if (how)
        task->how = *how;
    task->dtype = merge_dtype(&task->how, base->dtype);
    if (base->dtype != tuned->dtype || base->rank != tuned->rank ||
        memcmp(base->shape, tuned->shape, (size_t)base->rank * sizeof *base->shape) != 0)
        return err_set(err, ERR_INVALID, "tensor \"%.200s\" has another dtype or shape in base than in tuned",
                       base->name);
    return 0;
}

static int copy_span(const struct merge_task *task, const void *base, const void *tuned, uint64_t bytes,
                     double ratio, void *out, struct err *err)
{
    const void *from = ratio == 1 ? tuned : base;
    if (bytes == 0)
        return 0;
    if (ratio != 0 && ratio != 1 && memcmp(base, tuned, bytes) != 0)
        return err_set(
            err, ERR_UNSUPPORTED,
            "tensor \"%.200s\" of dtype %s differs between base and tuned and cannot be averaged; convert "
            "both checkpoints to BF16, F16 or F32",
            task->base->name, st_dtype_name(task->base->dtype));
    memcpy(out, from, bytes);
    return 0;
}

/* Elements of one block. */
static void merge_block(const struct merge_task *task, const char *base, const char *tuned, size_t n,
                        double ratio, char *out, struct merge_effect *effect)
{
    float b[MERGE_BLOCK_N], t[MERGE_BLOCK_N], mixed[MERGE_BLOCK_N];
    enum st_dtype dtype = task->base->dtype;
    if (dtype == task->dtype && (ratio == 0 || ratio == 1)) {
        memcpy(out, ratio == 0 ? base : tuned, n * st_dtype_bits(dtype) / 8);
        return;
    }
    if (dtype == ST_F64 && task->dtype == ST_F64) {
        floats_lerp64(base, tuned, ratio, n, out);
        return;
    }
    floats_widen(dtype, base, n, b);
    floats_widen(dtype, tuned, n, t);
    floats_lerp(b, t, (float)ratio, n, mixed);
    if (ratio == 1)
        memcpy(mixed, t, n * sizeof *t);
    floats_narrow(task->dtype, mixed, n, out);
    floats_widen(task->dtype, out, n, mixed);
    for (size_t i = 0; effect && i < n; i++) {
        double update = (double)t[i] - b[i];
        effect->along += ((double)mixed[i] - b[i]) * update;
        effect->update += update * update;
    }
}

int merge_span(const struct merge_task *task, const void *base, const void *tuned, uint64_t first, uint64_t n,
               size_t k, const double *ratios, void *const *outs, struct merge_effect *effects,
               struct err *err)
{
    enum st_dtype dtype = task->base->dtype;
    (void)first;
    for (size_t c = 0; c < k; c++) {
        if (!isfinite(ratios[c]))
            return err_set(err, ERR_INVALID, "tensor \"%.200s\": the ratio is not a finite number",
                           task->base->name);
        if (!floats_can(dtype)) {
            int rc = copy_span(task, base, tuned, n * st_dtype_bits(dtype) / 8, ratios[c], outs[c], err);
            if (rc)
                return rc;
            continue;
        }
        size_t in = st_dtype_bits(dtype) / 8, out = st_dtype_bits(task->dtype) / 8;
        for (uint64_t i = 0; i < n; i += MERGE_BLOCK_N) {
            size_t block = n - i < MERGE_BLOCK_N ? (size_t)(n - i) : MERGE_BLOCK_N;
            merge_block(task, (const char *)base + i * in, (const char *)tuned + i * in, block, ratios[c],
                        (char *)outs[c] + i * out, effects ? &effects[c] : NULL);
        }
    }
    return 0;
}

int merge_tensor(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                 const struct merge_how *how, void *out, struct merge_effect *effect, struct err *err)
{
    struct merge_task task;
    int rc = merge_begin(&task, base, tuned, how, err);
    return rc ? rc
              : merge_span(&task, base->data, tuned->data, 0, base->elements, 1, &ratio, &out, effect, err);
}

int merge_tensor_f32(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                     const struct merge_how *how, float *out, struct merge_effect *effect, struct err *err)
{
    struct merge_task task;
    double stored[MERGE_BLOCK_N];
    void *const to = stored;
    int rc = merge_begin(&task, base, tuned, how, err);
    if (rc)
        return rc;
    if (!floats_can(base->dtype))
        return err_set(err, ERR_UNSUPPORTED,
                       "tensor \"%.200s\" has dtype %s; only F32, F16, BF16 and F64 are numbers "
                       "to compute with",
                       base->name, st_dtype_name(base->dtype));
    size_t size = st_dtype_bits(base->dtype) / 8;
    for (uint64_t first = 0; !rc && first < base->elements; first += MERGE_BLOCK_N) {
        uint64_t left = base->elements - first;
        size_t n = left < MERGE_BLOCK_N ? (size_t)left : MERGE_BLOCK_N;
        rc = merge_span(&task, (const char *)base->data + first * size,
                        (const char *)tuned->data + first * size, first, n, 1, &ratio, &to, effect, err);
        if (!rc)
            floats_widen(task.dtype, stored, n, out + first);
    }
    return rc;
}
