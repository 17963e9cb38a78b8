/* proto/search_spec.h: the canonical form. */
#include "spec_text.h"

#include "proto/mem.h"

/* Written out and read back, the spec is the same, and writing it again gives the same text. */
static void test_canonical(void **state)
{
    (void)state;
    static const char *const texts[] = {
        WHOLE,
        "{\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],\"groups\":{\"count\":2},"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./f.py\",\"x\"],\"merge\":\"none\"}}",
        "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"
        "\"groups\":"
        "\"layerwise\","
        "\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\"},\"strategy\":{\"type\":\"sobol\"}}",
        "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"
        "\"groups\":{\"names\":[{\"name\":\"low\",\"layers\":[0,3]},{\"name\":\"high\",\"layers\":[4,7]}]},"
        "\"ratio\":{\"min\":-0.5,\"max\":1.5,\"extrapolate\":true},\"ends\":\"mean\","
        "\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\"},\"strategy\":{\"type\":\"scalarize\","
        "\"streams\":6}}",
        MODELS "\"groups\":{\"count\":2,\"split\":\"kind\",\"freeze\":{\"layers 0-1 mlp\":0},\"tie\":[[\"a\","
               "\"b\"],[\"c\",\"d\",\"e\"]]},\"output\":{\"rounding\":\"stochastic\"}}",
        MODELS "\"groups\":{\"layerwise\":true,\"layer_pattern\":\"b(\\\\d+)_\",\"bounds\":{\"layer "
               "0\":{\"max\":1.5},"
               "\"layer 1\":{\"min\":0.5}}},\"ratio\":{\"extrapolate\":true},\"ends\":\"paper-code\","
               "\"output\":{\"dtype\":\"F32\",\"others\":\"tuned\"}}",
        MODELS
        "\"groups\":{\"names\":[{\"name\":\"x\",\"tensors\":\".*q_proj.*\"},{\"name\":\"y\",\"layers\":[0,7],"
        "\"kind\":\"mlp\"}],\"bounds\":{\"y\":{\"min\":0.1,\"max\":0.2}},\"freeze\":{\"x\":0.3}}}",
        "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"
        "\"groups\":{\"boundaries\":[3,6]},"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"x\"],\"merge\":\"plan\"},\"strategy\":{\"type\":"
        "\"sweep\"}}",
        MODELS "\"strategy\":{\"type\":\"bayes\",\"mean\":0.5,\"design\":0,\"repeats\":0.25,\"early_stop\":0,"
               "\"screen\":0.125},"
               "\"budget\":{\"items\":9007199254740992,\"gain\":1e-3}}",
        MODELS "\"strategy\":{\"type\":\"quadratic\"}}",
        "{\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],\"evaluator\":{\"type\":\"external\"}}",
        "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],"
        "\"evaluator\":{\"type\":\"external\"},\"strategy\":{\"type\":\"bayes\"}}",
        "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"x\"],\"slices\":64}}",
        "{\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],\"groups\":{\"count\":2},"
        "\"evaluator\":{\"type\":\"resident\",\"argv\":[\"x\"],\"merge\":\"none\",\"time_limit_s\":0,"
        "\"start_limit_s\":1.5,\"idle_limit_s\":0,\"slices\":3}}",
        "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],"
        "\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\",\"written\":true}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct search_spec spec;
        struct spec_errors errors;
        assert_int_equal(parse(texts[i], &spec, &errors), 0);
        char *first = written(&spec, false);
        search_spec_fini(&spec);
        if (parse(first, &spec, &errors))
            fail_msg("%s: %s: %s", first, errors.item[0].field, errors.item[0].text);
        char *second = written(&spec, false);
        assert_string_equal(first, second);
        assert_true(spec.written == (strstr(texts[i], "\"written\":true") != NULL));
        search_spec_fini(&spec);
        mem_free(first);
        mem_free(second);
    }
}

/* A search that uses none of the refinements has the text it had before there were any: stored texts and the keys of
 * repeated submissions stay what they were. */
static void test_plain_text_is_old(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(MODELS "\"groups\":{\"count\":2},\"output\":{\"dtype\":\"same\"},"
                                  "\"strategy\":{\"type\":\"scalarize\"}}",
                           &spec, &errors),
                     0);
    char *text = written(&spec, false);
    assert_string_equal(
        text,
        "{\"name\":\"search\",\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"ends\":\"follow\",\"groups\":{"
        "\"count\":2},"
        "\"ratio\":{\"min\":0,\"max\":1,\"extrapolate\":false},\"objectives\":[{\"name\":\"f\",\"metric\":"
        "\"f\","
        "\"goal\":\"max\"}],\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\"},\"strategy\":{\"type\":"
        "\"scalarize\","
        "\"sweep_points\":11,\"algorithm\":\"LN_COBYLA\",\"initial_step\":0.25,\"streams\":10,\"rho\":0.05"
        "},"
        "\"budget\":{\"trials\":60,\"seconds\":0,\"attempts\":3},\"held_out\":true,\"seed\":1}");
    search_spec_fini(&spec);
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_plain_text_is_old),
    };
    return cmocka_run_group_tests_name("search_spec_write", tests, NULL, NULL);
}
