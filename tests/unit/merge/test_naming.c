/* merge/plan/naming.h: every naming scheme on a small checkpoint, tensor by tensor, and that its plan covers all of them. */
#include "pair.h"

#include "merge/plan/naming.h"

/* place: b, l, a; layer; kind: the name of tensor_kind_name; part: a, m or - */
struct expected {
    const char *tensor; /* as in pair.h */
    char place;
    int layer;
    const char *kind;
    char part;
};

struct scheme {
    const char *name, *config;
    struct expected tensors[48];
};

#define BEFORE(name, kind)                                                                                   \
    {                                                                                                        \
        name, 'b', -1, kind, '-'                                                                             \
    }
#define AFTER(name, kind)                                                                                    \
    {                                                                                                        \
        name, 'a', -1, kind, '-'                                                                             \
    }
#define ATTENTION(name)                                                                                      \
    {                                                                                                        \
        name, 'l', 0, "attention", 'a'                                                                       \
    }
#define MLP(name)                                                                                            \
    {                                                                                                        \
        name, 'l', 0, "mlp", 'm'                                                                             \
    }
#define NORM(name, part)                                                                                     \
    {                                                                                                        \
        name, 'l', 0, "norm", part                                                                           \
    }
#define BUFFER(name)                                                                                         \
    {                                                                                                        \
        name, 'l', 0, "buffer", 'a'                                                                          \
    }

#define LLAMA_LAYER                                                                                          \
    NORM("model.layers.0.input_layernorm.weight", 'a'), ATTENTION("model.layers.0.self_attn.q_proj.weight"), \
        ATTENTION("model.layers.0.self_attn.k_proj.weight"),                                                 \
        ATTENTION("model.layers.0.self_attn.v_proj.weight"),                                                 \
        ATTENTION("model.layers.0.self_attn.o_proj.weight"), MLP("model.layers.0.mlp.gate_proj.weight"),     \
        MLP("model.layers.0.mlp.up_proj.weight"), MLP("model.layers.0.mlp.down_proj.weight")
#define LLAMA_ENDS BEFORE("model.embed_tokens.weight", "embedding"), AFTER("model.norm.weight", "norm")

