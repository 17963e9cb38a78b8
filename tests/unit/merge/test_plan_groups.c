/* merge/plan/plan_groups.c: halves of layers, patterns, the ends of the published code. Ranges of layers: test_plan.c. */
#include "pair.h"

#define LAYERS 4

/* A Llama of LAYERS layers; `tied`: without a head of its own. */
static struct pair llama(bool tied)
{
    static const char *const inner[] = {"input_layernorm.weight", "self_attn.q_proj.weight",
                                        "self_attn.q_proj.bias", "post_attention_layernorm.weight",
                                        "mlp.up_proj.weight"};
    static char text[LAYERS * 5][64];
    const char *names[LAYERS * 5 + 4];
    int n = 0;
    for (int i = 0; i < LAYERS; i++)
        for (int t = 0; t < 5; t++, n++) {
            snprintf(text[n], sizeof *text, "model.layers.%d.%s", i, inner[t]);
            names[n] = text[n];
        }
    names[n++] = "model.embed_tokens.weight";
    names[n++] = "model.norm.weight";
    if (!tied)
        names[n++] = "lm_head.weight";
    names[n] = NULL;
    return open_pair(tied ? TIED : UNTIED, names, names);
}

static int group(const struct plan *plan, int layer, const char *inner)
{
    char name[96];
    snprintf(name, sizeof name, "model.layers.%d.%s", layer, inner);
    return entry(plan, name)->group;
}

static void check_layer(const struct plan *plan, int layer, int attention, int mlp)
{
    assert_int_equal(group(plan, layer, "input_layernorm.weight"), attention);
    assert_int_equal(group(plan, layer, "self_attn.q_proj.weight"), attention);
    assert_int_equal(group(plan, layer, "self_attn.q_proj.bias"), attention);
    assert_int_equal(group(plan, layer, "post_attention_layernorm.weight"), mlp);
    assert_int_equal(group(plan, layer, "mlp.up_proj.weight"), mlp);
}

static void test_split(void **state)
{
    (void)state;
    struct pair pair = llama(false);
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 3, .split = true};
    static const char *const names[] = {"layers 0-1 attention", "layers 0-1 mlp",    "layer 2 attention",
                                        "layer 2 mlp",          "layer 3 attention", "layer 3 mlp"};
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(plan->groups_n, 6);
    assert_int_equal(plan->ratios_n, 6);
    for (int i = 0; i < 6; i++)
        assert_string_equal(plan->names[i], names[i]);
    check_layer(plan, 0, 0, 1);
    check_layer(plan, 1, 0, 1);
    check_layer(plan, 2, 2, 3);
    check_layer(plan, 3, 4, 5);
    /* embeddings stand before the first attention, norm and head after the last MLP */
    assert_int_equal(entry(plan, "model.embed_tokens.weight")->group, 0);
    assert_int_equal(entry(plan, "model.norm.weight")->group, 5);
    assert_int_equal(entry(plan, "lm_head.weight")->group, 5);
    plan_free(plan);
    spec = (struct search_spec){
        .grouping = GROUPING_BOUNDARIES, .groups_n = 2, .boundaries = {1}, .split = true};
    plan = planned(&pair, &spec);
    assert_string_equal(plan->names[3], "layers 1-3 mlp");
    check_layer(plan, 0, 0, 1);
    check_layer(plan, 3, 2, 3);
    plan_free(plan);
    close_pair(&pair);
}

static void test_split_limit(void **state)
{
    (void)state;
    static char text[2 * 33][32];
    const char *names[2 * 33 + 1] = {NULL};
    for (int i = 0; i < 33; i++) {
        snprintf(text[2 * i], sizeof *text, "h.%d.attn.w", i);
        snprintf(text[2 * i + 1], sizeof *text, "h.%d.mlp.w", i);
        names[2 * i] = text[2 * i];
        names[2 * i + 1] = text[2 * i + 1];
    }
    struct pair pair = open_pair("{}", names, names);
    struct search_spec spec = {.grouping = GROUPING_LAYERWISE, .split = true};
    refused(&pair, &spec, "groups.split: 33 ranges of layers would make 66 groups, the limit is 64");
    spec = (struct search_spec){.grouping = GROUPING_COUNT, .groups_n = 32, .split = true};
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(plan->ratios_n, 64);
    plan_free(plan);
    close_pair(&pair);
}

