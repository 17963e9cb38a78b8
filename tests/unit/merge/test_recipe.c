#include "fixture.h"

#include "merge/recipe/mergekit_write.h"
#include "merge/recipe/recipe.h"

#include <math.h>

#define LAYERS 5

static const char *const names[] = {"lm_head.weight",
                                    "model.embed_tokens.weight",
                                    "model.layers.0.mlp.up_proj.weight",
                                    "model.layers.0.self_attn.q_proj.weight",
                                    "model.layers.1.mlp.up_proj.weight",
                                    "model.layers.1.self_attn.q_proj.weight",
                                    "model.layers.2.mlp.up_proj.weight",
                                    "model.layers.2.self_attn.q_proj.weight",
                                    "model.layers.3.mlp.up_proj.weight",
                                    "model.layers.3.self_attn.q_proj.weight",
                                    "model.layers.4.mlp.up_proj.weight",
                                    "model.layers.4.self_attn.q_proj.weight",
                                    "model.norm.weight",
                                    NULL};

struct world {
    char *directory;
    struct checkpoint *base, *tuned;
};

static int set_up(void **state)
{
    struct world *w = mem_zero(1, sizeof *w);
    w->directory = fixture_directory();
    char *base = mem_printf("%s/base", w->directory), *tuned = mem_printf("%s/tuned", w->directory);
    w->base = fixture_checkpoint(base, "{}", names, 1);
    w->tuned = fixture_checkpoint(tuned, "{}", names, 3);
    mem_free(base);
    mem_free(tuned);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    checkpoint_close(w->base);
    checkpoint_close(w->tuned);
    fixture_remove(w->directory);
    mem_free(w);
    return 0;
}

static struct recipe *read_text(const char *text)
{
    struct recipe *recipe;
    struct err err = {0};
    if (recipe_read(text, strlen(text), &recipe, &err))
        fail_msg("%s\n%s", err.text, text);
    return recipe;
}

static void refused(const char *text, int code, const char *says)
{
    struct recipe *recipe;
    struct err err = {0};
    int rc = recipe_read(text, strlen(text), &recipe, &err);
    assert_null(recipe);
    fixture_refused(rc, code, &err, says);
}

/* A plan of the world's pair with its ratios. */
struct made {
    struct recipe *recipe;
    struct plan *plan;
    double *ratios;
};

static struct made make(struct world *w, const char *text)
{
    struct made made = {.recipe = read_text(text)};
    struct err err = {0};
    if (recipe_plan(made.recipe, w->base, w->tuned, &made.plan, &made.ratios, &err))
        fail_msg("%s\n%s", err.text, text);
    return made;
}

static void drop(struct made *made)
{
    recipe_free(made->recipe);
    plan_free(made->plan);
    mem_free(made->ratios);
}

static double ratio_of(const struct made *made, const char *tensor)
{
    const struct plan_entry *entry = plan_find(made->plan, tensor);
    assert_non_null(entry);
    return plan_ratio(made->plan, entry, made->ratios);
}

static void plan_refused(struct world *w, const char *text, int code, const char *says)
{
    struct recipe *recipe = read_text(text);
    struct plan *plan;
    double *ratios;
    struct err err = {0};
    int rc = recipe_plan(recipe, w->base, w->tuned, &plan, &ratios, &err);
    assert_null(plan);
    assert_null(ratios);
    fixture_refused(rc, code, &err, says);
    recipe_free(recipe);
}

#define LINEAR "merge_method: linear\n"
#define MODELS(b, t)                                                                                         \
    "models:\n- model: /b\n  parameters:\n    weight: " b "\n- model: /t\n  parameters:\n    weight: " t "\n"

static void test_scalar_weights(void **state)
{
    struct made made = make(*state, LINEAR MODELS("0.7", "0.3") "dtype: float32\nout_dtype: bfloat16\n");
    assert_string_equal(recipe_base(made.recipe), "/b");
    assert_string_equal(recipe_tuned(made.recipe), "/t");
    assert_null(recipe_note(made.recipe, 1)); /* one, of the tokenizer */
    struct merge_how how = recipe_how(made.recipe);
    assert_int_equal(how.dtype, OUTPUT_BF16);
    assert_int_equal(how.rounding, ROUND_NEAREST);
    assert_int_equal(made.plan->ratios_n, 1);
    assert_true(made.ratios[0] == 0.3);
    assert_string_equal(made.plan->names[0], "layers 0-4, both ends");
    drop(&made);
    /* not of sum 1: normalised, as mergekit does without being asked */
    made = make(*state, LINEAR MODELS("1", "3"));
    assert_true(made.ratios[0] == 0.75);
    assert_non_null(strstr(recipe_note(made.recipe, 1), "computed in float32"));
    assert_int_equal(recipe_how(made.recipe).dtype, OUTPUT_SAME);
    drop(&made);
    made = make(*state, LINEAR MODELS("-1", "2") "dtype: torch.float16\n");
    assert_true(made.ratios[0] == 2);
    assert_int_equal(recipe_how(made.recipe).dtype, OUTPUT_F16);
    drop(&made);
}

