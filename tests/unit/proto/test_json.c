/* proto/json.h: the strict reader and the bit-exact writer. */
#include "proto/json.h"

#include "proto/mem.h"
#include "proto/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int parse(const char *text, size_t len)
{
    struct json *root;
    struct err err = {0};
    int rc = json_parse(text, len, &root, &err);
    if (rc) {
        assert_null(root);
        assert_true(strlen(err.text) > 0);
    }
    json_free(root);
    return rc;
}

static void test_accepts(void **state)
{
    (void)state;
    static const char *const good[] = {
        "null",
        " true\n",
        "-0",
        "1e-7",
        "0.5",
        "\"\\u00e9\\ud83d\\ude00\"",
        "[]",
        "{}",
        "[1,[2,[3]]]",
        "{\"a\":{\"a\":1},\"A\":2}",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(parse(good[i], strlen(good[i])), 0);
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "nul",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "NaN",
        "Infinity",
        "1e999",
        "[1 2]",
        "[1",
        "{\"a\":1",
        "\"abc",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\ude00\"",
        "\"\\ud800\\u0041\"",
        "\"a\nb\"",
        "1 2",
        "{} x",
        "\xef\xbb\xbf{}",
        "\"\xff\"",
        "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "{\"a\":1,\"\\u0061\":2}",
        "[{\"x\":{\"k\":1,\"k\":1}}]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parse(bad[i], strlen(bad[i])) != ERR_INVALID)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(parse("1\0", 2), ERR_INVALID);
    assert_int_equal(parse("\"a\0b\"", 5), ERR_INVALID);
}

/* Where an editor goes to; a character is a column, however many bytes it has. */
static void test_says_where(void **state)
{
    (void)state;
    static const char text[] = "{\n  \"a\": 1,\n  \"é\": x\n}";
    struct json *root;
    struct err err = {0};
    assert_int_equal(json_parse(text, strlen(text), &root, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "line 3, column 8"));
    assert_int_equal(json_parse("[1 2]", 5, &root, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "line 1, column 4"));
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * JSON_DEPTH_MAX + 4];
    for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(parse(text, 2 * (size_t)depth), depth == JSON_DEPTH_MAX ? 0 : ERR_INVALID);
    }
    size_t deep = 100000;
    char *open = mem_zero(deep, 1);
    memset(open, '[', deep);
    assert_int_equal(parse(open, deep), ERR_INVALID);
    mem_free(open);
}

static void test_look_up(void **state)
{
    (void)state;
    static const char text[] = "{\"Name\":\"x\",\"name\":2,\"list\":[1,true,null],\"big\":9007199254740992}";
    struct json *root;
    int64_t whole = -1;
    assert_int_equal(json_parse(text, strlen(text), &root, NULL), 0);
    assert_string_equal(json_string_or(json_get(root, "Name"), ""), "x");
    assert_true(json_number_or(json_get(root, "name"), 0) == 2);
    assert_null(json_get(root, "NAME"));
    assert_null(json_get(json_get(root, "absent"), "name"));
    assert_int_equal(json_len(json_get(root, "list")), 3);
    assert_true(json_is(json_next(json_first(json_get(root, "list"))), JSON_BOOL));
    assert_false(json_is(json_get(root, "absent"), JSON_NULL));
    assert_true(json_whole(json_get(root, "big"), 0, INT64_MAX, &whole));
    assert_int_equal(whole, (int64_t)1 << 53);
    assert_false(json_whole(json_get(root, "name"), 3, 9, &whole));
    assert_false(json_whole(json_get(root, "Name"), 0, 9, &whole));
    json_free(root);
}