static struct search_spec named(int n, const struct spec_group *groups)
{
    struct search_spec spec = {.grouping = GROUPING_NAMED, .groups_n = n};
    memcpy(spec.groups, groups, (size_t)n * sizeof *groups);
    return spec;
}

static void test_kinds(void **state)
{
    (void)state;
    struct pair pair = llama(false);
    struct spec_group groups[] = {{"mlp", 0, 3, KIND_MLP, ""},
                                  {"low attention", 0, 1, KIND_ATTENTION, ""},
                                  {"high attention", 2, 3, KIND_ATTENTION, ""}};
    struct search_spec spec = named(3, groups);
    struct plan *plan = planned(&pair, &spec);
    check_layer(plan, 0, 1, 0);
    check_layer(plan, 3, 2, 0);
    assert_int_equal(entry(plan, "model.embed_tokens.weight")->group, 1);
    assert_int_equal(entry(plan, "lm_head.weight")->group, 0);
    plan_free(plan);
    spec.groups[2].first = 1;
    refused(&pair, &spec, "groups \"high attention\": the attention of layer 1 is already in another group");
    spec.groups[2].kind = KIND_ALL;
    refused(&pair, &spec, "groups \"high attention\": layer 1 is already in another group");
    spec = named(2, groups);
    refused(&pair, &spec, "groups: the attention of layer 2 is in no group (tensor \"model.layers.2.input");
    spec = named(3, groups);
    spec.groups[0].last = 2;
    refused(&pair, &spec, "groups: the mlp of layer 3 is in no group");
    close_pair(&pair);
    static const char *const odd[] = {"layers.0.mlp.w", "layers.0.self_attn.w", "layers.0.scale", NULL};
    pair = open_pair("{}", odd, odd);
    spec = (struct search_spec){.grouping = GROUPING_COUNT, .groups_n = 1, .split = true};
    refused(&pair, &spec,
            "tensor \"layers.0.scale\" of layer 0 is neither attention nor mlp by its name; give it to");
    spec.split = false; /* without halves it need not be known */
    plan_free(planned(&pair, &spec));
    static const char *const attention[] = {"layers.0.self_attn.w", NULL};
    close_pair(&pair);
    pair = open_pair("{}", attention, attention);
    spec.split = true;
    refused(&pair, &spec, "groups: \"layer 0 mlp\" has no tensor; remove the group");
    close_pair(&pair);
}

