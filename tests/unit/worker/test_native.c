#include "worker/native.h"

#include "fixtures.h"

#include <math.h>

static int run(struct native *native, const double *ratios, const char *half, struct scores *scores,
               struct err *err)
{
    struct evaluation e = {.trial = 1, .half = half, .ratios = ratios, .ratios_n = 3};
    return native_run(native, &e, scores, err);
}

static const struct score *find(const struct scores *scores, const char *metric)
{
    for (size_t i = 0; i < scores->n; i++) {
        if (strcmp(scores->item[i].metric, metric) == 0)
            return &scores->item[i];
    }
    return NULL;
}

/* objectives: 1 runs the metric's task alone, 2 facts as well. */
static void open_native(const char *metric, int objectives, struct native **out)
{
    struct search_spec spec;
    struct err err = {0};
    open_spec(metric, &spec);
    spec.objectives_n = objectives;
    check(native_open(&spec, out, &err), &err);
    search_spec_fini(&spec);
}

static void test_runs_the_named_tasks_alone(void **state)
{
    (void)state;
    struct native *native;
    struct scores scores;
    struct err err = {0};
    open_native("sums.em", 2, &native);
    check(run(native, (double[]){0, 0, 0}, "search", &scores, &err), &err);
    assert_non_null(find(&scores, "sums.em"));
    assert_non_null(find(&scores, "facts.em"));
    assert_non_null(find(&scores, "facts.f1")); /* every metric of a task that runs */
    assert_null(find(&scores, "choice.acc"));
    assert_true(scores.merge_s > 0 && scores.evaluate_s > 0);
    scores_fini(&scores);
    native_close(native);
}

/* What was asked for is what was applied: the pair is stored as f32. */
static void test_effective_ratios(void **state)
{
    (void)state;
    static const double ratios[] = {0.25, 0, 1};
    struct native *native;
    struct scores scores;
    struct err err = {0};
    open_native("distil.loglik", 1, &native);
    check(run(native, ratios, "search", &scores, &err), &err);
    assert_int_equal(scores.effective_n, 3);
    assert_true(fabs(scores.effective[0] - 0.25) < 1e-3);
    assert_true(scores.effective[1] == 0 && scores.effective[2] == 1);
    scores_fini(&scores);
    native_close(native);
}

/* Ratio 0 gives base's scores, ratio 1 tuned's, and a run leaves no trace in the next. */
static void test_ends_and_repetition(void **state)
{
    (void)state;
    struct native *native;
    struct scores first, again, tuned;
    struct err err = {0};
    struct json *golden = read_json(GOLDEN "scores-tuned-rsf.json");
    open_native("distil.loglik", 1, &native);
    check(run(native, (double[]){0, 0, 0}, "search", &first, &err), &err);
    check(run(native, (double[]){1, 1, 1}, "search", &tuned, &err), &err);
    check(run(native, (double[]){0, 0, 0}, "search", &again, &err), &err);
    const struct score *a = find(&first, "distil.loglik"), *b = find(&again, "distil.loglik");
    assert_int_equal(a->items_n, b->items_n);
    assert_memory_equal(a->items, b->items, a->items_n * sizeof *a->items);
    double right = json_number_or(
        json_get(json_get(json_get(json_get(golden, "tasks"), "distil"), "scores"), "loglik"), NAN);
    assert_true(fabs(find(&tuned, "distil.loglik")->mean - right) < 1e-4);
    assert_true(find(&tuned, "distil.loglik")->mean != a->mean);
    scores_fini(&first);
    scores_fini(&again);
    scores_fini(&tuned);
    json_free(golden);
    native_close(native);
}

/* Replies are drawn with the same numbers in every trial: the same merge gives the same bits, another attempt and
 * another seed of the lease change nothing, and held-out items are others. */