static const struct scheme schemes[] = {
    {"llama, mistral",
     "{\"model_type\":\"llama\"}",
     {LLAMA_LAYER, LLAMA_ENDS, NORM("model.layers.0.post_attention_layernorm.weight", 'm'),
      BUFFER("model.layers.0.self_attn.rotary_emb.inv_freq"), AFTER("lm_head.weight", "head")}},
    {"qwen2",
     "{\"model_type\":\"qwen2\",\"tie_word_embeddings\":true}",
     {LLAMA_LAYER, LLAMA_ENDS, NORM("model.layers.0.post_attention_layernorm.weight", 'm'),
      ATTENTION("model.layers.0.self_attn.q_proj.bias"), ATTENTION("model.layers.0.self_attn.k_proj.bias"),
      ATTENTION("model.layers.0.self_attn.v_proj.bias")}},
    {"qwen3",
     "{\"model_type\":\"qwen3\"}",
     {LLAMA_LAYER, LLAMA_ENDS, NORM("model.layers.0.post_attention_layernorm.weight", 'm'),
      NORM("model.layers.0.self_attn.q_norm.weight", 'a'),
      NORM("model.layers.0.self_attn.k_norm.weight", 'a'), AFTER("lm_head.weight", "head")}},
    {"gemma",
     "{\"model_type\":\"gemma\"}",
     {LLAMA_LAYER, LLAMA_ENDS, NORM("model.layers.0.post_attention_layernorm.weight", 'm')}},
    {"gemma2",
     "{\"model_type\":\"gemma2\"}",
     {LLAMA_LAYER, LLAMA_ENDS, NORM("model.layers.0.post_attention_layernorm.weight", 'a'),
      NORM("model.layers.0.pre_feedforward_layernorm.weight", 'm'),
      NORM("model.layers.0.post_feedforward_layernorm.weight", 'm')}},
    {"olmo2",
     "{\"model_type\":\"olmo2\"}",
     {ATTENTION("model.layers.0.self_attn.q_proj.weight"), MLP("model.layers.0.mlp.up_proj.weight"),
      LLAMA_ENDS, NORM("model.layers.0.post_attention_layernorm.weight", 'a'),
      NORM("model.layers.0.post_feedforward_layernorm.weight", 'm'), AFTER("lm_head.weight", "head")}},
    {"phi",
     "{\"model_type\":\"phi\"}",
     {BEFORE("model.embed_tokens.weight", "embedding"), NORM("model.layers.0.input_layernorm.weight", 'a'),
      NORM("model.layers.0.input_layernorm.bias", 'a'), ATTENTION("model.layers.0.self_attn.q_proj.weight"),
      ATTENTION("model.layers.0.self_attn.q_proj.bias"), ATTENTION("model.layers.0.self_attn.dense.weight"),
      ATTENTION("model.layers.0.self_attn.dense.bias"), MLP("model.layers.0.mlp.fc1.weight"),
      MLP("model.layers.0.mlp.fc1.bias"), MLP("model.layers.0.mlp.fc2.weight"),
      MLP("model.layers.0.mlp.fc2.bias"), AFTER("model.final_layernorm.weight", "norm"),
      AFTER("model.final_layernorm.bias", "norm"), AFTER("lm_head.weight", "head"),
      AFTER("lm_head.bias", "head")}},
    {"phi3",
     "{\"model_type\":\"phi3\"}",
     {LLAMA_ENDS, ATTENTION("model.layers.0.self_attn.qkv_proj.weight"),
      ATTENTION("model.layers.0.self_attn.o_proj.weight"), MLP("model.layers.0.mlp.gate_up_proj.weight"),
      MLP("model.layers.0.mlp.down_proj.weight"), NORM("model.layers.0.input_layernorm.weight", 'a'),
      NORM("model.layers.0.post_attention_layernorm.weight", 'm'), AFTER("lm_head.weight", "head")}},
    {"mixtral",
     "{\"model_type\":\"mixtral\"}",
     {LLAMA_ENDS, ATTENTION("model.layers.0.self_attn.q_proj.weight"),
      MLP("model.layers.0.block_sparse_moe.gate.weight"),
      MLP("model.layers.0.block_sparse_moe.experts.0.w1.weight"),
      MLP("model.layers.0.block_sparse_moe.experts.7.w2.weight"),
      MLP("model.layers.0.block_sparse_moe.experts.7.w3.weight"),
      NORM("model.layers.0.input_layernorm.weight", 'a'),
      NORM("model.layers.0.post_attention_layernorm.weight", 'm'), AFTER("lm_head.weight", "head")}},
    {"mixtral as transformers 5 saves it",
     "{\"model_type\":\"mixtral\"}",
     {LLAMA_ENDS, ATTENTION("model.layers.0.self_attn.q_proj.weight"), MLP("model.layers.0.mlp.gate.weight"),
      MLP("model.layers.0.mlp.experts.gate_up_proj"), MLP("model.layers.0.mlp.experts.down_proj"),
      NORM("model.layers.0.input_layernorm.weight", 'a'),
      NORM("model.layers.0.post_attention_layernorm.weight", 'm'), AFTER("lm_head.weight", "head")}},
    {"qwen2 moe",
     "{\"model_type\":\"qwen2_moe\"}",
     {LLAMA_LAYER, LLAMA_ENDS, MLP("model.layers.0.mlp.gate.weight"),
      MLP("model.layers.0.mlp.experts.59.gate_proj.weight"),
      MLP("model.layers.0.mlp.shared_expert.up_proj.weight"),
      MLP("model.layers.0.mlp.shared_expert_gate.weight"), AFTER("lm_head.weight", "head")}},
    {"gpt_neox, old",
     "{\"model_type\":\"gpt_neox\"}",
     {BEFORE("gpt_neox.embed_in.weight", "embedding"), NORM("gpt_neox.layers.0.input_layernorm.weight", 'a'),
      NORM("gpt_neox.layers.0.input_layernorm.bias", 'a'),
      NORM("gpt_neox.layers.0.post_attention_layernorm.weight", 'm'),
      BUFFER("gpt_neox.layers.0.attention.bias|mask"), BUFFER("gpt_neox.layers.0.attention.masked_bias"),
      BUFFER("gpt_neox.layers.0.attention.rotary_emb.inv_freq"),
      ATTENTION("gpt_neox.layers.0.attention.query_key_value.weight"),
      ATTENTION("gpt_neox.layers.0.attention.query_key_value.bias"),
      ATTENTION("gpt_neox.layers.0.attention.dense.weight"),
      ATTENTION("gpt_neox.layers.0.attention.dense.bias"), MLP("gpt_neox.layers.0.mlp.dense_h_to_4h.weight"),
      MLP("gpt_neox.layers.0.mlp.dense_4h_to_h.bias"), AFTER("gpt_neox.final_layer_norm.weight", "norm"),
      AFTER("embed_out.weight", "head")}},
    {"gpt2",
     "{\"model_type\":\"gpt2\"}",
     {BEFORE("wte.weight", "embedding"), BEFORE("wpe.weight", "embedding"), NORM("h.0.ln_1.weight", 'a'),
      NORM("h.0.ln_1.bias", 'a'), BUFFER("h.0.attn.bias|mask"), BUFFER("h.0.attn.masked_bias"),
      ATTENTION("h.0.attn.c_attn.weight"), ATTENTION("h.0.attn.c_attn.bias"),
      ATTENTION("h.0.attn.c_proj.weight"), NORM("h.0.ln_2.weight", 'm'), MLP("h.0.mlp.c_fc.weight"),
      MLP("h.0.mlp.c_proj.bias"), AFTER("ln_f.weight", "norm"), AFTER("ln_f.bias", "norm")}},
    {"gpt2 with its trunk's name",
     "{\"model_type\":\"gpt2\"}",
     {BEFORE("transformer.wte.weight", "embedding"), BEFORE("transformer.wpe.weight", "embedding"),
      NORM("transformer.h.0.ln_1.weight", 'a'), BUFFER("transformer.h.0.attn.bias|mask"),
      ATTENTION("transformer.h.0.attn.c_attn.weight"), NORM("transformer.h.0.ln_2.weight", 'm'),
      MLP("transformer.h.0.mlp.c_fc.weight"), AFTER("transformer.ln_f.weight", "norm")}},
    {"gpt-j",
     "{\"model_type\":\"gptj\"}",
     {BEFORE("transformer.wte.weight", "embedding"), NORM("transformer.h.0.ln_1.weight", 'a'),
      BUFFER("transformer.h.0.attn.bias|mask"), ATTENTION("transformer.h.0.attn.q_proj.weight"),
      MLP("transformer.h.0.mlp.fc_in.weight"), MLP("transformer.h.0.mlp.fc_out.bias"),
      AFTER("transformer.ln_f.weight", "norm"), AFTER("lm_head.weight", "head"),
      AFTER("lm_head.bias", "head")}},
    {"falcon 7b",
     "{\"model_type\":\"falcon\"}",
     {BEFORE("transformer.word_embeddings.weight", "embedding"),
      NORM("transformer.h.0.input_layernorm.weight", 'a'),
      ATTENTION("transformer.h.0.self_attention.query_key_value.weight"),
      ATTENTION("transformer.h.0.self_attention.dense.weight"),
      MLP("transformer.h.0.mlp.dense_h_to_4h.weight"), MLP("transformer.h.0.mlp.dense_4h_to_h.weight"),
      AFTER("transformer.ln_f.weight", "norm")}},
    {"falcon 40b",
     "{\"model_type\":\"falcon\"}",
     {BEFORE("transformer.word_embeddings.weight", "embedding"), NORM("transformer.h.0.ln_attn.weight", 'a'),
      NORM("transformer.h.0.ln_mlp.weight", 'm'), ATTENTION("transformer.h.0.self_attention.dense.weight"),
      MLP("transformer.h.0.mlp.dense_h_to_4h.weight"), AFTER("transformer.ln_f.weight", "norm")}},
    {"opt",
     "{\"model_type\":\"opt\"}",
     {BEFORE("model.decoder.embed_tokens.weight", "embedding"),
      BEFORE("model.decoder.embed_positions.weight", "embedding"),
      ATTENTION("model.decoder.layers.0.self_attn.out_proj.weight"),
      NORM("model.decoder.layers.0.self_attn_layer_norm.weight", 'a'),
      MLP("model.decoder.layers.0.fc1.weight"), MLP("model.decoder.layers.0.fc2.bias"),
      NORM("model.decoder.layers.0.final_layer_norm.weight", 'm'),
      AFTER("model.decoder.final_layer_norm.weight", "norm")}},
    {"bloom",
     "{\"model_type\":\"bloom\"}",
     {BEFORE("word_embeddings.weight", "embedding"), BEFORE("word_embeddings_layernorm.weight", "norm"),
      NORM("h.0.input_layernorm.weight", 'a'), ATTENTION("h.0.self_attention.query_key_value.weight"),
      NORM("h.0.post_attention_layernorm.weight", 'm'), MLP("h.0.mlp.dense_h_to_4h.weight"),
      AFTER("ln_f.weight", "norm")}},
    {"mpt",
     "{\"model_type\":\"mpt\"}",
     {BEFORE("transformer.wte.weight", "embedding"), NORM("transformer.blocks.0.norm_1.weight", 'a'),
      ATTENTION("transformer.blocks.0.attn.Wqkv.weight"), NORM("transformer.blocks.0.norm_2.weight", 'm'),
      MLP("transformer.blocks.0.ffn.up_proj.weight"), AFTER("transformer.norm_f.weight", "norm")}},
    {"internlm2",
     "{\"model_type\":\"internlm2\"}",
     {BEFORE("model.tok_embeddings.weight", "embedding"), ATTENTION("model.layers.0.attention.wqkv.weight"),
      NORM("model.layers.0.attention_norm.weight", 'a'), MLP("model.layers.0.feed_forward.w1.weight"),
      NORM("model.layers.0.ffn_norm.weight", 'm'), AFTER("model.norm.weight", "norm"),
      AFTER("output.weight", "head")}},
    {"bert",
     "{\"model_type\":\"bert\"}",
     {BEFORE("bert.embeddings.word_embeddings.weight", "embedding"),
      BEFORE("bert.embeddings.LayerNorm.weight", "norm"),
      BEFORE("bert.embeddings.position_ids|ids", "buffer"),
      ATTENTION("bert.encoder.layer.0.attention.self.query.weight"),
      ATTENTION("bert.encoder.layer.0.attention.output.dense.weight"),
      NORM("bert.encoder.layer.0.attention.output.LayerNorm.weight", 'a'),
      MLP("bert.encoder.layer.0.intermediate.dense.weight"), MLP("bert.encoder.layer.0.output.dense.weight"),
      NORM("bert.encoder.layer.0.output.LayerNorm.weight", 'm'), AFTER("bert.pooler.dense.weight", "other"),
      AFTER("classifier.weight", "head")}},
};

