/* front_hypervolume against moocore (tests/golden/optimizer/make_hypervolume.py). */
#include "optimizer/front.h"

#include "golden.h"
#include "proto/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void test_volumes_are_moocores(void **state)
{
    (void)state;
    struct json *cases = golden_read("hypervolume");
    int compared = 0;
    for (const struct json *c = json_first(cases); c; c = json_next(c)) {
        double points[300], reference[4], volume = -1, expected = json_number_or(json_get(c, "volume"), -1);
        int m = golden_numbers(json_get(c, "reference"), reference, 4);
        int n = golden_numbers(json_get(c, "points"), points, 300) / m;
        assert_int_equal(front_hypervolume(points, n, m, reference, &volume, NULL), 0);
        if (fabs(volume - expected) > 1e-12 * fmax(1, fabs(expected)))
            fail_msg("%s: %.17g, moocore says %.17g", json_string_or(json_get(c, "name"), "?"), volume,
                     expected);
        compared++;
    }
    assert_int_equal(compared, 30);
    json_free(cases);
}

static void test_one_objective_is_the_distance_to_the_best(void **state)
{
    (void)state;
    const double points[] = {3, 1.5, 9, 2}, reference[] = {4};
    double volume;
    assert_int_equal(front_hypervolume(points, 4, 1, reference, &volume, NULL), 0);
    assert_true(volume == 2.5);
}

static void test_no_points_have_no_volume(void **state)
{
    (void)state;
    const double reference[] = {1, 1, 1, 1};
    for (int m = 1; m <= 4; m++) {
        double volume = -1;
        assert_int_equal(front_hypervolume(NULL, 0, m, reference, &volume, NULL), 0);
        assert_true(volume == 0);
    }
}

/* The volume does not depend on the order of the points, nor on dominated ones. */
static void test_order_and_dominated_points_change_nothing(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 11, 0);
    double points[200][3], reference[3] = {1, 1, 1}, volume, again;
    for (int i = 0; i < 100; i++)
        for (int j = 0; j < 3; j++)
            points[i][j] = floor(rng_uniform(&rng) * 8) / 8;
    assert_int_equal(front_hypervolume(points[0], 100, 3, reference, &volume, NULL), 0);
    for (int i = 0; i < 100; i++) {
        memcpy(points[100 + i], points[i], sizeof points[0]);
        for (int j = 0; j < 3; j++)
            points[100 + i][j] += 0.01;
    }
    for (int i = 199; i > 0; i--) {
        int other = (int)(rng_uniform(&rng) * (i + 1));
        double kept[3];
        memcpy(kept, points[i], sizeof kept);
        memcpy(points[i], points[other], sizeof kept);
        memcpy(points[other], kept, sizeof kept);
    }
    assert_int_equal(front_hypervolume(points[0], 200, 3, reference, &again, NULL), 0);
    assert_true(fabs(volume - again) < 1e-14);
}

static void test_refuses_what_it_cannot_measure(void **state)
{
    (void)state;
    struct err err = {0};
    double volume = 5;
    const double five[5] = {0}, nan_point[] = {0, NAN}, huge[] = {-1e300, -1e300};
    const double one[5] = {1, 1, 1, 1, 1}, bad[] = {1, INFINITY};
    assert_int_equal(front_hypervolume(five, 1, 5, one, &volume, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "5 objectives; 1 to 4"));
    assert_int_equal(front_hypervolume(nan_point, 1, 2, one, &volume, &err), ERR_INVALID);
    assert_int_equal(front_hypervolume(five, 1, 2, bad, &volume, &err), ERR_INVALID);
    assert_int_equal(front_hypervolume(huge, 1, 2, one, &volume, &err), ERR_INVALID);
    assert_int_equal(front_hypervolume(five, -1, 2, one, &volume, &err), ERR_INVALID);
    assert_true(volume == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_volumes_are_moocores),
        cmocka_unit_test(test_one_objective_is_the_distance_to_the_best),
        cmocka_unit_test(test_no_points_have_no_volume),
        cmocka_unit_test(test_order_and_dominated_points_change_nothing),
        cmocka_unit_test(test_refuses_what_it_cannot_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