static void test_patterns(void **state)
{
    (void)state;
    struct pair pair = llama(false);
    struct spec_group groups[] = {{"rest", 0, 3, KIND_ALL, ""},
                                  {"head", -1, -1, KIND_ALL, "lm_head\\..*"},
                                  {"biases", -1, -1, KIND_ALL, ".*\\.bias"}};
    struct search_spec spec = named(3, groups);
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(plan->groups_n, 3);
    assert_int_equal(group(plan, 2, "self_attn.q_proj.bias"), 2);
    assert_int_equal(group(plan, 2, "self_attn.q_proj.weight"), 0);
    assert_int_equal(entry(plan, "lm_head.weight")->group, 1);
    assert_int_equal(entry(plan, "model.norm.weight")->group, 0);
    plan_free(plan);
    snprintf(spec.groups[1].tensors, sizeof spec.groups[1].tensors, "lm_head"); /* whole names */
    refused(&pair, &spec, "groups.names[1].tensors: \"lm_head\" is the whole name of no tensor");
    snprintf(spec.groups[1].tensors, sizeof spec.groups[1].tensors, "(a|b");
    refused(&pair, &spec, "groups.names[1].tensors: \"(a|b\" is not a regular expression: missing closing");
    snprintf(spec.groups[1].tensors, sizeof spec.groups[1].tensors, ".*layers\\.3.*");
    refused(&pair, &spec,
            "groups.names[2].tensors: tensor \"model.layers.3.self_attn.q_proj.bias\" is matched by group "
            "\"head\" too");
    snprintf(spec.groups[1].tensors, sizeof spec.groups[1].tensors, "(?:.+)+(?:.+)+(?:.+)+[#;]");
    refused(&pair, &spec, "groups.names[1].tensors: \"(?:.+)+(?:.+)+(?:.+)+[#;]\" takes too long on \"");
    /* a layer may be covered by patterns alone, but then nothing can follow it */
    snprintf(spec.groups[1].tensors, sizeof spec.groups[1].tensors,
             "model\\.layers\\.0\\..*weight|.*embed.*");
    spec.groups[0].first = 1;
    plan = planned(&pair, &spec);
    assert_int_equal(group(plan, 0, "mlp.up_proj.weight"), 1);
    assert_int_equal(entry(plan, "model.embed_tokens.weight")->group, 1);
    plan_free(plan);
    snprintf(spec.groups[1].tensors, sizeof spec.groups[1].tensors, "model\\.layers\\.0\\..*weight");
    refused(&pair, &spec, "ends: \"model.embed_tokens.weight\" cannot follow layer 0");
    spec.ends = ENDS_BASE;
    plan_free(planned(&pair, &spec));
    snprintf(spec.groups[1].tensors, sizeof spec.groups[1].tensors, "model\\.layers\\.0\\..*attn.*weight");
    refused(&pair, &spec,
            "groups: layer 0 is in no group; every layer needs one (tensor \"model.layers.0.input");
    snprintf(spec.groups[1].tensors, sizeof spec.groups[1].tensors, ".*weight");
    spec.groups[0].first = 0;
    refused(&pair, &spec, "groups: \"rest\" has no tensor; remove the group");
    spec = named(2, groups);
    snprintf(spec.groups[1].tensors, sizeof spec.groups[1].tensors, "lm_head.*|model.norm.*|.*embed.*");
    spec.ends = ENDS_OWN;
    refused(&pair, &spec, "ends: no tensor is left for a ratio of their own");
    close_pair(&pair);
}

/* What the code that was published with HMA merges: linear layers by group, norms and embeddings from before alignment,
 * the head at the mean of the groups. */
static void test_paper_code(void **state)
{
    (void)state;
    struct pair pair = llama(false);
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2, .ends = ENDS_PAPER_CODE};
    static const double ratios[] = {0.25, 0.75};
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(plan->ratios_n, 2);
    for (int i = 0; i < LAYERS; i++) {
        assert_int_equal(group(plan, i, "self_attn.q_proj.weight"), i / 2);
        assert_int_equal(group(plan, i, "self_attn.q_proj.bias"), i / 2);
        assert_int_equal(group(plan, i, "mlp.up_proj.weight"), i / 2);
        assert_int_equal(group(plan, i, "input_layernorm.weight"), PLAN_BASE);
        assert_int_equal(group(plan, i, "post_attention_layernorm.weight"), PLAN_BASE);
    }
    assert_int_equal(entry(plan, "model.embed_tokens.weight")->group, PLAN_BASE);
    assert_int_equal(entry(plan, "model.norm.weight")->group, PLAN_BASE);
    assert_int_equal(entry(plan, "lm_head.weight")->group, PLAN_MEAN);
    assert_true(plan_ratio(plan, entry(plan, "lm_head.weight"), ratios) == 0.5);
    assert_true(plan_ratio(plan, entry(plan, "model.norm.weight"), ratios) == 0);
    plan_free(plan);
    spec.split = true;
    plan = planned(&pair, &spec);
    assert_int_equal(group(plan, 3, "mlp.up_proj.weight"), 3);
    assert_int_equal(group(plan, 3, "post_attention_layernorm.weight"), PLAN_BASE);
    plan_free(plan);
    close_pair(&pair);
    pair = llama(true); /* the head is the embeddings */
    spec.split = false;
    plan = planned(&pair, &spec);
    assert_int_equal(entry(plan, "model.embed_tokens.weight")->group, PLAN_BASE);
    plan_free(plan);
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),    cmocka_unit_test(test_split_limit), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_patterns), cmocka_unit_test(test_paper_code),
    };
    return cmocka_run_group_tests_name("plan_groups", tests, NULL, NULL);
}
