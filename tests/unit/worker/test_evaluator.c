#include "worker/evaluator.h"

#include "fixtures.h"

static void test_native_behind_the_door(void **state)
{
    (void)state;
    struct search_spec spec;
    struct evaluator *evaluator;
    struct scores scores;
    struct err err = {0};
    open_spec(NULL, &spec);
    check(evaluator_open(&spec, "/tmp", &evaluator, &err), &err);
    struct evaluation e = {.half = "search", .ratios = (double[]){0.2, 0.5, 0.8}, .ratios_n = 3};
    check(evaluator_run(evaluator, &e, &scores, &err), &err);
    assert_true(scores.n > 0);
    scores_fini(&scores);
    scores_fini(&scores); /* again is fine */
    evaluator_close(evaluator);
    evaluator_close(NULL);
    search_spec_fini(&spec);
}

static void test_open_fails_with_a_sentence(void **state)
{
    (void)state;
    struct search_spec spec;
    struct evaluator *evaluator;
    struct err err = {0};
    open_spec(NULL, &spec);
    snprintf(spec.base, sizeof spec.base, "/nowhere");
    assert_int_not_equal(evaluator_open(&spec, "/tmp", &evaluator, &err), 0);
    assert_null(evaluator);
    assert_says(&err, "/nowhere");
    search_spec_fini(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native_behind_the_door),
        cmocka_unit_test(test_open_fails_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
