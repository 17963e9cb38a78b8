/* proto/spec_space.h: ranges and ties of a search's ratios. */
#include "proto/spec_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#define K 4
static const char *const names[K] = {"low", "middle", "high", "ends"};

static double low[SPEC_RATIOS_MAX], high[SPEC_RATIOS_MAX];
static int tie[SPEC_RATIOS_MAX];

static struct search_spec plain(void)
{
    struct search_spec spec = {.ratio_min = 0, .ratio_max = 1};
    return spec;
}

static void bound(struct search_spec *spec, const char *group, double min, double max)
{
    struct spec_bound *b = &spec->bounds[spec->bounds_n++];
    snprintf(b->group, sizeof b->group, "%s", group);
    b->min = min;
    b->max = max;
}

static void tied(struct search_spec *spec, const char *group, int set)
{
    struct spec_tie *t = &spec->ties[spec->ties_n++];
    snprintf(t->group, sizeof t->group, "%s", group);
    t->set = set;
}

static void assert_refused(const struct search_spec *spec, const char *words)
{
    struct err err = {0};
    assert_int_equal(search_spec_space(spec, names, K, low, high, tie, &err), ERR_INVALID);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_int_equal(search_spec_space(spec, names, K, low, high, tie, NULL), ERR_INVALID);
}

static void test_a_plain_search_has_one_range(void **state)
{
    (void)state;
    struct search_spec spec = plain();
    spec.ratio_min = -0.5;
    assert_int_equal(search_spec_space(&spec, names, K, low, high, tie, NULL), 0);
    for (int i = 0; i < K; i++)
        assert_true(low[i] == -0.5 && high[i] == 1 && tie[i] == i);
}

static void test_bounds_replace_the_range(void **state)
{
    (void)state;
    struct search_spec spec = plain();
    spec.ratio_max = 0.5;
    bound(&spec, "middle", 0.25, 0.75);
    bound(&spec, "ends", -0.0, -0.0);
    assert_int_equal(search_spec_space(&spec, names, K, low, high, tie, NULL), 0);
    assert_true(low[0] == 0 && high[0] == 0.5);
    assert_true(low[1] == 0.25 && high[1] == 0.75);
    assert_true(low[3] == 0 && high[3] == 0 && !signbit(low[3]) && !signbit(high[3]));
}

/* Sets in any order of naming; the first group of each stands for it. */
static void test_ties_meet_in_the_intersection(void **state)
{
    (void)state;
    struct search_spec spec = plain();
    tied(&spec, "ends", 5);
    tied(&spec, "high", 2);
    tied(&spec, "low", 5);
    tied(&spec, "middle", 2);
    bound(&spec, "low", 0.1, 0.8);
    bound(&spec, "ends", 0.3, 0.9);
    bound(&spec, "high", 0.4, 0.4);
    assert_int_equal(search_spec_space(&spec, names, K, low, high, tie, NULL), 0);
    static const int expected[K] = {0, 1, 1, 0};
    assert_memory_equal(tie, expected, sizeof expected);
    assert_true(low[0] == 0.3 && high[0] == 0.8 && low[3] == 0.3 && high[3] == 0.8);
    assert_true(low[1] == 0.4 && high[1] == 0.4 && low[2] == 0.4); /* tied to a frozen one: frozen */
}