/* Every double must come back with the same bits: random bit patterns and the awkward ones. */
static void test_doubles_bit_exact(void **state)
{
    (void)state;
    static const double awkward[] = {0.0,       -0.0,
                                     0.1,       1.0 / 3,
                                     5e-324,    2.2250738585072014e-308,
                                     1e21,      1e-5,
                                     0x1p53,    M_PI,
                                     -1e300,    1.7976931348623157e308,
                                     0.1 + 0.2, 123456789012345680.0};
    struct rng rng;
    rng_seed(&rng, 1, 0);
    for (int i = 0; i < 20000; i++) {
        double x, back;
        uint64_t bits = rng_u64(&rng);
        memcpy(&x, &bits, sizeof x);
        if (i < (int)(sizeof awkward / sizeof *awkward))
            x = awkward[i];
        if (!isfinite(x))
            continue;
        struct buf buf;
        struct json_out out;
        struct json *root;
        buf_init(&buf, 100);
        json_begin(&out, &buf);
        json_double(&out, x);
        assert_int_equal(json_parse(buf_str(&buf), buf.len, &root, NULL), 0);
        back = json_number_or(root, NAN);
        if (memcmp(&back, &x, sizeof x) != 0)
            fail_msg("seed 1: %s", buf_str(&buf));
        json_free(root);
        buf_fini(&buf);
    }
}

static void test_writer(void **state)
{
    (void)state;
    struct buf buf, again;
    struct json_out out;
    struct json *root;
    buf_init(&buf, 1000);
    json_begin(&out, &buf);
    json_object(&out);
    json_put_text(&out, "t\"", "a\\\b\f\n\r\t\x01\xff\x7f");
    json_put_double(&out, "nan", NAN);
    json_put_bool(&out, "b", true);
    json_name(&out, "l");
    json_array(&out);
    json_int(&out, -3);
    json_object(&out);
    json_end_object(&out);
    json_text(&out, NULL);
    json_end_array(&out);
    json_put_doubles(&out, "d", (double[]){0.5, 2}, 2);
    json_end_object(&out);
    assert_string_equal(buf_str(&buf),
                        "{\"t\\\"\":\"a\\\\\\b\\f\\n\\r\\t\\u0001\xef\xbf\xbd\x7f\",\"nan\":null,\"b\":true,"
                        "\"l\":[-3,{},null],\"d\":[0.5,2]}");
    assert_int_equal(json_parse(buf_str(&buf), buf.len, &root, NULL), 0);
    buf_init(&again, 1000);
    assert_int_equal(json_write(&again, root), 0);
    assert_string_equal(buf_str(&again), buf_str(&buf));
    buf_fini(&again);
    buf_init(&again, 10);
    assert_int_equal(json_write(&again, root), ERR_TOO_LARGE);
    json_free(root);
    buf_fini(&again);
    buf_fini(&buf);
}

static void test_file(void **state)
{
    (void)state;
    struct json *root;
    struct err err;
    char path[] = "/tmp/test-json-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("{\"a\":1} x", file);
    fclose(file);
    assert_int_equal(json_parse_file(path, 100, &root, &err), ERR_INVALID);
    assert_memory_equal(err.text, path, strlen(path));
    assert_int_equal(json_parse_file(path, 5, &root, &err), ERR_TOO_LARGE);
    remove(path);
    assert_int_equal(json_parse_file(path, 100, &root, &err), ERR_NOT_FOUND);
}

/* In place of a file of a checkpoint a pipe must not hold the daemon; what a person pipes into a command is read. */
static void test_pipe(void **state)
{
    (void)state;
    struct json *root;
    struct err err;
    char directory[] = "/tmp/test-json-XXXXXX", path[64];
    int ends[2];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/pipe", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(json_parse_file(path, 100, &root, &err), ERR_IO);
    assert_non_null(strstr(err.text, "is a pipe that nobody writes to"));
    remove(path);
    rmdir(directory);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "[1,2]", 5), 5);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_int_equal(json_parse_file(path, 100, &root, &err), 0);
    assert_int_equal(json_len(root), 2);
    json_free(root);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),    cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_says_where), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_look_up),    cmocka_unit_test(test_doubles_bit_exact),
        cmocka_unit_test(test_writer),     cmocka_unit_test(test_file),
        cmocka_unit_test(test_pipe),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