static char place_letter(enum plan_place place)
{
    return place == PLACE_BEFORE ? 'b' : place == PLACE_LAYER ? 'l' : 'a';
}

static char part_letter(enum spec_kind part)
{
    return part == KIND_ATTENTION ? 'a' : part == KIND_MLP ? 'm' : '-';
}

static void check_role(const struct scheme *scheme, const struct expected *want, struct naming *naming)
{
    char name[128];
    struct st_tensor tensor = pair_tensor(want->tensor, name);
    struct tensor_role role;
    struct err err = {0};
    if (naming_role(naming, &tensor, &role, &err))
        fail_msg("%s: %s", scheme->name, err.text);
    if (place_letter(role.place) != want->place || role.layer != want->layer ||
        strcmp(tensor_kind_name(role.kind), want->kind) != 0 || part_letter(role.part) != want->part)
        fail_msg("%s: %s: %c %d %s %c", scheme->name, name, place_letter(role.place), role.layer,
                 tensor_kind_name(role.kind), part_letter(role.part));
}

/* Two groups of the one layer, ends of their own: every tensor has the ratio of its part. */
static void check_plan(const struct scheme *scheme, const struct pair *pair)
{
    struct search_spec spec = {.grouping = GROUPING_LAYERWISE, .split = true, .ends = ENDS_OWN};
    struct plan *plan = planned(pair, &spec);
    size_t n = 0;
    assert_int_equal(plan->ratios_n, 3);
    assert_string_equal(plan->names[0], "layer 0 attention");
    assert_string_equal(plan->names[1], "layer 0 mlp");
    for (const struct expected *want = scheme->tensors; want->tensor; want++, n++) {
        char name[128];
        pair_tensor(want->tensor, name);
        int group = want->part == 'a' ? 0 : want->part == 'm' ? 1 : 2;
        if (entry(plan, name)->group != group)
            fail_msg("%s: %s is in group %d", scheme->name, name, entry(plan, name)->group);
    }
    assert_int_equal(plan->entries_n, n);
    assert_int_equal(plan->dropped_n, 0);
    plan_free(plan);
}

