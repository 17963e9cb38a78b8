/* The daemon's front as a struct. */
#include "answers.h"
#include "fake.h"

#include "client/front.h"

#include <math.h>

static int parse(const char *text, struct front *front, struct err *err)
{
    struct json *j;
    assert_int_equal(json_parse(text, strlen(text), &j, err), 0);
    int rc = front_parse(j, front, err);
    json_free(j);
    return rc;
}

static void test_everything_is_read(void **state)
{
    struct front front;
    struct err err = {0};
    (void)state;
    assert_int_equal(parse(FRONT_JSON("running", "12", HELDOUT_SCORES), &front, &err), 0);
    assert_int_equal(front.id, 3);
    assert_string_equal(front.name, "toy");
    assert_string_equal(front.state, "running");
    assert_int_equal(front.objectives_n, 2);
    assert_false(front.objectives[0].minimise);
    assert_true(front.objectives[1].minimise);
    assert_int_equal(front.groups_n, 2);
    assert_string_equal(front.groups[1], "layers 3-5");
    assert_int_equal(front.progress.total, 60);
    assert_int_equal(front.progress.done, 12);
    assert_true(front.eta_s == 12.5);
    assert_true(front.heldout_sweep_hypervolume == 0.91);
    assert_true(front_has_heldout(&front));
    assert_true(front.points[0].ratios[1] == 0.9);
    assert_true(front.points[0].heldout[0].stderr_of == 0.03);
    assert_true(isnan(front.points[0].heldout[1].stderr_of));
    assert_true(isnan(front.points[1].scores[0].stderr_of));
    front_fini(&front);
}

static void test_a_trial_in_two_lists_is_one_point(void **state)
{
    struct front front;
    struct err err = {0};
    (void)state;
    assert_int_equal(parse(FRONT_JSON("running", "12", HELDOUT_NONE), &front, &err), 0);
    assert_int_equal(front.points_n, 4);
    assert_int_equal(front.points[1].trial, 2);
    assert_true(front.points[1].on_front && front.points[1].in_sweep);
    assert_true(front.points[2].in_sweep && !front.points[2].on_front);
    assert_false(front.points[3].in_sweep || front.points[3].on_front);
    assert_false(front_has_heldout(&front));
    front_fini(&front);
}

static void test_other_shapes_are_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"objectives\":[],\"groups\":[],\"points\":[],\"sweep\":[],\"dominated\":[]}",
        "{\"objectives\":[{}],\"points\":[],\"sweep\":[],\"dominated\":[]}",
        "{\"objectives\":[{}],\"groups\":[],\"points\":[],\"sweep\":[]}",
        "{\"objectives\":[{}],\"groups\":[],\"points\":[{}],\"sweep\":[],\"dominated\":[]}",
        "{\"objectives\":[{}],\"groups\":[\"a\"],\"points\":[{\"trial\":1,\"ratios\":[],\"scores\":[{}]}],"
        "\"sweep\":[],\"dominated\":[]}",
        "{\"objectives\":[{}],\"groups\":[\"a\"],\"points\":[{\"trial\":1,\"ratios\":[1],\"scores\":[{},{}]}]"
        ","
        "\"sweep\":[],\"dominated\":[]}",
        /* a good point before a bad one: what was read is freed */
        "{\"objectives\":[{}],\"groups\":[\"a\"],\"points\":[{\"trial\":1,\"ratios\":[1],\"scores\":[{}]},{}]"
        ","
        "\"sweep\":[],\"dominated\":[]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct front front;
        struct err err = {0};
        assert_int_equal(parse(bad[i], &front, &err), ERR_CORRUPT);
        assert_contains(err.text, "is not a front");
        assert_null(front.points);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_read),
        cmocka_unit_test(test_a_trial_in_two_lists_is_one_point),
        cmocka_unit_test(test_other_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
