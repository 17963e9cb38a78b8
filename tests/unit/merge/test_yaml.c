#include "fixture.h"

#include "merge/recipe/yaml.h"

static struct yml *parsed(const char *text)
{
    struct yml *root;
    struct err err = {0};
    if (yml_parse(text, strlen(text), &root, &err))
        fail_msg("%s: %s", text, err.text);
    return root;
}

static void refused_n(const char *text, size_t n, int code, const char *says)
{
    struct yml *root;
    struct err err = {0};
    int rc = yml_parse(text, n, &root, &err);
    assert_null(root);
    fixture_refused(rc, code, &err, says);
}

static void refused(const char *text, int code, const char *says)
{
    refused_n(text, strlen(text), code, says);
}

static void test_reads_maps_lists_and_text(void **state)
{
    (void)state;
    struct yml *y = parsed("# a comment\na: 1\nb:\n- x\n- [y, 'z w']\nc: {d: \"e\\nf\", g: }\n");
    assert_int_equal(yml_type(y), YML_MAP);
    assert_int_equal(yml_len(y), 3);
    assert_string_equal(yml_text(yml_get(y, "a")), "1");
    assert_int_equal(yml_line(yml_get(y, "a")), 2);
    const struct yml *b = yml_get(y, "b");
    assert_int_equal(yml_type(b), YML_LIST);
    assert_string_equal(yml_text(yml_first(b)), "x");
    assert_null(yml_key(yml_first(b)));
    const struct yml *inner = yml_next(yml_first(b));
    assert_string_equal(yml_text(yml_next(yml_first(inner))), "z w");
    assert_null(yml_next(inner));
    assert_string_equal(yml_text(yml_get(yml_get(y, "c"), "d")), "e\nf");
    assert_true(yml_is_null(yml_get(yml_get(y, "c"), "g")));
    assert_true(yml_is_null(yml_get(y, "absent")));
    assert_null(yml_text(b));
    assert_null(yml_get(b, "x"));
    yml_free(y);
    y = parsed("\xef\xbb\xbf--- text\n...\n");
    assert_string_equal(yml_text(y), "text");
    yml_free(y);
}

static void test_numbers_are_plain_decimals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},       {"1.5", 1.5},  {"-.5", -0.5}, {"+2.", 2},
                {"1e-3", 1e-3}, {"2E+2", 200}, {"00.5", 0.5}, {"0.30000000000000004", 0.1 + 0.2}};
    static const char *const bad[] = {"010",   "0x10", "1:30", "1_000",  ".",     "",
                                      "e5",    "1e",   ".nan", "-.inf",  "1e999", "'1'",
                                      "\"1\"", "1 2",  "[1]",  "{a: 1}", "true"};
    double x;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct yml *y = parsed(good[i].text);
        assert_true(yml_number(y, &x));
        assert_true(x == good[i].value);
        yml_free(y);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text = mem_printf("a: %s", bad[i]);
        struct yml *y = parsed(text);
        if (yml_number(yml_get(y, "a"), &x))
            fail_msg("%s was read as a number", bad[i]);
        yml_free(y);
        mem_free(text);
    }
    assert_false(yml_number(NULL, &x));
}

static void test_whole_numbers_and_truth_values(void **state)
{
    (void)state;
    struct yml *y = parsed("[12, 13, -1, 1.0, 1e1, yes, OFF, 'true', 99999999999999999999]");
    const struct yml *at = yml_first(y);
    long n;
    bool b;
    assert_true(yml_whole(at, 12, &n));
    assert_int_equal(n, 12);
    at = yml_next(at);
    assert_false(yml_whole(at, 12, &n));
    for (int i = 0; i < 3; i++) {
        at = yml_next(at);
        assert_false(yml_whole(at, 12, &n));
    }
    assert_false(yml_bool(at, &b));
    at = yml_next(at);
    assert_true(yml_bool(at, &b) && b);
    at = yml_next(at);
    assert_true(yml_bool(at, &b) && !b);
    at = yml_next(at);
    assert_false(yml_bool(at, &b));
    assert_false(yml_whole(yml_next(at), 12, &n));
    yml_free(y);
}