static void test_schemes(void **state)
{
    (void)state;
    for (const struct scheme *scheme = schemes; scheme < schemes + sizeof schemes / sizeof *schemes;
         scheme++) {
        const char *names[64];
        struct search_spec spec = {0};
        struct err err = {0};
        size_t n = 0;
        for (; scheme->tensors[n].tensor; n++)
            names[n] = scheme->tensors[n].tensor;
        names[n] = NULL;
        struct pair pair = open_pair(scheme->config, names, names);
        struct naming *naming;
        assert_int_equal(naming_open(&spec, pair.base, &naming, &err), 0);
        for (size_t i = 0; i < n; i++)
            check_role(scheme, &scheme->tensors[i], naming);
        naming_close(naming);
        check_plan(scheme, &pair);
        close_pair(&pair);
    }
}

/* The causal mask of GPT-2 is called like the bias of another model's attention. */
static void test_masks_and_biases(void **state)
{
    (void)state;
    static const char *const names[] = {"h.0.attn.bias", "h.0.mlp.w", "h.1.attn.bias|mask", "h.1.mlp.w",
                                        NULL};
    struct pair pair = open_pair("{}", names, names);
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 1};
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(entry(plan, "h.0.attn.bias")->kind, TENSOR_ATTENTION);
    assert_int_equal(entry(plan, "h.1.attn.bias")->kind, TENSOR_BUFFER);
    plan_free(plan);
    close_pair(&pair);
}

