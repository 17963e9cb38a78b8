#include "worker/metrics.h"

#include "fixtures.h"

#include <math.h>

static void expect(const char *text, const char *normalised)
{
    char *got = metrics_normalise(text);
    assert_string_equal(got, normalised);
    mem_free(got);
}

static void test_normalise(void **state)
{
    (void)state;
    expect("", "");
    expect("The cat, an owl & a dog.", "cat owl dog");
    expect("a-b", "ab");
    expect("a_n", ""); /* without its underscore an article */
    expect("Theatre  an\tAnna\n", "theatre anna");
    expect("\xc3\x89t\xc3\xa9 the", "\xc3\xa9t\xc3\xa9");
    expect("x\xe2\x80\x94the\xe2\x80\x94y",
           "x\xe2\x80\x94 \xe2\x80\x94y"); /* dashes beyond ASCII stay, as in Python */
    expect("th\xc3\xa9 a\xc2\xa0the b", "th\xc3\xa9 b");
}

/* em and f1 of every pair as the lab's Python has them. */
static void test_golden_pairs(void **state)
{
    (void)state;
    struct json *golden = read_json(GOLDEN "metrics.json");
    int n = 0;
    for (const struct json *j = json_first(json_get(golden, "pairs")); j; j = json_next(j), n++) {
        const char *text = json_string_or(json_get(j, "prediction"), NULL);
        char *answer = (char *)json_string_or(json_get(j, "reference"), NULL);
        assert_non_null(text);
        assert_non_null(answer);
        double em = metrics_em(text, &answer, 1), f1 = metrics_f1(text, &answer, 1);
        if (fabs(em - json_number_or(json_get(j, "em"), -1)) > 1e-9 ||
            fabs(f1 - json_number_or(json_get(j, "f1"), -1)) > 1e-9)
            fail_msg("\"%s\" for \"%s\": em %g, f1 %.17g", text, answer, em, f1);
    }
    assert_true(n > 10);
    json_free(golden);
}

static void test_the_best_answer_counts(void **state)
{
    (void)state;
    char *answers[] = {"blue", "red cup", "red"};
    assert_true(metrics_em("the red", answers, 3) == 1);
    assert_true(metrics_em("green", answers, 3) == 0);
    assert_true(metrics_f1("red cup", answers, 3) == 1);
    assert_true(fabs(metrics_f1("red hat", answers, 3) - 2.0 / 3) < 1e-15);
}

static void test_mean_and_error(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4};
    assert_true(metrics_mean(x, 4) == 2.5);
    assert_true(fabs(metrics_stderr(x, 4) - sqrt(5.0 / 3) / 2) < 1e-15);
    assert_true(isnan(metrics_stderr(x, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_golden_pairs),
        cmocka_unit_test(test_the_best_answer_counts),
        cmocka_unit_test(test_mean_and_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
