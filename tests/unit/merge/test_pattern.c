/* merge/plan/pattern.h: what matches, what is refused, and that no pattern takes long. */
#include "fixture.h"

#include "merge/plan/pattern.h"

static struct pattern *compiled(const char *text, bool whole)
{
    struct err err = {0};
    struct pattern *pattern;
    if (pattern_compile("groups.layer_pattern", text, whole, &pattern, &err))
        fail_msg("%s", err.text);
    return pattern;
}

static struct pattern_match matched(const char *text, bool whole, const char *subject)
{
    struct err err = {0};
    struct pattern_match match;
    struct pattern *pattern = compiled(text, whole);
    if (pattern_match(pattern, subject, &match, &err))
        fail_msg("%s", err.text);
    pattern_free(pattern);
    return match;
}

static void test_matches(void **state)
{
    (void)state;
    static const char name[] = "model.layers.12.mlp.up_proj.weight";
    assert_true(matched(".*up_proj.*", true, name).found);
    assert_false(matched("up_proj", true, name).found);
    assert_false(matched("model.*up_proj", true, name).found);
    assert_false(matched("up_proj.weight\n", true, name).found);
    assert_true(matched("up_proj", false, name).found);
    assert_false(matched("$", false, name).group_n);
    struct pattern_match match = matched("layers\\.(\\d+)\\.", false, name);
    assert_true(match.found && match.group == name + 13 && match.group_n == 2);
    match = matched("layers|(zzz)", false, name); /* the parentheses took no part */
    assert_true(match.found && !match.group);
    match = matched("(a)?layers", false, name);
    assert_true(match.found && !match.group);
    assert_true(matched("...", true, "a\xc3\xa9z").found); /* characters, not bytes */
    struct pattern *pattern = compiled("(a)(b(?:c))", true);
    assert_int_equal(pattern_groups(pattern), 2);
    pattern_free(pattern);
    pattern_free(NULL);
}

static void test_wrong_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"layers\\.(\\d+",
         "groups.layer_pattern: \"layers\\.(\\d+\" is not a regular expression: missing closing "
         "parenthesis (character 13)"},
        {"*", "(character 1)"},
        {"\xc3\xa9\xc3\xa9*+?*", "(character 5)"},
        {"[a", "(character 3)"},
        {"a{2,1}", "numbers out of order"},
        {"\\C", "(character 3)"},
        {"((((a{1000}){1000}){1000}){1000})", "too large"},
        {"(?<name", "(character 8)"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        struct pattern *pattern;
        fixture_refused(pattern_compile("groups.layer_pattern", bad[i].text, false, &pattern, &err),
                        ERR_INVALID, &err, bad[i].says);
        assert_null(pattern);
    }
    char nested[300];
    memset(nested, '(', 100);
    memset(nested + 100, ')', 100);
    nested[200] = 0;
    struct err err = {0};
    struct pattern *pattern;
    fixture_refused(pattern_compile("f", nested, false, &pattern, &err), ERR_INVALID, &err, "too deep");
}

/* Exponential and polynomial ones end in a sentence after a bounded number of steps. They end in a class, for PCRE2 sees
 * beforehand that a single letter is missing. */
static void test_catastrophic_patterns(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "(a+)+[xyz]",           "(a|a)*[xyz]",
        "(a|aa)+[xyz]",         "(.*)(.*)(.*)(.*)(.*)(.*)(.*)[xyz]",
        "(a*)*[xyz]",           "((a+)+)+[xyz]",
        "(?:a?){60}a{60}[xyz]", "(a+){1,60}[xyz]",
        "^(?>a|aa)*(a+)*[xyz]", "(?=(a+))(\\1|a)+[xyz]",
        "(?R)?a(?R)?[xyz]",
    };
    char subject[400];
    memset(subject, 'a', 60);
    subject[60] = 'c';
    subject[61] = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int whole = 0; whole < 2; whole++) {
            struct err err = {0};
            struct pattern_match match;
            struct pattern *pattern = compiled(bad[i], whole);
            int rc = pattern_match(pattern, subject, &match, &err);
            pattern_free(pattern);
            if (!rc && match.found)
                fail_msg("%s matches", bad[i]);
            if (rc && (rc != ERR_INVALID || !strstr(err.text, "groups.layer_pattern: \"")))
                fail_msg("%s: %s", bad[i], err.text);
        }
    struct err err = {0};
    struct pattern_match match;
    struct pattern *pattern = compiled("(a+)+[xyz]", true);
    fixture_refused(pattern_match(pattern, subject, &match, &err), ERR_INVALID, &err,
                    "takes too long on \"aaa");
    /* what PCRE2 by itself would have patience for is too long already */
    fixture_refused(pattern_match(pattern, "aaaaaaaaaaaaaaaaaaac", &match, &err), ERR_INVALID, &err,
                    "takes too long on \"aaa");
    assert_int_equal(pattern_match(pattern, "aaaaaaac", &match, &err), 0);
    pattern_free(pattern);
}

/* What people write costs far less than the limit, on names longer than any in use. */
static void test_usual_patterns_are_cheap(void **state)
{
    (void)state;
    static const char *const usual[] = {".*\\.experts\\..*", ".*(q|k|v)_proj.*",
                                        "model\\.layers\\.([0-9]|1[0-5])\\..*", ".*layers.*mlp.*weight",
                                        "(?i).*LAYERS.*(norm|ln).*"};
    char name[300];
    memset(name, 'x', sizeof name);
    memcpy(name + 200, ".layers.3.mlp.experts.7.w1.bias", 32);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        matched(usual[i], true, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_wrong_patterns),
        cmocka_unit_test(test_catastrophic_patterns),
        cmocka_unit_test(test_usual_patterns_are_cheap),
    };
    return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
