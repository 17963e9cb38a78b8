#include "fixture.h"

#include "merge/recipe/mergekit_write.h"

#define ENTRIES_MAX 100

/* A Llama of `layers` layers; the caller sets the groups. */
struct model {
    struct plan plan;
    struct plan_entry entries[ENTRIES_MAX];
    char text[ENTRIES_MAX][80];
    char names[4][64];
};

static void add(struct model *m, int layer, enum plan_place place, int group, const char *format, int index)
{
    size_t i = m->plan.entries_n++;
    assert_true(i < ENTRIES_MAX);
    snprintf(m->text[i], sizeof m->text[i], format, index);
    m->entries[i] = (struct plan_entry){.tensor = m->text[i],
                                        .place = place,
                                        .layer = layer,
                                        .group = group,
                                        .dtype = ST_BF16,
                                        .elements = strstr(format, "norm") ? 4 : 16};
}

static const char *const parts[] = {
    "layers.%d.input_layernorm.weight", "layers.%d.mlp.down_proj.weight", "layers.%d.mlp.up_proj.weight",
    "layers.%d.post_attention_layernorm.weight", "layers.%d.self_attn.q_proj.weight"};
#define PARTS_N 5

static struct model *llama(int layers, const int *groups)
{
    struct model *m = mem_zero(1, sizeof *m);
    m->plan.layers_n = layers;
    m->plan.names = m->names;
    m->plan.entries = m->entries;
    m->plan.groups_n = m->plan.ratios_n = 2;
    add(m, -1, PLACE_AFTER, groups[layers - 1], "lm_head.weight", 0);
    add(m, -1, PLACE_BEFORE, groups[0], "model.embed_tokens.weight", 0);
    for (int layer = 0; layer < layers; layer++)
        for (int i = 0; i < PARTS_N; i++) {
            char format[80];
            snprintf(format, sizeof format, "model.%s", parts[i]);
            add(m, layer, PLACE_LAYER, groups[layer], format, layer);
        }
    add(m, -1, PLACE_AFTER, groups[layers - 1], "model.norm.weight", 0);
    return m;
}

static char *written(const struct model *m, const double *ratios, const struct merge_how *how,
                     const char *title)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, 1 << 20);
    if (mergekit_write(&m->plan, ratios, "/m/base", "/m/tuned", how, title, &out, &err))
        fail_msg("%s", err.text);
    return buf_take(&out);
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static int times(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

static const int two_groups[] = {0, 0, 1, 1};
static const double ratios[] = {0.25, 0.75};

static void test_one_slice_a_run_of_layers(void **state)
{
    (void)state;
    struct model *m = llama(4, two_groups);
    char *text = written(m, ratios, NULL, NULL);
    assert_string_equal(text, "# paretoctl export: base is the first model, tuned the second\n"
                              "merge_method: linear\n"
                              "dtype: float32\n"
                              "out_dtype: bfloat16\n"
                              "# where mergekit takes config.json and the tokenizer from\n"
                              "base_model: \"/m/tuned\"\n"
                              "slices:\n"
                              "  - sources:\n"
                              "      - model: \"/m/base\"\n"
                              "        layer_range: [0, 2]\n"
                              "        parameters:\n"
                              "          weight: 0.75\n"
                              "      - model: \"/m/tuned\"\n"
                              "        layer_range: [0, 2]\n"
                              "        parameters:\n"
                              "          weight: 0.25\n"
                              "  - sources:\n"
                              "      - model: \"/m/base\"\n"
                              "        layer_range: [2, 4]\n"
                              "        parameters:\n"
                              "          weight: 0.25\n"
                              "      - model: \"/m/tuned\"\n"
                              "        layer_range: [2, 4]\n"
                              "        parameters:\n"
                              "          weight: 0.75\n");
    mem_free(text);
    /* groups in another order than layers, one of them in two pieces */
    const int woven[] = {1, 0, 0, 1};
    struct model *other = llama(4, woven);
    text = written(other, ratios, NULL, NULL);
    assert_int_equal(times(text, "- sources"), 3);
    has(text, "layer_range: [1, 3]");
    mem_free(text);
    /* equal ratios make one slice */
    const double equal[] = {0.5, 0.5};
    text = written(m, equal, NULL, NULL);
    assert_int_equal(times(text, "- sources"), 1);
    has(text, "layer_range: [0, 4]");
    mem_free(text);
    mem_free(other);
    mem_free(m);
}

static void test_a_second_copy_of_a_tied_head(void **state)
{
    (void)state;
    struct model *m = llama(4, two_groups);
    m->entries[0].place = PLACE_BEFORE; /* it goes with the embeddings, though mergekit has it at the end */
    m->entries[0].group = 0;
    char *text = written(m, ratios, NULL, NULL);
    has(text,
        "layer_range: [2, 4]\n        parameters:\n          weight:\n            - filter: \"lm_head\"\n"
        "              value: 0.75\n");
    assert_int_equal(times(text, "- filter"), 2);
    mem_free(text);
    mem_free(m);
}

static void set_group(struct model *m, const char *part, int group)
{
    for (size_t i = 0; i < m->plan.entries_n; i++)
        if (strstr(m->text[i], part))
            m->entries[i].group = group;
}

static void test_ends_of_their_own_get_filters(void **state)
{
    (void)state;
    struct model *m = llama(4, two_groups);
    for (size_t i = 0; i < m->plan.entries_n; i++)
        if (m->entries[i].place != PLACE_LAYER)
            m->entries[i].group = PLAN_MEAN;
    char *text = written(m, ratios, NULL, NULL);
    assert_int_equal(times(text, "- sources"), 2);
    assert_int_equal(
        times(text, "- filter: \"embed_tokens\"\n              value: 0.5\n            - value: 0.75"), 1);
    assert_int_equal(times(text, "- filter: \"lm_head\"\n"), 2);
    assert_int_equal(times(text, "- filter: \"model.norm\"\n"), 2); /* "norm" is in every layernorm */
    mem_free(text);
    mem_free(m);
}

static void test_attention_and_mlp(void **state)
{
    (void)state;
    const int one[] = {0, 0, 0};
    struct model *m = llama(3, one);
    set_group(m, ".mlp.", 1);
    set_group(m, "post_attention", 1);
    char *text = written(m, ratios, NULL, NULL);
    assert_int_equal(times(text, "- sources"), 1);
    assert_int_equal(times(text, "- filter: \"mlp\"\n"), 2);
    assert_int_equal(times(text, "- filter: \"post_attention_layernorm\"\n"), 2);
    assert_int_equal(times(text, "- filter"), 4);
    mem_free(text);
    mem_free(m);
}

static void test_norms_of_the_layers_from_base(void **state)
{
    (void)state;
    struct model *m = llama(4, two_groups);
    set_group(m, "norm", PLAN_BASE);
    set_group(m, "embed", PLAN_BASE);
    set_group(m, "lm_head", PLAN_MEAN);
    char *text = written(m, ratios, NULL, NULL);
    has(text, "- filter: \"embed_tokens\"\n              value: 1\n");
    has(text, "- filter: \"input_layernorm\"\n              value: 1\n");
    has(text, "- filter: \"lm_head\"\n              value: 0.5\n");
    has(text, "- filter: \"norm\"\n              value: 1\n"); /* the final norm and those of the layers */
    mem_free(text);
    mem_free(m);
}

static void test_what_mergekit_cannot_say_is_said(void **state)
{
    (void)state;
    struct model *m = llama(4, two_groups);
    m->entries[3].dtype = ST_F32;
    const struct merge_how how = {.rounding = ROUND_STOCHASTIC, .seed = 5};
    char *text = written(m, ratios, &how, "a \"title\"\nbase_model: x\xe2\x80\xa8y");
    has(text, "second\n# a \"title\"?base_model: x???y\n# Not the same: the trial was rounded stochastically "
              "(seed 5)");
    has(text, "# Not the same: 1 tensors are written in another dtype than BF16");
    mem_free(text);
    mem_free(m);
}

static void test_paths_with_a_plus(void **state)
{
    (void)state;
    struct model *m = llama(1, (const int[]){0});
    struct buf out;
    struct err err = {0};
    buf_init(&out, 1 << 20);
    assert_int_equal(mergekit_write(&m->plan, ratios, "/m/a+b", "/m/\"c\"@d", NULL, NULL, &out, &err), 0);
    has(buf_str(&out), "- model: {model: {path: \"/m/a+b\"}}\n");
    has(buf_str(&out), "base_model: {model: {path: \"/m/\\\"c\\\"@d\"}}\n");
    buf_fini(&out);
    mem_free(m);
}

static void refused(const struct model *m, const char *says)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, 1 << 20);
    int rc = mergekit_write(&m->plan, ratios, "b", "t", NULL, NULL, &out, &err);
    fixture_refused(rc, ERR_UNSUPPORTED, &err, says);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