static void test_which_one_is_tuned(void **state)
{
    struct made made = make(*state, LINEAR MODELS("0.75", "0.25") "base_model: /t\ndtype: float32\n");
    assert_string_equal(recipe_base(made.recipe), "/t");
    assert_string_equal(recipe_tuned(made.recipe), "/b");
    assert_true(made.ratios[0] == 0.75);
    assert_non_null(strstr(recipe_note(made.recipe, 0), "mergekit takes those of base_model"));
    assert_null(recipe_note(made.recipe, 1));
    drop(&made);
    made = make(*state,
                MERGEKIT_FIRST_LINE "\n" LINEAR MODELS("0.75", "0.25") "base_model: /t\ndtype: float32\n");
    assert_string_equal(recipe_tuned(made.recipe), "/t");
    assert_true(made.ratios[0] == 0.25);
    assert_null(recipe_note(made.recipe, 0));
    drop(&made);
    made = make(*state, LINEAR MODELS("0.75", "0.25") "dtype: float32\n");
    assert_string_equal(recipe_tuned(made.recipe), "/t");
    assert_non_null(strstr(recipe_note(made.recipe, 0), "mergekit takes those of the first"));
    assert_null(recipe_note(made.recipe, 1));
    drop(&made);
    /* a base_model that is not in models takes part, with the weight of the whole recipe */
    made = make(*state,
                LINEAR "models: [{model: /t, parameters: {weight: 3}}]\nbase_model: {model: {path: /b@x}}\n"
                       "parameters: {weight: 1}\n");
    assert_string_equal(recipe_base(made.recipe), "/b@x");
    assert_true(made.ratios[0] == 0.75);
    drop(&made);
}

/* Written by habit; mergekit does not read it in a linear merge. */
static void test_a_key_of_other_methods(void **state)
{
    struct made made =
        make(*state,
             LINEAR MODELS("0.75", "0.25") "base_model: /b\ndtype: float32\nparameters: {int8_mask: true}\n");
    assert_non_null(strstr(recipe_note(made.recipe, 1), "int8_mask"));
    assert_null(recipe_note(made.recipe, 2));
    drop(&made);
}

static void test_gradients(void **state)
{
    /* t of layers 0 … 4: 0, 0.25 … 1; both ends at t = 0, the head too */
    struct made made = make(*state, LINEAR MODELS("[1, 0.5, 0]", "[0, 0.5, 1]"));
    assert_true(ratio_of(&made, "model.embed_tokens.weight") == 0);
    assert_true(ratio_of(&made, "model.layers.0.mlp.up_proj.weight") == 0);
    assert_true(ratio_of(&made, "model.layers.1.mlp.up_proj.weight") == 0.25);
    assert_true(ratio_of(&made, "model.layers.3.self_attn.q_proj.weight") == 0.75);
    assert_true(ratio_of(&made, "model.layers.4.mlp.up_proj.weight") == 1);
    assert_true(ratio_of(&made, "model.norm.weight") == 0);
    assert_true(ratio_of(&made, "lm_head.weight") == 0);
    assert_int_equal(made.plan->ratios_n, 5);
    assert_string_equal(made.plan->names[0], "layer 0, both ends");
    assert_string_equal(made.plan->names[1], "layer 1");
    drop(&made);
    /* within a slice; one of a single layer is at t = 1 */
    made = make(*state, LINEAR "slices:\n"
                               "- sources:\n"
                               "  - {model: /b, layer_range: [0, 4], parameters: {weight: 1}}\n"
                               "  - {model: /t, layer_range: [0, 4], parameters: {weight: [0, 3]}}\n"
                               "- sources:\n"
                               "  - {model: /t, layer_range: [4, 5], parameters: {weight: [1, 3]}}\n"
                               "  - {model: /b, layer_range: [4, 5], parameters: {weight: 1}}\n");
    assert_true(ratio_of(&made, "model.embed_tokens.weight") == 0);
    assert_true(ratio_of(&made, "model.layers.1.mlp.up_proj.weight") == 0.5);
    assert_true(ratio_of(&made, "model.layers.3.mlp.up_proj.weight") == 0.75);
    assert_true(ratio_of(&made, "model.layers.4.mlp.up_proj.weight") == 0.75);
    assert_true(ratio_of(&made, "lm_head.weight") == 0.5);
    drop(&made);
}

