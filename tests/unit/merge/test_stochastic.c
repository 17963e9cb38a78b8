#include "fixture.h"

#include "merge/floats.h"
#include "merge/merge.h"
#include "proto/rng.h"

#include <math.h>

static struct st_tensor tensor_of(const char *name, enum st_dtype dtype, const void *data, uint64_t n)
{
    return (struct st_tensor){.name = name,
                              .dtype = dtype,
                              .rank = 1,
                              .shape = {n},
                              .elements = n,
                              .data = data,
                              .bytes = n * st_dtype_bits(dtype) / 8};
}

static void merge(const struct st_tensor *base, const struct st_tensor *tuned, double ratio,
                  const struct merge_how *how, void *out, struct merge_effect *effect)
{
    struct err err = {0};
    if (merge_tensor(base, tuned, ratio, how, out, effect, &err))
        fail_msg("%s", err.text);
}

/* n pairs of neighbours: bits and bits + 1 of the dtype. */
static void neighbours(uint16_t bits, uint16_t *base, uint16_t *tuned, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        base[i] = bits;
        tuned[i] = (uint16_t)(bits + 1);
    }
}

/* One unit apart, nearest turns 0.4 into 0; stochastic rounding takes tuned's value for 0.4 of the elements, within 5
 * standard errors, of positive and negative, normal and subnormal numbers. */
static void test_unbiased(void **state)
{
    (void)state;
    enum { COUNT = 400000 };
    static const uint16_t starts[2][4] = {{0x3F81, 0xBC01, 0x0080, 0x0300}, {0x3C01, 0xB812, 0x0001, 0x8155}};
    static const double ratios[] = {0.4, 0.03125, 0.97};
    uint16_t *base = mem_zero(COUNT, 2), *tuned = mem_zero(COUNT, 2), *out = mem_zero(COUNT, 2);
    for (int d = 0; d < 2; d++) /* the subnormals of bf16 are f32's too, whose averages are cut: none here */
        for (int s = 0; s < 4; s++)
            for (int r = 0; r < 3; r++) {
                neighbours(starts[d][s], base, tuned, COUNT);
                struct st_tensor b = tensor_of("w", d ? ST_F16 : ST_BF16, base, COUNT), t = b;
                struct merge_how how = {.rounding = ROUND_STOCHASTIC, .seed = 11};
                t.data = tuned;
                merge(&b, &t, ratios[r], &how, out, NULL);
                size_t up = 0;
                for (size_t i = 0; i < COUNT; i++) {
                    assert_true(out[i] == base[i] || out[i] == tuned[i]);
                    up += out[i] == tuned[i];
                }
                double error = sqrt(ratios[r] * (1 - ratios[r]) / COUNT);
                if (fabs((double)up / COUNT - ratios[r]) > 5 * error)
                    fail_msg("%04x: %.5f instead of %.5f", starts[d][s], (double)up / COUNT, ratios[r]);
            }
    mem_free(base);
    mem_free(tuned);
    mem_free(out);
}

static void test_effective_ratio(void **state)
{
    (void)state;
    enum { COUNT = 400000 };
    uint16_t *base = mem_zero(COUNT, 2), *tuned = mem_zero(COUNT, 2), *out = mem_zero(COUNT, 2);
    neighbours(0x3F81, base, tuned, COUNT);
    struct st_tensor b = tensor_of("w", ST_BF16, base, COUNT), t = b;
    struct merge_how nearest = {0}, stochastic = {.rounding = ROUND_STOCHASTIC, .seed = 1};
    struct merge_effect effect = {0};
    t.data = tuned;
    merge(&b, &t, 0.4, &nearest, out, &effect);
    assert_true(merge_effective(&effect) == 0);
    effect = (struct merge_effect){0};
    merge(&b, &t, 0.4, &stochastic, out, &effect);
    assert_true(fabs(merge_effective(&effect) - 0.4) < 0.005);
    mem_free(base);
    mem_free(tuned);
    mem_free(out);
}

