#include "fixture.h"

#include "merge/floats.h"
#include "merge/kernel.h"
#include "proto/rng.h"

#include <math.h>

/* Every table the machine runs gives the bits of the plain one, in numbers and in sums. */

#define KERNELS_MAX 4
#define N 4099 /* two blocks and a rest that is no whole vector */

static size_t kernels(const struct merge_kernel *out[KERNELS_MAX])
{
    size_t n = merge_kernel_list(out, KERNELS_MAX);
    assert_true(n >= 1);
    assert_string_equal(out[n - 1]->name, "plain");
    assert_ptr_equal(out[0], merge_kernel_best());
    return n;
}

static size_t size_of(enum st_dtype dtype)
{
    return st_dtype_bits(dtype) / 8;
}

/* Random bits, most of them near 1, with zeros, infinities, NaN, subnormals and equal pairs among them. */
static void draw_pair(struct rng *rng, enum st_dtype dtype, char *base, char *tuned)
{
    static const float specials[] = {0,     -0.0f,    INFINITY, -INFINITY, NAN,      0x1p-149f, 0x1p-130f,
                                     1e38f, 3.39e38f, 65504,    65519,     0x1p-24f, 0x1p-20f,  -0x1p-15f};
    for (int i = 0; i < N; i++) {
        float b = (float)(rng_uniform(rng) * 2 - 1), t = b + 0.01f * (float)(rng_uniform(rng) - 0.5);
        int kind = (int)(rng_uniform(rng) * 40);
        if (kind == 0)
            b = specials[(int)(rng_uniform(rng) * 14)];
        if (kind <= 1)
            t = specials[(int)(rng_uniform(rng) * 14)];
        if (kind == 2)
            t = b = specials[(int)(rng_uniform(rng) * 14)];
        if (kind == 3)
            t = b;
        if (kind == 4) {
            uint32_t bits = (uint32_t)rng_u64(rng);
            memcpy(&b, &bits, 4);
        }
        double wide[2] = {(double)b, (double)t};
        if (dtype == ST_F64) {
            memcpy(base + i * 8, &wide[0], 8);
            memcpy(tuned + i * 8, &wide[1], 8);
        } else {
            floats_narrow(dtype, &b, 1, base + (size_t)i * size_of(dtype));
            floats_narrow(dtype, &t, 1, tuned + (size_t)i * size_of(dtype));
        }
    }
}

static struct st_tensor tensor_of(enum st_dtype dtype, const void *data, uint64_t n)
{
    return (struct st_tensor){.name = "model.layers.3.mlp.up_proj.weight",
                              .dtype = dtype,
                              .rank = 1,
                              .shape = {n},
                              .elements = n,
                              .data = data,
                              .bytes = n * size_of(dtype)};
}

/* Elements first … first + n - 1 by one kernel. */
static void span(const struct merge_kernel *kernel, const struct merge_how *how, const struct st_tensor *base,
                 const struct st_tensor *tuned, uint64_t first, uint64_t n, double ratio, void *out,
                 struct merge_effect *effect)
{
    struct merge_task task;
    struct err err = {0};
    size_t size = size_of(base->dtype);
    if (merge_begin(&task, base, tuned, how, &err))
        fail_msg("%s", err.text);
    task.kernel = kernel;
    if (merge_span(&task, (const char *)base->data + first * size, (const char *)tuned->data + first * size,
                   first, n, 1, &ratio, &out, effect, &err))
        fail_msg("%s", err.text);
}

static const enum st_dtype dtypes[] = {ST_BF16, ST_F16, ST_F32, ST_F64};
static const enum spec_dtype outputs[] = {OUTPUT_SAME, OUTPUT_F32, OUTPUT_BF16, OUTPUT_F16};