static void test_common_random_numbers(void **state)
{
    (void)state;
    struct native *native;
    struct scores a, b, held_out;
    struct err err = {0};
    const double ratios[] = {0.25, 0.5, 0.75};
    open_native("chat.reward", 1, &native);
    check(run(native, ratios, "search", &a, &err), &err);
    check(run(native, ratios, "heldout", &held_out, &err), &err);
    struct evaluation other = {
        .trial = 9, .attempt = 2, .seed = 77, .half = "search", .ratios = ratios, .ratios_n = 3};
    check(native_run(native, &other, &b, &err), &err);
    const struct score *x = find(&a, "chat.reward"), *y = find(&b, "chat.reward");
    assert_memory_equal(x->items, y->items, x->items_n * sizeof *x->items);
    assert_true(find(&held_out, "chat.reward")->mean != x->mean);
    assert_true(isfinite(x->mean) && x->stderr_ > 0);
    scores_fini(&a);
    scores_fini(&b);
    scores_fini(&held_out);
    native_close(native);
}

static void test_another_seed_draws_other_replies(void **state)
{
    (void)state;
    struct scores scores[2];
    struct err err = {0};
    for (int i = 0; i < 2; i++) {
        struct search_spec spec;
        struct native *native;
        open_spec("chat.reward", &spec);
        spec.seed = (uint64_t)i;
        spec.objectives_n = 1;
        check(native_open(&spec, &native, &err), &err);
        check(run(native, (double[]){0, 0, 0}, "search", &scores[i], &err), &err);
        native_close(native);
        search_spec_fini(&spec);
    }
    assert_true(find(&scores[0], "chat.reward")->mean != find(&scores[1], "chat.reward")->mean);
    scores_fini(&scores[0]);
    scores_fini(&scores[1]);
}

static void test_refuses_wrong_evaluations(void **state)
{
    (void)state;
    struct native *native;
    struct scores scores;
    struct err err = {0};
    open_native("sums.em", 2, &native);
    struct evaluation e = {.half = "search", .ratios = (double[]){0, 0}, .ratios_n = 2};
    assert_int_equal(native_run(native, &e, &scores, &err), ERR_INVALID);
    assert_says(&err, "ratios");
    assert_int_equal(run(native, (double[]){0, 0, 0}, "third", &scores, &err), ERR_INVALID);
    atomic_bool cancel = true;
    e = (struct evaluation){
        .half = "search", .ratios = (double[]){0, 0, 0}, .ratios_n = 3, .cancel = &cancel};
    assert_int_equal(native_run(native, &e, &scores, &err), ERR_CANCELLED);
    assert_int_equal(scores.n, 0);
    native_close(native);
}

static void test_refuses_searches_that_cannot_run(void **state)
{
    (void)state;
    static const char *const metrics[] = {"facts.acc", "nothing.em", "facts"};
    struct search_spec spec;
    struct native *native;
    struct err err = {0};
    for (size_t i = 0; i < 3; i++) {
        open_spec("sums.em", &spec);
        snprintf(spec.objectives[0].metrics[0], sizeof spec.objectives[0].metrics[0], "%s", metrics[i]);
        assert_int_equal(native_open(&spec, &native, &err), ERR_INVALID);
        assert_null(native);
        assert_says(&err, metrics[i]);
        assert_says(&err, "facts.em");
        search_spec_fini(&spec);
    }
    open_spec("sums.em", &spec);
    snprintf(spec.bundle, sizeof spec.bundle, "%snone", FIXTURES);
    assert_int_not_equal(native_open(&spec, &native, &err), 0);
    snprintf(spec.bundle, sizeof spec.bundle, "%sbundle", FIXTURES);
    snprintf(spec.tuned, sizeof spec.tuned, "%sreward", FIXTURES); /* another head */
    assert_int_not_equal(native_open(&spec, &native, &err), 0);
    search_spec_fini(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_the_named_tasks_alone),
        cmocka_unit_test(test_effective_ratios),
        cmocka_unit_test(test_ends_and_repetition),
        cmocka_unit_test(test_common_random_numbers),
        cmocka_unit_test(test_another_seed_draws_other_replies),
        cmocka_unit_test(test_refuses_wrong_evaluations),
        cmocka_unit_test(test_refuses_searches_that_cannot_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
