/* proto/search_spec.h: groups, their bounds and ties, and what is written of them. */
#include "spec_text.h"

#include <stdio.h>

static void test_refined_groups(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(
        parse(MODELS
              "\"groups\":{\"count\":4,\"split\":\"kind\",\"layer_pattern\":\"b([0-9]+)\",\"bounds\":{\"u\":"
              "{\"max\":0.75},\"v\":{\"min\":-1,\"max\":2}},\"freeze\":{\"w\":0.25},\"tie\":[[\"x\",\"y\"],"
              "[\"p\",\"q\"]]},\"ratio\":{\"min\":0.125,\"max\":0.875,\"extrapolate\":true},"
              "\"output\":{\"rounding\":\"stochastic\",\"dtype\":\"F16\",\"others\":\"refuse\"}}",
              &spec, &errors),
        0);
    assert_true(spec.grouping == GROUPING_COUNT && spec.groups_n == 4 && spec.split);
    assert_string_equal(spec.layer_pattern, "b([0-9]+)");
    assert_int_equal(spec.bounds_n, 3);
    assert_string_equal(spec.bounds[0].group, "w");
    assert_true(spec.bounds[0].min == 0.25 && spec.bounds[0].max == 0.25);
    assert_string_equal(spec.bounds[1].group, "u");
    assert_true(spec.bounds[1].min == 0.125 && spec.bounds[1].max == 0.75);
    assert_true(spec.bounds[2].min == -1 && spec.bounds[2].max == 2);
    assert_int_equal(spec.ties_n, 4);
    assert_string_equal(spec.ties[2].group, "p");
    assert_true(spec.ties[1].set == 0 && spec.ties[2].set == 1 && spec.ties[3].set == 1);
    assert_true(spec.rounding == ROUND_STOCHASTIC && spec.output_dtype == OUTPUT_F16 &&
                spec.others == OTHERS_REFUSE);
    search_spec_fini(&spec);
    assert_int_equal(parse(MODELS
                           "\"groups\":{\"names\":[{\"name\":\"x\",\"tensors\":\".*q.*\"},{\"name\":\"y\","
                           "\"layers\":[0,7],\"kind\":\"attention\"}]},\"ends\":\"paper-code\"}",
                           &spec, &errors),
                     0);
    assert_string_equal(spec.groups[0].tensors, ".*q.*");
    assert_true(spec.groups[0].first == -1 && spec.groups[0].last == -1);
    assert_true(spec.groups[1].kind == KIND_ATTENTION && spec.groups[1].last == 7);
    assert_int_equal(spec.ends, ENDS_PAPER_CODE);
    search_spec_fini(&spec);
}

/* One wrong member each: the field and a piece of the sentence. */
static void test_wrong_refinements(void **state)
{
    (void)state;
    static const struct {
        const char *member, *field, *text;
    } bad[] = {
        {"\"groups\":{}", "groups", "must have one of"},
        {"\"groups\":{\"split\":\"kind\"}", "groups", "must have one of"},
        {"\"groups\":{\"count\":3,\"boundaries\":[1]}", "groups",
         "has 2 ways of making groups: \"count\", \"boundaries\"; leave one of them"},
        {"\"groups\":{\"layerwise\":false}", "groups.layerwise", "must be true"},
        {"\"groups\":{\"count\":3,\"split\":\"kinds\"}", "groups.split", "did you mean \"kind\"?"},
        {"\"groups\":{\"names\":[{\"name\":\"a\",\"layers\":[0,1]}],\"split\":\"kind\"}", "groups.split",
         "names[].kind"},
        {"\"groups\":{\"names\":[{\"name\":\"a\",\"layers\":[0,1],\"kind\":\"attn\"}]}",
         "groups.names[0].kind", "\"all\", \"attention\", \"mlp\""},
        {"\"groups\":{\"names\":[{\"name\":\"a\",\"layers\":[0,1],\"tensors\":\"x\"}]}",
         "groups.names[0].layers", "either \"layers\" or \"tensors\""},
        {"\"groups\":{\"names\":[{\"name\":\"a\",\"kind\":\"mlp\",\"tensors\":\"x\"}]}",
         "groups.names[0].kind", "goes with \"layers\""},
        {"\"groups\":{\"names\":[{\"name\":\"a\",\"tensors\":\"\"}]}", "groups.names[0].tensors",
         "1 to 255 bytes"},
        {"\"groups\":{\"names\":[{\"name\":\"a\",\"regex\":\"x\",\"layers\":[0,1]}]}",
         "groups.names[0].regex", "did you mean \"tensors\"?"},
        {"\"groups\":{\"count\":3,\"frozen\":{}}", "groups.frozen", "did you mean \"freeze\"?"},
        {"\"groups\":{\"count\":3,\"freeze\":[\"a\"]}", "groups.freeze", "must be an object"},
        {"\"groups\":{\"count\":3,\"freeze\":{\"a\":true}}", "groups.freeze.a", "must be a number"},
        {"\"groups\":{\"count\":3,\"freeze\":{\"a\":1.5}}", "groups.freeze.a", "goes beyond [0, 1]"},
        {"\"groups\":{\"count\":3,\"freeze\":{\"\":1}}", "groups.freeze", "1 to 63 bytes"},
        {"\"groups\":{\"count\":3,\"freeze\":{\"a\":0},\"bounds\":{\"a\":{\"max\":0.5}}}", "groups.bounds.a",
         "is frozen already"},
        {"\"groups\":{\"count\":3,\"bounds\":{\"a\":[0,1]}}", "groups.bounds.a", "must be an object"},
        {"\"groups\":{\"count\":3,\"bounds\":{\"a\":{\"mn\":0}}}", "groups.bounds.a.mn",
         "did you mean \"min\"?"},
        {"\"groups\":{\"count\":3,\"bounds\":{\"a\":{\"min\":0.5,\"max\":0.5}}}", "groups.bounds.a.max",
         "groups.freeze"},
        {"\"groups\":{\"count\":3,\"bounds\":{\"a\":{\"max\":1.5}}}", "groups.bounds.a",
         "goes beyond [0, 1]"},
        {"\"groups\":{\"count\":3,\"tie\":[\"a\",\"b\"]}", "groups.tie", "array of arrays"},
        {"\"groups\":{\"count\":3,\"tie\":[[\"a\"]]}", "groups.tie[0]", "at least two"},
        {"\"groups\":{\"count\":3,\"tie\":[[\"a\",7]]}", "groups.tie[0]", "names of groups"},
        {"\"groups\":{\"count\":3,\"tie\":[[\"a\",\"b\"],[\"c\",\"a\"]]}", "groups.tie[1]",
         "\"a\" is tied already"},
        {"\"frozen\":{}", "frozen", "did you mean \"groups.freeze\"?"},
        {"\"out_dtype\":\"F32\"", "out_dtype", "did you mean \"output.dtype\"?"},
        {"\"rounding\":\"nearest\"", "rounding", "did you mean \"output.rounding\"?"},
        {"\"output\":{\"out_dtype\":\"F32\"}", "output.out_dtype", "did you mean \"dtype\"?"},
        {"\"output\":{\"dtype\":\"bfloat16\"}", "output.dtype", "\"same\", \"F32\", \"BF16\", \"F16\""},
        {"\"output\":{\"rounding\":\"stochastik\"}", "output.rounding", "did you mean \"stochastic\"?"},
        {"\"output\":{\"others\":\"copy\"}", "output.others", "\"refuse\""},
        {"\"output\":\"F32\"", "output", "must be an object"},
        {"\"ends\":\"paper\"", "ends", "\"paper-code\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        snprintf(text, sizeof text, MODELS "%s}", bad[i].member);
        refuses(text, bad[i].field, bad[i].text);
    }
}

