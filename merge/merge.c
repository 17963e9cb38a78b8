#include "merge/merge.h"

#include "merge/floats.h"

#include <math.h>
#include <string.h>

/* Elements worked on at a time: three f32 arrays of this size stay in the first-level cache. */
#define BLOCK_N 2048

/* What both tensors must share. Whole checkpoints are checked by plan_make; this is the last door before the
 * loops. */
static int check_pair(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                      struct err *err)
{
    if (base->dtype != tuned->dtype || base->rank != tuned->rank ||
        memcmp(base->shape, tuned->shape, (size_t)base->rank * sizeof *base->shape) != 0)
        return err_set(err, ERR_INVALID, "tensor \"%.200s\" has another dtype or shape in base than in tuned",
                       base->name);
    if (!isfinite(ratio))
        return err_set(err, ERR_INVALID, "tensor \"%.200s\": the ratio is not a finite number", base->name);
    return 0;
}

/* Checks the pair. *out is the tensor whose bytes are the answer, or NULL when there is something to average. */
static int prepare(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                   const struct st_tensor **out, struct err *err)
{
    int rc = check_pair(base, tuned, ratio, err);
    *out = ratio == 0 ? base : ratio == 1 ? tuned : NULL;
    if (rc || *out || floats_can(base->dtype))
        return rc;
    if (base->bytes && memcmp(base->data, tuned->data, base->bytes) != 0)
        return err_set(
            err, ERR_UNSUPPORTED,
            "tensor \"%.200s\" of dtype %s differs between base and tuned and cannot be averaged; convert "
            "both checkpoints to BF16, F16 or F32",
            base->name, st_dtype_name(base->dtype));
    *out = base;
    return 0;
}

/* Elements first … first + n - 1 of the merge in the stored dtype. n <= BLOCK_N. */
static void merge_block(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                        uint64_t first, size_t n, void *out)
{
    float mixed[BLOCK_N], other[BLOCK_N];
    uint64_t at = first * (st_dtype_bits(base->dtype) / 8);
    const char *base_data = (const char *)base->data + at, *tuned_data = (const char *)tuned->data + at;
    if (base->dtype == ST_F64) {
        floats_lerp64(base_data, tuned_data, ratio, n, out);
        return;
    }
    floats_widen(base->dtype, base_data, n, mixed);
    floats_widen(base->dtype, tuned_data, n, other);
    floats_lerp(mixed, other, (float)ratio, n, mixed);
    floats_narrow(base->dtype, mixed, n, out);
}

static size_t block_n(const struct st_tensor *tensor, uint64_t first)
{
    uint64_t left = tensor->elements - first;
    return left < BLOCK_N ? (size_t)left : BLOCK_N;
}

int merge_tensor(const struct st_tensor *base, const struct st_tensor *tuned, double ratio, void *out,
                 struct err *err)
{
    const struct st_tensor *copy = NULL;
    int rc = prepare(base, tuned, ratio, &copy, err);
    if (rc)
        return rc;
    if (copy) {
        if (copy->bytes)
            memcpy(out, copy->data, copy->bytes);
        return 0;
    }
    size_t size = st_dtype_bits(base->dtype) / 8;
    for (uint64_t first = 0; first < base->elements; first += BLOCK_N)
        merge_block(base, tuned, ratio, first, block_n(base, first), (char *)out + first * size);
    return 0;
}

int merge_tensor_f32(const struct st_tensor *base, const struct st_tensor *tuned, double ratio, float *out,
                     struct err *err)
{
    const struct st_tensor *copy = NULL;
    int rc = prepare(base, tuned, ratio, &copy, err);
    if (rc)
        return rc;
    if (copy)
        return tensor_to_f32(copy, 0, copy->elements, out, err);
    double stored[BLOCK_N]; /* room for the widest dtype */
    for (uint64_t first = 0; first < base->elements; first += BLOCK_N) {
        size_t n = block_n(base, first);
        merge_block(base, tuned, ratio, first, n, stored);
        floats_widen(base->dtype, stored, n, out + first);
    }
    return 0;
}