/* Draws of neighbours, of elements a block apart and of the halves of a mix are independent: each of the four outcomes
 * of a pair at 0.5 has a quarter, within 5 standard errors. */
static void test_independent(void **state)
{
    (void)state;
    enum { COUNT = 1 << 18 };
    static const size_t gaps[] = {1, 2, 15, 16, 17, 32, 64, 1024, MERGE_BLOCK_N, 2 * MERGE_BLOCK_N, 65536};
    uint16_t *base = mem_zero(COUNT, 2), *tuned = mem_zero(COUNT, 2), *out = mem_zero(COUNT, 2);
    uint16_t *other = mem_zero(COUNT, 2);
    for (int d = 0; d < 2; d++) {
        neighbours(0x3C01, base, tuned, COUNT);
        struct st_tensor b = tensor_of("a", d ? ST_F16 : ST_BF16, base, COUNT), t = b;
        struct merge_how how = {.rounding = ROUND_STOCHASTIC, .seed = 2};
        t.data = tuned;
        merge(&b, &t, 0.5, &how, out, NULL);
        b.name = "b"; /* another tensor draws by itself */
        merge(&b, &t, 0.5, &how, other, NULL);
        for (size_t g = 0; g <= sizeof gaps / sizeof *gaps; g++) {
            size_t gap = g < sizeof gaps / sizeof *gaps ? gaps[g] : 0, n = COUNT - gap, counts[4] = {0};
            for (size_t i = 0; i < n; i++)
                counts[(out[i] & 1) * 2 + ((gap ? out[i + gap] : other[i]) & 1)]++;
            for (int c = 0; c < 4; c++) {
                double share = (double)counts[c] / (double)n;
                if (fabs(share - 0.25) > 5 * sqrt(0.25 * 0.75 / (double)n) * 1.5)
                    fail_msg("gap %zu: outcome %d has %.5f", gap, c, share);
            }
        }
    }
    mem_free(base);
    mem_free(tuned);
    mem_free(out);
    mem_free(other);
}

/* Numbers that the dtype has stay as they are, whatever is drawn, zeros, subnormals and infinities too. */
static void test_exact_values_stay(void **state)
{
    (void)state;
    uint16_t *all = mem_zero(65536, 2), *out = mem_zero(65536, 2);
    float *wide = mem_zero(65536, 4);
    for (unsigned i = 0; i < 65536; i++)
        all[i] = (uint16_t)i;
    for (int d = 0; d < 2; d++)
        for (uint64_t seed = 0; seed < 8; seed++) {
            enum st_dtype dtype = d ? ST_F16 : ST_BF16;
            struct merge_how how = {ROUND_STOCHASTIC, d ? OUTPUT_F16 : OUTPUT_BF16, OTHERS_EQUAL, seed};
            floats_widen(dtype, all, 65536, wide);
            struct st_tensor same = tensor_of("w", dtype, all, 65536),
                             from = tensor_of("w", ST_F32, wide, 65536);
            for (int f = 0; f < 2; f++) {
                merge(f ? &from : &same, f ? &from : &same, 0.3, &how, out, NULL);
                for (unsigned i = 0; i < 65536; i++)
                    if ((i & 0x7FFF) <= (d ? 0x7C00u : 0x7F80u))
                        assert_int_equal(out[i], i);
            }
        }
    mem_free(all);
    mem_free(out);
    mem_free(wide);
}

/* No finite number is drawn to infinity that nearest would leave finite, nor the other way. */
static void test_top(void **state)
{
    (void)state;
    static const float tops[2][2] = {{0x1.FEp127f, 0x1.FEFFFEp127f},
                                     {65504, 65519.996f}}; /* largest, and below half */
    float values[4096];
    uint16_t out[4096];
    for (int d = 0; d < 2; d++)
        for (int v = 0; v < 2; v++) {
            for (int i = 0; i < 4096; i++)
                values[i] = i % 2 ? -tops[d][v] : tops[d][v];
            struct st_tensor t = tensor_of("w", ST_F32, values, 4096);
            struct merge_how how = {ROUND_STOCHASTIC, d ? OUTPUT_F16 : OUTPUT_BF16, OTHERS_EQUAL, 1};
            merge(&t, &t, 0.5, &how, out, NULL);
            for (int i = 0; i < 4096; i++)
                assert_int_equal(out[i] & 0x7FFF, d ? 0x7BFF : 0x7F7F);
        }
}