static void test_what_two_readers_could_understand_differently(void **state)
{
    (void)state;
    refused("a: 1\nb: 2\na: 3\n", ERR_INVALID, "line 3: the key \"a\" is there twice");
    refused("a: &x 1\nb: *x\n", ERR_UNSUPPORTED, "line 1: anchors and aliases");
    refused("b: *x\n", ERR_UNSUPPORTED, "anchors and aliases");
    refused("*x : 1\n", ERR_UNSUPPORTED, "anchors and aliases");
    refused("&x a: 1\n", ERR_UNSUPPORTED, "anchors");
    refused("&x [1]\n", ERR_UNSUPPORTED, "anchors");
    refused("&x {a: 1}\n", ERR_UNSUPPORTED, "anchors");
    refused("<<: {a: 1}\n", ERR_UNSUPPORTED, "merge keys");
    refused("a: !!python/object 1\n", ERR_UNSUPPORTED, "tags");
    refused("!x [1]\n", ERR_UNSUPPORTED, "tags");
    refused("!x {a: 1}\n", ERR_UNSUPPORTED, "tags");
    refused("[1, 2]: 3\n", ERR_UNSUPPORTED, "a key must be plain text");
    refused("a: 1\n---\nb: 2\n", ERR_UNSUPPORTED, "a second document");
}

static void test_what_is_no_yaml(void **state)
{
    (void)state;
    refused("", ERR_INVALID, "nothing in it");
    refused("# only this\n", ERR_INVALID, "nothing in it");
    refused("a: [1, 2\n", ERR_INVALID, "not YAML");
    refused("a: \"\\x00\"\n", ERR_INVALID, "the character 0");
    refused("a: \xff\n", ERR_INVALID, "not YAML");
    refused_n("a: 1\0b", 6, ERR_INVALID, "not YAML");
    refused("{a: 1", ERR_INVALID, "not YAML");
    refused("a: b: c", ERR_INVALID, "line 1");
    refused("%YAML 9.9\n--- a\n", ERR_INVALID, "not YAML");
}

static void test_limits(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 4 * YML_BYTES_MAX);
    for (int i = 0; i < 100000; i++)
        buf_text(&text, "[");
    refused(buf_str(&text), ERR_TOO_LARGE, "nested deeper than 32");
    buf_clear(&text);
    for (int i = 0; i < YML_NODES_MAX; i++)
        buf_text(&text, "- 1\n");
    refused(buf_str(&text), ERR_TOO_LARGE, "more than 50000 values");
    buf_clear(&text);
    for (int i = 0; i < 257; i++)
        buf_printf(&text, "k%d: 1\n", i);
    refused(buf_str(&text), ERR_TOO_LARGE, "more than 256 keys");
    while (text.len <= YML_BYTES_MAX)
        buf_text(&text, "# ......................................................................\n");
    refused(buf_str(&text), ERR_TOO_LARGE, "the limit is 1048576");
    buf_fini(&text);
}

static void test_quoted_text_reads_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"plain",       "",
                                        "a \"b\" \\c", "line\nbreak\ttab\x01\x7f",
                                        "ä€😀",         "\xc2\x85 \xe2\x80\xa8 \xef\xbb\xbf",
                                        "- a: *b",     "null"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf out;
        buf_init(&out, 1000);
        buf_text(&out, "k: ");
        yml_quote(&out, texts[i]);
        struct yml *y = parsed(buf_str(&out));
        assert_string_equal(yml_text(yml_get(y, "k")), texts[i]);
        assert_false(yml_is_null(yml_get(y, "k")));
        yml_free(y);
        buf_fini(&out);
    }
    struct buf out;
    buf_init(&out, 1000);
    yml_quote(&out, "a\xff");
    assert_string_equal(buf_str(&out), "\"a\xef\xbf\xbd\"");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_maps_lists_and_text),
        cmocka_unit_test(test_numbers_are_plain_decimals),
        cmocka_unit_test(test_whole_numbers_and_truth_values),
        cmocka_unit_test(test_what_two_readers_could_understand_differently),
        cmocka_unit_test(test_what_is_no_yaml),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_quoted_text_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
