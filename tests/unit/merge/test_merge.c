#include "fixture.h"

#include "merge/floats.h"
#include "merge/merge.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static struct st_file *golden(void)
{
    struct err err = {0};
    struct st_file *file;
    if (st_open(TEST_SOURCE_DIR "/tests/golden/merge/lerp.safetensors", &file, &err))
        fail_msg("%s", err.text);
    return file;
}

static const struct st_tensor *named(const struct st_file *file, const char *kind, const char *dtype,
                                     const char *ratio)
{
    char *name = mem_printf("%s.%s%s%s", kind, dtype, ratio ? "." : "", ratio ? ratio : "");
    const struct st_tensor *tensor = st_find(file, name);
    if (!tensor)
        fail_msg("%s is not in the golden file", name);
    mem_free(name);
    return tensor;
}

/* One stored element as its bits; any NaN as all ones, since payloads are not part of the comparison. */
static uint64_t element(const struct st_tensor *like, const void *data, uint64_t i)
{
    unsigned size = st_dtype_bits(like->dtype) / 8;
    uint64_t bits = 0, infinity = like->dtype == ST_BF16  ? 0x7F80
                                  : like->dtype == ST_F16 ? 0x7C00
                                  : like->dtype == ST_F32 ? 0x7F800000
                                                          : 0x7FF0000000000000u;
    memcpy(&bits, (const char *)data + i * size, size);
    uint64_t magnitude = bits & ~(UINT64_C(1) << (8 * size - 1));
    return magnitude > infinity ? UINT64_MAX : bits;
}

static void compare(const struct st_tensor *expected, const void *out, const char *ratio)
{
    for (uint64_t i = 0; i < expected->elements; i++) {
        uint64_t want = element(expected, expected->data, i), got = element(expected, out, i);
        if (want != got)
            fail_msg("%s at ratio %s, element %llu: expected %llx, got %llx", st_dtype_name(expected->dtype),
                     ratio, (unsigned long long)i, (unsigned long long)want, (unsigned long long)got);
    }
}

static const char *const dtypes[] = {"BF16", "F16", "F32", "F64"};

static void test_golden(void **state)
{
    static const char *const ratios[] = {"0.1", "0.35", "0.5", "0.9"};
    (void)state;
    struct st_file *file = golden();
    for (size_t d = 0; d < 4; d++)
        for (size_t r = 0; r < 4; r++) {
            const struct st_tensor *base = named(file, "base", dtypes[d], NULL);
            const struct st_tensor *tuned = named(file, "tuned", dtypes[d], NULL);
            void *out = mem_zero(base->bytes, 1);
            struct err err = {0};
            if (merge_tensor(base, tuned, strtod(ratios[r], NULL), NULL, out, NULL, &err))
                fail_msg("%s", err.text);
            compare(named(file, "merged", dtypes[d], ratios[r]), out, ratios[r]);
            mem_free(out);
        }
    st_close(file);
}

/* merge_tensor_f32 is merge_tensor, widened. */
static void test_f32_is_what_the_file_holds(void **state)
{
    static const double ratios[] = {0, 0.25, 0.35, 1, 1.2, -0.1};
    (void)state;
    struct st_file *file = golden();
    for (size_t d = 0; d < 4; d++)
        for (size_t r = 0; r < sizeof ratios / sizeof *ratios; r++) {
            const struct st_tensor *base = named(file, "base", dtypes[d], NULL);
            const struct st_tensor *tuned = named(file, "tuned", dtypes[d], NULL);
            struct st_tensor stored = *base;
            struct err err = {0};
            void *bytes = mem_zero(base->bytes, 1);
            float *wide = mem_zero(base->elements, 4), *expected = mem_zero(base->elements, 4);
            stored.data = bytes;
            stored.disk = NULL;
            assert_int_equal(merge_tensor(base, tuned, ratios[r], NULL, bytes, NULL, &err), 0);
            assert_int_equal(tensor_to_f32(&stored, 0, stored.elements, expected, &err), 0);
            assert_int_equal(merge_tensor_f32(base, tuned, ratios[r], NULL, wide, NULL, &err), 0);
            assert_memory_equal(wide, expected, base->elements * 4);
            mem_free(bytes);
            mem_free(wide);
            mem_free(expected);
        }
    st_close(file);
}

