/* proto/search_spec.h: every wrong field at once, defaults, canonical form. */
#include "proto/search_spec.h"

#include "proto/mem.h"
#include "proto/spec_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char whole[] =
    "{\"name\":\"tiny\",\"models\":{\"base\":\"pre\",\"tuned\":\"/post\"},\"groups\":{\"count\":4},"
    "\"ends\":{\"own\":true},\"ratio\":{\"min\":0,\"max\":1},"
    "\"objectives\":[{\"name\":\"reward\",\"metric\":\"chat.reward\",\"goal\":\"max\",\"reference\":-1.5},"
    "{\"name\":\"tasks\",\"mean_of\":[\"facts.em\",\"reading.f1\"],\"goal\":\"max\"}],"
    "\"evaluator\":{\"type\":\"native\",\"bundle\":\"bundle\"},"
    "\"strategy\":{\"type\":\"hma\",\"means\":[0.25,0.5],\"algorithm\":\"LN_BOBYQA\",\"objective\":\"tasks\"}"
    ","
    "\"budget\":{\"trials\":44,\"seconds\":600},\"seed\":7}";

#define MODELS                                                                                               \
    "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"     \
    "\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\"},"

static int parse(const char *text, struct search_spec *spec, struct spec_errors *errors)
{
    struct json *root;
    assert_int_equal(json_parse(text, strlen(text), &root, NULL), 0);
    int rc = search_spec_parse(root, spec, errors);
    json_free(root);
    return rc;
}

static const char *error_of(const struct spec_errors *errors, const char *field)
{
    for (int i = 0; i < errors->n; i++)
        if (strcmp(errors->item[i].field, field) == 0)
            return errors->item[i].text;
    return NULL;
}

static void test_whole(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(whole, &spec, &errors), 0);
    assert_string_equal(spec.name, "tiny");
    assert_true(spec.has_models && spec.grouping == GROUPING_COUNT && spec.groups_n == 4);
    assert_int_equal(spec.ends, ENDS_OWN);
    assert_int_equal(spec.objectives_n, 2);
    assert_true(spec.objectives[0].has_reference && spec.objectives[0].reference == -1.5);
    assert_int_equal(spec.objectives[1].metrics_n, 2);
    assert_string_equal(spec.objectives[1].metrics[1], "reading.f1");
    assert_int_equal(spec.strategy, STRATEGY_HMA);
    assert_int_equal(spec.means_n, 2);
    assert_int_equal(spec.alignment, 1);
    assert_true(spec.trials == 44 && spec.budget_s == 600 && spec.attempts == 3 && spec.held_out);
    assert_int_equal(spec.seed, 7);
    search_spec_fini(&spec);
}

/* What was meant stands there: that none is given need not be said too. */
static void test_typo_is_said_once(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(MODELS "\"groups\":{\"cuont\":3},\"budget\":{\"trials\":9}}", &spec, &errors),
                     ERR_INVALID);
    assert_non_null(error_of(&errors, "groups.cuont"));
    assert_null(error_of(&errors, "groups"));
}

/* Written out and read back, the spec is the same, and writing it again gives the same text. */
static void test_canonical(void **state)
{
    (void)state;
    static const char *const texts[] = {
        whole,
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
        MODELS
        "\"strategy\":{\"type\":\"bayes\",\"mean\":0.5,\"design\":0,\"repeats\":0.25,\"early_stop\":0},"
        "\"budget\":{\"items\":9007199254740992,\"gain\":1e-3}}",
        MODELS "\"strategy\":{\"type\":\"quadratic\"}}",
        "{\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],\"evaluator\":{\"type\":\"external\"}}",
        "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],"
        "\"evaluator\":{\"type\":\"external\"},\"strategy\":{\"type\":\"bayes\"}}",
        "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"x\"],\"slices\":64}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct search_spec spec;
        struct spec_errors errors;
        struct buf first, second;
        struct json_out out;
        assert_int_equal(parse(texts[i], &spec, &errors), 0);
        buf_init(&first, 10000);
        json_begin(&out, &first);
        search_spec_write(&spec, &out);
        search_spec_fini(&spec);
        if (parse(buf_str(&first), &spec, &errors))
            fail_msg("%s: %s: %s", buf_str(&first), errors.item[0].field, errors.item[0].text);
        buf_init(&second, 10000);
        json_begin(&out, &second);
        search_spec_write(&spec, &out);
        assert_string_equal(buf_str(&first), buf_str(&second));
        search_spec_fini(&spec);
        buf_fini(&first);
        buf_fini(&second);
    }
}

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

