#include "fixture.h"

#include "merge/output/card.h"

#include <math.h>

#define HEX_A "0123456789abcdef0123456789abcdef"
#define HEX_B "fedcba9876543210fedcba9876543210"

static char names[][64] = {"layers 0-2", "layers 3-5 | `x`"};
static struct plan_entry entries[] = {
    {.tensor = "model.embed_tokens.weight",
     .place = PLACE_BEFORE,
     .layer = -1,
     .group = PLAN_BASE,
     .dtype = ST_BF16,
     .elements = 100},
    {.tensor = "model.layers.0.w",
     .place = PLACE_LAYER,
     .layer = 0,
     .group = 0,
     .dtype = ST_BF16,
     .elements = 40},
    {.tensor = "model.layers.5.w",
     .place = PLACE_LAYER,
     .layer = 5,
     .group = 1,
     .dtype = ST_BF16,
     .elements = 60},
    {.tensor = "model.norm.weight",
     .place = PLACE_AFTER,
     .layer = -1,
     .group = PLAN_MEAN,
     .dtype = ST_F32,
     .elements = 8},
};
static const struct plan plan = {
    .layers_n = 6, .groups_n = 2, .ratios_n = 2, .names = names, .entries_n = 4, .entries = entries};
static const double ratios[] = {0.1, 0.7};

static char *card(const struct export_lineage *lineage, double *effective, const struct merge_how *how)
{
    const struct export_target target = {.ratios = ratios, .lineage = lineage, .effective = effective};
    struct buf out;
    buf_init(&out, 1 << 20);
    card_write(&plan, &target, how, &out);
    assert_false(out.full);
    return buf_take(&out);
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in:\n%s", part, text);
}

static void test_says_all_that_is_known(void **state)
{
    (void)state;
    const struct export_score scores[] = {{"reward", 0.5, 0.125, "max"}, {"tax", -1.25, NAN, "min"}};
    const struct export_lineage lineage = {.search = "tiny",
                                           .trial = 17,
                                           .base = "/models/pre",
                                           .tuned = "org/post",
                                           .base_digest = HEX_A,
                                           .tuned_digest = HEX_B,
                                           .scores = scores,
                                           .scores_n = 2};
    const struct merge_how how = {.rounding = ROUND_STOCHASTIC, .seed = 9};
    double effective[] = {0.0625, NAN};
    char *text = card(&lineage, effective, &how);
    static const char front[] =
        "---\nbase_model:\n- \"pre\"\n- \"org/post\"\nbase_model_relation: merge\n"
        "library_name: transformers\ntags:\n- merge\n- paretod\n---\n\n# tiny, trial 17\n";
    assert_memory_equal(text, front, strlen(front));
    has(text, "| base | /models/pre | " HEX_A " |\n");
    has(text, "| tuned | org/post | " HEX_B " |\n");
    has(text, "| layers 0-2 | 0.1 | 0.0625 | 1 | 40 |\n");
    has(text, "| 0.7 | - | 1 | 60 |\n");
    has(text, "| (the mean of the groups) | 0.4 | - | 1 | 8 |\n");
    has(text, "| (base) | 0 | - | 1 | 100 |\n");
    has(text, "stochastically with seed 9");
    has(text, "Written as BF16 (3 tensors), F32 (1 tensors).");
    has(text, "| reward | higher | 0.5 | 0.125 |\n");
    has(text, "| tax | lower | -1.25 | - |\n");
    has(text, "\n    paretoctl export ID 17 --out DIR\n");
    has(text, "\n    paretoctl verify DIR\n");
    mem_free(text);
}

static void test_leaves_out_what_is_not_known(void **state)
{
    (void)state;
    char *text = card(NULL, NULL, NULL);
    static const char front[] =
        "---\nlibrary_name: transformers\ntags:\n- merge\n- paretod\n---\n\n# Merged checkpoint\n";
    assert_memory_equal(text, front, strlen(front));
    has(text, "| layers 0-2 | 0.1 | - | 1 | 40 |\n");
    has(text, "rounded once, to the nearest.");
    has_not(text, "## Scores");
    has_not(text, "export ID");
    has_not(text, "| base |");
    mem_free(text);
}

static void test_text_of_others_breaks_nothing(void **state)
{
    (void)state;
    const struct export_score score = {"a|b\n| c WWW.x.y", 1, 1, NULL};
    const struct export_lineage lineage = {.search = "x\n---\n# [y](http://z) <img> \xff",
                                           .trial = 0,
                                           .base = "/m/a\": [\n- evil\x7f\xc2\x85\xe2\x80\xa8",
                                           .tuned = "/m/..//",
                                           .scores = &score,
                                           .scores_n = 1};
    char *text = card(&lineage, NULL, NULL);
    has(text, "- \"a\\\": [\\x0a- evil\\x7f\\u0085\\u2028\"\n- \"..\"\nbase_model_relation");
    has(text, "\n# x?---?\\# \\[y\\](http\\://z) \\<img\\> ?, trial 0\n");
    has(text, "| layers 3-5 \\| \\`x\\` | 0.7 |");
    has(text, "| a\\|b?\\| c WWW\\.x.y | - | 1 | 1 |\n");
    has_not(text, "\n- evil");
    mem_free(text);
}

static void test_tables_keep_their_dtype(void **state)
{
    (void)state;
    const struct merge_how how = {.dtype = OUTPUT_F32};
    entries[1].kind = TENSOR_BUFFER;
    char *text = card(NULL, NULL, &how);
    entries[1].kind = TENSOR_OTHER;
    has(text, "Written as BF16 (1 tensors), F32 (3 tensors).");
    mem_free(text);
}

static void test_same_arguments_same_bytes(void **state)
{
    (void)state;
    char *a = card(NULL, NULL, NULL), *b = card(NULL, NULL, NULL);
    assert_string_equal(a, b);
    has_not(a, PARETOD_VERSION);
    mem_free(a);
    mem_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_all_that_is_known),
        cmocka_unit_test(test_leaves_out_what_is_not_known),
        cmocka_unit_test(test_text_of_others_breaks_nothing),
        cmocka_unit_test(test_tables_keep_their_dtype),
        cmocka_unit_test(test_same_arguments_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