static void test_ends_are_the_bytes(void **state)
{
    (void)state;
    struct st_file *file = golden(); /* with NaN of both kinds, both zeros and infinities */
    for (size_t d = 0; d < 4; d++) {
        const struct st_tensor *base = named(file, "base", dtypes[d], NULL);
        const struct st_tensor *tuned = named(file, "tuned", dtypes[d], NULL);
        struct err err = {0};
        void *out = mem_zero(base->bytes, 1);
        assert_int_equal(merge_tensor(base, tuned, 0, NULL, out, NULL, &err), 0);
        assert_memory_equal(out, base->data, base->bytes);
        assert_int_equal(merge_tensor(base, tuned, 1, NULL, out, NULL, &err), 0);
        assert_memory_equal(out, tuned->data, tuned->bytes);
        mem_free(out);
    }
    st_close(file);
}

/* Every 16-bit number widens to itself and narrows back: merged with itself it does not move. */
static void test_every_half(void **state)
{
    (void)state;
    uint16_t *all = mem_zero(65536, 2), *out = mem_zero(65536, 2);
    float *wide = mem_zero(65536, 4);
    for (unsigned i = 0; i < 65536; i++)
        all[i] = (uint16_t)i;
    for (int k = 0; k < 2; k++) {
        struct st_tensor tensor = {"w", k ? ST_F16 : ST_BF16, 1, {65536}, 65536, all, 131072, NULL, 0};
        struct err err = {0};
        assert_int_equal(merge_tensor(&tensor, &tensor, 0.3, NULL, out, NULL, &err), 0);
        compare(&tensor, out, "0.3");
        assert_int_equal(tensor_to_f32(&tensor, 0, 65536, wide, &err), 0);
        for (unsigned i = 0; i < 65536; i++) { /* the value by its definition */
            int fraction_n = k ? 10 : 7, bias = k ? 15 : 127;
            int exponent = (int)(i & 0x7FFF) >> fraction_n, fraction = (int)i & ((1 << fraction_n) - 1);
            double value = exponent ? ldexp((1 << fraction_n) + fraction, exponent - bias - fraction_n)
                                    : ldexp(fraction, 1 - bias - fraction_n);
            if (exponent == 2 * bias + 1)
                value = fraction ? NAN : INFINITY;
            value = i & 0x8000 ? -value : value;
            if (isnan(value) ? !isnan(wide[i])
                             : (double)wide[i] != value || !signbit(wide[i]) != !signbit(value))
                fail_msg("%s %04x is %g, got %g", st_dtype_name(tensor.dtype), i, value, (double)wide[i]);
        }
    }
    mem_free(all);
    mem_free(out);
    mem_free(wide);
}

/* The middle of every two neighbours is a tie: it goes to the even one. Found by the value, not by bit
 * tricks. */
static void test_ties_to_even(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        unsigned infinity = k ? 0x7C00 : 0x7F80;
        uint16_t *base = mem_zero(infinity, 2), *tuned = mem_zero(infinity, 2), *out = mem_zero(infinity, 2);
        for (unsigned i = 0; i + 1 < infinity; i++) {
            base[i] = (uint16_t)i;
            tuned[i] = (uint16_t)(i + 1);
        }
        uint64_t n = infinity - 1;
        struct st_tensor b = {"w", k ? ST_F16 : ST_BF16, 1, {n}, n, base, 2 * n, NULL, 0}, t = b;
        struct err err = {0};
        t.data = tuned;
        assert_int_equal(merge_tensor(&b, &t, 0.5, NULL, out, NULL, &err), 0);
        for (unsigned i = 0; i < n; i++)
            if (out[i] != (i & 1 ? i + 1 : i))
                fail_msg("%s: the middle of %04x and %04x became %04x", st_dtype_name(b.dtype), i, i + 1,
                         out[i]);
        mem_free(base);
        mem_free(tuned);
        mem_free(out);
    }
}

