/* How large an update is, against sums done one by one; and what is no number, counted and kept out. */
#include "fixture.h"

#include "merge/floats.h"
#include "merge/preflight/tally.h"
#include "proto/rng.h"

#include <math.h>

/* One unit in the last place of the larger of two numbers, from its definition. */
static double ulp_of(double x, int mantissa, int least)
{
    int e;
    frexp(x, &e); /* |x| = f * 2^e, f in [0.5, 1) */
    e = x == 0 || e - 1 < least ? least : e - 1;
    return ldexp(1, e - mantissa);
}

static void check(enum st_dtype dtype, enum st_dtype out, int mantissa, int least, double scale, size_t n)
{
    static float base[TALLY_BLOCK_N], tuned[TALLY_BLOCK_N], b[TALLY_BLOCK_N], t[TALLY_BLOCK_N];
    static char stored[2][TALLY_BLOCK_N * 4];
    struct rng rng;
    rng_seed(&rng, n, (uint64_t)mantissa);
    for (size_t i = 0; i < n; i++) {
        base[i] = (float)((rng_uniform(&rng) - 0.5) * scale);
        tuned[i] = i % 3 ? base[i] + (float)((rng_uniform(&rng) - 0.5) * scale * 0.1) : base[i];
    }
    floats_narrow(dtype, base, n, stored[0]);
    floats_narrow(dtype, tuned, n, stored[1]);
    floats_widen(dtype, stored[0], n, b);
    floats_widen(dtype, stored[1], n, t);
    struct tally want = {0}, got = {0};
    for (size_t i = 0; i < n; i++) {
        double update = (double)t[i] - b[i], ulp = ulp_of(fmax(fabs(t[i]), fabs(b[i])), mantissa, least);
        want.changed += update != 0;
        want.square += update * update;
        want.square_ulp += ulp * ulp;
    }
    tally_block(dtype, out, stored[0], stored[1], n, &got);
    assert_int_equal(got.changed, want.changed);
    assert_true(fabs(got.square - want.square) <= 1e-5 * want.square);
    assert_true(fabs(got.square_ulp - want.square_ulp) <= 1e-5 * want.square_ulp);
    assert_int_equal(got.nans[0] + got.nans[1] + got.infinite + got.infinite_too, 0);
}

static void test_sums(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 15, 16, 17, 1000, TALLY_BLOCK_N};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check(ST_BF16, ST_BF16, 7, -126, 1, sizes[i]);
        check(ST_BF16, ST_F32, 23, -126, 1, sizes[i]);
        check(ST_F16, ST_F16, 10, -14, 1, sizes[i]);
        check(ST_F16, ST_F16, 10, -14, 1e-4, sizes[i]); /* subnormal */
        check(ST_F32, ST_F32, 23, -126, 1e-3, sizes[i]);
        check(ST_F32, ST_BF16, 7, -126, 30, sizes[i]);
    }
}

static void test_several_blocks_add_up(void **state)
{
    (void)state;
    const float base[4] = {1, 2, 3, 4}, tuned[4] = {1, 2.5f, 3, 5};
    struct tally tally = {0};
    tally_block(ST_F32, ST_F32, base, tuned, 4, &tally);
    tally_block(ST_F32, ST_F32, base, tuned, 4, &tally);
    assert_int_equal(tally.changed, 4);
    assert_float_equal(tally.square, 2.5, 1e-12);
}

static void test_no_numbers_are_kept_out(void **state)
{
    (void)state;
    const float base[8] = {NAN, 1, INFINITY, INFINITY, -INFINITY, 0, NAN, 1};
    const float tuned[8] = {1, NAN, INFINITY, -INFINITY, 2, INFINITY, NAN, 3};
    struct tally tally = {0};
    tally_block(ST_F32, ST_F32, base, tuned, 8, &tally);
    assert_int_equal(tally.nans[0], 2);
    assert_int_equal(tally.nans[1], 2);
    assert_int_equal(tally.infinite, 3);
    assert_int_equal(tally.infinite_too, 1);
    assert_int_equal(tally.changed, 1);
    assert_float_equal(tally.square, 4, 0);
}

/* Zero has the smallest unit there is, and minus zero is the same number. */
static void test_zeros(void **state)
{
    (void)state;
    const float base[2] = {0, 0}, tuned[2] = {-0.0f, 1};
    struct tally tally = {0};
    tally_block(ST_F32, ST_F32, base, tuned, 2, &tally);
    assert_int_equal(tally.changed, 1);
    assert_true(isfinite(tally.square_ulp) && tally.square_ulp > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_several_blocks_add_up),
        cmocka_unit_test(test_no_numbers_are_kept_out),
        cmocka_unit_test(test_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
