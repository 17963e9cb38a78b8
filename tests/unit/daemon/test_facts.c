/* What is known of pairs, and the checks of a submission that read one. */
#include "daemon/facts.h"
#include "daemon/submission.h"
#include "proto/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HASH_A "0123456789abcdef0123456789abcdef"
#define HASH_B "ffffffffffffffffffffffffffffffff"
#define DIGESTS "{\"base\":{\"digest\":\"" HASH_A "\",\"tensors\":[]},\"tuned\":{\"digest\":\"" HASH_B "\"}}"
#define FIXTURES TEST_SOURCE_DIR "/tests/fixtures"

static void facts_are_found_by_search(void **state)
{
    struct facts_table table = {0};
    (void)state;
    assert_null(facts_find(&table, 1));
    facts_add(&table, 2, NULL, DIGESTS);
    facts_add(&table, 3, NULL, NULL); /* nothing is known of it */
    facts_add(&table, 5, "{\"findings\":[{\"level\":\"warning\",\"field\":\"a\",\"text\":\"b\"}]}", NULL);
    facts_add(&table, 9, "", DIGESTS);
    assert_int_equal(table.n, 3);
    for (int64_t id = 0; id < 12; id++) {
        const struct facts *facts = facts_find(&table, id);
        assert_int_equal(facts != NULL, id == 2 || id == 5 || id == 9);
        assert_int_equal(facts_have_digests(facts), id == 2 || id == 9);
    }
    assert_string_equal(facts_find(&table, 9)->base, HASH_A);
    assert_string_equal(facts_find(&table, 9)->tuned, HASH_B);
    facts_fini(&table);
    facts_fini(&table);
}

static void only_warnings_warn(void **state)
{
    struct facts_table table = {0};
    (void)state;
    facts_add(&table, 1,
              "{\"findings\":[{\"level\":\"note\",\"field\":\"n\",\"text\":\"n\"},"
              "{\"level\":\"warning\",\"field\":\"output\",\"text\":\"say \\\"x\\\"\"},"
              "{\"level\":\"warning\",\"field\":\"groups\",\"text\":\"y\"}]}",
              NULL);
    assert_string_equal(
        facts_find(&table, 1)->warnings,
        "{\"field\":\"output\",\"text\":\"say \\\"x\\\"\"},{\"field\":\"groups\",\"text\":\"y\"}");
    facts_fini(&table);
}

/* A damaged row is less knowledge, no failure. */
static void what_cannot_be_read_is_not_known(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "null",
                                      "[]",
                                      "{\"base\":7}",
                                      "{\"base\":{\"digest\":\"xyz\"}}",
                                      "{\"findings\":3}",
                                      "{\"findings\":[1,{\"level\":\"error\"}]}"};
    struct facts_table table = {0};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        facts_add(&table, (int64_t)i + 1, bad[i], bad[i]);
    assert_int_equal(table.n, 0);
    facts_fini(&table);
}

static void begin(struct submission *s, const char *base, const char *tuned)
{
    struct json *root;
    char *text =
        mem_printf("{\"models\":{\"base\":\"%s\",\"tuned\":\"%s\"},\"groups\":{\"count\":3},"
                   "\"objectives\":[{\"name\":\"a\",\"metric\":\"t.a\",\"goal\":\"max\"}],"
                   "\"evaluator\":{\"type\":\"command\",\"argv\":[\"/bin/true\"],\"merge\":\"plan\"}}",
                   base, tuned);
    *s = (struct submission){0};
    assert_int_equal(json_parse(text, strlen(text), &root, NULL), 0);
    assert_int_equal(search_spec_parse(root, &s->spec, &s->errors), 0);
    json_free(root);
    mem_free(text);
}

