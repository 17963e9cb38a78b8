#include "merge/merge.h"

#include "merge/files/hash.h"
#include "merge/floats.h"
#include "merge/kernel.h"
#include "proto/mem.h"

#include <assert.h>
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

struct merge_how merge_how_for(const struct merge_how *how, const struct plan_entry *entry)
{
    struct merge_how own = *how;
    if (entry->kind == TENSOR_BUFFER) {
        own.dtype = OUTPUT_SAME;
        own.others = OTHERS_BASE;
    }
    return own;
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

/* What stochastic rounding draws from: not the ratio, so that trials of one search share their luck. */
static uint64_t key_of(const char *tensor, uint64_t seed)
{
    struct hash_stream *stream = hash_create();
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(seed >> 8 * i);
    hash_add(stream, bytes, sizeof bytes);
    hash_add(stream, tensor, strlen(tensor));
    struct hash128 key = hash_value(stream);
    hash_destroy(stream);
    return key.low;
}

/* Of one block: the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014). */
static uint64_t block_draws(uint64_t key, uint64_t block)
{
    uint64_t x = key + (block + 1) * 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static int refuse_other(const struct st_tensor *tensor, struct err *err)
{
    return err_set(
        err, ERR_UNSUPPORTED,
        "tensor \"%.200s\" has dtype %s, which cannot be averaged, and output.others is \"refuse\"; "
        "\"equal\" copies such tensors where base and tuned agree",
        tensor->name, st_dtype_name(tensor->dtype));
}

int merge_begin(struct merge_task *task, const struct st_tensor *base, const struct st_tensor *tuned,
                const struct merge_how *how, struct err *err)
{
    *task = (struct merge_task){.base = base, .tuned = tuned, .kernel = merge_kernel_best()};
    if (how)
        task->how = *how;
    task->dtype = merge_dtype(&task->how, base->dtype);
    if (base->dtype != tuned->dtype || base->rank != tuned->rank ||
        memcmp(base->shape, tuned->shape, (size_t)base->rank * sizeof *base->shape) != 0)
        return err_set(err, ERR_INVALID, "tensor \"%.200s\" has another dtype or shape in base than in tuned",
                       base->name);
    if (task->how.others == OTHERS_REFUSE && !floats_can(base->dtype))
        return refuse_other(base, err);
    if (task->how.rounding == ROUND_STOCHASTIC)
        task->key = key_of(base->name, task->how.seed);
    return 0;
}

/* ---- no floating-point numbers ---- */

static int copy_span(const struct merge_task *task, const void *base, const void *tuned, uint64_t bytes,
                     double ratio, void *out, struct err *err)
{
    const void *from = ratio == 1 || (ratio != 0 && task->how.others == OTHERS_TUNED) ? tuned : base;
    if (bytes == 0)
        return 0;
    if (ratio != 0 && ratio != 1 && task->how.others == OTHERS_EQUAL && memcmp(base, tuned, bytes) != 0)
        return err_set(
            err, ERR_UNSUPPORTED,
            "tensor \"%.200s\" of dtype %s differs between base and tuned and cannot be averaged; set "
            "output.others to \"base\" or \"tuned\", or convert both checkpoints to BF16, F16 or F32",
            task->base->name, st_dtype_name(task->base->dtype));
    memcpy(out, from, bytes);
    return 0;
}

/* ---- F64, computed in f64. Rare, so written once and plainly ---- */

static void mix64(const double *base, const double *tuned, double ratio, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        double step = ratio < 0 ? tuned[i] - base[i] : base[i] - tuned[i]; /* as step_of of kernel_body.h */
        double mixed = base[i] - fabs(ratio) * step;
        out[i] = !isnan(mixed) ? mixed : base[i] == tuned[i] ? base[i] : (double)NAN;
    }
}

static void sums64(const double *base, const double *tuned, const double *written, size_t n,
                   struct merge_effect *effect)
{
    double along = 0, update = 0;
    for (size_t i = 0; i < n; i++) {
        double step = base[i] == tuned[i] ? 0 : tuned[i] - base[i];
        along += base[i] == tuned[i] ? 0 : (written[i] - base[i]) * step;
        update += step * step;
    }
    effect->along += along;
    effect->update += update;
}

/* What a block needs to know beside its elements. */
struct block {
    const struct merge_task *task;
    uint64_t number;
    size_t n;
    double ratio;
    bool stream;
};

static struct merge_mix mix_of(const struct block *block, enum st_dtype in)
{
    bool stochastic = block->task->how.rounding == ROUND_STOCHASTIC;
    return (struct merge_mix){.in = in,
                              .out = block->task->dtype,
                              .ratio = (float)block->ratio,
                              .stochastic = stochastic,
                              .draws = stochastic ? block_draws(block->task->key, block->number) : 0,
                              .stream = block->stream};
}

/* Rounds values to the output's dtype; they come back as they are stored. */
static void round_block(const struct block *block, float *values, void *out)
{
    struct merge_mix mix = mix_of(block, ST_F32);
    block->task->kernel->mix(&mix, values, values, block->n, out, NULL);
    block->task->kernel->widen(mix.out, out, block->n, values);
}

static void merge_block64(const struct block *block, const void *base, const void *tuned, void *out,
                          struct merge_effect *effect)
{
    double b[MERGE_BLOCK_N], t[MERGE_BLOCK_N], written[MERGE_BLOCK_N];
    size_t n = block->n;
    memcpy(b, base, n * sizeof *b);
    memcpy(t, tuned, n * sizeof *t);
    if (block->ratio == 0 || block->ratio == 1)
        memcpy(written, block->ratio == 0 ? b : t, n * sizeof *b);
    else
        mix64(b, t, block->ratio, n, written);
    if (block->task->dtype == ST_F64) {
        memcpy(out, written, n * sizeof *written);
    } else {
        float narrow[MERGE_BLOCK_N];
        for (size_t i = 0; i < n; i++)
            narrow[i] = (float)written[i];
        round_block(block, narrow, out);
        for (size_t i = 0; i < n; i++)
            written[i] = (double)narrow[i];
    }
    if (effect)
        sums64(b, t, written, n, effect);
}

/* ---- F32, F16, BF16 ---- */

static void copy_block(const struct block *block, const void *base, const void *tuned, void *out,
                       struct merge_effect *effect)
{
    const struct merge_kernel *kernel = block->task->kernel;
    enum st_dtype dtype = block->task->dtype;
    memcpy(out, block->ratio == 0 ? base : tuned, block->n * st_dtype_bits(dtype) / 8);
    if (effect) {
        float b[MERGE_BLOCK_N], t[MERGE_BLOCK_N];
        kernel->widen(dtype, base, block->n, b);
        kernel->widen(dtype, tuned, block->n, t);
        kernel->sums(b, t, block->ratio == 0 ? b : t, block->n, effect);
    }
}

/* Another dtype out than in: by way of f32, in the first cache. */
static void convert_block(const struct block *block, const void *base, const void *tuned, void *out,
                          struct merge_effect *effect)
{
    const struct merge_kernel *kernel = block->task->kernel;
    float b[MERGE_BLOCK_N], t[MERGE_BLOCK_N], written[MERGE_BLOCK_N];
    kernel->widen(block->task->base->dtype, base, block->n, b);
    kernel->widen(block->task->base->dtype, tuned, block->n, t);
    if (block->ratio == 0 || block->ratio == 1) {
        memcpy(written, block->ratio == 0 ? b : t, block->n * sizeof *b);
        round_block(block, written, out);
        if (effect)
            kernel->sums(b, t, written, block->n, effect);
        return;
    }
    struct merge_mix mix = mix_of(block, ST_F32);
    kernel->mix(&mix, b, t, block->n, out, effect);
}

static void merge_block(const struct block *block, const void *base, const void *tuned, void *out,
                        struct merge_effect *effect)
{
    enum st_dtype in = block->task->base->dtype;
    if (in == ST_F64) {
        merge_block64(block, base, tuned, out, effect);
    } else if (in != block->task->dtype) {
        convert_block(block, base, tuned, out, effect);
    } else if (block->ratio == 0 || block->ratio == 1) {
        copy_block(block, base, tuned, out, effect);
    } else {
        struct merge_mix mix = mix_of(block, in);
        block->task->kernel->mix(&mix, base, tuned, block->n, out, effect);
    }
}

/* From this size on an output is written past the caches: it would not stay there, and reading the memory that is
 * about to be overwritten costs a third of the time. */
#define STREAM_BYTES (16u << 20)

static void merge_floats(const struct merge_task *task, const char *base, const char *tuned, uint64_t first,
                         uint64_t n, size_t k, const double *ratios, void *const *outs,
                         struct merge_effect *effects)
{
    size_t in = st_dtype_bits(task->base->dtype) / 8, to = st_dtype_bits(task->dtype) / 8;
    for (uint64_t i = 0; i < n; i += MERGE_BLOCK_N) {
        size_t some = n - i < MERGE_BLOCK_N ? (size_t)(n - i) : MERGE_BLOCK_N;
        for (size_t c = 0; c < k; c++) {
            bool stream = n * to >= STREAM_BYTES && (uintptr_t)outs[c] % 64 == 0;
            struct block block = {task, (first + i) / MERGE_BLOCK_N, some, ratios[c], stream};
            merge_block(&block, base + i * in, tuned + i * in, (char *)outs[c] + i * to,
                        effects ? &effects[c] : NULL);
        }
    }
    task->kernel->fence();
}

static int check_ratio(const struct merge_task *task, double ratio, struct err *err)
{
    return isfinite(ratio) ? 0
                           : err_set(err, ERR_INVALID, "tensor \"%.200s\": the ratio is not a finite number",
                                     task->base->name);
}

int merge_span(const struct merge_task *task, const void *base, const void *tuned, uint64_t first, uint64_t n,
               size_t k, const double *ratios, void *const *outs, struct merge_effect *effects,
               struct err *err)
{
    assert(first % MERGE_BLOCK_N == 0);
    int rc = 0;
    for (size_t c = 0; c < k && !rc; c++)
        rc = check_ratio(task, ratios[c], err);
    enum st_dtype dtype = task->base->dtype;
    if (!rc && floats_can(dtype)) {
        merge_floats(task, base, tuned, first, n, k, ratios, outs, effects);
        return 0;
    }
    for (size_t c = 0; c < k && !rc; c++)
        rc = copy_span(task, base, tuned, n * st_dtype_bits(dtype) / 8, ratios[c], outs[c], err);
    return rc;
}

/* ---- whole tensors, read where they lie ---- */

#define PIECE_BYTES ((size_t)1 << 20)

/* Reads a pair piece by piece, each some blocks. */
struct reader {
    const struct merge_task *task;
    uint64_t first, n; /* elements of the piece */
    const void *base, *tuned;
    char *room; /* NULL when both can be used where they are */
};

static void reader_init(struct reader *reader, const struct merge_task *task)
{
    bool copies = st_read_copies(task->base) || st_read_copies(task->tuned);
    *reader = (struct reader){.task = task, .room = copies ? mem_zero(2, PIECE_BYTES) : NULL};
}

/* The next piece: all when it can be used where it lies. False at the end, and on a failure, which is in *rc. */
static bool reader_next(struct reader *reader, int *rc, struct err *err)
{
    const struct merge_task *task = reader->task;
    unsigned bits = st_dtype_bits(task->base->dtype);
    uint64_t piece = PIECE_BYTES * 8 / bits / MERGE_BLOCK_N * MERGE_BLOCK_N;
    reader->first += reader->n;
    reader->n = task->base->elements - reader->first;
    if (reader->room && reader->n > piece)
        reader->n = piece;
    if (reader->n == 0)
        return false;
    uint64_t at = reader->first * bits / 8;
    size_t bytes = (size_t)(reader->n * bits / 8);
    reader->base = st_read(task->base, at, bytes, reader->room, err);
    reader->tuned = st_read(task->tuned, at, bytes, reader->room ? reader->room + PIECE_BYTES : NULL, err);
    if (!reader->base || !reader->tuned)
        *rc = err ? err->code : ERR_IO;
    return *rc == 0;
}

int merge_tensor(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                 const struct merge_how *how, void *out, struct merge_effect *effect, struct err *err)
{
    struct merge_task task;
    struct reader reader;
    int rc = merge_begin(&task, base, tuned, how, err);
    if (rc || (rc = check_ratio(&task, ratio, err)))
        return rc;
    reader_init(&reader, &task);
    while (!rc && reader_next(&reader, &rc, err)) {
        void *to = (char *)out + reader.first * st_dtype_bits(task.dtype) / 8;
        rc =
            merge_span(&task, reader.base, reader.tuned, reader.first, reader.n, 1, &ratio, &to, effect, err);
    }
    mem_free(reader.room);
    return rc;
}

/* One piece, block by block through the first cache. */
static int widen_piece(const struct reader *reader, double ratio, float *out, struct merge_effect *effect,
                       struct err *err)
{
    double stored[MERGE_BLOCK_N];
    void *const to = stored;
    const struct merge_task *task = reader->task;
    size_t size = st_dtype_bits(task->base->dtype) / 8;
    int rc = 0;
    for (uint64_t i = 0; !rc && i < reader->n; i += MERGE_BLOCK_N) {
        size_t n = reader->n - i < MERGE_BLOCK_N ? (size_t)(reader->n - i) : MERGE_BLOCK_N;
        rc = merge_span(task, (const char *)reader->base + i * size, (const char *)reader->tuned + i * size,
                        reader->first + i, n, 1, &ratio, &to, effect, err);
        if (!rc)
            floats_widen(task->dtype, stored, n, out + i);
    }
    return rc;
}

int merge_tensor_f32(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                     const struct merge_how *how, float *out, struct merge_effect *effect, struct err *err)
{
    struct merge_task task;
    struct reader reader;
    int rc = merge_begin(&task, base, tuned, how, err);
    if (rc || (rc = check_ratio(&task, ratio, err)))
        return rc;
    if (!floats_can(base->dtype))
        return err_set(err, ERR_UNSUPPORTED,
                       "tensor \"%.200s\" has dtype %s; only F32, F16, BF16 and F64 are numbers "
                       "to compute with",
                       base->name, st_dtype_name(base->dtype));
    reader_init(&reader, &task);
    while (!rc && reader_next(&reader, &rc, err))
        rc = widen_piece(&reader, ratio, out + reader.first, effect, err);
    mem_free(reader.room);
    return rc;
}