/* A search that uses none of the refinements has the text it had before there were any: stored texts and the keys of
 * repeated submissions stay what they were. */
static void test_plain_text_is_old(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    struct buf text;
    struct json_out out;
    assert_int_equal(parse(MODELS "\"groups\":{\"count\":2},\"output\":{\"dtype\":\"same\"},"
                                  "\"strategy\":{\"type\":\"scalarize\"}}",
                           &spec, &errors),
                     0);
    buf_init(&text, 10000);
    json_begin(&out, &text);
    search_spec_write(&spec, &out);
    assert_string_equal(
        buf_str(&text),
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
    buf_fini(&text);
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
        struct search_spec spec;
        struct spec_errors errors;
        char text[512];
        snprintf(text, sizeof text, MODELS "%s}", bad[i].member);
        assert_int_equal(parse(text, &spec, &errors), ERR_INVALID);
        if (errors.n != 1 || strcmp(errors.item[0].field, bad[i].field) != 0 ||
            !strstr(errors.item[0].text, bad[i].text))
            fail_msg("%s: %d %s: %s", bad[i].member, errors.n, errors.item[0].field, errors.item[0].text);
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
        assert_int_equal(parse(text, &spec, &errors), ERR_INVALID);
        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.item[0].field, bad[i][2]);
        assert_non_null(strstr(errors.item[0].text, "is not used with evaluator.merge \"none\""));
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
        struct search_spec spec;
        struct spec_errors errors;
        char text[512];
        snprintf(text, sizeof text,
                 "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":"
                 "\"max\"}],"
                 "\"groups\":{\"names\":%s},\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\"}}",
                 bad[i].names);
        assert_int_equal(parse(text, &spec, &errors), ERR_INVALID);
        if (errors.n != 1 || strcmp(errors.item[0].field, bad[i].field) != 0 ||
            !strstr(errors.item[0].text, bad[i].text))
            fail_msg("%s: %d %s: %s", bad[i].names, errors.n, errors.item[0].field, errors.item[0].text);
    }
}

static void test_all_errors_at_once(void **state)
{
    (void)state;
    static const char text[] =
        "{\"modles\":{},\"models\":{\"base\":3},\"groups\":{\"count\":0},\"ends\":\"folow\","
        "\"ratio\":{\"min\":-1},\"objectives\":[{\"name\":\"a\",\"metric\":\"x\",\"goal\":\"up\"},"
        "{\"name\":\"a\",\"metric\":\"x\",\"goal\":\"max\"},{\"mean_of\":[\"x\",\"y\"]},7],"
        "\"evaluator\":{\"type\":\"native\"},\"strategy\":{\"type\":\"hma\",\"means\":[0,2],\"streams\":3},"
        "\"budget\":{\"trials\":1.5},\"seed\":-1}";
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(text, &spec, &errors), ERR_INVALID);
    static const char *const fields[] = {
        "modles",
        "models.base",
        "models.tuned",
        "groups.count",
        "ends",
        "ratio",
        "objectives[0].goal",
        "objectives[1].name",
        "objectives[2].name",
        "objectives[2].goal",
        "objectives[3]",
        "evaluator.bundle",
        "strategy.means",
        "strategy.streams",
        "budget.trials",
        "seed",
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!error_of(&errors, fields[i]))
            fail_msg("no error for %s", fields[i]);
    assert_int_equal(errors.n, sizeof fields / sizeof *fields);
    assert_non_null(strstr(error_of(&errors, "modles"), "models"));
    assert_non_null(strstr(error_of(&errors, "ends"), "follow"));
}