static int ordered(uint16_t bits)
{
    return bits & 0x8000 ? -(bits & 0x7FFF) : bits;
}

/* The draws do not depend on the ratio: with a growing ratio no element ever steps back. Seed 12. */
static void test_monotone_in_the_ratio(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    uint16_t base[COUNT], tuned[COUNT], last[COUNT], out[COUNT];
    struct rng rng;
    rng_seed(&rng, 12, 0);
    for (int d = 0; d < 2; d++) {
        for (int i = 0; i < COUNT; i++) {
            base[i] = (uint16_t)(0x3000 + rng_u64(&rng) % 0x800) | (uint16_t)(rng_u64(&rng) % 2 << 15);
            tuned[i] = (uint16_t)(base[i] + rng_u64(&rng) % 9 - 4);
            if (i % 10 == 0) { /* across zero, among f16's subnormals */
                base[i] = (uint16_t)(rng_u64(&rng) % 20);
                tuned[i] = 0x8000 | (uint16_t)(rng_u64(&rng) % 20);
            }
        }
        struct st_tensor b = tensor_of("w", d ? ST_F16 : ST_BF16, base, COUNT), t = b;
        struct merge_how how = {.rounding = ROUND_STOCHASTIC, .seed = 3};
        t.data = tuned;
        memcpy(last, base, sizeof last);
        for (int r = 0; r <= 40; r++) {
            merge(&b, &t, r / 40.0, &how, out, NULL);
            for (int i = 0; i < COUNT; i++) {
                int way = ordered(tuned[i]) - ordered(base[i]), step = ordered(out[i]) - ordered(last[i]);
                if (way >= 0 ? step < 0 : step > 0)
                    fail_msg("ratio %g, element %d: %04x after %04x", r / 40.0, i, out[i], last[i]);
            }
            memcpy(last, out, sizeof last);
        }
    }
}

/* However the tensor is cut and in whatever order, and several ratios at once, the bytes are the same. */
static void test_split_does_not_show(void **state)
{
    (void)state;
    enum { COUNT = 5 * MERGE_BLOCK_N + 77 };
    static const double ratios[3] = {0.3, 0, 0.8};
    uint16_t *buffers = mem_zero(8 * COUNT, 2), *base = buffers, *tuned = base + COUNT;
    struct merge_how how = {.rounding = ROUND_STOCHASTIC, .seed = 4};
    struct merge_task task;
    struct err err = {0};
    for (int i = 0; i < COUNT; i++) {
        base[i] = (uint16_t)(0x3F00 + i % 200);
        tuned[i] = (uint16_t)(base[i] + 1 + i % 3);
    }
    struct st_tensor b = tensor_of("w", ST_BF16, base, COUNT), t = b;
    t.data = tuned;
    uint16_t *whole = tuned + COUNT, *pieces = whole + 3 * COUNT;
    for (int r = 0; r < 3; r++)
        merge(&b, &t, ratios[r], &how, whole + r * COUNT, NULL);
    assert_int_equal(merge_begin(&task, &b, &t, &how, &err), 0);
    for (int first = 4 * MERGE_BLOCK_N; first >= 0; first -= 2 * MERGE_BLOCK_N) {
        uint64_t n = first + 2 * MERGE_BLOCK_N < COUNT ? 2 * MERGE_BLOCK_N : COUNT - (uint64_t)first;
        void *outs[3] = {pieces + first, pieces + COUNT + first, pieces + 2 * COUNT + first};
        struct merge_effect effects[3] = {0};
        assert_int_equal(merge_span(&task, base + first, tuned + first, (uint64_t)first, n, 3, ratios, outs,
                                    effects, &err),
                         0);
        assert_true(effects[1].along == 0 && effects[1].update == effects[0].update);
    }
    assert_memory_equal(pieces, whole, 3 * COUNT * sizeof *whole);
    mem_free(buffers);
}

