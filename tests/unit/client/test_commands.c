/* Help, version, and command lines that are none. */
#include "fake.h"

static void assert_run(const char *line, int code, const char *out, const char *complaint)
{
    struct fake fake;
    fake_init(&fake);
    assert_int_equal(fake_run(&fake, line), code);
    assert_contains(fake.out, out);
    assert_contains(fake.complaints, complaint);
    assert_int_equal(fake.asked_n, 0);
    fake_fini(&fake);
}

static void test_help(void **state)
{
    (void)state;
    assert_run("--help", CLIENT_OK, "Exit codes:", "");
    assert_run("help", CLIENT_OK, "    export  ", "");
    assert_run("help export", CLIENT_OK, "Example:\n    paretoctl export 3 17 --out best\n", "");
    assert_run("export --help", CLIENT_OK, "Usage: paretoctl export ID TRIAL[,TRIAL…] --out DIR | ", "");
    assert_run("help submit", CLIENT_OK, "With --json the search as JSON; a refused one has none", "");
    assert_run("help preflight", CLIENT_OK, "the whole report is one object, errors and all", "");
    assert_run("help exprot", CLIENT_USAGE, "", "did you mean \"export\"?");
    assert_run("--version", CLIENT_OK, "paretoctl " PARETOD_VERSION "\n", "");
}

static void test_every_command_explains_itself(void **state)
{
    char line[64];
    (void)state;
    for (size_t i = 0; i < commands_n; i++) {
        snprintf(line, sizeof line, "help %s", commands[i].name);
        assert_run(line, CLIENT_OK, "Example:\n    paretoctl ", "");
        snprintf(line, sizeof line, "%s --help", commands[i].name);
        assert_run(line, CLIENT_OK, commands[i].line, "");
        assert_true(commands[i].words_max <= ARGS_WORDS_MAX);
    }
}

static void test_usage_errors(void **state)
{
    (void)state;
    assert_run("", CLIENT_USAGE, "", "no command given");
    assert_run("fronts", CLIENT_USAGE, "", "did you mean \"front\"?");
    assert_run("front x", CLIENT_USAGE, "", "\"x\" is not the number of a search");
    assert_run("export 3 x --out /nonexistent/a", CLIENT_USAGE, "", "\"x\" is not the number of a trial");
    assert_run("export 3 4", CLIENT_USAGE, "", "--out DIR is missing");
    assert_run("export 3 4 --out /", CLIENT_REFUSED, "", "/ is there already");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_every_command_explains_itself),
        cmocka_unit_test(test_usage_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
