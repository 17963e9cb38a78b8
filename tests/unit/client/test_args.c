/* The command line. */
#include "fake.h"

#include "client/args.h"

static int parse(struct args *args, struct err *err, int argc, const char *const *argv)
{
    *err = (struct err){0};
    return args_parse(args, argc, argv, commands, commands_n, err);
}

#define PARSE(...)                                                                                           \
    parse(&args, &err, (int)(sizeof((const char *[]){"paretoctl", __VA_ARGS__}) / sizeof(char *)),           \
          (const char *[]){"paretoctl", __VA_ARGS__})

static void test_flags_stand_anywhere(void **state)
{
    struct args args;
    struct err err;
    (void)state;
    assert_int_equal(PARSE("--daemon", "unix:/a", "front", "--plot", "3", "--json"), 0);
    assert_string_equal(args.command->name, "front");
    assert_string_equal(args.daemon, "unix:/a");
    assert_true(args.json);
    assert_true(args_has(&args, "--plot"));
    assert_false(args_has(&args, "--csv"));
    assert_int_equal(args.words_n, 1);
    assert_string_equal(args.words[0], "3");
}

static void test_values_with_equals_or_blank(void **state)
{
    struct args args;
    struct err err;
    (void)state;
    assert_int_equal(PARSE("submit", "s.json", "--key=k=1", "--set", "budget.trials=3", "--set=seed=2"), 0);
    assert_string_equal(args_value(&args, "--key"), "k=1");
    assert_int_equal(args.given_n, 3);
    assert_string_equal(args.given[1].value, "budget.trials=3");
    assert_string_equal(args_value(&args, "--set"), "seed=2");
}

static void test_two_dashes_end_the_flags(void **state)
{
    struct args args;
    struct err err;
    (void)state;
    assert_int_equal(PARSE("plan", "--", "--json"), 0);
    assert_false(args.json);
    assert_string_equal(args.words[0], "--json");
}

static void test_wrong_lines_say_what_is_right(void **state)
{
    struct args args;
    struct err err;
    (void)state;
    assert_int_equal(PARSE("exprot", "3"), ERR_INVALID);
    assert_contains(err.text, "did you mean \"export\"?");
    assert_int_equal(PARSE("zzzzzzzzzz"), ERR_INVALID);
    assert_contains(err.text, "paretoctl help");
    assert_int_equal(PARSE("front", "3", "--polt"), ERR_INVALID);
    assert_contains(err.text, "did you mean \"--plot\"?");
    assert_int_equal(PARSE("front", "3", "--plot=1"), ERR_INVALID);
    assert_contains(err.text, "takes no value");
    assert_int_equal(PARSE("export", "3", "4", "--out"), ERR_INVALID);
    assert_contains(err.text, "--out needs a value");
    assert_int_equal(PARSE("front", "3", "4"), ERR_INVALID);
    assert_contains(err.text, "\"4\" is one word too many");
    assert_int_equal(PARSE("front"), ERR_INVALID);
    assert_contains(err.text, "paretoctl front ID");
    assert_int_equal(PARSE("--json"), ERR_INVALID);
    assert_contains(err.text, "no command");
    /* a flag of another command is not a flag here */
    assert_int_equal(PARSE("searches", "--plot"), ERR_INVALID);
}

static void test_help_asks_no_words(void **state)
{
    struct args args;
    struct err err;
    (void)state;
    assert_int_equal(PARSE("export", "-h"), 0);
    assert_true(args.help);
    assert_int_equal(PARSE("--version"), 0);
    assert_true(args.version);
}

static void test_numbers(void **state)
{
    static const char *const bad[] = {"0", "-1", "x", "3x", "", "99999999999999999999", "1.5", " 3"};
    struct args args = {.words_n = 1};
    struct err err;
    int64_t number;
    (void)state;
    args.words[0] = "9007199254740993";
    assert_int_equal(args_number(&args, 0, "search", 1, &number, &err), 0);
    assert_true(number == 9007199254740993);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        args.words[0] = bad[i];
        assert_int_equal(args_number(&args, 0, "search", 1, &number, &err), ERR_INVALID);
    }
    /* the first trial of a search is number 0 */
    args.words[0] = "0";
    assert_int_equal(args_number(&args, 0, "trial", 0, &number, &err), 0);
    assert_true(number == 0);
}

static void test_too_many_flags(void **state)
{
    const char *argv[2 * ARGS_GIVEN_MAX + 5] = {"paretoctl", "submit", "s.json"};
    struct args args;
    struct err err;
    int argc = 3;
    (void)state;
    for (int i = 0; i < ARGS_GIVEN_MAX; i++) {
        argv[argc++] = "--set";
        argv[argc++] = "seed=1";
    }
    assert_int_equal(parse(&args, &err, argc, argv), 0);
    argv[argc++] = "--watch";
    assert_int_equal(parse(&args, &err, argc, argv), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_stand_anywhere),     cmocka_unit_test(test_values_with_equals_or_blank),
        cmocka_unit_test(test_two_dashes_end_the_flags), cmocka_unit_test(test_wrong_lines_say_what_is_right),
        cmocka_unit_test(test_help_asks_no_words),       cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_too_many_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
