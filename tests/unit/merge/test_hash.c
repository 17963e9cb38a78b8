#include "fixture.h"

#include "merge/files/hash.h"
#include "proto/json.h"

/* What XXH3's own programs say of the same bytes; golden/merge/make_hash.py made it. */
static struct json *golden(void)
{
    struct err err = {0};
    struct json *json;
    if (json_parse_file(TEST_SOURCE_DIR "/tests/golden/merge/hash.json", 1 << 16, &json, &err))
        fail_msg("%s", err.text);
    return json;
}

static unsigned char *content(size_t n)
{
    unsigned char *bytes = mem_zero(n + 1, 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(i * (i + 7) >> 3);
    return bytes;
}

static void is(struct hash128 hash, const char *want, size_t n, const char *how)
{
    char text[HASH_TEXT_MAX];
    hash_print(hash, text);
    if (strcmp(text, want) != 0)
        fail_msg("%zu bytes, %s: %s, the reference has %s", n, how, text, want);
}

static void test_golden_whole(void **state)
{
    (void)state;
    struct json *json = golden();
    int cases = 0;
    for (const struct json *c = json_first(json); c; c = json_next(c), cases++) {
        size_t n = strtoul(json_key(c), NULL, 10);
        unsigned char *bytes = content(n);
        is(hash_bytes(bytes, n), json_string_or(c, ""), n, "whole");
        mem_free(bytes);
    }
    assert_true(cases > 20);
    is(hash_bytes(NULL, 0), json_string_or(json_get(json, "0"), ""), 0, "no address");
    json_free(json);
}

/* Whatever the pieces and the address, the sum is that of the whole. */
static void test_golden_streamed(void **state)
{
    static const size_t pieces[] = {1, 3, 64, 255, 256, 257, 4095, 1 << 20};
    (void)state;
    struct json *json = golden();
    struct hash_stream *stream = hash_create();
    for (const struct json *c = json_first(json); c; c = json_next(c)) {
        size_t n = strtoul(json_key(c), NULL, 10);
        unsigned char *bytes = content(n);
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
            if (n / pieces[p] > 100000)
                continue;
            hash_reset(stream);
            for (size_t at = 0; at < n; at += pieces[p])
                hash_add(stream, bytes + at, n - at < pieces[p] ? n - at : pieces[p]);
            hash_add(stream, NULL, 0);
            is(hash_value(stream), json_string_or(c, ""), n, "streamed");
        }
        mem_free(bytes);
    }
    hash_destroy(stream);
    json_free(json);
}

/* The value may be asked for on the way. */
static void test_value_in_between(void **state)
{
    (void)state;
    struct json *json = golden();
    struct hash_stream *stream = hash_create();
    unsigned char *bytes = content(1025);
    is(hash_value(stream), json_string_or(json_get(json, "0"), ""), 0, "nothing added");
    hash_add(stream, bytes, 17);
    is(hash_value(stream), json_string_or(json_get(json, "17"), ""), 17, "so far");
    hash_add(stream, bytes + 17, 1025 - 17);
    is(hash_value(stream), json_string_or(json_get(json, "1025"), ""), 1025, "to the end");
    hash_destroy(stream);
    hash_destroy(NULL);
    mem_free(bytes);
    json_free(json);
}

static void test_text(void **state)
{
    (void)state;
    static const char *const refused[] = {"",
                                          "0",
                                          "0123456789abcdef0123456789abcde",
                                          "0123456789abcdef0123456789abcdef0",
                                          "0123456789ABCDEF0123456789abcdef",
                                          "0123456789abcdeg0123456789abcdef",
                                          " 123456789abcdef0123456789abcdef",
                                          "0x23456789abcdef0123456789abcdef"};
    struct hash128 hash, again;
    char text[HASH_TEXT_MAX];
    assert_true(hash_read("0123456789abcdeffedcba9876543210", &hash));
    assert_true(hash.high == 0x0123456789abcdefu && hash.low == 0xfedcba9876543210u);
    hash_print(hash, text);
    assert_string_equal(text, "0123456789abcdeffedcba9876543210");
    assert_true(hash_read(text, &again) && hash_equal(hash, again));
    hash_print((struct hash128){0, 1}, text);
    assert_string_equal(text, "00000000000000000000000000000001");
    assert_false(hash_equal((struct hash128){1, 0}, (struct hash128){0, 1}));
    assert_false(hash_equal((struct hash128){1, 0}, (struct hash128){1, 1}));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (hash_read(refused[i], &hash))
            fail_msg("\"%s\" was read as a hash", refused[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_whole),
        cmocka_unit_test(test_golden_streamed),
        cmocka_unit_test(test_value_in_between),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