/* Seed and name choose the draws; f32 and f64 have nothing to draw. */
static void test_seed_and_name(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    uint16_t base[COUNT], tuned[COUNT], first[COUNT], out[COUNT];
    neighbours(0x3F81, base, tuned, COUNT);
    struct st_tensor b = tensor_of("w", ST_BF16, base, COUNT), t = b;
    struct merge_how how = {.rounding = ROUND_STOCHASTIC, .seed = 1};
    t.data = tuned;
    merge(&b, &t, 0.5, &how, first, NULL);
    merge(&b, &t, 0.5, &how, out, NULL);
    assert_memory_equal(out, first, sizeof out);
    how.seed = 2;
    merge(&b, &t, 0.5, &how, out, NULL);
    assert_memory_not_equal(out, first, sizeof out);
    how.seed = 1;
    b.name = "v";
    merge(&b, &t, 0.5, &how, out, NULL);
    assert_memory_not_equal(out, first, sizeof out);
    for (int d = 0; d < 2; d++) {
        double wide[2][COUNT / 4] = {{0}}, drawn[COUNT / 4], nearest[COUNT / 4];
        float narrow[2][COUNT / 4] = {{0}};
        for (int i = 0; i < COUNT / 4; i++) {
            narrow[1][i] = (float)(wide[1][i] = 1.0 / (i + 3));
            narrow[0][i] = (float)(wide[0][i] = 1.0 / (i + 4));
        }
        b = tensor_of("w", d ? ST_F64 : ST_F32, d ? (void *)wide[0] : narrow[0], COUNT / 4);
        t = b;
        t.data = d ? (void *)wide[1] : narrow[1];
        merge(&b, &t, 0.3, &how, drawn, NULL);
        merge(&b, &t, 0.3, NULL, nearest, NULL);
        assert_memory_equal(drawn, nearest, b.bytes);
    }
}

/* The draws belong to the format of every merged checkpoint: if this array changes, no trial can be made again. */
static void test_golden(void **state)
{
    (void)state;
    static const unsigned char want[2][8] = {{0xD5, 0x40, 0x71, 0x36, 0xB5, 0xDB, 0xDA, 0xA8},
                                             {0x8F, 0x6D, 0x08, 0x54, 0xD7, 0x0C, 0xBC, 0xEB}};
    for (int d = 0; d < 2; d++) {
        uint16_t base[3000], tuned[3000], out[3000];
        unsigned char bits[8] = {0};
        neighbours(0x3C01, base, tuned, 3000);
        struct st_tensor b = tensor_of("model.embed_tokens.weight", d ? ST_F16 : ST_BF16, base, 3000), t = b;
        struct merge_how how = {.rounding = ROUND_STOCHASTIC, .seed = 0x123456789ABCDEFu};
        t.data = tuned;
        merge(&b, &t, 0.5, &how, out, NULL);
        for (int i = 0; i < 64; i++) /* across the end of the first block */
            bits[i / 8] |= (unsigned char)((out[MERGE_BLOCK_N - 32 + i] == tuned[0]) << i % 8);
        for (int i = 0; i < 8; i++)
            if (bits[i] != want[d][i])
                fail_msg("%d: {0x%02X, 0x%02X, 0x%02X, 0x%02X, 0x%02X, 0x%02X, 0x%02X, 0x%02X}", d, bits[0],
                         bits[1], bits[2], bits[3], bits[4], bits[5], bits[6], bits[7]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unbiased),
        cmocka_unit_test(test_effective_ratio),
        cmocka_unit_test(test_independent),
        cmocka_unit_test(test_exact_values_stay),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_monotone_in_the_ratio),
        cmocka_unit_test(test_split_does_not_show),
        cmocka_unit_test(test_seed_and_name),
        cmocka_unit_test(test_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
