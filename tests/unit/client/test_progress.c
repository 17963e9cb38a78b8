/* The bar and the speed. */
#include "fake.h"

#include "client/progress.h"

#include <math.h>

static void assert_bar(double done, double total, const char *expected)
{
    struct buf out;
    buf_init(&out, 200);
    progress_bar(&out, done, total, 5);
    assert_string_equal(buf_str(&out), expected);
    buf_fini(&out);
}

static void test_bar(void **state)
{
    (void)state;
    assert_bar(0, 10, "░░░░░");
    assert_bar(5, 10, "██░░░");
    assert_bar(9.9, 10, "████░");
    assert_bar(10, 10, "█████");
    assert_bar(11, 10, "█████");
    assert_bar(0, 0, "░░░░░");
}

static void test_speed_is_of_the_last_readings(void **state)
{
    struct progress_speed speed = {0};
    (void)state;
    assert_true(isnan(progress_per_s(&speed)));
    progress_note(&speed, 500000, 0);
    progress_note(&speed, 1000000, 5);
    assert_true(isnan(progress_per_s(&speed)));
    progress_note(&speed, 2900000, 9);
    assert_true(isnan(progress_per_s(&speed))); /* too short */
    progress_note(&speed, 3000000, 15);
    assert_float_equal(progress_per_s(&speed), 5, 1e-9);
    /* an old slow hour is forgotten once the ring is full of quick readings */
    for (int i = 0; i < PROGRESS_READINGS_MAX; i++)
        progress_note(&speed, 3600000000 + i * 100000, 20 + i);
    assert_float_equal(progress_per_s(&speed), 10, 1e-9);
}

static void test_what_was_done_before_is_no_speed(void **state)
{
    struct progress_speed speed = {0};
    (void)state;
    progress_note(&speed, 0, 20); /* done before */
    progress_note(&speed, 2000000, 20);
    progress_note(&speed, 2100000, 40); /* at once: had waited */
    assert_true(isnan(progress_per_s(&speed)));
    progress_note(&speed, 4100000, 40);
    assert_true(isnan(progress_per_s(&speed)));
    progress_note(&speed, 12100000, 45);
    assert_float_equal(progress_per_s(&speed), 0.5, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bar),
        cmocka_unit_test(test_speed_is_of_the_last_readings),
        cmocka_unit_test(test_what_was_done_before_is_no_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
