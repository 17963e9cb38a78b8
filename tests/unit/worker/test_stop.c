#include "worker/stop.h"

#include "fixtures.h"

static void test_reasons(void **state)
{
    (void)state;
    struct stop stop;
    struct err err = {0};
    atomic_bool cancel = false;
    assert_int_equal(stop_check(NULL, &err), 0);
    stop_init(&stop, NULL, 0);
    assert_int_equal(stop_check(&stop, &err), 0);
    stop_init(&stop, &cancel, 1e6);
    assert_int_equal(stop_check(&stop, &err), 0);
    stop.deadline_s = 0; /* long ago */
    assert_int_equal(stop_check(&stop, &err), ERR_TIMEOUT);
    assert_says(&err, "time_limit_s");
    cancel = true;
    assert_int_equal(stop_check(&stop, &err), ERR_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reasons)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