/* An unknown key is told where it belongs, or what it may have meant, or all that is known. */
static void test_unknown_keys(void **state)
{
    (void)state;
    static const struct {
        const char *member, *field, *text;
    } bad[] = {
        {"\"strategy\":{\"type\":\"scalarize\",\"means\":[0.5]}", "strategy.means",
         "belongs to type \"hma\"; this one is \"scalarize\""},
        {"\"strategy\":{\"type\":\"sweep\",\"algorithm\":\"x\"}", "strategy.algorithm",
         "belongs to type \"hma\" or \"scalarize\"; this one is \"sweep\""},
        {"\"strategy\":{\"type\":\"sobol\",\"population\":3}", "strategy.population",
         "is not a known key; known here: type, sweep_points"},
        {"\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\",\"time_limit_s\":3}", "evaluator.time_limit_s",
         "belongs to type \"command\"; this one is \"native\""},
        {"\"evaluator\":{\"type\":\"command\",\"argv\":[\"x\"],\"bundle\":\"b\"}", "evaluator.bundle",
         "belongs to type \"native\"; this one is \"command\""},
        {"\"bounds\":[0,1]", "bounds", "did you mean \"ratio\"?"},
        {"\"trials\":30", "trials", "did you mean \"budget.trials\"?"},
        {"\"zzz\":1", "zzz",
         "is not a known key; known here: name, models, groups, ends, ratio, output, objectives, "
         "evaluator, strategy, budget, given, held_out, seed"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct search_spec spec;
        struct spec_errors errors;
        char text[512];
        snprintf(text, sizeof text,
                 "{%s,\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":"
                 "\"max\"}]%s}",
                 bad[i].member,
                 strstr(bad[i].member, "evaluator")
                     ? ""
                     : ",\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\"}");
        assert_int_equal(parse(text, &spec, &errors), ERR_INVALID);
        assert_int_equal(errors.n, 1);
        assert_string_equal(errors.item[0].field, bad[i].field);
        assert_non_null(strstr(errors.item[0].text, bad[i].text));
    }
}

/* A goal that is guessed wrong would search for the worst. */
/* The daemon reads searches in its loop: a look-up for each of these keys would stop it for an hour. */
static void test_a_body_full_of_keys(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    struct buf text;
    buf_init(&text, 64u << 20);
    buf_text(&text, MODELS "\"groups\":{\"count\":3,\"bounds\":{\"g\":{}");
    for (int i = 0; i < 500000; i++)
        buf_printf(&text, ",\"g%d\":{}", i);
    buf_text(&text, "}}");
    for (int i = 0; i < 500000; i++)
        buf_printf(&text, ",\"unknown%d\":0", i);
    buf_text(&text, "}");
    assert_int_equal(parse(buf_str(&text), &spec, &errors), ERR_INVALID);
    assert_int_equal(errors.n, SPEC_ERRORS_MAX);
    assert_string_equal(errors.item[SPEC_ERRORS_MAX - 1].field, "search");
    int wrong = 500001 + 500000 - SPEC_RATIOS_MAX, listed = SPEC_ERRORS_MAX - 1;
    char more[64];
    snprintf(more, sizeof more, "has %d more wrong fields than are listed", wrong - listed);
    assert_non_null(strstr(errors.item[SPEC_ERRORS_MAX - 1].text, more));
    buf_fini(&text);
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

#define WITH(evaluator, rest)                                                                                \
    "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"     \
    "\"evaluator\":{" evaluator "}," rest "}"

static void test_modelled_strategies(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(MODELS "\"strategy\":{\"type\":\"bayes\"}}", &spec, &errors), 0);
    assert_true(spec.strategy == STRATEGY_BAYES && !spec.has_mean && spec.design == -1 && spec.repeats == 0);
    assert_true(spec.early_stop == 0.02 && spec.slices == SPEC_SLICES_NATIVE && spec.items == 0 &&
                spec.gain == 0);
    search_spec_fini(&spec);
    assert_int_equal(
        parse(MODELS "\"strategy\":{\"type\":\"quadratic\",\"mean\":0.25,\"design\":12,\"early_stop\":0.5},"
                     "\"budget\":{\"items\":5000,\"gain\":0.01}}",
              &spec, &errors),
        0);
    assert_true(spec.strategy == STRATEGY_QUADRATIC && spec.has_mean && spec.mean == 0.25 &&
                spec.design == 12);
    assert_true(spec.early_stop == 0.5 && spec.items == 5000 && spec.gain == 0.01);
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

/* Programs that ask and tell bring a function of their own, or are about two checkpoints. */
static void test_external(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse("{\"groups\":{\"count\":8},\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],"
                           "\"ratio\":{\"min\":-5,\"max\":5},\"evaluator\":{\"type\":\"external\"}}",
                           &spec, &errors),
                     0);
    assert_true(spec.evaluator == EVALUATOR_EXTERNAL && !spec.has_models && spec.merge == MERGE_NONE);
    assert_true(spec.groups_n == 8 && !spec.held_out && spec.slices == 1);
    search_spec_fini(&spec);
    assert_int_equal(parse(WITH("\"type\":\"external\"", "\"groups\":\"layerwise\""), &spec, &errors), 0);
    assert_true(spec.has_models && spec.merge == MERGE_PLAN);
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
        {WITH("\"type\":\"external\",\"slices\":2", "\"seed\":1"), "evaluator.slices", "belongs to type"},
        {WITH("\"type\":\"external\"", "\"held_out\":true"), "held_out", "external"},
        {"{\"ends\":\"mean\",\"objectives\":[{\"metric\":\"f\",\"goal\":\"min\"}],\"evaluator\":{\"type\":"
         "\"external\"}}",
         "ends", "without models"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct search_spec spec;
        struct spec_errors errors;
        assert_int_equal(parse(bad[i].text, &spec, &errors), ERR_INVALID);
        if (errors.n != 1 || strcmp(errors.item[0].field, bad[i].field) != 0 ||
            !strstr(errors.item[0].text, bad[i].sentence))
            fail_msg("%s: %d %s: %s", bad[i].text, errors.n, errors.item[0].field, errors.item[0].text);
    }
}

static void test_goal_is_required(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    static const char text[] = "{\"objectives\":[{\"metric\":\"f\"}],\"evaluator\":{\"type\":\"command\","
                               "\"argv\":[\"f\"],\"merge\":\"none\"}}";
    assert_int_equal(parse(text, &spec, &errors), ERR_INVALID);
    assert_int_equal(errors.n, 1);
    assert_string_equal(error_of(&errors, "objectives[0].goal"), "is missing; it must be \"max\" or \"min\"");
}

static void test_merge_none(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    static const char with_models[] =
        "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"f\"],\"merge\":\"none\"}}";
    assert_int_equal(parse(with_models, &spec, &errors), ERR_INVALID);
    assert_non_null(error_of(&errors, "models"));
}

static void test_resolve(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(whole, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve(&spec, "/here", NULL), 0);
    assert_string_equal(spec.base, "/here/pre");
    assert_string_equal(spec.tuned, "/post");
    assert_string_equal(spec.bundle, "/here/bundle");
    search_spec_fini(&spec);
    static const char command[] =
        "{\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],\"evaluator\":{\"type\":\"command\","
        "\"argv\":[\"python3\",\"./f.py\",\"-x\"],\"merge\":\"none\"}}";
    assert_int_equal(parse(command, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve(&spec, "/here", NULL), 0);
    assert_string_equal(spec.argv[0], "python3");
    assert_string_equal(spec.argv[1], "/here/./f.py");
    assert_string_equal(spec.argv[2], "-x");
    search_spec_fini(&spec);
}

static void test_paths_are_tidy(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    static const char text[] =
        "{\"models\":{\"base\":\"../tests/fixtures/base\",\"tuned\":\"../tests/no/../tuned\"},"
        "\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./quickstart.sh\"]}}";
    assert_int_equal(parse(text, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve(&spec, TEST_SOURCE_DIR "/deploy", NULL), 0);
    assert_null(strstr(spec.base, ".."));
    assert_non_null(strstr(spec.base, "/tests/fixtures/base"));
    assert_string_equal(spec.tuned, TEST_SOURCE_DIR "/deploy/../tests/no/../tuned");
    assert_null(strstr(spec.argv[0], "/./"));
    search_spec_fini(&spec);
}

static void test_paths_stand_beside_the_file(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    struct err err = {0};
    assert_int_equal(parse(whole, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve_file(&spec, TEST_SOURCE_DIR "/deploy/../tests/search.json", &err),
                     0);
    char *real = realpath(TEST_SOURCE_DIR "/tests", NULL);
    char *expected = mem_printf("%s/pre", real);
    assert_string_equal(spec.base, expected);
    free(real);
    mem_free(expected);
    search_spec_fini(&spec);
    assert_int_equal(parse(whole, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve_file(&spec, "/search.json", &err), 0);
    assert_string_equal(spec.base, "/pre");
    search_spec_fini(&spec);
    assert_int_equal(parse(whole, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve_file(&spec, "/nonexistent/search.json", &err), ERR_IO);
    assert_non_null(strstr(err.text, "/nonexistent"));
    search_spec_fini(&spec);
}

/* docs/SEARCH.md names every key that the parser knows, as `objectives[].goal`. */
static void test_keys_are_documented(void **state)
{
    (void)state;
    static char doc[1 << 16];
    FILE *file = fopen(TEST_SOURCE_DIR "/docs/SEARCH.md", "r");
    assert_non_null(file);
    size_t n = fread(doc, 1, sizeof doc, file);
    fclose(file);
    assert_true(n > 0 && n < sizeof doc);
    for (const struct spec_object *o = spec_objects; o < spec_objects + OBJECTS_N; o++)
        for (const struct spec_key *k = o->keys; k < o->keys + SPEC_KEYS_MAX && k->key; k++) {
            char name[100];
            snprintf(name, sizeof name, "`%s%s%s`", o->path, *o->path ? "." : "", k->key);
            if (!strstr(doc, name))
                fail_msg("docs/SEARCH.md does not name %s", name);
        }
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"sweep", "hma", "scalarize", "sobol"};
    assert_string_equal(spec_nearest("scalarise", words, 4), "scalarize");
    assert_string_equal(spec_nearest("sobel", words, 4), "sobol");
    assert_null(spec_nearest("zzzz", words, 4));
    assert_null(
        spec_nearest("a word that is much longer than any of the words that are known here", words, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_typo_is_said_once),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_named_groups),
        cmocka_unit_test(test_refined_groups),
        cmocka_unit_test(test_default_strategy),
        cmocka_unit_test(test_plain_text_is_old),
        cmocka_unit_test(test_wrong_refinements),
        cmocka_unit_test(test_refinements_without_models),
        cmocka_unit_test(test_all_errors_at_once),
        cmocka_unit_test(test_merge_none),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_a_body_full_of_keys),
        cmocka_unit_test(test_default_means),
        cmocka_unit_test(test_modelled_strategies),
        cmocka_unit_test(test_external),
        cmocka_unit_test(test_wrong_model_words),
        cmocka_unit_test(test_goal_is_required),
        cmocka_unit_test(test_paths_are_tidy),
        cmocka_unit_test(test_paths_stand_beside_the_file),
        cmocka_unit_test(test_keys_are_documented),
    };
    return cmocka_run_group_tests_name("search_spec", tests, NULL, NULL);
}
