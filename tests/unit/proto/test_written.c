#include "proto/written.h"

#include "proto/limits.h"
#include "proto/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../contains.h"

static int read(const char *text, char **out, struct err *err)
{
    struct json *root;
    assert_int_equal(json_parse(text, strlen(text), &root, NULL), 0);
    int rc = written_text(root, out, err);
    json_free(root);
    return rc;
}

static void comes_out_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"a\":[]}",
        "{\"a\":[{\"id\":\"q\",\"output\":\"\"}],\"b\":[{\"id\":\"\xc3\xa4\",\"output\":\"\xe2\x82\xac\\n\","
        "\"samples\":"
        "[\"x\",\"\"],\"cut\":true},{\"id\":\"r\",\"output\":\"B\",\"samples\":[]}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *out;
        struct err err = {0};
        assert_int_equal(read(texts[i], &out, &err), 0);
        assert_string_equal(out, texts[i]);
        mem_free(out);
    }
}

static void wrong_members_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } bad[] = {
        {"[]", "written: must be an object"},
        {"\"x\"", "written: must be an object"},
        {"{\"\":[]}", "written: a task's name must have 1 to 127 bytes"},
        {"{\"a\":{}}", "written.a: must be an array"},
        {"{\"a\":[\"x\"]}", "written.a[0]: must be an object with \"id\" and \"output\""},
        {"{\"a\":[{\"id\":\"q\",\"output\":\"x\"},{\"id\":\"r\"}]}",
         "written.a[1].output: must be a text; it is missing"},
        {"{\"a\":[{\"id\":\"q\",\"output\":null}]}", "written.a[0].output: must be a text"},
        {"{\"a\":[{\"output\":\"x\"}]}", "written.a[0].id: must be a text; it is missing"},
        {"{\"a\":[{\"id\":\"\",\"output\":\"x\"}]}", "written.a[0].id: must not be empty"},
        {"{\"a\":[{\"id\":\"q\",\"output\":\"x\",\"samples\":\"y\"}]}",
         "written.a[0].samples: must be an array"},
        {"{\"a\":[{\"id\":\"q\",\"output\":\"x\",\"samples\":[\"y\",1]}]}",
         "written.a[0].samples[]: must be a text"},
        {"{\"a\":[{\"id\":\"q\",\"output\":\"x\",\"cut\":1}]}", "written.a[0].cut: must be true or false"},
        {"{\"a\":[{\"id\":\"q\",\"output\":\"x\",\"text\":\"y\"}]}",
         "written.a[0]: has the unknown member \"text\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *out;
        struct err err = {0};
        assert_int_equal(read(bad[i].text, &out, &err), ERR_INVALID);
        assert_null(out);
        assert_contains(err.text, bad[i].sentence);
    }
}

static char *repeated(const char *text, size_t n)
{
    size_t len = strlen(text);
    char *out = mem_zero(n * len + 1, 1);
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * len, text, len);
    return out;
}

static void texts_have_an_end(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        int rc;
    } cases[] = {{LIMIT_WRITTEN_TEXT_BYTES, 0}, {LIMIT_WRITTEN_TEXT_BYTES + 1, ERR_INVALID}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = repeated("x", cases[i].n), *out;
        char *json = mem_printf("{\"a\":[{\"id\":\"q\",\"output\":\"\",\"samples\":[\"%s\"]}]}", text);
        struct err err = {0};
        assert_int_equal(read(json, &out, &err), cases[i].rc);
        if (cases[i].rc)
            assert_contains(err.text, "written.a[0].samples[]: is longer than 2048 bytes; cut it");
        mem_free(json);
        mem_free(text);
        mem_free(out);
    }
}

static void all_of_it_has_an_end(void **state)
{
    (void)state;
    char *text = repeated("x", 2000), *item = mem_printf("{\"id\":\"q\",\"output\":\"%s\"},", text), *out;
    size_t n = LIMIT_WRITTEN_BYTES / strlen(item);
    for (size_t more = 0; more < 2; more++) {
        char *items = repeated(item, n - 1 + 2 * more);
        char *json = mem_printf("{\"a\":[%s{\"id\":\"r\",\"output\":\"\"}]}", items);
        struct err err = {0};
        int rc = read(json, &out, &err);
        assert_int_equal(rc, strlen(json) > LIMIT_WRITTEN_BYTES ? ERR_TOO_LARGE : 0);
        assert_true((rc == 0) == (more == 0));
        if (rc)
            assert_string_equal(err.text, "written: is larger than 4 MiB; leave it out");
        mem_free(json);
        mem_free(items);
        mem_free(out);
    }
    mem_free(item);
    mem_free(text);
}

/* A text is cut between characters, never inside one. */
static void characters_stay_whole(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x99\x82"};
    for (size_t c = 0; c < 4; c++) {
        size_t size = strlen(characters[c]), most = LIMIT_WRITTEN_TEXT_BYTES / size;
        for (size_t n = most - 1; n < most + 3; n++) {
            char *text = repeated(characters[c], n);
            assert_int_equal(written_keep(text), size * (n < most ? n : most));
            mem_free(text);
        }
    }
    assert_int_equal(written_keep(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_as_it_was),   cmocka_unit_test(wrong_members_are_named),
        cmocka_unit_test(texts_have_an_end),     cmocka_unit_test(all_of_it_has_an_end),
        cmocka_unit_test(characters_stay_whole),
    };
    return cmocka_run_group_tests_name("written", tests, NULL, NULL);
}