static void check_pattern(const struct pair *pair, const char *pattern, const char *says)
{
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2, .split = true};
    snprintf(spec.layer_pattern, sizeof spec.layer_pattern, "%s", pattern);
    refused(pair, &spec, says);
}

static void test_layer_pattern(void **state)
{
    (void)state;
    static const char *const names[] = {"tok_embed",      "blk0_attn_q",  "blk0_ffn_up",
                                        "blk0_attn_norm", "blk10_attn_q", "blk10_ffn_up",
                                        "blk10_ffn_norm", "final_norm",   NULL};
    char text[32][32];
    const char *all[32];
    int n = 0;
    for (int i = 0; names[i]; i++)
        all[n++] = names[i];
    for (int i = 1; i < 10; i++, n++) {
        snprintf(text[n], sizeof *text, "blk%d_attn_q", i);
        all[n] = text[n];
    }
    all[n] = NULL;
    struct pair pair = open_pair("{}", all, all);
    struct search_spec spec = {
        .grouping = GROUPING_BOUNDARIES, .groups_n = 2, .boundaries = {10}, .split = true};
    refused(&pair, &spec, "no tensor lies in a layer");
    snprintf(spec.layer_pattern, sizeof spec.layer_pattern, "^blk(\\d+)_");
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(plan->layers_n, 11);
    assert_string_equal(plan->names[0], "layers 0-9 attention");
    assert_int_equal(entry(plan, "blk0_attn_norm")->group, 0);
    assert_int_equal(entry(plan, "blk0_ffn_up")->group, 1);
    assert_int_equal(entry(plan, "blk9_attn_q")->group, 0);
    assert_int_equal(entry(plan, "blk10_attn_q")->group, 2);
    assert_int_equal(entry(plan, "blk10_ffn_norm")->group, 3);
    assert_int_equal(entry(plan, "tok_embed")->group, 0);
    assert_int_equal(entry(plan, "final_norm")->group, 3);
    plan_free(plan);
    check_pattern(&pair, "blk(\\d+", "groups.layer_pattern: \"blk(\\d+\" is not a regular expression");
    check_pattern(&pair, "blk\\d+", "must have exactly one pair of ( )");
    check_pattern(&pair, "(blk)(\\d+)", "must have exactly one pair of ( )");
    check_pattern(&pair, "blk(\\w+)_", "the parentheses hold \"0_attn\" of tensor \"blk0_attn_norm\"");
    check_pattern(&pair, "block(\\d+)", "finds a layer in no tensor; the first is \"blk0_attn_norm\"");
    check_pattern(&pair, "(([a-z]|k)+)+[A-Z]", "must have exactly one");
    check_pattern(&pair, "(?:[a-z0-9]+)+(?:[a-z]+)+(?:\\w+)+(?:\\w+)+([A-Z])", "takes too long on");
    close_pair(&pair);
}

