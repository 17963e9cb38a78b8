#include "fixture.h"

#include "merge/floats.h"
#include "proto/rng.h"

#include <math.h>

/* Shape of a binary format: fraction bits, smallest and largest exponent of 2 of a normal number. */
struct format {
    enum st_dtype dtype;
    int fraction_n, min, max;
};
static const struct format formats[] = {{ST_BF16, 7, -126, 127}, {ST_F16, 10, -14, 15}};

/* x rounded to the format by the definition: the nearest multiple of the unit in the last place, ties to even. The
 * products are exact in double, and nearbyint rounds ties to even. */
static double nearest(const struct format *format, float x)
{
    int exponent;
    if (x == 0 || isinf(x))
        return (double)x;
    (void)frexpf(x, &exponent);
    exponent = exponent - 1 < format->min ? format->min : exponent - 1;
    double unit = ldexp(1, exponent - format->fraction_n), rounded = nearbyint((double)x / unit) * unit;
    double largest = ldexp(2 - ldexp(1, -format->fraction_n), format->max);
    return fabs(rounded) > largest ? copysign(INFINITY, rounded) : rounded;
}

static void check(const struct format *format, const float *values, size_t n)
{
    uint16_t stored[512];
    float back[512];
    assert_true(n <= 512);
    floats_narrow(format->dtype, values, n, stored);
    floats_widen(format->dtype, stored, n, back);
    for (size_t i = 0; i < n; i++) {
        double want = isnan(values[i]) ? NAN : nearest(format, values[i]);
        bool same = isnan(want) ? isnan(back[i])
                                : (double)back[i] == want && !signbit(back[i]) == !signbit(values[i]);
        if (!same)
            fail_msg("%s of %a: expected %a, got %a", st_dtype_name(format->dtype), (double)values[i], want,
                     (double)back[i]);
    }
}

/* Random bit patterns: every exponent, NaN and infinity among them. Seed 1. */
static void test_random_bits(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 1, 0);
    for (int round = 0; round < 1000; round++) {
        float values[512];
        for (int i = 0; i < 512; i++) {
            uint32_t bits = (uint32_t)rng_u64(&rng);
            if (round % 2) /* half of them where f16 has numbers */
                bits = (bits & 0x87FFFFFF) | 0x30000000 | (bits >> 3 & 0x08000000);
            memcpy(&values[i], &bits, 4);
        }
        check(&formats[0], values, 512);
        check(&formats[1], values, 512);
    }
}

/* At and just beside each boundary: halves of units, the ends of the range, NaN whose low bits are all that is set or
 * whose rounding would carry out of the exponent. */
static void test_boundaries(void **state)
{
    static const uint32_t centres[] = {0x00000000, 0x00008000, 0x00010000, 0x00800000, 0x33000000, 0x33800000,
                                       0x38800000, 0x387FC000, 0x3F800000, 0x3F808000, 0x3F818000, 0x3F801000,
                                       0x3F803000, 0x477FE000, 0x477FF000, 0x47800000, 0x7F7F0000, 0x7F7F8000,
                                       0x7F800000, 0x7FC00000, 0x7FFFFFFE};
    (void)state;
    for (size_t c = 0; c < sizeof centres / sizeof *centres; c++) {
        float values[6];
        for (int i = 0; i < 6; i++) {
            uint32_t bits = centres[c] + (uint32_t)(i % 3 - 1);
            bits = (bits & 0x7FFFFFFF) | (i < 3 ? 0 : 0x80000000);
            memcpy(&values[i], &bits, 4);
        }
        check(&formats[0], values, 6);
        check(&formats[1], values, 6);
    }
}

static void test_f32_and_f64(void **state)
{
    (void)state;
    static const float values[3] = {1.5f, -0.0f, 0x1p-149f};
    static const double doubles[3] = {0.1, 1e39, -0x1p-150};
    float out[3];
    char odd[13];
    floats_narrow(ST_F32, values, 3, odd + 1);
    floats_widen(ST_F32, odd + 1, 3, out);
    assert_memory_equal(out, values, sizeof out);
    floats_widen(ST_F64, doubles, 3, out);
    assert_true(out[0] == 0.1f && isinf(out[1]) && out[2] == 0 && signbit(out[2]));
}

static void test_can(void **state)
{
    (void)state;
    int n = 0;
    for (int i = 0; i < ST_DTYPES_N; i++)
        n += floats_can((enum st_dtype)i);
    assert_int_equal(n, 4);
    assert_true(floats_can(ST_BF16) && floats_can(ST_F16) && floats_can(ST_F32) && floats_can(ST_F64));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_bits),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_f32_and_f64),
        cmocka_unit_test(test_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