static void test_filters(void **state)
{
    struct made made = make(*state, LINEAR "models:\n"
                                           "- model: /b\n"
                                           "- model: /t\n"
                                           "  parameters:\n"
                                           "    weight:\n"
                                           "    - {filter: self_attn, value: [1, 3]}\n"
                                           "    - {filter: mlp, value: 0}\n"
                                           "    - {filter: up_proj, value: 9}\n"
                                           "parameters:\n"
                                           "  weight: [{filter: '*', value: 1}, {value: 7}]\n");
    assert_true(ratio_of(&made, "model.layers.0.self_attn.q_proj.weight") == 0.5);
    assert_true(ratio_of(&made, "model.layers.4.self_attn.q_proj.weight") == 0.75);
    assert_true(ratio_of(&made, "model.layers.4.mlp.up_proj.weight") == 0);
    assert_true(ratio_of(&made, "model.norm.weight") == 0.5); /* no filter: the level above */
    assert_string_equal(made.plan->names[0], "layer 0 attention, both ends");
    assert_string_equal(made.plan->names[1], "layers 0-4 mlp");
    drop(&made);
    made = make(*state, LINEAR "models:\n- model: /b\n- model: /t\n"
                               "  parameters: {weight: [{filter: mlp, value: 1}, {filter: null, value: 3}]}\n"
                               "parameters: {weight: 1}\n");
    assert_true(ratio_of(&made, "model.norm.weight") == 0.75);
    assert_string_equal(made.plan->names[0], "layers 0-4 attention, both ends");
    assert_string_equal(made.plan->names[1], "layers 0-4 mlp");
    drop(&made);
}

static void test_names_of_groups(void **state)
{
    struct made made =
        make(*state,
             LINEAR "models:\n- model: /b\n- model: /t\n  parameters:\n    weight:\n"
                    "    - {filter: layers.1.mlp, value: 2}\n    - {filter: layers.1.self, value: 3}\n"
                    "    - {filter: layers.3.mlp, value: 4}\n    - {filter: layers.3, value: 5}\n"
                    "    - {filter: embed, value: 6}\n    - {value: [1, 1.5, 1]}\nparameters: {weight: 1}\n");
    static const char *const expected[] = {
        "embeddings", "of layers 0-4, head", "layer 1 mlp",      "layer 1 attention",
        "layer 2",    "layer 3 mlp",         "layer 3 attention"};
    assert_int_equal(made.plan->ratios_n, 7);
    for (int i = 0; i < 7; i++)
        assert_string_equal(made.plan->names[i], expected[i]);
    drop(&made);
    made = make(*state,
                LINEAR "models:\n- model: /b\n- model: /t\n  parameters:\n    weight:\n"
                       "    - {filter: norm, value: 2}\n    - {filter: head, value: 3}\n    - {value: 1}\n"
                       "parameters: {weight: 1}\n");
    assert_string_equal(made.plan->names[1], "head");
    assert_string_equal(made.plan->names[2], "head (2)");
    drop(&made);
}

static void test_normalize(void **state)
{
    struct made made = make(*state, LINEAR MODELS("0.25", "0.75") "parameters: {normalize: false}\n");
    assert_true(made.ratios[0] == 0.75);
    drop(&made);
    plan_refused(*state, LINEAR MODELS("1", "0.75") "parameters: {normalize: 0}\n", ERR_UNSUPPORTED,
                 "add up to 1.75");
    plan_refused(*state, LINEAR MODELS("1", "-1"), ERR_INVALID, "add up to 0");
    refused(LINEAR MODELS("1", "1") "parameters: {normalize: [0, 1]}\n", ERR_UNSUPPORTED,
            "normalize must be true");
    refused(LINEAR "models: [{model: a, parameters: {normalize: false}}]", ERR_UNSUPPORTED,
            "does not look for it");
    /* a slice's own comes before the recipe's */
    made = make(*state, LINEAR
                "parameters: {normalize: false, weight: 1}\n"
                "slices:\n- sources: [{model: b, layer_range: [0, 5]}, {model: t, layer_range: [0, 5]}]\n"
                "  parameters: {normalize: yes}\n");
    assert_true(made.ratios[0] == 0.5);
    drop(&made);
}