/* T5 numbers the parts of its layers too: "layer.1" is a part, not a layer. */
static void test_parts_with_numbers(void **state)
{
    (void)state;
    static const char *const names[] = {"decoder.block.0.layer.0.SelfAttention.q.weight",
                                        "decoder.block.0.layer.1.EncDecAttention.q.weight",
                                        "decoder.block.0.layer.2.DenseReluDense.wo.weight",
                                        "decoder.block.1.layer.2.DenseReluDense.wo.weight",
                                        "encoder.block.0.layer.0.SelfAttention.q.weight",
                                        "encoder.block.0.layer.1.DenseReluDense.wo.weight",
                                        "encoder.block.0.layer.1.layer_norm.weight",
                                        "encoder.block.10.layer.1.DenseReluDense.wo.weight",
                                        "encoder.final_layer_norm.weight",
                                        "shared.weight",
                                        NULL};
    static const int layers[] = {0, 0, 0, 1, 0, 0, 0, 10, -1, -1};
    static const char *const kinds[] = {"attention", "attention", "mlp", "mlp",  "attention",
                                        "mlp",       "norm",      "mlp", "norm", "embedding"};
    struct pair pair = open_pair("{}", names, names);
    struct search_spec spec = {0};
    struct naming *naming;
    struct err err = {0};
    assert_int_equal(naming_open(&spec, pair.base, &naming, &err), 0);
    for (int i = 0; names[i]; i++) {
        struct tensor_role role;
        assert_int_equal(naming_role(naming, checkpoint_find(pair.base, names[i]), &role, &err), 0);
        if (role.layer != layers[i] || strcmp(tensor_kind_name(role.kind), kinds[i]) != 0)
            fail_msg("%s: %d %s", names[i], role.layer, tensor_kind_name(role.kind));
    }
    naming_close(naming);
    close_pair(&pair);
}

static void test_tied(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        bool tied;
    } cases[] = {
        {"{}", false},
        {"{\"model_type\":\"llama\"}", false},
        {"{\"model_type\":\"gpt_neox\"}", false},
        {"{\"model_type\":\"gpt2\"}", true},
        {"{\"model_type\":\"gemma2\"}", true},
        {"{\"model_type\":\"gemma\",\"tie_word_embeddings\":false}", false},
        {"{\"model_type\":\"llama\",\"tie_word_embeddings\":true}", true},
    };
    static const char *const names[] = {"h.0.w", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair pair = {.directory = fixture_directory()};
        pair.base = pair_side(&pair, "base", cases[i].config, names);
        if (naming_tied(pair.base) != cases[i].tied)
            fail_msg("%s", cases[i].config);
        assert_null(naming_head(pair.base));
        assert_null(naming_embeddings(pair.base));
        checkpoint_close(pair.base);
        fixture_remove(pair.directory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemes),       cmocka_unit_test(test_masks_and_biases),
        cmocka_unit_test(test_layer_pattern), cmocka_unit_test(test_parts_with_numbers),
        cmocka_unit_test(test_tied),
    };
    return cmocka_run_group_tests_name("naming", tests, NULL, NULL);
}