static void test_nan_stays_nan(void **state)
{
    /* payloads whose rounding would carry into infinity, or drop below the kept bits */
    static const uint32_t nans[] = {0x7FFFFFFF, 0x7F800001, 0xFFFFFFFF, 0xFF80FFFF, 0x7FC00000};
    (void)state;
    static const enum st_dtype kinds[] = {ST_BF16, ST_F16, ST_F32};
    for (size_t k = 0; k < 3; k++)
        for (uint64_t i = 0; i < 5; i++) {
            uint32_t bits = kinds[k] == ST_F32 ? nans[i] : kinds[k] == ST_F16 ? 0x7C01 + (uint32_t)i : 0xFF81;
            uint32_t one = kinds[k] == ST_F32 ? 0x3F800000 : 0x3C00;
            struct st_tensor base = {"w", kinds[k], 0, {0}, 1, &bits, st_dtype_bits(kinds[k]) / 8, NULL, 0},
                             tuned = base;
            struct err err = {0};
            float out = 0;
            tuned.data = &one;
            assert_int_equal(merge_tensor_f32(&base, &tuned, 0.5, NULL, &out, NULL, &err), 0);
            assert_true(isnan(out));
            assert_int_equal(merge_tensor_f32(&tuned, &base, 0.5, NULL, &out, NULL, &err), 0);
            assert_true(isnan(out));
        }
}

/* Blocks and odd addresses do not show: 3 blocks and a rest, read and written at address + 1. */
static void test_unaligned_and_long(void **state)
{
    enum { N = 2048 * 3 + 5 };
    (void)state;
    char *base = mem_zero(2 * N + 1, 1), *tuned = mem_zero(2 * N + 1, 1), *out = mem_zero(2 * N + 1, 1);
    for (int i = 0; i < N; i++) {
        uint16_t b = (uint16_t)(0x3F80 + i % 97), t = (uint16_t)(0x3F80 + i % 89);
        memcpy(base + 1 + 2 * i, &b, 2);
        memcpy(tuned + 1 + 2 * i, &t, 2);
    }
    struct st_tensor bs = {"w", ST_BF16, 1, {N}, N, base + 1, 2 * N, NULL, 0}, ts = bs;
    struct err err = {0};
    ts.data = tuned + 1;
    assert_int_equal(merge_tensor(&bs, &ts, 0.35, NULL, out + 1, NULL, &err), 0);
    for (int i = 0; i < N; i++) {
        uint16_t one = 0;
        struct st_tensor b1 = {"w", ST_BF16, 0, {0}, 1, base + 1 + 2 * i, 2, NULL, 0}, t1 = b1;
        t1.data = tuned + 1 + 2 * i;
        assert_int_equal(merge_tensor(&b1, &t1, 0.35, NULL, &one, NULL, &err), 0);
        assert_memory_equal(out + 1 + 2 * i, &one, 2);
    }
    mem_free(base);
    mem_free(tuned);
    mem_free(out);
}

/* Files that are not mapped are read in pieces of a MiB: the same bytes, and the same sums. */
static void test_read_in_pieces(void **state)
{
    enum { N = 3 * (1 << 18) + 4321 };
    (void)state;
    char *path = mem_printf("/tmp/paretod-merge-%d.safetensors", getpid());
    float *values = mem_zero(N, 8), *out = mem_zero(N, 8), *wide = mem_zero(N, 4);
    for (int i = 0; i < 2 * N; i++)
        values[i] = (float)(i * 2654435761u >> 8) * 0x1p-24f;
    struct st_tensor tensors[2] = {fixture_f32("base", values, N), fixture_f32("tuned", values + N, N)};
    struct merge_effect whole = {0}, pieces = {0};
    struct err err = {0};
    assert_int_equal(merge_tensor(&tensors[0], &tensors[1], 0.4, NULL, out, &whole, &err), 0);
    assert_int_equal(st_write(path, tensors, 2, &err), 0);
    setenv("PARETOD_READ", "pread", 1);
    struct st_file *file;
    assert_int_equal(st_open(path, &file, &err), 0);
    unsetenv("PARETOD_READ");
    const struct st_tensor *base = st_find(file, "base"), *tuned = st_find(file, "tuned");
    assert_true(st_read_copies(base));
    assert_int_equal(merge_tensor(base, tuned, 0.4, NULL, out + N, &pieces, &err), 0);
    assert_memory_equal(out, out + N, N * sizeof *out);
    assert_memory_equal(&whole, &pieces, sizeof whole);
    assert_int_equal(merge_tensor_f32(base, tuned, 0.4, NULL, wide, NULL, &err), 0);
    assert_memory_equal(out, wide, N * sizeof *out);
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(merge_tensor(base, tuned, 0.4, NULL, out, NULL, &err), ERR_CORRUPT);
    assert_int_equal(merge_tensor_f32(base, tuned, 0.4, NULL, wide, NULL, &err), ERR_CORRUPT);
    st_close(file);
    unlink(path);
    mem_free(path);
    mem_free(values);
    mem_free(out);
    mem_free(wide);
}

