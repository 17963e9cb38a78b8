/* proto/search_spec.h: strategies, their defaults and the words of models. */
#include "spec_text.h"

#include "proto/mem.h"

#include <stdio.h>

/* Without a word about it: models, as long as there are few enough objectives for one. */
static void test_default_strategy(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(MODELS "\"seed\":1}", &spec, &errors), 0);
    assert_int_equal(spec.strategy, STRATEGY_BAYES);
    search_spec_fini(&spec);
    for (int n = SPEC_MODELLED_MAX; n <= SPEC_MODELLED_MAX + 1; n++) {
        char text[600] = "{\"groups\":{\"count\":2},\"evaluator\":{\"type\":\"command\",\"argv\":[\"x\"],"
                         "\"merge\":\"none\"},\"objectives\":[";
        for (int i = 0; i < n; i++)
            snprintf(text + strlen(text), sizeof text - strlen(text),
                     "%s{\"metric\":\"f.%d\",\"goal\":\"max\"}", i ? "," : "", i);
        strcat(text, "]}");
        assert_int_equal(parse(text, &spec, &errors), 0);
        assert_int_equal(spec.strategy, n == SPEC_MODELLED_MAX ? STRATEGY_BAYES : STRATEGY_SCALARIZE);
        search_spec_fini(&spec);
    }
}

/* The sweep has these points, to the last bit, so that a stream's start costs no trial. */
static void test_default_means(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(MODELS "\"ratio\":{\"min\":0.2},\"strategy\":{\"type\":\"hma\"}}", &spec, &errors),
                     0);
    assert_int_equal(spec.means_n, 9);
    for (int i = 1; i < 10; i++)
        assert_true(spec.means[i - 1] == (0.2 * (10 - i) + 1.0 * i) / 10);
    search_spec_fini(&spec);
    assert_int_equal(parse(MODELS "\"strategy\":{\"type\":\"hma\"}}", &spec, &errors), 0);
    assert_true(spec.means[2] == 0.3 && spec.means[5] == 0.6 && spec.means[6] == 0.7);
    search_spec_fini(&spec);
}

static void test_modelled_strategies(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(MODELS "\"strategy\":{\"type\":\"bayes\"}}", &spec, &errors), 0);
    assert_true(spec.strategy == STRATEGY_BAYES && !spec.has_mean && spec.design == -1 && spec.repeats == 0);
    assert_true(spec.early_stop == 0.02 && spec.slices == SPEC_SLICES_NATIVE && spec.items == 0 &&
                spec.gain == 0 && spec.screen == 0);
    search_spec_fini(&spec);
    assert_int_equal(parse(MODELS "\"strategy\":{\"type\":\"quadratic\",\"mean\":0.25,\"design\":12,\"early_"
                                  "stop\":0.5,\"screen\":0.25},"
                                  "\"budget\":{\"items\":5000,\"gain\":0.01}}",
                           &spec, &errors),
                     0);
    assert_true(spec.strategy == STRATEGY_QUADRATIC && spec.has_mean && spec.mean == 0.25 &&
                spec.design == 12);
    assert_true(spec.early_stop == 0.5 && spec.screen == 0.25 && spec.items == 5000 && spec.gain == 0.01);
    search_spec_fini(&spec);
    /* a program that answers once has nothing to stop between */
    assert_int_equal(parse(WITH("\"type\":\"command\",\"argv\":[\"x\"]", "\"strategy\":{\"type\":\"bayes\"}"),
                           &spec, &errors),
                     0);
    assert_true(spec.early_stop == 0 && spec.slices == 1);
    search_spec_fini(&spec);
    assert_int_equal(
        parse(WITH("\"type\":\"native\",\"bundle\":\"b\",\"slices\":1", "\"seed\":1"), &spec, &errors), 0);
    assert_true(spec.early_stop == 0);
    search_spec_fini(&spec);
    assert_int_equal(
        parse(WITH("\"type\":\"external\"", "\"strategy\":{\"type\":\"bayes\",\"early_stop\":0.1}"), &spec,
              &errors),
        0);
    assert_true(spec.early_stop == 0.1);
    search_spec_fini(&spec);
    assert_int_equal(parse(MODELS "\"strategy\":{\"type\":\"hma\"}}", &spec, &errors), 0);
    assert_true(spec.early_stop == 0);
    search_spec_fini(&spec);
}

