#include "worker/answer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct scores *scores, struct err *err)
{
    return answer_parse(text, strlen(text), true, scores, err);
}

static void the_last_line_counts(void **state)
{
    static const char *const good[] = {
        "{\"scores\":{\"m\":1.5}}",
        "{\"scores\":{\"m\":1.5}}\n",
        "{\"scores\":{\"m\":9}}\n\n  {\"scores\":{\"m\":1.5}}  \r\n \n\n",
        "noise {\n{ \"scores\" : { \"m\" : 15e-1 } }",
        "{\"scores\":{\"m\":{\"mean\":1.5}}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct scores scores;
        struct err err = {0};
        if (parse(good[i], &scores, &err) != 0)
            fail_msg("%s: %s", good[i], err.text);
        assert_int_equal(scores.n, 1);
        assert_string_equal(scores.item[0].metric, "m");
        assert_true(scores.item[0].mean == 1.5 && scores.item[0].n == 1 && isnan(scores.item[0].stderr_));
        assert_null(answer_find(&scores, "M"));
        scores_fini(&scores);
    }
}

static void what_is_left_out_is_derived(void **state)
{
    struct scores scores;
    struct err err = {0};
    (void)state;
    assert_int_equal(parse("{\"scores\":{\"a\":{\"mean\":2.5,\"items\":[1,2,3,4]},"
                           "\"b\":{\"mean\":2.5,\"items\":[1,2,3,4],\"stderr\":null},"
                           "\"c\":{\"mean\":7,\"items\":[7]},\"d\":{\"mean\":1,\"n\":500},\"e\":-0.0}}",
                           &scores, &err),
                     0);
    const struct score *s = scores.item;
    /* sd of 1 2 3 4 is sqrt(5/3); by 4 items: sqrt(5/12) */
    assert_true(s[0].n == 4 && fabs(s[0].stderr_ - sqrt(5.0 / 12)) < 1e-15);
    assert_true(s[1].n == 4 && isnan(s[1].stderr_));
    assert_true(s[2].n == 1 && isnan(s[2].stderr_));
    assert_true(s[3].n == 500 && isnan(s[3].stderr_) && !s[3].items);
    assert_true(s[4].mean == 0 && !signbit(s[4].mean));
    scores_fini(&scores);
}

static void everything_else_is_refused_by_name(void **state)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"", "printed nothing"},
        {" \n\n", "printed nothing"},
        {"{\"scores\":{\"m\":1}} trailing", "is not the JSON object"},
        {"{\"scores\":{\"m\":1},\"time\":3}", "unknown member \"time\""},
        {"{\"scores\":{\"m\":1},\"effective\":[]}", "effective must be an array"},
        {"{\"scores\":{\"m\":1},\"effective\":0.5}", "effective must be an array"},
        {"{\"effective\":[0.5,true],\"scores\":{\"m\":1}}", "effective[1] must be a number or null, not"},
        {"[1]", "unknown member \"[0]\""},
        {"3", "must be {\"scores\":"},
        {"{}", "must be {\"scores\":"},
        {"{\"scores\":{}}", "must be {\"scores\":"},
        {"{\"scores\":[1]}", "must be {\"scores\":"},
        {"{\"scores\":{\"m\":1,\"m\":2}}", "is not the JSON object"},
        {"{\"scores\":{\"m\":Infinity}}", "Infinity are not JSON"},
        {"{\"scores\":{\"m\":1e999}}", "is not the JSON object"},
        {"{\"scores\":{\"\":1}}", "must have 1 to 127 characters"},
        {"{\"scores\":{\"m\":\"1\"}}", "scores.m must be a number or an object with \"mean\", not a string"},
        {"{\"scores\":{\"m\":{}}}", "scores.m.mean must be a number; it is missing"},
        {"{\"scores\":{\"m\":{\"mean\":null}}}", "scores.m.mean must be a number, not null"},
        {"{\"scores\":{\"m\":{\"mean\":1,\"std\":2}}}", "unknown member \"std\""},
        {"{\"scores\":{\"m\":{\"mean\":1,\"stderr\":-1}}}", "scores.m.stderr"},
        {"{\"scores\":{\"m\":{\"mean\":1,\"stderr\":\"x\"}}}", "scores.m.stderr"},
        {"{\"scores\":{\"m\":{\"mean\":1,\"n\":1.5}}}", "scores.m.n must be a whole number"},
        {"{\"scores\":{\"m\":{\"mean\":1,\"n\":-1}}}", "scores.m.n must be a whole number"},
        {"{\"scores\":{\"m\":{\"mean\":1,\"items\":3}}}", "scores.m.items must be an array"},
        {"{\"scores\":{\"m\":{\"mean\":0,\"n\":0}}}", "scores.m is the mean of no items"},
        {"{\"scores\":{\"m\":{\"mean\":0,\"items\":[]}}}", "scores.m is the mean of no items"},
        {"{\"scores\":{\"m\":{\"mean\":1,\"items\":[1,null]}}}",
         "scores.m.items[1] must be a number, not null"},
        {"{\"scores\":{\"m\":{\"mean\":1,\"n\":3,\"items\":[1,2]}}}", "n 3 but 2 items"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct scores scores;
        struct err err = {0};
        int rc = parse(bad[i].text, &scores, &err);
        if (rc != ERR_EVALUATOR || !strstr(err.text, bad[i].word))
            fail_msg("%s gives %s: %s", bad[i].text, err_name(rc), err.text);
        assert_null(scores.item);
        assert_int_equal(scores.n, 0);
    }
}

/* Bytes that are no text, zero bytes among them, are an answer like any other wrong one. */
static void any_bytes_are_survived(void **state)
{
    static const char bytes[] = "ab\0c\n\xff\xfe\0{\"scores\"";
    struct scores scores;
    struct err err = {0};
    (void)state;
    for (size_t n = 0; n < sizeof bytes; n++)
        assert_int_equal(answer_parse(bytes, n, true, &scores, &err), ERR_EVALUATOR);
}

/* A program may print them to a search that does not keep any, in whatever shape. */
static void texts_that_nobody_wants_are_not_looked_at(void **state)
{
    static const char text[] = "{\"scores\":{\"m\":1},\"job\":1,\"written\":7}";
    struct scores scores;
    struct answer_line said;
    struct err err = {0};
    (void)state;
    assert_int_equal(answer_parse_numbered(text, strlen(text), 1, 1, false, &said, &scores, &err), 0);
    assert_true(said.kind == ANSWER_SCORES && scores.n == 1 && !scores.written);
    scores_fini(&scores);
    assert_int_equal(answer_parse_numbered(text, strlen(text), 1, 1, true, &said, &scores, &err),
                     ERR_EVALUATOR);
    assert_non_null(strstr(err.text, "written: must be an object"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_line_counts),
        cmocka_unit_test(what_is_left_out_is_derived),
        cmocka_unit_test(everything_else_is_refused_by_name),
        cmocka_unit_test(any_bytes_are_survived),
        cmocka_unit_test(texts_that_nobody_wants_are_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
