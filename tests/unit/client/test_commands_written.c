/* written. */
#include "fake.h"

#include "../contains.h"

#define WRITTEN                                                                                              \
    "{\"trial\":7,\"written\":{\"search\":{\"facts\":[{\"id\":\"a\",\"output\":\"Rome\",\"samples\":"        \
    "[\"Oslo\",\"Rome\",\"Rome\"]},{\"id\":\"b\",\"output\":\"two\\nlines\"}],\"chat\":[]},\"heldout\":"     \
    "{\"facts\":[{\"id\":\"c\",\"output\":\"\",\"samples\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"],\"cut\":"   \
    "true}]}}}"

static void test_a_line_an_item(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, WRITTEN);
    assert_int_equal(fake_run(&fake, "written 3 7"), CLIENT_OK);
    assert_string_equal(fake.asked[0].path, "/v1/searches/3/trials/7/written");
    assert_string_equal(fake.out, "task   half     item  wrote      samples\n"
                                  "facts  search   a     Rome       2x Rome, 1x Oslo\n"
                                  "facts  search   b     two?lines\n"
                                  "facts  heldout  c                1x 1, 1x 2, 1x 3, 1x 4, 2 others\n");
    fake_fini(&fake);
}

static void test_some_of_it(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    for (int i = 0; i < 3; i++)
        fake_says(&fake, 200, WRITTEN);
    assert_int_equal(fake_run(&fake, "written 3 7 --half heldout --task facts"), CLIENT_OK);
    assert_null(strstr(fake.out, "Rome"));
    assert_contains(fake.out, "facts  heldout  c");
    assert_int_equal(fake_run(&fake, "written 3 7 --task chat"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "there are no such texts of this trial; leave --task and --half out");
    assert_int_equal(fake_run(&fake, "written 3 7 --task none"), CLIENT_REFUSED);
    fake_fini(&fake);
}

static void test_the_daemons_own_words(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, WRITTEN);
    assert_int_equal(fake_run(&fake, "written 3 7 --json"), CLIENT_OK);
    assert_string_equal(fake.out, WRITTEN "\n");
    fake_fini(&fake);
}

static void test_nothing_is_kept(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, "{\"trial\":7,\"written\":{}}");
    fake_says(&fake, 404, "{\"error\":\"search 3 has no trial \\\"9\\\" yet\",\"code\":\"not_found\"}");
    assert_int_equal(fake_run(&fake, "written 3 7"), CLIENT_REFUSED);
    assert_contains(fake.complaints,
                    "no texts of this trial are kept: it is not done, or its search does not");
    assert_int_equal(fake_run(&fake, "written 3 9"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "has no trial \"9\" yet");
    fake_fini(&fake);
}

static void test_words_that_are_none(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    assert_int_equal(fake_run(&fake, "written 3"), CLIENT_USAGE);
    assert_int_equal(fake_run(&fake, "written 3 x"), CLIENT_USAGE);
    assert_int_equal(fake_run(&fake, "written 3 7 --half both"), CLIENT_USAGE);
    assert_contains(fake.complaints, "--half \"both\" must be search or heldout");
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_an_item),        cmocka_unit_test(test_some_of_it),
        cmocka_unit_test(test_the_daemons_own_words), cmocka_unit_test(test_nothing_is_kept),
        cmocka_unit_test(test_words_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