/* Without models there are ratios, and nothing else of the groups. */
static void test_refinements_without_models(void **state)
{
    (void)state;
    static const char none[] =
        "{\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],\"evaluator\":{\"type\":"
        "\"command\",\"argv\":[\"f\"],\"merge\":\"none\"},\"groups\":{\"count\":3,%s}%s}";
    static const char *const bad[][3] = {
        {"\"split\":\"kind\"", "", "groups.split"},
        {"\"layer_pattern\":\"x\"", "", "groups.layer_pattern"},
        {"\"freeze\":{\"group 1\":0}", ",\"output\":{\"dtype\":\"F32\"}", "output"},
    };
    struct search_spec spec;
    struct spec_errors errors;
    char text[512];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, none, bad[i][0], bad[i][1]);
        refuses(text, bad[i][2], "is not used with evaluator.merge \"none\"");
    }
    snprintf(text, sizeof text, none,
             "\"freeze\":{\"group 1\":7},\"bounds\":{\"group 2\":{\"min\":-3}},\"tie\":[[\"group 2\",\"group "
             "3\"]]",
             "");
    assert_int_equal(parse(text, &spec, &errors), 0);
    assert_true(spec.bounds_n == 2 && spec.bounds[0].max == 7 && spec.bounds[1].min == -3 &&
                spec.ties_n == 2);
    search_spec_fini(&spec);
}

static void test_named_groups(void **state)
{
    (void)state;
    static const struct {
        const char *names, *field, *text;
    } bad[] = {
        {"[{\"name\":\"a\",\"layers\":{\"first\":0,\"last\":3}}]", "groups.names[0].layers", "[first, last]"},
        {"[{\"name\":\"a\",\"layers\":[3,0]}]", "groups.names[0].layers", "first <= last"},
        {"[{\"name\":\"a\",\"layers\":[0]}]", "groups.names[0].layers", "[first, last]"},
        {"[{\"name\":\"a\"}]", "groups.names[0].layers", "[first, last]"},
        {"[{\"layers\":[0,1]}]", "groups.names[0].name", "is missing"},
        {"[{\"name\":\"a\",\"layers\":[0,1]},{\"name\":\"a\",\"layers\":[2,3]}]", "groups.names[1].name",
         "earlier group"},
        {"[{\"name\":\"ends\",\"layers\":[0,1]}]", "groups.names[0].name", "meaning of its own"},
        {"[]", "groups.names", "1 to 64"},
        {"[7]", "groups.names[0]", "must be an object"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        snprintf(text, sizeof text, MODELS "\"groups\":{\"names\":%s}}", bad[i].names);
        refuses(text, bad[i].field, bad[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refined_groups),
        cmocka_unit_test(test_wrong_refinements),
        cmocka_unit_test(test_refinements_without_models),
        cmocka_unit_test(test_named_groups),
    };
    return cmocka_run_group_tests_name("search_spec_groups", tests, NULL, NULL);
}