static void reads_back(struct world *w, const double ratios[3])
{
    const struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 3, .ends = ENDS_MEAN};
    const struct merge_how how = {0};
    struct plan *plan;
    struct err err = {0};
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(plan_make(&spec, w->base, w->tuned, &plan, &err), 0);
    assert_int_equal(mergekit_write(plan, ratios, "/m/a+b", "/m/t", &how, "title", &text, &err), 0);
    struct made made = make(w, buf_str(&text));
    assert_string_equal(recipe_base(made.recipe), "/m/a+b");
    assert_string_equal(recipe_tuned(made.recipe), "/m/t");
    assert_int_equal(recipe_how(made.recipe).dtype, OUTPUT_F32); /* which is the pair's */
    for (size_t i = 0; i < plan->entries_n; i++)
        assert_true(ratio_of(&made, plan->entries[i].tensor) == plan_ratio(plan, &plan->entries[i], ratios));
    drop(&made);
    plan_free(plan);
    buf_fini(&text);
}

/* To the bit, of ratios beyond the ends too: 1 - r and r need not add up to 1 there. */
static void test_a_written_recipe_reads_back(void **state)
{
    static const double all[][3] = {{0.1, 1.0 / 3, 0.7000000000000001},
                                    {-0.13, -0.07, -0.30000000000000004},
                                    {-0.01, -9.3, -1.0 / 3},
                                    {1.1, 1.7, 9.9}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        reads_back(*state, all[i]);
}

static void test_refused_with_what_to_do(void **state)
{
    (void)state;
    static const char two[] = MODELS("1", "1");
    const struct {
        const char *text;
        int code;
        const char *says;
    } cases[] = {
        {"[1]", ERR_INVALID, "the recipe must be a mapping"},
        {"models: []\n", ERR_INVALID, "merge_method is missing"},
        {"merge_method: slerp\n", ERR_UNSUPPORTED, "run mergekit for this one"},
        {LINEAR, ERR_INVALID, "either models or slices"},
        {LINEAR "models: []\nslices: []\n", ERR_INVALID, "either models or slices"},
        {LINEAR "models: []\n", ERR_INVALID, "models must be a list"},
        {LINEAR "models: 3\n", ERR_INVALID, "models must be a list"},
        {LINEAR "slices: {}\n", ERR_INVALID, "slices must be a list"},
        {LINEAR "modles: []\n", ERR_INVALID, "did you mean \"models\"?"},
        {LINEAR "modules: {default: {}}\n", ERR_UNSUPPORTED, "write slices"},
        {LINEAR "models: [a, b]\n", ERR_INVALID, "models must be a mapping, this is text"},
        {LINEAR "models: [{parameters: {weight: 1}}]\n", ERR_INVALID, "the model is missing"},
        {LINEAR "models: [{model: [a]}]\n", ERR_INVALID, "path of a directory"},
        {LINEAR "models: [{model: a+b}]\n", ERR_UNSUPPORTED, "merge the adapter"},
        {LINEAR "models: [{model: a@main}]\n", ERR_UNSUPPORTED, "names a revision"},
        {LINEAR "models: [{model: {model: a, lora: b}}]\n", ERR_UNSUPPORTED, "merge the adapter"},
        {LINEAR "models: [{model: {model: {path: a, revision: b}}}]\n", ERR_UNSUPPORTED,
         "download this revision"},
        {LINEAR "models: [{model: a}]\n", ERR_UNSUPPORTED, "an average needs two"},
        {LINEAR "models: [{model: a}, {model: a}]\n", ERR_UNSUPPORTED, "is there twice"},
        {LINEAR "models: [{model: a}, {model: b}, {model: c}]\n", ERR_UNSUPPORTED, "is a third model"},
        {LINEAR "models: [{model: a}, {model: b}]\nbase_model: c\n", ERR_UNSUPPORTED, "is a third model"},
        {LINEAR "models: [{model: a, layer_range: [0, 2]}]\n", ERR_INVALID,
         "\"layer_range\" of models is not known"},
        {LINEAR "models: [{model: a, parameters: {wieght: 1}}]\n", ERR_INVALID, "did you mean \"weight\"?"},
        {LINEAR "models: [{model: a, parameters: {weight: x}}]\n", ERR_INVALID, "a weight must be"},
        {LINEAR "models: [{model: a, parameters: {weight: []}}]\n", ERR_INVALID, "a weight must be"},
        {LINEAR "models: [{model: a, parameters: {weight: {value: 1}}}]\n", ERR_INVALID, "a weight must be"},
        {LINEAR "models: [{model: a, parameters: {weight: [{filter: x}]}}]\n", ERR_INVALID,
         "a weight must be"},
        {LINEAR "models: [{model: a, parameters: {weight: [{value: 1, x: 2}]}}]\n", ERR_INVALID,
         "a weight must be"},
        {LINEAR "models: [{model: a, parameters: {weight: [1, {value: 1}]}}]\n", ERR_INVALID,
         "a weight must be"},
        {LINEAR "models: [{model: a, parameters: {weight: [{value: [{value: 1}]}]}}]\n", ERR_INVALID,
         "a weight must be"},
        {LINEAR "models: [{model: a, parameters: {weight: [{filter: [x], value: 1}]}}]\n", ERR_INVALID,
         "a weight must"},
        {LINEAR "slices: [{sources: [{model: a, layer_range: [0, 2]}]}]\n", ERR_UNSUPPORTED,
         "both models as sources"},
        {LINEAR "slices: [{base_model: a}]\n", ERR_UNSUPPORTED, "say it once"},
        {LINEAR "slices: [{sources: [{model: a}, {model: b}]}]\n", ERR_INVALID, "layer_range must be"},
        {LINEAR "slices: [{sources: [{model: a, layer_range: [1]}, {model: b}]}]\n", ERR_INVALID,
         "layer_range must be"},
        {LINEAR "slices: [{sources: [{model: a, layer_range: [2, 2]}, {model: b}]}]\n", ERR_INVALID,
         "layer_range must"},
        {LINEAR "slices: [{sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [1, 3]}]}]\n",
         ERR_UNSUPPORTED, "the same layer_range"},
        {LINEAR "slices: [{sources: [{model: a, layer_range: [1, 2]}, {model: b, layer_range: [1, 2]}]}]\n",
         ERR_UNSUPPORTED, "begins at layer 1, the one before ends at 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].text, cases[i].code, cases[i].says);
    static const char *const ends[][2] = {{"tokenizer_source: base\n", "tuned's tokenizer"},
                                          {"tokenizer: {source: base}\n", "tuned's tokenizer"},
                                          {"chat_template: auto\n", "tuned's chat template"},
                                          {"dtype: int64\n", "dtype must be float32"},
                                          {"out_dtype: [float32]\n", "out_dtype must be float32"},
                                          {"parameters: {int9_mask: true}\n", "int9_mask"}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char *text = mem_printf(LINEAR "%s%s", two, ends[i][0]);
        refused(text, strstr(text, "int9") ? ERR_INVALID : ERR_UNSUPPORTED, ends[i][1]);
        mem_free(text);
    }
}

static void test_refused_for_this_pair(void **state)
{
    plan_refused(*state,
                 LINEAR
                 "parameters: {weight: 1}\n"
                 "slices: [{sources: [{model: a, layer_range: [0, 4]}, {model: b, layer_range: [0, 4]}]}]\n",
                 ERR_UNSUPPORTED, "cover layers 0-3, the checkpoints have layers 0-4");
    plan_refused(*state, LINEAR "models: [{model: a, parameters: {weight: 1}}, {model: b}]\n", ERR_INVALID,
                 "no weight of \"b\" for tensor \"model.embed_tokens.weight\"");
    plan_refused(*state,
                 LINEAR
                 "models:\n- {model: a, parameters: {weight: [{filter: layers, value: 1}]}}\n- model: b\n"
                 "parameters: {weight: [{filter: nothing, value: 1}]}",
                 ERR_INVALID, "no weight of \"a\" for tensor");
}

/* Every prefix of a whole recipe, and every byte of it changed, is read or refused, never more. */
static void test_broken_recipes_never_crash(void **state)
{
    (void)state;
    static const char whole[] = LINEAR
        "slices:\n- sources:\n  - {model: /b, layer_range: [0, 5], parameters: {weight: [1, 2]}}\n"
        "  - {model: /t, layer_range: [0, 5], parameters: {weight: [{filter: x, value: 1}, {value: 2}]}}\n";
    char text[sizeof whole];
    struct recipe *recipe;
    for (size_t i = 0; i < sizeof whole; i++) {
        recipe_read(whole, i, &recipe, NULL);
        recipe_free(recipe);
        static const char odd[] = "*&[]{}:-\"'\n\t\xff";
        for (size_t k = 0; k < sizeof odd; k++) {
            memcpy(text, whole, sizeof whole);
            text[i] = odd[k];
            recipe_read(text, sizeof whole - 1, &recipe, NULL);
            recipe_free(recipe);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_scalar_weights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_which_one_is_tuned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_key_of_other_methods, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gradients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_of_groups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_normalize, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_written_recipe_reads_back, set_up, tear_down),
        cmocka_unit_test(test_refused_with_what_to_do),
        cmocka_unit_test_setup_teardown(test_refused_for_this_pair, set_up, tear_down),
        cmocka_unit_test(test_broken_recipes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