static void test_three_in_a_set_share_the_least_index(void **state)
{
    (void)state;
    struct search_spec spec = plain();
    tied(&spec, "middle", 0);
    tied(&spec, "ends", 0);
    tied(&spec, "high", 0);
    bound(&spec, "ends", 0.5, 0.6);
    bound(&spec, "high", 0.2, 0.55);
    assert_int_equal(search_spec_space(&spec, names, K, low, high, tie, NULL), 0);
    for (int i = 1; i < K; i++)
        assert_true(tie[i] == 1 && low[i] == 0.5 && high[i] == 0.55);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    struct search_spec spec = plain();
    bound(&spec, "lox", 0, 0);
    assert_refused(&spec, "groups.freeze: there is no group \"lox\"; did you mean \"low\"?");
    spec = plain();
    bound(&spec, "nobody at all", 0, 0.5);
    assert_refused(&spec,
                   "groups.bounds: there is no group \"nobody at all\"; this search has \"low\", \"middle\", "
                   "\"high\", \"ends\"");
    spec = plain();
    tied(&spec, "lowest of them", 0);
    assert_refused(&spec, "groups.tie: there is no group");
    spec = plain();
    bound(&spec, "low", 0, 0);
    bound(&spec, "low", 0, 0.5);
    assert_refused(&spec, "groups.bounds: \"low\" is named twice");
    spec = plain();
    bound(&spec, "low", 0.5, 0.25);
    assert_refused(&spec, "groups.bounds: the range of \"low\" is 0.5 to 0.25");
    spec = plain();
    bound(&spec, "low", 0, NAN);
    assert_refused(&spec, "groups.bounds: the range of \"low\"");
    spec = plain();
    tied(&spec, "low", 0);
    tied(&spec, "low", 1);
    assert_refused(&spec, "groups.tie: \"low\" is named twice");
    spec = plain();
    tied(&spec, "low", 0);
    tied(&spec, "high", 0);
    bound(&spec, "low", 0, 0.25);
    bound(&spec, "high", 0.5, 0.5);
    assert_refused(&spec, "groups.tie: \"high\" (0.5 to 0.5) shares its ratio with \"low\" (0 to 0.25)");
    assert_int_equal(search_spec_space(&spec, names, 0, low, high, tie, NULL), ERR_INVALID);
}

/* The most groups with the longest names: the sentence ends, the list says how many there are. */
static void test_many_names_are_cut(void **state)
{
    (void)state;
    static char long_names[SPEC_RATIOS_MAX][64];
    const char *many[SPEC_RATIOS_MAX];
    for (int i = 0; i < SPEC_RATIOS_MAX; i++) {
        memset(long_names[i], (char)(33 + i), 63);
        many[i] = long_names[i];
    }
    struct search_spec spec = plain();
    struct err err = {0};
    bound(&spec, "short", 0, 0);
    assert_int_equal(search_spec_space(&spec, many, SPEC_RATIOS_MAX, low, high, tie, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, ", … (65)"));
}

/* Default means go where there is room; given ones, and those of a search without bounds, stay as they are. */
static void test_default_means_settle(void **state)
{
    (void)state;
    struct search_spec spec = plain(), before;
    spec.means_n = 3;
    for (int i = 0; i < 3; i++)
        spec.means[i] = 0.25 * (i + 1);
    spec.means_default = true;
    before = spec;
    search_spec_settle(&spec, names, K);
    assert_memory_equal(spec.means, before.means, sizeof spec.means);
    assert_false(spec.means_default);
    spec = before;
    bound(&spec, "low", 0, 0);
    search_spec_settle(&spec, names, K); /* 0 … 0.75 */
    for (int i = 0; i < 3; i++)
        assert_true(fabs(spec.means[i] - 0.1875 * (i + 1)) < 1e-15);
    spec = before;
    for (int i = 0; i < 3; i++) /* one range for all is that range, and not a sum that rounds */
        bound(&spec, names[i], 0.1, 0.7);
    search_spec_settle(&spec, names, 3);
    for (int i = 0; i < 3; i++)
        assert_true(spec.means[i] == (0.1 * (3 - i) + 0.7 * (i + 1)) / 4);
    spec = before;
    bound(&spec, "low", 0, 0);
    spec.means_default = false;
    spec.means[1] = 0.4; /* given ones stay */
    memcpy(before.means, spec.means, sizeof spec.means);
    search_spec_settle(&spec, names, K);
    assert_memory_equal(spec.means, before.means, sizeof spec.means);
    spec.means_default = true;
    bound(&spec, "nobody", 0, 0);
    search_spec_settle(&spec, names, K);
    assert_memory_equal(spec.means, before.means, sizeof spec.means);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_search_has_one_range),
        cmocka_unit_test(test_bounds_replace_the_range),
        cmocka_unit_test(test_ties_meet_in_the_intersection),
        cmocka_unit_test(test_three_in_a_set_share_the_least_index),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_many_names_are_cut),
        cmocka_unit_test(test_default_means_settle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
