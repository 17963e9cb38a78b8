/* Questions, good and bad. */
#include "given.h"

#include <math.h>

static struct question read_good(const char *text)
{
    struct json *j;
    struct question q;
    struct err err = {0};
    assert_int_equal(json_parse(text, strlen(text), &j, &err), 0);
    if (question_read(j, &q, &err))
        fail_msg("%s", err.text);
    json_free(j);
    return q;
}

static void assert_refused(const char *text, const char *sentence)
{
    struct json *j;
    struct question q;
    struct err err = {0};
    assert_int_equal(json_parse(text, strlen(text), &j, &err), 0);
    assert_int_equal(question_read(j, &q, &err), ERR_INVALID);
    assert_contains(err.text, sentence);
    assert_null(q.id);
    json_free(j);
}

static void assert_same_again(const char *text)
{
    struct question q = read_good(text);
    struct buf buf;
    struct json_out out;
    buf_init(&buf, 1 << 16);
    json_begin(&out, &buf);
    question_write(&q, &out);
    assert_string_equal(buf_str(&buf), text);
    buf_fini(&buf);
    question_fini(&q);
}

static void test_read(void **state)
{
    (void)state;
    struct question q = read_good("{\"id\":\"a\",\"question\":\"Why?\",\"answers\":[\"so\",\"thus\"]}");
    assert_int_equal(q.kind, QUESTION_OPEN);
    assert_true(q.answerable);
    assert_int_equal(q.gold, -1);
    assert_true(isnan(q.entropy));
    assert_int_equal(q.certain, QUESTION_UNIDENTIFIED);
    assert_string_equal(question_answer(&q), "so");
    question_fini(&q);
    q = read_good("{\"id\":\"a\",\"question\":\"?\",\"kind\":\"choice\",\"choices\":[\"x\",\"y\"],\"gold\":1,"
                  "\"certain\":false}");
    assert_string_equal(question_answer(&q), "B");
    assert_int_equal(q.certain, QUESTION_UNCERTAIN);
    question_fini(&q);
    q = read_good("{\"id\":\"a\",\"question\":\"?\",\"answerable\":false}");
    assert_null(question_answer(&q));
    question_fini(&q);
}

static void test_written_and_read_again(void **state)
{
    (void)state;
    assert_same_again(
        "{\"id\":\"a\",\"kind\":\"open\",\"subject\":\"s\",\"context\":\"c\",\"question\":\"é?\",\"answers\":"
        "[\"b\"],\"prompt\":\"p\",\"lead\":\"\",\"domain\":\"out\",\"half\":\"heldout\",\"certain\":true,"
        "\"entropy\":0.1,\"output\":\"\",\"samples\":[\"b\",\"\"]}");
    assert_same_again(
        "{\"id\":\"a\",\"kind\":\"choice\",\"question\":\"?\",\"choices\":[\"x\",\"y\"],\"gold\":0,"
        "\"domain\":\"in\",\"half\":\"search\",\"certain\":false}");
    assert_same_again("{\"id\":\"a\",\"kind\":\"open\",\"question\":\"?\",\"answerable\":false}");
    assert_same_again("{\"id\":\"a\",\"kind\":\"choice\",\"question\":\"?\",\"choices\":[\"x\",\"y\"],"
                      "\"answerable\":false}");
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused("[]", "a question is an object, not an array");
    assert_refused("{\"question\":\"?\",\"answers\":[\"b\"]}", "\"id\" is missing");
    assert_refused("{\"id\":\"\",\"question\":\"?\",\"answers\":[\"b\"]}",
                   "\"id\" must be a text that is not empty");
    assert_refused("{\"id\":\"a\",\"answers\":[\"b\"]}", "\"question\" is missing");
    assert_refused("{\"id\":\"a\",\"question\":7,\"answers\":[\"b\"]}", "\"question\" must be a text");
    assert_refused("{\"id\":\"a\",\"question\":\"?\"}", "\"answers\" is missing");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"answers\":[]}", "\"answers\" is missing");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"answers\":[\"b\",\"\"]}", "answers[1]");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"answer\":[\"b\"]}",
                   "unknown key \"answer\"; did you mean \"answers\"?");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"answers\":[\"b\"],\"domain\":\"inside\"}",
                   "\"domain\" must be \"in\" or \"out\"");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"answers\":[\"b\"],\"half\":\"\"}",
                   "\"half\" must be \"search\" or \"heldout\"");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"answers\":[\"b\"],\"gold\":0}",
                   "need \"kind\": \"choice\"");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"kind\":\"choice\",\"choices\":[\"x\"],\"gold\":0}",
                   "2 to 26");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"kind\":\"choice\",\"choices\":[\"x\",\"y\"]}",
                   "0 to 1");
    assert_refused(
        "{\"id\":\"a\",\"question\":\"?\",\"kind\":\"choice\",\"choices\":[\"x\",\"y\"],\"gold\":2}",
        "0 to 1");
    assert_refused(
        "{\"id\":\"a\",\"question\":\"?\",\"kind\":\"choice\",\"choices\":[\"x\",\"y\"],\"gold\":0,"
        "\"answers\":[\"x\"]}",
        "belong to open questions");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"answers\":[\"b\"],\"entropy\":-1}", "\"entropy\"");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"answers\":[\"b\"],\"entropy\":null}", "\"entropy\"");
    assert_refused("{\"id\":\"a\",\"question\":\"?\",\"answers\":[\"b\"],\"certain\":1}",
                   "\"certain\" must be true or false");
}

/* Bad rows are told and counted, and what is good after them is read. */
static void test_file(void **state)
{
    struct question_set set = {0};
    struct bad_rows bad = {0};
    (void)state;
    char *path = given_file(".jsonl", "{\"id\":\"a\",\"question\":\"1\",\"answers\":[\"b\"]}\n"
                                      "{\"id\":\"b\",\"question\":\"2\"}\n"
                                      "not json\n"
                                      "{\"id\":\"a\",\"question\":\"4\",\"answers\":[\"b\"]}\n"
                                      "{\"id\":\"c\",\"question\":\"5\",\"answers\":[\"b\"]}\n");
    assert_int_equal(question_set_read(&set, path, &bad, NULL), 0);
    assert_int_equal(set.n, 2);
    assert_string_equal(set.items[1].text, "5");
    assert_int_equal(bad.n, 3);
    assert_int_equal(bad.first[0].line, 2);
    assert_int_equal(bad.first[1].line, 3);
    assert_int_equal(bad.first[2].line, 4);
    assert_contains(bad.first[2].text, "the id \"a\" stands before");
    assert_int_equal(question_set_read(&set, path, &bad, NULL),
                     0); /* the same once more: all ids stand before */
    assert_int_equal(set.n, 2);
    assert_int_equal(bad.n, 8);
    bad_rows_fini(&bad);
    question_set_fini(&set);
    given_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_written_and_read_again),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
