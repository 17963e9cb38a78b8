/* optimizer/sobol.h against SciPy (tests/golden/optimizer/make_sobol.py). */
#include "optimizer/sobol.h"

#include "golden.h"

#include <stdio.h>
#include <string.h>

static void test_points_are_scipys(void **state)
{
    (void)state;
    struct json *cases = golden_read("sobol");
    int compared = 0;
    for (const struct json *c = json_first(cases); c; c = json_next(c)) {
        static double expected[64 * 20];
        int d = (int)json_number_or(json_get(c, "d"), 0),
            first = (int)json_number_or(json_get(c, "first"), 0);
        int n = golden_numbers(json_get(c, "points"), expected, 64 * 20) / d;
        for (int i = 0; i < n; i++) {
            double point[64];
            sobol_plain(d, (uint64_t)(first + i), point);
            assert_memory_equal(point, &expected[i * d], sizeof *point * (size_t)d);
            compared++;
        }
    }
    assert_int_equal(compared, 6 * 20 + 2);
    json_free(cases);
}

/* A digital shift keeps the net: 2^n points still have one in each of 2^n equal intervals, in every
 * coordinate. */
static void test_shift_keeps_the_balance(void **state)
{
    (void)state;
    for (int coordinate = 0; coordinate < 64; coordinate += 9) {
        int seen[64] = {0};
        for (uint64_t i = 0; i < 64; i++) {
            double point[64];
            sobol_point(64, i, 3, 1, point);
            assert_true(point[coordinate] >= 0 && point[coordinate] < 1);
            seen[(int)(point[coordinate] * 64)]++;
        }
        for (int i = 0; i < 64; i++)
            assert_int_equal(seen[i], 1);
    }
}

static void test_seed_and_stream_choose_the_shift(void **state)
{
    (void)state;
    double a[3], b[3], c[3], again[3];
    sobol_point(3, 5, 1, 1, a);
    sobol_point(3, 5, 2, 1, b);
    sobol_point(3, 5, 1, 2, c);
    sobol_point(3, 5, 1, 1, again);
    assert_memory_equal(a, again, sizeof a);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_are_scipys),
        cmocka_unit_test(test_shift_keeps_the_balance),
        cmocka_unit_test(test_seed_and_stream_choose_the_shift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
