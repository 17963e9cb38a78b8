#include "worker/text.h"

#include "fixtures.h"

static void test_walks_code_points(void **state)
{
    (void)state;
    const char *p = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    assert_int_equal(text_next(&p), 'a');
    assert_int_equal(text_next(&p), 0xe9);
    assert_int_equal(text_next(&p), 0x20ac);
    assert_int_equal(text_next(&p), 0x1f600);
    assert_int_equal(text_next(&p), 0);
    assert_int_equal(text_next(&p), 0);
}

static void test_bad_bytes_come_one_by_one(void **state)
{
    (void)state;
    const char *p = "\xff\xc3(\xe2\x82";
    assert_int_equal(text_next(&p), 0xfffd);
    assert_int_equal(text_next(&p), 0xfffd);
    assert_int_equal(text_next(&p), '(');
    assert_int_equal(text_next(&p), 0xfffd);
    assert_int_equal(text_next(&p), 0xfffd);
    assert_int_equal(text_next(&p), 0);
}

static void test_put_is_the_reverse_of_next(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, SIZE_MAX);
    static const uint32_t all[] = {'a', 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x10ffff};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        text_put(&buf, all[i]);
    const char *p = buf_str(&buf);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(text_next(&p), all[i]);
    buf_fini(&buf);
}

static void test_classes(void **state)
{
    (void)state;
    assert_true(text_space(' ') && text_space('\t') && text_space(0xa0) && text_space(0x3000) &&
                text_space(0x1f));
    assert_false(text_space('a') || text_space(0x200b) || text_space('.'));
    assert_true(text_word('a') && text_word('_') && text_word('7') && text_word(0xe9) && text_word(0x4e2d));
    assert_false(text_word('.') || text_word(0x2014) || text_word(0xab) || text_word(0x1f600) ||
                 text_word(' '));
}

static void test_lower(void **state)
{
    (void)state;
    static const uint32_t pairs[][2] = {{'A', 'a'},     {'z', 'z'},      {'1', '1'},     {0xc9, 0xe9},
                                        {0xd7, 0xd7},   {0x10c, 0x10d},  {0x10d, 0x10d}, {0x139, 0x13a},
                                        {0x17d, 0x17e}, {0x391, 0x3b1},  {0x416, 0x436}, {0x401, 0x451},
                                        {0x531, 0x561}, {0x1ea0, 0x1ea1}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_int_equal(text_lower(pairs[i][0]), pairs[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks_code_points),
        cmocka_unit_test(test_bad_bytes_come_one_by_one),
        cmocka_unit_test(test_put_is_the_reverse_of_next),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_lower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