/* What `others` says, at the ends as well: base's bytes at 0, tuned's at 1, refused is refused. */
static void test_others(void **state)
{
    (void)state;
    static const enum spec_others choices[] = {OTHERS_EQUAL, OTHERS_BASE, OTHERS_TUNED, OTHERS_REFUSE};
    static const double ratios[] = {0, 0.5, 1};
    /* which side: 'b', 't', or '-' refused, at each ratio; of tensors that differ */
    static const char *const want[] = {"b-t", "bbt", "btt", "---"};
    int64_t one[2] = {3, 4}, two[2] = {3, 5}, out[2];
    struct st_tensor base = {"ids", ST_I64, 1, {2}, 2, one, 16, NULL, 0}, tuned = base;
    struct err err = {0};
    tuned.data = two;
    for (int o = 0; o < 4; o++)
        for (int r = 0; r < 3; r++) {
            struct merge_how how = {.others = choices[o]};
            int rc = merge_tensor(&base, &tuned, ratios[r], &how, out, NULL, &err);
            if (want[o][r] == '-')
                fixture_refused(rc, ERR_UNSUPPORTED, &err, "\"ids\"");
            else
                assert_int_equal(rc, 0);
            if (!rc)
                assert_memory_equal(out, want[o][r] == 'b' ? one : two, 16);
            rc = merge_tensor(&base, &base, ratios[r], &how, out, NULL, &err); /* equal ones */
            assert_int_equal(rc, choices[o] == OTHERS_REFUSE ? ERR_UNSUPPORTED : 0);
            if (!rc)
                assert_memory_equal(out, one, 16);
        }
}

/* 4 and 6 bits an element: whole bytes move. */
static void test_parts_of_bytes(void **state)
{
    (void)state;
    enum { N = MERGE_BLOCK_N + 8 };
    char bytes[N], out[N];
    struct err err = {0};
    for (int i = 0; i < N; i++)
        bytes[i] = (char)(i * 37);
    static const enum st_dtype kinds[] = {ST_F4, ST_F6_E2M3, ST_F8_E4M3};
    for (int k = 0; k < 3; k++) {
        uint64_t size = (uint64_t)N * st_dtype_bits(kinds[k]) / 8;
        struct st_tensor t = {"w", kinds[k], 1, {N}, N, bytes, size, NULL, 0};
        memset(out, 0, sizeof out);
        assert_int_equal(merge_tensor(&t, &t, 0.5, NULL, out, NULL, &err), 0);
        assert_memory_equal(out, bytes, size);
        for (uint64_t i = size; i < N; i++)
            assert_int_equal(out[i], 0);
    }
}

/* Another dtype out: what rounding the average gives, at the ends what rounding base and tuned gives. Halves to f32 are
 * not rounded at all. */