static void compare_kernels(const struct merge_kernel *const *list, size_t n, const struct merge_how *how,
                            const struct st_tensor *base, const struct st_tensor *tuned, double ratio)
{
    size_t bytes = N * size_of(merge_dtype(how, base->dtype));
    char *want = mem_zero(bytes + 1, 1), *got = mem_zero(bytes + 1, 1);
    struct merge_effect effect = {0}, plain = {0};
    span(list[n - 1], how, base, tuned, 0, N, ratio, want + 1, &plain);
    for (size_t k = 0; k < n; k++) {
        memset(got, 0, bytes + 1);
        effect = (struct merge_effect){0};
        span(list[k], how, base, tuned, 0, N, ratio, got + k % 2, &effect); /* at odd addresses too */
        if (memcmp(got + k % 2, want + 1, bytes) != 0 || memcmp(&effect, &plain, sizeof effect) != 0)
            fail_msg("%s differs from plain: %s to %s, rounding %d, ratio %g", list[k]->name,
                     st_dtype_name(base->dtype), st_dtype_name(merge_dtype(how, base->dtype)), how->rounding,
                     ratio);
        memset(got, 0, bytes + 1);
        span(list[k], how, base, tuned, 0, N, ratio, got, NULL); /* nobody asked for the sums */
        assert_memory_equal(got, want + 1, bytes);
    }
    mem_free(want);
    mem_free(got);
}

/* Seed 3. All dtypes to all dtypes, both roundings, ratios in, at and beyond the ends. The values without infinities
 * come first, so that the sums are numbers. */
static void test_kernels_agree(void **state)
{
    (void)state;
    static const double ratios[] = {0.35, 0, 1, -0.2, 1.5, 1e-9};
    const struct merge_kernel *list[KERNELS_MAX];
    size_t n = kernels(list);
    struct rng rng;
    char *base = mem_zero(N * 8 + 1, 1), *tuned = mem_zero(N * 8 + 1, 1);
    rng_seed(&rng, 3, 0);
    for (int d = 0; d < 4; d++) {
        draw_pair(&rng, dtypes[d], base + 1, tuned + 1);
        struct st_tensor b = tensor_of(dtypes[d], base + 1, N), t = tensor_of(dtypes[d], tuned + 1, N);
        for (int o = 0; o < 4; o++)
            for (int r = 0; r < 6; r++)
                for (int s = 0; s < 2; s++) {
                    struct merge_how how = {
                        .dtype = outputs[o], .rounding = s ? ROUND_STOCHASTIC : ROUND_NEAREST, .seed = 5};
                    compare_kernels(list, n, &how, &b, &t, ratios[r]);
                }
    }
    mem_free(base);
    mem_free(tuned);
}

/* A number that both have and that the output cannot hold is no update: the sums are those of the other elements, on
 * every kernel, whatever infinity or NaN is mended beside it. */
static void test_equal_beyond_the_output(void **state)
{
    (void)state;
    enum { COUNT = 256 };
    static const enum spec_dtype narrow[] = {OUTPUT_F16, OUTPUT_BF16};
    float base[COUNT], tuned[COUNT];
    uint16_t out[COUNT];
    const struct merge_kernel *list[KERNELS_MAX];
    size_t n = kernels(list);
    for (int i = 0; i < COUNT; i++) {
        base[i] = (float)i;
        tuned[i] = (float)(i + 2);
    }
    base[5] = tuned[5] = base[100] = tuned[100] = 3.4e38f;
    base[17] = tuned[17] = INFINITY;
    for (int o = 0; o < 2; o++)
        for (size_t k = 0; k < n; k++) {
            struct st_tensor b = tensor_of(ST_F32, base, COUNT), t = tensor_of(ST_F32, tuned, COUNT);
            struct merge_how how = {.dtype = narrow[o]};
            struct merge_effect effect = {0};
            span(list[k], &how, &b, &t, 0, COUNT, 0.5, out, &effect);
            if (effect.update != 4 * (COUNT - 3) || !(merge_effective(&effect) > 0.4))
                fail_msg("%s: along %g, update %g", list[k]->name, effect.along, effect.update);
            assert_int_equal(out[5], o ? 0x7F80 : 0x7C00);
        }
}

