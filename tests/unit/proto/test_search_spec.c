/* proto/search_spec.h: every wrong field at once, unknown keys, what is required. */
#include "spec_text.h"

#include "proto/mem.h"
#include "proto/spec_words.h"

#include <stdio.h>

static void test_whole(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(WHOLE, &spec, &errors), 0);
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
         "belongs to type \"command\" or \"resident\"; this one is \"native\""},
        {"\"evaluator\":{\"type\":\"command\",\"argv\":[\"x\"],\"bundle\":\"b\"}", "evaluator.bundle",
         "belongs to type \"native\"; this one is \"command\""},
        {"\"bounds\":[0,1]", "bounds", "did you mean \"ratio\"?"},
        {"\"trials\":30", "trials", "did you mean \"budget.trials\"?"},
        {"\"zzz\":1", "zzz",
         "is not a known key; known here: name, models, groups, ends, ratio, output, objectives, "
         "evaluator, strategy, budget, given, held_out, seed"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "{%s,\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"objectives\":[{\"metric\":\"f\",\"goal\":"
                 "\"max\"}]%s}",
                 bad[i].member,
                 strstr(bad[i].member, "evaluator")
                     ? ""
                     : ",\"evaluator\":{\"type\":\"native\",\"bundle\":\"b\"}");
        refuses(text, bad[i].field, bad[i].text);
    }
}

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

/* A goal that is guessed wrong would search for the worst. */
static void test_goal_is_required(void **state)
{
    (void)state;
    refuses("{\"objectives\":[{\"metric\":\"f\"}],\"evaluator\":{\"type\":\"command\",\"argv\":[\"f\"],"
            "\"merge\":\"none\"}}",
            "objectives[0].goal", "is missing; it must be \"max\" or \"min\"");
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
        cmocka_unit_test(test_all_errors_at_once),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_a_body_full_of_keys),
        cmocka_unit_test(test_goal_is_required),
        cmocka_unit_test(test_merge_none),
        cmocka_unit_test(test_external),
        cmocka_unit_test(test_keys_are_documented),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests_name("search_spec", tests, NULL, NULL);
}