static void test_wrong_model_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field, *sentence;
    } bad[] = {
        {MODELS "\"strategy\":{\"type\":\"bayes\",\"mean\":0}}", "strategy.mean", "strictly between"},
        {MODELS "\"strategy\":{\"type\":\"bayes\",\"mean\":2}}", "strategy.mean", "from 0 to 1"},
        {MODELS "\"strategy\":{\"type\":\"bayes\",\"design\":-1}}", "strategy.design", "from 0 to 1000"},
        {MODELS "\"strategy\":{\"type\":\"bayes\",\"repeats\":0.6}}", "strategy.repeats", "from 0 to 0.5"},
        {MODELS "\"strategy\":{\"type\":\"bayes\",\"early_stop\":0.6}}", "strategy.early_stop",
         "from 0 to 0.5"},
        {MODELS "\"strategy\":{\"type\":\"quadratic\",\"repeats\":0.1}}", "strategy.repeats",
         "belongs to type \"bayes\""},
        {MODELS "\"strategy\":{\"type\":\"hma\",\"mean\":0.1}}", "strategy.mean",
         "belongs to type \"quadratic\" or \"bayes\""},
        {MODELS "\"strategy\":{\"type\":\"bayesian\"}}", "strategy.type", "did you mean \"bayes\"?"},
        {MODELS "\"budget\":{\"items\":-1}}", "budget.items", "whole number"},
        {MODELS "\"budget\":{\"gain\":2}}", "budget.gain", "from 0 to 1"},
        {MODELS "\"strategy\":{\"type\":\"hma\"},\"budget\":{\"gain\":0.1}}", "budget.gain",
         "belongs to strategy.type \"quadratic\" or \"bayes\"; this one is \"hma\""},
        {WITH("\"type\":\"command\",\"argv\":[\"x\"]",
              "\"strategy\":{\"type\":\"bayes\",\"early_stop\":0.1}"),
         "strategy.early_stop", "evaluator.slices is 1"},
        {MODELS "\"strategy\":{\"type\":\"bayes\",\"screen\":0.6}}", "strategy.screen", "from 0 to 0.5"},
        {MODELS "\"strategy\":{\"type\":\"hma\",\"screen\":0.1}}", "strategy.screen", "belongs to type"},
        {MODELS "\"screen\":0.1}", "screen", "did you mean \"strategy.screen\"?"},
        {WITH("\"type\":\"command\",\"argv\":[\"x\"]", "\"strategy\":{\"type\":\"bayes\",\"screen\":0.1}"),
         "strategy.screen", "evaluator.slices is 1"},
        {WITH("\"type\":\"native\",\"bundle\":\"b\",\"slices\":1",
              "\"strategy\":{\"type\":\"bayes\",\"early_stop\":0.1}"),
         "strategy.early_stop", "evaluator.slices is 1"},
        {WITH("\"type\":\"comand\",\"argv\":[\"x\"]", "\"seed\":1"), "evaluator.type",
         "did you mean \"command\"?"},
        {"{\"groups\":{\"count\":2},\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}]}", "evaluator",
         "is missing"},
        {"{\"groups\":{\"count\":2},\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],\"evaluator\":{}}",
         "evaluator.type", "is missing"},
        {"{\"ends\":\"mean\",\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],\"evaluator\":{\"type\":"
         "\"x\"}}",
         "evaluator.type", "not one of"},
        {MODELS "\"items\":7}", "items", "did you mean \"budget.items\"?"},
        {MODELS "\"history\":[]}", "history", "did you mean \"given\"?"},
        {WITH("\"type\":\"command\",\"argv\":[\"x\"],\"slices\":65", "\"seed\":1"), "evaluator.slices",
         "from 1 to 64"},
        {WITH("\"type\":\"command\",\"argv\":[\"x\"],\"start_limit_s\":9", "\"seed\":1"),
         "evaluator.start_limit_s", "belongs to type \"resident\""},
        {WITH("\"type\":\"resident\",\"argv\":[\"x\"],\"idle_limit_s\":-1", "\"seed\":1"),
         "evaluator.idle_limit_s", "from 0 to"},
        {WITH("\"type\":\"resident\"", "\"seed\":1"), "evaluator.argv", "must be an array"},
        {WITH("\"type\":\"external\",\"slices\":2", "\"seed\":1"), "evaluator.slices", "belongs to type"},
        {WITH("\"type\":\"external\"", "\"held_out\":true"), "held_out", "external"},
        {"{\"ends\":\"mean\",\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],\"evaluator\":{\"type\":"
         "\"external\"}}",
         "ends", "without models"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses(bad[i].text, bad[i].field, bad[i].sentence);
}

/* Trials are parts of one evaluation: nothing to sweep, nothing given, held out only when asked. */
static void test_identify(void **state)
{
    (void)state;
    struct search_spec spec, again;
    struct spec_errors errors;
    assert_int_equal(parse(MODELS
                           "\"strategy\":{\"type\":\"identify\",\"ratio\":0.25},\"budget\":{\"trials\":7}}",
                           &spec, &errors),
                     0);
    assert_true(spec.strategy == STRATEGY_IDENTIFY && spec.ratio == 0.25 && spec.sweep_points == 0);
    assert_true(!spec.held_out && spec.early_stop == 0 && spec.screen == 0 && spec.trials == 7);
    char *text = written(&spec, false);
    assert_non_null(strstr(text, "\"strategy\":{\"type\":\"identify\",\"ratio\":0.25}"));
    assert_int_equal(parse(text, &again, &errors), 0);
    assert_true(again.strategy == STRATEGY_IDENTIFY && again.ratio == 0.25 && again.sweep_points == 0);
    mem_free(text);
    search_spec_fini(&spec);
    search_spec_fini(&again);
    assert_int_equal(parse(MODELS "\"strategy\":{\"type\":\"identify\"},\"held_out\":true}", &spec, &errors),
                     0);
    assert_true(spec.ratio == 0 && spec.held_out);
    search_spec_fini(&spec);
    refuses(MODELS "\"strategy\":{\"type\":\"identify\",\"sweep_points\":2}}", "strategy.sweep_points",
            "belongs to");
    refuses(MODELS "\"strategy\":{\"type\":\"sobol\",\"ratio\":0.5}}", "strategy.ratio",
            "belongs to type \"identify\"");
    refuses(MODELS "\"strategy\":{\"type\":\"identify\",\"ratio\":11}}", "strategy.ratio", "from -10 to 10");
    refuses(MODELS
            "\"strategy\":{\"type\":\"identify\"},\"given\":[{\"ratios\":[0,0,0],\"scores\":{\"f\":1}}]}",
            "given", "is not used with strategy.type \"identify\"");
    refuses(WITH("\"type\":\"external\"", "\"strategy\":{\"type\":\"identify\"}"), "strategy.type",
            "is for workers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_strategy),
        cmocka_unit_test(test_default_means),
        cmocka_unit_test(test_modelled_strategies),
        cmocka_unit_test(test_wrong_model_words),
        cmocka_unit_test(test_identify),
    };
    return cmocka_run_group_tests_name("search_spec_strategy", tests, NULL, NULL);
}
