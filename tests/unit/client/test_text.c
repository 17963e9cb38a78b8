/* Words and numbers for people. */
#include "fake.h"

#include "client/text.h"

#include <math.h>

static const char *number(double x)
{
    static char text[TEXT_NUMBER_MAX];
    text_number(text, x);
    return text;
}

static const char *duration(double s)
{
    static char text[TEXT_NUMBER_MAX];
    text_duration(text, s);
    return text;
}

static const char *bytes(double n)
{
    static char text[TEXT_NUMBER_MAX];
    text_bytes(text, n);
    return text;
}

static void test_numbers(void **state)
{
    (void)state;
    assert_string_equal(number(0), "0.000");
    assert_string_equal(number(0.8124), "0.812");
    assert_string_equal(number(-1.5), "-1.500");
    assert_string_equal(number(0.00012345), "0.0001234");
    assert_string_equal(number(123456), "1.235e+05");
    assert_string_equal(number(NAN), "-");
}

static void test_durations(void **state)
{
    (void)state;
    assert_string_equal(duration(0.25), "250 ms");
    assert_string_equal(duration(0.9999), "1 s");
    assert_string_equal(duration(59.7), "1 min 00 s");
    assert_string_equal(duration(185), "3 min 05 s");
    assert_string_equal(duration(2 * 3600 + 7 * 60 + 59), "2 h 07 min");
    assert_string_equal(duration(3 * 86400 + 4 * 3600), "3 d 04 h");
    assert_string_equal(duration(NAN), "-");
    assert_string_equal(duration(-1), "-");
}

static void test_bytes(void **state)
{
    (void)state;
    assert_string_equal(bytes(0), "0 B");
    assert_string_equal(bytes(999), "999 B");
    assert_string_equal(bytes(1500), "1.5 kB");
    assert_string_equal(bytes(999990), "1.0 MB");
    assert_string_equal(bytes(2e9), "2.0 GB");
}

static void test_control_characters_never_reach_a_terminal(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 100);
    text_clean(&out, "a\033[31mb\nc\x7f"
                     "d\xC2\x9B"
                     "2J\xC3\xA9");
    assert_string_equal(buf_str(&out), "a?[31mb?c?d?2J\xC3\xA9");
    buf_fini(&out);
}

static void test_scores_ratios_width(void **state)
{
    const double ratios[3] = {0, 0.25, 1};
    struct buf out;
    (void)state;
    buf_init(&out, 200);
    text_score(&out, 0.8124, 0.011);
    assert_string_equal(buf_str(&out), "0.812 ± 0.011");
    assert_int_equal(text_width(buf_str(&out)), 13);
    buf_clear(&out);
    text_score(&out, 0.95, 0.006389);
    assert_string_equal(buf_str(&out), "0.950 ± 0.0064");
    buf_clear(&out);
    text_score(&out, 2, NAN);
    assert_string_equal(buf_str(&out), "2.000");
    buf_clear(&out);
    text_score(&out, NAN, 1);
    assert_string_equal(buf_str(&out), "-");
    buf_clear(&out);
    assert_false(text_ratios(&out, ratios, NULL, 3, 3));
    assert_string_equal(buf_str(&out), "0.00 0.25 1.00");
    buf_clear(&out);
    assert_false(text_ratios(&out, ratios, NULL, 3, 2));
    assert_string_equal(buf_str(&out), "0.00 0.25 … of 3");
    const double near[] = {0.015, 0.265, NAN}, far[] = {0, 0.006, 0.9};
    buf_clear(&out);
    assert_false(text_ratios(&out, ratios, near, 3, 3));
    assert_string_equal(buf_str(&out), "0.00 0.25 1.00");
    buf_clear(&out);
    assert_true(text_ratios(&out, ratios, far, 3, 3));
    assert_string_equal(buf_str(&out), "0.00 0.25→0.01* 1.00→0.90*");
    buf_clear(&out);
    assert_true(text_ratios(&out, ratios, far, 3, 1));
    assert_string_equal(buf_str(&out), "0.00 … of 3*");
    buf_clear(&out);
    text_ratios_note(&out);
    assert_string_equal(buf_str(&out), "* asked for→what came out, where they are more than 0.02 apart: see "
                                       "\"output\" in docs/SEARCH.md\n");
    buf_fini(&out);
}

static void test_csv_quotes_where_it_must(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 200);
    text_csv(&out, "layers 0-2");
    assert_string_equal(buf_str(&out), "layers 0-2");
    buf_clear(&out);
    text_csv(&out, "a,\"b\"\nc");
    assert_string_equal(buf_str(&out), "\"a,\"\"b\"\"\nc\"");
    buf_fini(&out);
}

static void assert_cut(const char *text, size_t columns, const char *expected)
{
    struct buf out;
    buf_init(&out, 100);
    text_cut(&out, text, columns);
    assert_string_equal(buf_str(&out), expected);
    buf_fini(&out);
}

static void test_cut(void **state)
{
    (void)state;
    assert_cut("abc", 3, "abc");
    assert_cut("abcd", 3, "ab…");
    assert_cut("äöüß", 3, "äö…");
    assert_cut("a\033bcd", 4, "a?b…");
    assert_cut("abc", 1, "…");
    assert_cut("abc", 0, "");
    assert_cut("", 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_control_characters_never_reach_a_terminal),
        cmocka_unit_test(test_scores_ratios_width),
        cmocka_unit_test(test_csv_quotes_where_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