/* Sums of plain numbers: equal on all kernels, and those of the definition within f32's precision. */
static void test_effects(void **state)
{
    (void)state;
    const struct merge_kernel *list[KERNELS_MAX];
    size_t n = kernels(list);
    struct rng rng;
    uint16_t base[N], tuned[N], out[N];
    float b[N], t[N], w[N];
    rng_seed(&rng, 4, 0);
    for (int i = 0; i < N; i++) {
        b[i] = (float)(rng_uniform(&rng) - 0.5);
        t[i] = b[i] + 0.1f * (float)(rng_uniform(&rng) - 0.5);
    }
    floats_narrow(ST_BF16, b, N, base);
    floats_narrow(ST_BF16, t, N, tuned);
    base[5] = tuned[5] = 0x7F80; /* the same infinity is no update */
    struct st_tensor bs = tensor_of(ST_BF16, base, N), ts = tensor_of(ST_BF16, tuned, N);
    static const double ratios[] = {0.4, -0.3, 0, 1};
    for (int r = 0; r < 4; r++) {
        struct merge_effect want = {0}, first = {0};
        span(list[0], NULL, &bs, &ts, 0, N, ratios[r], out, &first);
        floats_widen(ST_BF16, base, N, b);
        floats_widen(ST_BF16, tuned, N, t);
        floats_widen(ST_BF16, out, N, w);
        for (int i = 0; i < N; i++) {
            double update = i == 5 ? 0 : (double)t[i] - (double)b[i];
            want.along += i == 5 ? 0 : ((double)w[i] - (double)b[i]) * update;
            want.update += update * update;
        }
        assert_true(fabs(first.along - want.along) < 1e-5 * want.update);
        assert_true(fabs(first.update - want.update) < 1e-5 * want.update);
        assert_true(fabs(merge_effective(&first) - ratios[r]) < 0.02);
        compare_kernels(list, n, &(struct merge_how){0}, &bs, &ts, ratios[r]);
    }
}

/* Every stored number of 16 bits widens and narrows alike everywhere, and narrowing what was widened is the identity
 * but for NaN, which is made quiet. */
static void test_all_halves(void **state)
{
    (void)state;
    const struct merge_kernel *list[KERNELS_MAX];
    size_t n = kernels(list);
    uint16_t *all = mem_zero(65536, 2), *back = mem_zero(65536, 2);
    float *wide = mem_zero(65536, 4), *plain = mem_zero(65536, 4);
    for (unsigned i = 0; i < 65536; i++)
        all[i] = (uint16_t)i;
    for (int d = 0; d < 2; d++) {
        unsigned infinity = d ? 0x7C00 : 0x7F80, quiet = d ? 0x200 : 0x40;
        list[n - 1]->widen(dtypes[d], all, 65536, plain);
        for (size_t k = 0; k < n; k++) {
            list[k]->widen(dtypes[d], all, 65536, wide);
            assert_memory_equal(wide, plain, 65536 * 4);
            list[k]->narrow(dtypes[d], wide, 65536, back);
            for (unsigned i = 0; i < 65536; i++)
                assert_int_equal(back[i], (i & 0x7FFF) > infinity ? i | quiet : i);
        }
    }
    mem_free(all);
    mem_free(back);
    mem_free(wide);
    mem_free(plain);
}

