/* --set name=value */
#include "fake.h"

#include "client/override.h"

static const char text[] = "{\"a\":{\"b\":1,\"c\":[1,{\"d\":\"x\"}]},\"e\":null}";

static void assert_changed(const char *assignment, const char *expected)
{
    struct json *root, *changed;
    struct buf out;
    struct err err = {0};
    buf_init(&out, 1000);
    assert_int_equal(json_parse(text, strlen(text), &root, &err), 0);
    if (override_apply(root, assignment, &changed, &err))
        fail_msg("%s", err.text);
    json_write(&out, changed);
    assert_string_equal(buf_str(&out), expected);
    json_free(root);
    json_free(changed);
    buf_fini(&out);
}

static void assert_refused(const char *assignment, const char *part)
{
    struct json *root, *changed;
    struct err err = {0};
    assert_int_equal(json_parse(text, strlen(text), &root, &err), 0);
    assert_int_equal(override_apply(root, assignment, &changed, &err), ERR_INVALID);
    assert_null(changed);
    assert_contains(err.text, part);
    json_free(root);
}

static void test_members_and_elements(void **state)
{
    (void)state;
    assert_changed("a.b=60", "{\"a\":{\"b\":60,\"c\":[1,{\"d\":\"x\"}]},\"e\":null}");
    assert_changed("a.c[1].d=y", "{\"a\":{\"b\":1,\"c\":[1,{\"d\":\"y\"}]},\"e\":null}");
    assert_changed("a.c[0]=[2,3]", "{\"a\":{\"b\":1,\"c\":[[2,3],{\"d\":\"x\"}]},\"e\":null}");
    assert_changed("e={\"f\":true}", "{\"a\":{\"b\":1,\"c\":[1,{\"d\":\"x\"}]},\"e\":{\"f\":true}}");
}

static void test_new_members(void **state)
{
    (void)state;
    assert_changed("g=some words",
                   "{\"a\":{\"b\":1,\"c\":[1,{\"d\":\"x\"}]},\"e\":null,\"g\":\"some words\"}");
    assert_changed("g.h=0.1", "{\"a\":{\"b\":1,\"c\":[1,{\"d\":\"x\"}]},\"e\":null,\"g\":{\"h\":0.1}}");
    assert_changed("a.c[1].k=\"60\"", "{\"a\":{\"b\":1,\"c\":[1,{\"d\":\"x\",\"k\":\"60\"}]},\"e\":null}");
    assert_changed("g=", "{\"a\":{\"b\":1,\"c\":[1,{\"d\":\"x\"}]},\"e\":null,\"g\":\"\"}");
}

static void test_paths_that_lead_nowhere(void **state)
{
    (void)state;
    assert_refused("a.b", "write it as");
    assert_refused("=1", "write it as");
    assert_refused("a.b.c=1", "\"c\" does not lead anywhere");
    assert_refused("a.c[2]=1", "no element [2] in an array of 2");
    assert_refused("a.c[x]=1", "no element [x]");
    assert_refused("a.c[1=1", "no element [1");
    assert_refused("a.c.d=1", "does not lead anywhere");
    assert_refused("a[0]=1", "does not lead anywhere");
    assert_refused("[0]=1", "does not lead anywhere");
    assert_refused("a..b=1", "does not lead anywhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_and_elements),
        cmocka_unit_test(test_new_members),
        cmocka_unit_test(test_paths_that_lead_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
