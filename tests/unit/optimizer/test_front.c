/* front_members against the definition. */
#include "optimizer/front.h"

#include "proto/mem.h"
#include "proto/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static bool is_member(const double *points, int n, int m, int i)
{
    for (int other = 0; other < n; other++) {
        bool no_worse = true, better = false;
        for (int j = 0; j < m; j++) {
            no_worse &= points[other * m + j] <= points[i * m + j];
            better |= points[other * m + j] < points[i * m + j];
        }
        if (no_worse && better)
            return false;
    }
    return true;
}

/* Few levels make ties and equal points common; many make them rare. */
static void test_members_by_the_definition(void **state)
{
    (void)state;
    static const int levels[] = {3, 8, 1000000};
    for (int m = 1; m <= 5; m++) {
        for (size_t l = 0; l < 3; l++) {
            double points[150 * 5];
            bool member[150];
            struct rng rng;
            rng_seed(&rng, 17, (uint64_t)m * 10 + l);
            for (int i = 0; i < 150 * m; i++)
                points[i] = floor(rng_uniform(&rng) * levels[l]) - 2;
            assert_int_equal(front_members(points, 150, m, member, NULL), 0);
            for (int i = 0; i < 150; i++)
                assert_int_equal(member[i], is_member(points, 150, m, i));
        }
    }
}

static void test_equal_points_are_all_members(void **state)
{
    (void)state;
    const double points[] = {1, 2, 0, 3, 1, 2, 2, 2};
    bool member[4];
    assert_int_equal(front_members(points, 4, 2, member, NULL), 0);
    assert_true(member[0] && member[1] && member[2] && !member[3]);
}

static void test_zero_has_no_sign(void **state)
{
    (void)state;
    const double points[] = {0.0, 1, 1, 1, -0.0, 1, 1, 1, 0.0, 1, 1, 2};
    for (int m = 2; m <= 4; m++) {
        double same[3 * 4];
        bool member[3];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < m; j++)
                same[i * m + j] = points[i * 4 + j];
        assert_int_equal(front_members(same, 3, m, member, NULL), 0);
        assert_true(member[0] && member[1] && member[2] == (m < 4));
    }
}

static void test_ten_thousand_points(void **state)
{
    (void)state;
    enum { N = 10000 };
    double *points = mem_zero(N * 4, sizeof *points);
    bool *member = mem_zero(N, sizeof *member);
    for (int m = 2; m <= 4; m++) {
        struct rng rng;
        rng_seed(&rng, 23, (uint64_t)m);
        for (int i = 0; i < N; i++) {
            double sum = 0; /* on the plane sum = 0: all are members */
            for (int j = 0; j < m - 1; j++)
                sum += points[i * m + j] = floor(rng_uniform(&rng) * 0x1p40);
            points[i * m + m - 1] = -sum;
        }
        assert_int_equal(front_members(points, N, m, member, NULL), 0);
        for (int i = 0; i < N; i++)
            assert_true(member[i]);
    }
    mem_free(points);
    mem_free(member);
}

static void test_refuses_what_is_not_finite(void **state)
{
    (void)state;
    struct err err = {0};
    double points[] = {1, 2, 3, NAN};
    bool member[2];
    assert_int_equal(front_members(points, 2, 2, member, &err), ERR_INVALID);
    assert_string_equal(err.text, "point 1, objective 1 is not a finite number");
    points[3] = -INFINITY;
    assert_int_equal(front_members(points, 2, 2, member, &err), ERR_INVALID);
    assert_int_equal(front_members(points, 0, 2, member, &err), 0);
    assert_int_equal(front_members(points, 1, 0, member, &err), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_by_the_definition),
        cmocka_unit_test(test_equal_points_are_all_members),
        cmocka_unit_test(test_zero_has_no_sign),
        cmocka_unit_test(test_ten_thousand_points),
        cmocka_unit_test(test_refuses_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
