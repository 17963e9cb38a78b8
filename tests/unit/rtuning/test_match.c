/* Every rule of matching, by hand. */
#include "given.h"

#include "rtuning/match.h"

#include <math.h>

static bool open_match(enum match_rule rule, const char *output, const char *answer)
{
    char *answers[] = {(char *)(uintptr_t)answer};
    return match_open(rule, output, answers, 1);
}

static void test_paper(void **state)
{
    (void)state;
    assert_true(open_match(MATCH_PAPER, " Paris. It is", "Paris"));
    assert_true(open_match(MATCH_PAPER, " Lyon. Or Paris", "Paris")); /* not cut at the full stop */
    assert_true(open_match(MATCH_PAPER, "Paris", " Paris\n"));
    assert_false(open_match(MATCH_PAPER, "paris", "Paris"));
    assert_false(open_match(MATCH_PAPER, "Pari", "Paris"));
    assert_false(open_match(MATCH_PAPER, "Paris", ""));
    assert_false(open_match(MATCH_PAPER, "Paris", "  "));
    assert_false(open_match(MATCH_PAPER, "", "Paris"));
    char *answers[] = {(char[]){"U.S."}, (char[]){"America"}};
    assert_true(match_open(MATCH_PAPER, "in America", answers, 2));
    assert_true(match_open(MATCH_PAPER, "in the U.S. of A", answers, 2));
    assert_false(match_open(MATCH_SENTENCE, "in the U.S. of A", answers, 2));
    assert_false(match_open(MATCH_PAPER, "x", NULL, 0));
}

static void test_sentence_and_code(void **state)
{
    (void)state;
    for (enum match_rule rule = MATCH_SENTENCE; rule <= MATCH_CODE; rule++) {
        assert_true(open_match(rule, " Paris. Or Lyon", "Paris"));
        assert_false(open_match(rule, " Lyon. Or Paris", "Paris"));
        assert_false(open_match(rule, ".Paris", "Paris"));
        assert_false(open_match(rule, "", "Paris"));
    }
    /* without a full stop the code loses the last character */
    assert_true(open_match(MATCH_SENTENCE, "in Paris", "Paris"));
    assert_false(open_match(MATCH_CODE, "in Paris", "Paris"));
    assert_true(open_match(MATCH_CODE, "in Paris,", "Paris"));
    /* … a character, not a byte */
    assert_true(open_match(MATCH_CODE, "Parisé", "Paris"));
    assert_false(open_match(MATCH_CODE, "Parisé", "Parisé"));
    assert_false(open_match(MATCH_CODE, "Café", "Café"));
    assert_int_equal(match_cut(MATCH_CODE, "Caf\u00e9"), 3);
    assert_int_equal(match_cut(MATCH_CODE, "\u00e9"), 0);
    assert_int_equal(match_cut(MATCH_CODE, "a\U0001f600"), 1);
    assert_int_equal(match_cut(MATCH_CODE, ""), 0);
    assert_false(open_match(MATCH_CODE, "P", "P"));
}

static void test_choice(void **state)
{
    struct err err = {0};
    int at = -1;
    (void)state;
    assert_int_equal(match_choice((double[]){-3, -1, -2}, 3, &at, &err), 0);
    assert_int_equal(at, 1);
    assert_int_equal(match_choice((double[]){-3, -1, -1}, 3, &at, &err), 0);
    assert_int_equal(at, 1); /* the first of equals */
    assert_int_equal(match_choice((double[]){-INFINITY, -INFINITY}, 2, &at, &err), 0);
    assert_int_equal(at, 0);
    assert_int_equal(match_choice((double[]){0, NAN}, 2, &at, &err), ERR_INVALID);
    assert_contains(err.text, "choice 1");
    assert_int_equal(match_choice(NULL, 0, &at, &err), ERR_INVALID);
}

static void test_chosen(void **state)
{
    char *choices[] = {(char[]){"supported"}, (char[]){"partially_supported"}, (char[]){"not_supported"}};
    (void)state;
    assert_true(match_chosen(MATCH_PAPER, choices, 0, 0));
    assert_false(match_chosen(MATCH_PAPER, choices, 2, 0));
    assert_true(match_chosen(MATCH_CODE, choices, 2, 0));
    assert_false(match_chosen(MATCH_CODE, choices, 0, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paper),
        cmocka_unit_test(test_sentence_and_code),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