static void test_refuses_what_filters_cannot_tell_apart(void **state)
{
    (void)state;
    struct model *m = llama(2, (const int[]){0, 0});
    add(m, 0, PLACE_LAYER, 0, "model.layers.%d.xx.gate.weight", 0);
    add(m, 0, PLACE_LAYER, 1, "model.layers.%d.gate.weight", 0);
    add(m, 0, PLACE_LAYER, 0, "model.layers.%d.x.gate.weight", 0);
    refused(m, "\"model.layers.0.gate.weight\" has another ratio");
    mem_free(m);
    m = llama(2, (const int[]){0, 0});
    add(m, 1, PLACE_LAYER, 0, "decoder.layers.%d.mlp.up_proj.weight", 1);
    refused(m, "two stacks of layers");
    mem_free(m);
    m = llama(2, (const int[]){0, 0});
    add(m, 1, PLACE_LAYER, 0, "block%d/w", 1);
    refused(m, "finds no layer index");
    mem_free(m);
}

static void test_parts_with_numbers_do_not_meet_layers(void **state)
{
    (void)state;
    struct model *m = llama(2, (const int[]){0, 0});
    for (int layer = 0; layer < 2; layer++)
        for (int expert = 0; expert < 2; expert++) {
            char format[80];
            snprintf(format, sizeof format, "model.layers.%%d.experts.%d.w1", expert);
            add(m, layer, PLACE_LAYER, expert, format, layer);
        }
    char *text = written(m, ratios, NULL, NULL);
    assert_int_equal(times(text, "- filter: \"experts.1.w1\"\n"), 2);
    assert_int_equal(times(text, "- filter"), 2);
    mem_free(text);
    mem_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_slice_a_run_of_layers),
        cmocka_unit_test(test_ends_of_their_own_get_filters),
        cmocka_unit_test(test_a_second_copy_of_a_tied_head),
        cmocka_unit_test(test_attention_and_mlp),
        cmocka_unit_test(test_norms_of_the_layers_from_base),
        cmocka_unit_test(test_what_mergekit_cannot_say_is_said),
        cmocka_unit_test(test_paths_with_a_plus),
        cmocka_unit_test(test_refuses_what_filters_cannot_tell_apart),
        cmocka_unit_test(test_parts_with_numbers_do_not_meet_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
