/* Rows of facts, good and bad. */
#include "given.h"

#include "rtuning/fact.h"

#include <math.h>

static struct fact read_good(const char *text)
{
    struct json *j;
    struct fact fact;
    struct err err = {0};
    assert_int_equal(json_parse(text, strlen(text), &j, &err), 0);
    if (fact_read(j, &fact, &err))
        fail_msg("%s", err.text);
    json_free(j);
    return fact;
}

static void assert_refused(const char *text, const char *sentence)
{
    struct json *j;
    struct fact fact;
    struct err err = {0};
    assert_int_equal(json_parse(text, strlen(text), &j, &err), 0);
    assert_int_equal(fact_read(j, &fact, &err), ERR_INVALID);
    assert_contains(err.text, sentence);
    assert_null(fact.id);
    json_free(j);
}

static void test_read(void **state)
{
    (void)state;
    struct fact f = read_good("{\"id\":\"a\",\"right\":true,\"confidence\":0.5,\"sure\":0.5}");
    assert_true(f.is.answerable && f.is.right && !f.is.willing); /* sure must be above 0.5 */
    assert_int_equal(f.is.base_right, -1);
    assert_int_equal(f.domain, QUESTION_NO_DOMAIN);
    fact_fini(&f);
    f = read_good(
        "{\"id\":\"a\",\"right\":0,\"confidence\":0,\"sure\":0.51,\"base_right\":false,\"subject\":\"s\","
        "\"domain\":\"out\"}");
    assert_true(!f.is.right && f.is.willing);
    assert_int_equal(f.is.base_right, 0);
    assert_int_equal(f.domain, QUESTION_OUT);
    assert_string_equal(f.subject, "s");
    fact_fini(&f);
    f = read_good(
        "{\"id\":\"a\",\"right\":1,\"confidence\":1,\"sure\":0.9,\"willing\":false,\"base_right\":1}");
    assert_false(f.is.willing); /* what it did goes before what it said */
    assert_int_equal(f.is.base_right, 1);
    fact_fini(&f);
    f = read_good("{\"id\":\"a\",\"answerable\":false,\"willing\":true}");
    assert_true(!f.is.answerable && f.is.willing && isnan(f.is.sure) && isnan(f.is.confidence));
    fact_fini(&f);
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused("7", "a row is an object, not a number");
    assert_refused("{\"right\":true,\"confidence\":0.5,\"sure\":0.5}", "\"id\"");
    assert_refused("{\"id\":\"a\",\"confidence\":0.5,\"sure\":0.5}", "\"right\" is missing");
    assert_refused("{\"id\":\"a\",\"right\":2,\"confidence\":0.5,\"sure\":0.5}",
                   "\"right\" must be true or false");
    assert_refused("{\"id\":\"a\",\"right\":true,\"sure\":0.5}", "\"confidence\" is missing");
    assert_refused("{\"id\":\"a\",\"right\":true,\"confidence\":0.5}", "\"sure\" or \"willing\" is missing");
    assert_refused("{\"id\":\"a\",\"answerable\":false}", "\"sure\" or \"willing\" is missing");
    assert_refused("{\"id\":\"a\",\"right\":true,\"confidence\":1.5,\"sure\":0.5}", "\"confidence\" must be");
    assert_refused("{\"id\":\"a\",\"right\":true,\"confidence\":0.5,\"sure\":null}", "\"sure\" must be");
    assert_refused("{\"id\":\"a\",\"right\":true,\"confidense\":0.5,\"sure\":0.5}",
                   "did you mean \"confidence\"?");
    assert_refused("{\"id\":\"a\",\"right\":true,\"confidence\":0.5,\"sure\":0.5,\"domain\":\"x\"}",
                   "\"domain\" must be");
}

static void test_a_question_is_scored_once(void **state)
{
    struct fact_set set = {0};
    struct bad_rows bad = {0};
    (void)state;
    char *path = given_file(".jsonl", "{\"id\":\"a\",\"answerable\":false,\"sure\":0.5}\n"
                                      "{\"id\":\"b\",\"answerable\":false,\"sure\":0.25}\n"
                                      "{\"id\":\"a\",\"answerable\":false,\"sure\":0.75}\n"
                                      "{\"id\":\"c\",\"answerable\":false,\"sure\":0.75}\n");
    assert_int_equal(fact_set_read(&set, path, &bad, NULL), 0);
    assert_true(set.n == 3 && set.items[0].is.sure == 0.5);
    assert_string_equal(set.items[2].id, "c");
    assert_int_equal(bad.n, 1);
    assert_int_equal(bad.first[0].line, 3);
    assert_contains(bad.first[0].text, "\"a\" stands before");
    fact_set_fini(&set);
    bad_rows_fini(&bad);
    given_remove(path);
}

static void test_file(void **state)
{
    struct fact_set set = {0};
    struct bad_rows bad = {0};
    (void)state;
    char *path = given_file(".jsonl", "{\"id\":\"a\",\"right\":true,\"confidence\":0.5,\"sure\":0.5}\n{}\n"
                                      "{\"id\":\"b\",\"right\":true,\"confidence\":0.5,\"sure\":0.5}\n");
    assert_int_equal(fact_set_read(&set, path, &bad, NULL), 0);
    assert_int_equal(set.n, 2);
    assert_int_equal(bad.n, 1);
    assert_int_equal(bad.first[0].line, 2);
    assert_string_equal(set.items[1].id, "b");
    fact_set_fini(&set);
    bad_rows_fini(&bad);
    given_remove(path);
    assert_int_equal(fact_set_read(&set, "/nonexistent/a", &bad, NULL), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_a_question_is_scored_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
