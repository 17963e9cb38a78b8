/* Names of algorithms: all of NLopt's, with what can and cannot run a search. */
#include "optimizer/algorithm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>
#include <strings.h>

static void test_every_name_of_nlopt_is_known(void **state)
{
    (void)state;
    int n = 0, refused = 0;
    for (const char *name; (name = opt_algorithm_name(n, NULL, NULL)); n++) {
        bool usable;
        const char *why_not = "unset";
        assert_string_equal(opt_algorithm_name(n, &usable, &why_not), name);
        assert_true(usable == (why_not == NULL));
        if (why_not) {
            assert_non_null(strstr(why_not, "LN_COBYLA"));
            assert_null(strstr(why_not, "not known to this version"));
            refused++;
        }
        struct algorithm a;
        struct err err = {0};
        assert_int_equal(algorithm_find(name, 4, &a, &err), usable ? 0 : ERR_UNSUPPORTED);
        if (usable)
            assert_string_equal(a.name, name);
        else
            assert_non_null(strstr(err.text, name));
    }
    assert_true(n >= 44); /* 2.7.1 has 44; newer ones only add */
    assert_int_equal(refused, 4);
    assert_null(opt_algorithm_name(-1, NULL, NULL));
}

static void test_prefix_and_case_do_not_matter(void **state)
{
    (void)state;
    static const char *const spellings[] = {"LN_BOBYQA", "NLOPT_LN_BOBYQA", "ln_bobyqa", "nlopt_ln_BOBYQA"};
    for (size_t i = 0; i < 4; i++) {
        struct algorithm a;
        assert_int_equal(algorithm_find(spellings[i], 3, &a, NULL), 0);
        assert_string_equal(a.name, "LN_BOBYQA");
    }
}

static void test_unknown_names_get_the_nearest(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"COBYLA", "LN_COBYLA"},
                                           {"LN_SUBPLX", "LN_SBPLX"},
                                           {"GN_CRS", "GN_CRS2_LM"},
                                           {"NELDERMEAD", "LN_NELDERMEAD"},
                                           {"NLOPT_LD_SLSPQ", "LD_SLSQP"},
                                           {"direct_l", "GN_DIRECT_L"},
                                           {"LN_NELDER_MEAD", "LN_NELDERMEAD"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct algorithm a;
        struct err err = {0};
        char words[64];
        assert_int_equal(algorithm_find(pairs[i][0], 3, &a, &err), ERR_UNSUPPORTED);
        snprintf(words, sizeof words, "did you mean \"%s\"?", pairs[i][1]);
        if (!strstr(err.text, words))
            fail_msg("%s", err.text);
    }
    struct algorithm a;
    char longest[300];
    memset(longest, 'Q', sizeof longest);
    longest[299] = 0;
    assert_int_equal(algorithm_find(longest, 3, &a, NULL), ERR_UNSUPPORTED);
    assert_int_equal(algorithm_find("", 3, &a, NULL), ERR_UNSUPPORTED);
}

static void test_one_direction_is_too_few_for_quadratic_models(void **state)
{
    (void)state;
    struct algorithm a;
    struct err err = {0};
    assert_int_equal(algorithm_find("LN_BOBYQA", 1, &a, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "needs 2 free directions and this search has 1; use LN_COBYLA"));
    assert_int_equal(algorithm_find("LN_BOBYQA", 2, &a, NULL), 0);
}

/* Default populations of the random methods are larger than most budgets: that would be random search. */
static void test_populations_fit_the_budget(void **state)
{
    (void)state;
    struct algorithm crs, cobyla;
    assert_int_equal(algorithm_find("GN_CRS2_LM", 8, &crs, NULL), 0);
    assert_int_equal(algorithm_find("LN_COBYLA", 8, &cobyla, NULL), 0);
    assert_int_equal(algorithm_population(&crs, 8, 60), 20);
    assert_int_equal(algorithm_population(&crs, 8, 12), 10);
    assert_int_equal(algorithm_population(&crs, 8, 1000), 0);
    assert_int_equal(algorithm_population(&cobyla, 8, 60), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name_of_nlopt_is_known),
        cmocka_unit_test(test_prefix_and_case_do_not_matter),
        cmocka_unit_test(test_unknown_names_get_the_nearest),
        cmocka_unit_test(test_one_direction_is_too_few_for_quadratic_models),
        cmocka_unit_test(test_populations_fit_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