static void test_output_dtype(void **state)
{
    (void)state;
    static const enum spec_dtype outputs[] = {OUTPUT_F32, OUTPUT_BF16, OUTPUT_F16};
    static const double ratios[] = {0, 0.35, 1};
    struct st_file *file = golden();
    for (size_t d = 0; d < 4; d++)
        for (int o = 0; o < 3; o++)
            for (int r = 0; r < 3; r++) {
                const struct st_tensor *base = named(file, "base", dtypes[d], NULL);
                const struct st_tensor *tuned = named(file, "tuned", dtypes[d], NULL);
                uint64_t n = base->elements;
                struct merge_how how = {.dtype = outputs[o]};
                enum st_dtype to = merge_dtype(&how, base->dtype);
                struct st_tensor expected = {"w", to, 1, {n}, n, NULL, n * st_dtype_bits(to) / 8, NULL, 0};
                float *b = mem_zero(n, 4), *t = mem_zero(n, 4);
                void *want = mem_zero(n, 4), *out = mem_zero(n, 4);
                struct err err = {0};
                assert_int_equal(tensor_to_f32(base, 0, n, b, &err), 0);
                assert_int_equal(tensor_to_f32(tuned, 0, n, t, &err), 0);
                for (uint64_t i = 0; i < n && ratios[r] != 0; i++) {
                    volatile float step = t[i] - b[i], part = (float)ratios[r] * step;
                    float sum = b[i] + part;
                    double one[2];
                    if (base->dtype == ST_F64) { /* in f64, then f32, then rounded */
                        memcpy(&one[0], (const char *)base->data + i * 8, 8);
                        memcpy(&one[1], (const char *)tuned->data + i * 8, 8);
                        volatile double step64 = one[1] - one[0], part64 = ratios[r] * step64;
                        sum = (float)(memcmp(&one[0], &one[1], 8) == 0 ? one[0] : one[0] + part64);
                    }
                    if (ratios[r] == 1)
                        b[i] = t[i];
                    else if (b[i] != t[i] || base->dtype == ST_F64 || signbit(b[i]) != signbit(t[i]))
                        b[i] = sum;
                }
                floats_narrow(to, b, n, want);
                expected.data = want;
                assert_int_equal(merge_tensor(base, tuned, ratios[r], &how, out, NULL, &err), 0);
                compare(&expected, out, dtypes[d]);
                mem_free(b);
                mem_free(t);
                mem_free(want);
                mem_free(out);
            }
    st_close(file);
}

static void test_other_dtypes(void **state)
{
    (void)state;
    int64_t same[2] = {3, 4}, other[2] = {3, 5}, out[2] = {0};
    struct st_tensor base = {"position_ids", ST_I64, 1, {2}, 2, same, 16, NULL, 0}, tuned = base;
    struct err err = {0};
    float wide[2];
    assert_int_equal(merge_tensor(&base, &tuned, 0.5, NULL, out, NULL, &err), 0);
    assert_memory_equal(out, same, 16);
    fixture_refused(merge_tensor_f32(&base, &tuned, 0.5, NULL, wide, NULL, &err), ERR_UNSUPPORTED, &err,
                    "position_ids");
    tuned.data = other;
    fixture_refused(merge_tensor(&base, &tuned, 0.5, NULL, out, NULL, &err), ERR_UNSUPPORTED, &err,
                    "\"position_ids\"");
    assert_int_equal(merge_tensor(&base, &tuned, 1, NULL, out, NULL, &err), 0); /* no average is asked for */
    assert_memory_equal(out, other, 16);
}

static void test_refuses(void **state)
{
    (void)state;
    float values[2] = {1, 2}, out[2];
    struct st_tensor base = fixture_f32("w", values, 2), tuned = base;
    struct err err = {0};
    tuned.rank = 2;
    tuned.shape[1] = 1;
    fixture_refused(merge_tensor(&base, &tuned, 0.5, NULL, out, NULL, &err), ERR_INVALID, &err, "\"w\"");
    tuned = base;
    tuned.dtype = ST_I32;
    fixture_refused(merge_tensor_f32(&base, &tuned, 0.5, NULL, out, NULL, &err), ERR_INVALID, &err, "\"w\"");
    fixture_refused(merge_tensor(&base, &base, (double)NAN, NULL, out, NULL, &err), ERR_INVALID, &err,
                    "finite");
}

static void test_empty(void **state)
{
    (void)state;
    struct st_tensor empty = {"w", ST_BF16, 1, {0}, 0, "", 0, NULL, 0};
    struct err err = {0};
    float wide = 7;
    assert_int_equal(merge_tensor(&empty, &empty, 0.5, NULL, NULL, NULL, &err), 0);
    assert_int_equal(merge_tensor_f32(&empty, &empty, 0.5, NULL, &wide, NULL, &err), 0);
    assert_int_equal(merge_tensor_f32(&empty, &empty, 1, NULL, &wide, NULL, &err), 0);
    assert_true(wide == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_f32_is_what_the_file_holds),
        cmocka_unit_test(test_ends_are_the_bytes),
        cmocka_unit_test(test_every_half),
        cmocka_unit_test(test_ties_to_even),
        cmocka_unit_test(test_nan_stays_nan),
        cmocka_unit_test(test_unaligned_and_long),
        cmocka_unit_test(test_read_in_pieces),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_parts_of_bytes),
        cmocka_unit_test(test_output_dtype),
        cmocka_unit_test(test_other_dtypes),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
