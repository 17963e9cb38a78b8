#include "fixture.h"

#include "merge/files/hash.h"
#include "merge/merge.h"

/* Merged tensors against golden/merge/merged.json, which a second implementation of the formula made: every dtype, output
 * and rounding, sizes that end within a vector and within a block, draws of stochastic rounding included. */

static uint64_t splitmix(uint64_t i)
{
    uint64_t x = i * 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static uint64_t made_finite(enum st_dtype dtype, uint64_t bits)
{
    uint64_t exponent = dtype == ST_BF16  ? 0x7F80
                        : dtype == ST_F16 ? 0x7C00
                        : dtype == ST_F32 ? 0x7F800000
                                          : 0x7FF0000000000000;
    uint64_t top = dtype == ST_F32 ? 1u << 30 : dtype == ST_F64 ? (uint64_t)1 << 62 : 1u << 14;
    return (bits & exponent) == exponent ? bits ^ top : bits;
}

/* As pair() of make_merged.py. */
static void fill(enum st_dtype dtype, uint64_t n, char *base, char *tuned)
{
    size_t size = st_dtype_bits(dtype) / 8;
    uint64_t width = size == 8 ? UINT64_MAX : ((uint64_t)1 << size * 8) - 1;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t two = splitmix(i + n + 1), b = made_finite(dtype, splitmix(i + 1) & width);
        uint64_t t = i % 16 == 5 ? b : i % 4 == 3 ? made_finite(dtype, two & width) : b ^ (two & 7);
        memcpy(base + i * size, &b, size);
        memcpy(tuned + i * size, &t, size);
    }
}

static enum st_dtype dtype_of(const struct json *text)
{
    for (int i = 0; i < ST_DTYPES_N; i++)
        if (strcmp(json_string_or(text, ""), st_dtype_name((enum st_dtype)i)) == 0)
            return (enum st_dtype)i;
    fail_msg("no dtype");
    return ST_DTYPES_N;
}

static struct merge_how how_of(const struct json *golden)
{
    enum st_dtype dtype = dtype_of(json_get(golden, "dtype")), out = dtype_of(json_get(golden, "out"));
    const char *rounding = json_string_or(json_get(golden, "rounding"), "");
    return (struct merge_how){
        .rounding = strcmp(rounding, "stochastic") == 0 ? ROUND_STOCHASTIC : ROUND_NEAREST,
        .dtype = out == dtype    ? OUTPUT_SAME
                 : out == ST_F32 ? OUTPUT_F32
                 : out == ST_F16 ? OUTPUT_F16
                                 : OUTPUT_BF16,
        .seed = (uint64_t)json_number_or(json_get(golden, "seed"), -1),
    };
}

static bool right(const struct json *golden)
{
    enum st_dtype dtype = dtype_of(json_get(golden, "dtype")), out = dtype_of(json_get(golden, "out"));
    uint64_t n = (uint64_t)json_number_or(json_get(golden, "n"), 0);
    const char *name = json_string_or(json_get(golden, "name"), ""),
               *want = json_string_or(json_get(golden, "hash"), "");
    double ratio = json_number_or(json_get(golden, "ratio"), -1);
    struct merge_how how = how_of(golden);
    char *base = mem_zero(n, 8), *tuned = mem_zero(n, 8), *merged = mem_zero(n, 8), hex[HASH_TEXT_MAX];
    struct st_tensor b = {.name = name, .dtype = dtype, .rank = 1, .shape = {n}, .elements = n, .data = base};
    b.bytes = n * st_dtype_bits(dtype) / 8;
    struct st_tensor t = b;
    t.data = tuned;
    struct err err = {0};
    fill(dtype, n, base, tuned);
    if (merge_tensor(&b, &t, ratio, &how, merged, NULL, &err))
        fail_msg("%s", err.text);
    hash_print(hash_bytes(merged, n * st_dtype_bits(out) / 8), hex);
    mem_free(base);
    mem_free(tuned);
    mem_free(merged);
    if (strcmp(hex, want) == 0)
        return true;
    print_error("%s to %s, %s, %llu elements, ratio %g: want %s, got %s\n", st_dtype_name(dtype),
                st_dtype_name(out), json_string_or(json_get(golden, "rounding"), ""), (unsigned long long)n,
                ratio, want, hex);
    return false;
}

static void test_golden(void **state)
{
    (void)state;
    struct err err = {0};
    struct json *golden;
    if (json_parse_file(TEST_SOURCE_DIR "/tests/golden/merge/merged.json", 1 << 20, &golden, &err))
        fail_msg("%s", err.text);
    int wrong = 0;
    assert_true(json_len(golden) >= 150);
    for (const struct json *c = json_first(golden); c; c = json_next(c))
        wrong += !right(c);
    json_free(golden);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