/* Floats around every tie of f16 and bf16, and random bits, narrow alike. Seed 6. */
static void test_narrowing_agrees(void **state)
{
    (void)state;
    enum { COUNT = 300001 };
    const struct merge_kernel *list[KERNELS_MAX];
    size_t n = kernels(list);
    struct rng rng;
    float *values = mem_zero(COUNT, 4);
    uint16_t *want = mem_zero(COUNT, 2), *got = mem_zero(COUNT, 2);
    rng_seed(&rng, 6, 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t bits = (uint32_t)rng_u64(&rng);
        if (i % 3)
            bits = (bits & 0xFFFFE000) + (i % 3 == 1 ? 0x1000 : 0x8000) + (bits % 3) - 1;
        memcpy(&values[i], &bits, 4);
    }
    for (int d = 0; d < 2; d++) {
        list[n - 1]->narrow(dtypes[d], values, COUNT, want);
        for (size_t k = 0; k + 1 < n; k++) {
            list[k]->narrow(dtypes[d], values, COUNT, got);
            assert_memory_equal(got, want, COUNT * 2);
        }
    }
    mem_free(values);
    mem_free(want);
    mem_free(got);
}

/* Lengths 0 … 100 write their own bytes and no others. */
static void test_tails(void **state)
{
    (void)state;
    const struct merge_kernel *list[KERNELS_MAX];
    size_t n = kernels(list);
    struct rng rng;
    char *base = mem_zero(N * 8, 1), *tuned = mem_zero(N * 8, 1), whole[100 * 8], out[101 * 8];
    rng_seed(&rng, 9, 0);
    for (int d = 0; d < 4; d++) {
        draw_pair(&rng, dtypes[d], base, tuned);
        struct st_tensor b = tensor_of(dtypes[d], base, 100), t = tensor_of(dtypes[d], tuned, 100);
        struct merge_how how = {.rounding = ROUND_STOCHASTIC, .seed = 1};
        size_t size = size_of(dtypes[d]);
        for (size_t k = 0; k < n; k++) {
            span(list[k], &how, &b, &t, 0, 100, 0.3, whole, NULL);
            for (uint64_t some = 0; some <= 100; some++) {
                memset(out, 0x5A, sizeof out);
                span(list[k], &how, &b, &t, 0, some, 0.3, out, NULL);
                assert_memory_equal(out, whole, some * size);
                for (size_t i = some * size; i < sizeof out; i++)
                    assert_int_equal(out[i], 0x5A);
            }
        }
    }
    mem_free(base);
    mem_free(tuned);
}

/* Large and aligned outputs go past the caches; the bytes are those of small pieces. */
static void test_large_outputs(void **state)
{
    (void)state;
    enum { BYTES = 17 << 20 };
    const struct merge_kernel *list[KERNELS_MAX];
    size_t n = kernels(list);
    char *base = mem_zero(BYTES, 1), *tuned = mem_zero(BYTES, 1), *piece = mem_zero(BYTES, 1);
    char *out = aligned_alloc(64, BYTES);
    assert_non_null(out);
    for (uint32_t i = 0; i < BYTES; i++) {
        base[i] = (char)(i * 2654435761u >> 24);
        tuned[i] = (char)(i * 2246822519u >> 24);
    }
    for (int d = 0; d < 3; d++) {
        uint64_t count = BYTES / size_of(dtypes[d]), step = 64 * MERGE_BLOCK_N;
        struct st_tensor b = tensor_of(dtypes[d], base, count), t = tensor_of(dtypes[d], tuned, count);
        for (size_t k = 0; k + 1 < n || k == 0; k++) {
            struct merge_effect one = {0}, many = {0};
            span(list[k], NULL, &b, &t, 0, count, 0.7, out, &one);
            for (uint64_t first = 0; first < count; first += step)
                span(list[k], NULL, &b, &t, first, count - first < step ? count - first : step, 0.7,
                     piece + first * size_of(dtypes[d]), &many);
            assert_memory_equal(out, piece, BYTES);
            assert_memory_equal(&one, &many, sizeof one);
        }
    }
    free(out);
    mem_free(base);
    mem_free(tuned);
    mem_free(piece);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_agree),
        cmocka_unit_test(test_effects),
        cmocka_unit_test(test_equal_beyond_the_output),
        cmocka_unit_test(test_all_halves),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_narrowing_agrees),
        cmocka_unit_test(test_large_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
