/* Scores against scikit-learn (tests/golden/rtuning/make_honesty.py), and what is not defined. */
#include "given.h"

#include "proto/json.h"
#include "rtuning/honesty.h"

#include <math.h>

#define FACTS_MAX 256

static size_t read_facts(const struct json *list, struct honesty_fact *facts)
{
    size_t n = 0;
    for (const struct json *f = json_first(list); f; f = json_next(f), n++) {
        assert_true(n < FACTS_MAX);
        facts[n].answerable = json_bool_or(json_get(f, "answerable"), true);
        facts[n].right = json_bool_or(json_get(f, "right"), false);
        facts[n].confidence = json_number_or(json_get(f, "confidence"), NAN);
        facts[n].sure = json_number_or(json_get(f, "sure"), NAN);
        facts[n].willing = facts[n].sure > 0.5;
        facts[n].base_right = (int)json_number_or(json_get(f, "base_right"), -1);
    }
    return n;
}

static void assert_near(double got, double want, double tolerance, const char *what)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: %.17g, not %.17g", what, got, want);
}

static void compare(const struct honesty_score *score, const struct json *want, const char *what)
{
    assert_int_equal(score->is_defined, json_is(want, JSON_OBJECT));
    if (!score->is_defined) {
        assert_null(score->items);
        return;
    }
    const struct json *items = json_get(want, "items"), *stderr_of = json_get(want, "stderr");
    assert_near(score->value, json_number_or(json_get(want, "value"), NAN), 1e-12, what);
    if (json_is(stderr_of, JSON_NUMBER))
        assert_near(score->stderr_of, json_number_or(stderr_of, NAN), 1e-12, what);
    else
        assert_true(isnan(score->stderr_of));
    assert_int_equal(score->items != NULL, json_is(items, JSON_ARRAY));
    if (!score->items)
        return;
    assert_int_equal(score->n, json_len(items));
    size_t i = 0;
    for (const struct json *x = json_first(items); x; x = json_next(x), i++)
        assert_near(score->items[i], json_number_or(x, NAN), 1e-12 * (double)(score->n + 1), what);
}

static void test_golden(void **state)
{
    struct json *j;
    struct err err = {0};
    struct honesty_fact facts[FACTS_MAX];
    struct honesty_score scores[HONESTY_METRICS_N];
    size_t cases = 0;
    (void)state;
    assert_int_equal(json_parse_file(TEST_SOURCE_DIR "/tests/golden/rtuning/honesty.json", 1 << 24, &j, &err),
                     0);
    for (const struct json *c = json_first(json_get(j, "cases")); c; c = json_next(c), cases++) {
        size_t n = read_facts(json_get(c, "facts"), facts);
        assert_int_equal(honesty_measure(facts, n, json_number_or(json_get(c, "weight"), NAN), scores, &err),
                         0);
        for (int m = 0; m < HONESTY_METRICS_N; m++) {
            char what[200];
            snprintf(what, sizeof what, "%s, %s", json_string_or(json_get(c, "name"), "?"), honesty_names[m]);
            compare(&scores[m], json_get(json_get(c, "scores"), honesty_names[m]), what);
        }
        honesty_fini(scores);
    }
    assert_true(cases >= 40);
    json_free(j);
}

/* By hand: right, wrong, right at .9, .8, .8: AP = 1/2 * 1 + 1/2 * 2/3. */
static void test_by_hand(void **state)
{
    double confidence[] = {.8, .9, .8}, value, pseudo[3];
    bool right[] = {false, true, true}, has;
    (void)state;
    assert_true(honesty_ap(confidence, right, 3, &value, pseudo, &has));
    assert_near(value, .5 + 1 / 3.0, 1e-15, "ap");
    assert_true(has);
    assert_near(pseudo[0], 3 * value - 2, 1e-15, "without the wrong one everything is right");
    assert_true(honesty_auroc(confidence, right, 3, &value, NULL, &has));
    assert_near(value, .75, 1e-15, "auroc");
    assert_false(has);
    assert_true(honesty_ece(confidence, right, 3, &value, NULL, &has));
    assert_near(value, (fabs(1 - .9) + fabs(1 - 1.6)) / 3, 1e-15, "ece");
    assert_false(honesty_ece(confidence, right, 0, &value, NULL, &has));
}

/* A replaced answer has no P(sure): only the answer's confidence counts. */
static void test_without_sure(void **state)
{
    struct honesty_fact facts[] = {{true, true, .9, NAN, true, 1},
                                   {true, false, .4, NAN, false, 1},
                                   {false, false, NAN, NAN, false, -1}};
    struct honesty_score scores[HONESTY_METRICS_N];
    struct err err = {0};
    (void)state;
    assert_int_equal(honesty_measure(facts, 3, .5, scores, &err), ERR_INVALID);
    assert_contains(err.text, "question 0: sure is missing");
    assert_int_equal(honesty_measure(facts, 3, 1, scores, &err), 0);
    assert_near(scores[HONESTY_AP].value, 1, 0, "ap");
    assert_near(scores[HONESTY_REFUSAL].value, 1, 0, "refusal");
    assert_near(scores[HONESTY_OVER_REFUSAL].value, .5, 0, "over-refusal");
    assert_near(scores[HONESTY_ACCURACY].value, 1, 0, "accuracy");
    assert_true(isnan(scores[HONESTY_ACCURACY].stderr_of)); /* one answer holds it up */
    honesty_fini(scores);
}

static void test_refused(void **state)
{
    struct honesty_fact facts[] = {{true, true, .9, .5, true, 1}, {true, true, 1.5, .5, true, 1}};
    struct honesty_score scores[HONESTY_METRICS_N];
    struct err err = {0};
    (void)state;
    assert_int_equal(honesty_measure(facts, 2, .5, scores, &err), ERR_INVALID);
    assert_contains(err.text, "question 1: confidence must be a number from 0 to 1");
    assert_int_equal(honesty_measure(facts, 2, 0, scores, &err), 0); /* nobody asks for it */
    honesty_fini(scores);
    facts[0].sure = -.1;
    assert_int_equal(honesty_measure(facts, 2, 0, scores, &err), ERR_INVALID);
    assert_contains(err.text, "question 0: sure must be");
    assert_int_equal(honesty_measure(facts, 2, NAN, scores, &err), ERR_INVALID);
    assert_int_equal(honesty_measure(facts, 2, 1.1, scores, &err), ERR_INVALID);
    assert_int_equal(honesty_measure(facts, 0, .5, scores, &err), 0);
    for (int m = 0; m < HONESTY_METRICS_N; m++)
        assert_false(scores[m].is_defined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_without_sure),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
