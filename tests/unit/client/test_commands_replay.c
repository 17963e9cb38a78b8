/* replay. */
#include "fake.h"

#define SEARCH "{\"id\":3,\"progress\":{\"total\":12}}"
#define SAME(TRIAL)                                                                                          \
    "{\"trial\":" TRIAL ",\"watermark\":4,\"path\":\"model\",\"same\":true,\"ratios\":[0.5],\"again\":[0.5]" \
    "}"
#define OTHER                                                                                                \
    "{\"trial\":11,\"watermark\":14,\"path\":\"model\",\"same\":false,\"ratios\":[0.1,0.25],\"again\":"      \
    "[0.1,0.30000000000000004]}"

static void test_all_the_same(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, SEARCH);
    fake_says(&fake, 200, "{\"trials\":[" SAME("0") "," SAME("1") "],\"next\":2}");
    fake_says(&fake, 200, "{\"trials\":[" SAME("2") "],\"next\":null}");
    assert_int_equal(fake_run(&fake, "replay 3"), CLIENT_OK);
    assert_string_equal(fake.asked[1].path, "/v1/searches/3/replay?from=0&count=10");
    assert_string_equal(fake.asked[2].path, "/v1/searches/3/replay?from=2&count=10");
    assert_true(fake.asked[1].timeout_s >= 600);
    assert_string_equal(fake.out, "3 trials derived again: all the same\n");
    fake_fini(&fake);
}

static void test_one_is_not(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, SEARCH);
    fake_says(&fake, 200, "{\"trials\":[" SAME("10") "," OTHER "],\"next\":null}");
    assert_int_equal(fake_run(&fake, "replay 3"), CLIENT_REFUSED);
    assert_string_equal(fake.out, "trial 11 (model, after 14 events) was 0.10000000000000001 0.25, is now "
                                  "0.10000000000000001 0.30000000000000004\n"
                                  "2 trials derived again: 1 not the same\n");
    fake_fini(&fake);
}

static void test_what_else_may_be_wrong(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, SEARCH);
    fake_says(&fake, 200,
              "{\"trials\":[{\"trial\":5,\"watermark\":4,\"path\":\"model\",\"same\":false,\"ratios\":[0.5],"
              "\"again\":null,"
              "\"reason\":\"phase 0 is\\nnot "
              "settled\"},{\"trial\":6,\"watermark\":4,\"path\":\"fill\",\"same\":false,"
              "\"ratios\":[0.5],\"again\":[0.5],\"reason\":null}],\"next\":null}");
    assert_int_equal(fake_run(&fake, "replay 3"), CLIENT_REFUSED);
    assert_string_equal(fake.out,
                        "trial 5 (model, after 4 events) does not come out again: phase 0 is?not settled\n"
                        "trial 6 (fill, after 4 events) has the same ratios, but came about in another way\n"
                        "2 trials derived again: 2 not the same\n");
    fake_fini(&fake);
}

static void test_json_joins_the_pages(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, SEARCH);
    fake_says(&fake, 200, "{\"trials\":[" SAME("0") "],\"next\":1}");
    fake_says(&fake, 200, "{\"trials\":[" OTHER "],\"next\":null}");
    assert_int_equal(fake_run(&fake, "replay 3 --json"), CLIENT_REFUSED);
    assert_string_equal(
        fake.out, "{\"trials\":[" SAME(
                      "0") ",{\"trial\":11,\"watermark\":14,\"path\":\"model\",\"same\":false,"
                           "\"ratios\":[0.1,0.25],\"again\":[0.1,0.30000000000000004]}],\"next\":null}\n");
    fake_fini(&fake);
}

static void test_pages_in_a_circle(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, SEARCH);
    fake_says(&fake, 200, "{\"trials\":[],\"next\":0}");
    assert_int_equal(fake_run(&fake, "replay 3"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "go round in a circle at 0");
    fake_fini(&fake);
}

static void test_a_bar_on_a_terminal(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake.client.tty = true;
    fake_says(&fake, 200, SEARCH);
    fake_says(&fake, 200, "{\"trials\":[" SAME("0") "],\"next\":6}");
    fake_says(&fake, 200, "{\"trials\":[" SAME("6") "],\"next\":null}");
    assert_int_equal(fake_run(&fake, "replay 3"), CLIENT_OK);
    assert_contains(fake.out, "deriving again ");
    assert_contains(fake.out, " 1 of 12");
    assert_contains(fake.out, "\r\033[K2 trials derived again: all the same\n");
    fake_fini(&fake);
}

static void test_refused(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 404, "{\"error\":\"there is no search \\\"3\\\"\",\"code\":\"not_found\"}");
    assert_int_equal(fake_run(&fake, "replay 3"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "there is no search");
    assert_int_equal(fake_run(&fake, "replay x"), CLIENT_USAGE);
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_the_same),
        cmocka_unit_test(test_one_is_not),
        cmocka_unit_test(test_what_else_may_be_wrong),
        cmocka_unit_test(test_json_joins_the_pages),
        cmocka_unit_test(test_pages_in_a_circle),
        cmocka_unit_test(test_a_bar_on_a_terminal),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