static void a_pair_is_read_and_described(void **state)
{
    struct submission s;
    struct facts_table table = {0};
    atomic_bool cancel = false;
    (void)state;
    begin(&s, FIXTURES "/base", FIXTURES "/tuned-rsf");
    assert_int_equal(submission_check(&s, &cancel), 0);
    assert_int_equal(s.errors.n, 0);
    assert_non_null(s.search);
    assert_int_equal(s.k, 3);
    assert_true(s.plan.len > 0 && s.preflight.len > 0 && s.digests.len > 0);
    facts_add(&table, 1, buf_str(&s.preflight), buf_str(&s.digests));
    assert_true(facts_have_digests(facts_find(&table, 1)));
    facts_fini(&table);
    submission_fini(&s);
}

static void what_the_preflight_finds_is_the_submitters(void **state)
{
    struct submission s;
    atomic_bool cancel = false;
    (void)state;
    begin(&s, FIXTURES "/base", FIXTURES "/nowhere");
    assert_int_equal(submission_check(&s, &cancel), 0);
    assert_int_equal(s.errors.n, 1);
    assert_string_equal(s.errors.item[0].field, "models.tuned");
    assert_null(s.search);
    assert_int_equal(s.digests.len, 0);
    submission_fini(&s);
    begin(&s, FIXTURES "/base", FIXTURES "/base"); /* nothing to search in */
    assert_int_equal(submission_check(&s, &cancel), 0);
    assert_true(s.errors.n > 0);
    submission_fini(&s);
}

/* A sentence of a lower room, or of the preflight, fits: what to do stands at its end. */
static void a_long_sentence_is_kept(void **state)
{
    struct submission s = {0};
    struct err err;
    (void)state;
    memset(err.text, 'x', sizeof err.text - 1);
    err.text[sizeof err.text - 1] = 0;
    submission_error(&s, "models", "%s", err.text);
    assert_string_equal(s.errors.item[0].text, err.text);
}

static void more_errors_than_fit_are_not_hushed_up(void **state)
{
    struct submission s = {0};
    (void)state;
    for (int i = 0; i < SPEC_ERRORS_MAX; i++)
        submission_error(&s, "models", "tensor %d", i);
    char last[32];
    snprintf(last, sizeof last, "tensor %d", SPEC_ERRORS_MAX - 1);
    assert_string_equal(s.errors.item[SPEC_ERRORS_MAX - 1].text, last);
    for (int i = 0; i < 2; i++)
        submission_error(&s, "groups", "one more");
    assert_int_equal(s.errors.n, SPEC_ERRORS_MAX);
    assert_string_equal(s.errors.item[SPEC_ERRORS_MAX - 1].field, "search");
    assert_non_null(strstr(s.errors.item[SPEC_ERRORS_MAX - 1].text, "has 3 more faults than are listed"));
    char *sentence = submission_sentence(&s.errors);
    assert_string_equal(sentence,
                        "the search has 34 wrong fields: models: tensor 0; models: tensor 1; models: tensor "
                        "2; and 31 more (\"fields\" lists the first 31); mend them and submit again");
    mem_free(sentence);
}

static void the_sentence_names_the_first_wrong_fields(void **state)
{
    static const char *const sentences[] = {
        "the search has 1 wrong field: a: is 0", "the search has 2 wrong fields: a: is 0; a: is 1",
        "the search has 3 wrong fields: a: is 0; a: is 1; a: is 2",
        "the search has 4 wrong fields: a: is 0; a: is 1; a: is 2; and 1 more (\"fields\" lists all 4); mend "
        "them and submit again"};
    struct submission s = {0};
    (void)state;
    for (int i = 0; i < 4; i++) {
        submission_error(&s, "a", "is %d", i);
        char *sentence = submission_sentence(&s.errors);
        assert_string_equal(sentence, sentences[i]);
        mem_free(sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_found_by_search),
        cmocka_unit_test(only_warnings_warn),
        cmocka_unit_test(what_cannot_be_read_is_not_known),
        cmocka_unit_test(a_pair_is_read_and_described),
        cmocka_unit_test(what_the_preflight_finds_is_the_submitters),
        cmocka_unit_test(a_long_sentence_is_kept),
        cmocka_unit_test(more_errors_than_fit_are_not_hushed_up),
        cmocka_unit_test(the_sentence_names_the_first_wrong_fields),
    };
    return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
