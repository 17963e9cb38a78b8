#include "worker/model.h"

#include "fixtures.h"

/* A folder with the given config and tensors named name[i] of shape [shape[i][0], shape[i][1]] (0: a vector). */
#define TENSORS 14
struct tensor {
    const char *name;
    uint64_t rows, columns;
};

static const struct tensor small[TENSORS] = {
    {"model.embed_tokens.weight", 10, 8},
    {"model.layers.0.input_layernorm.weight", 0, 8},
    {"model.layers.0.self_attn.q_proj.weight", 8, 8},
    {"model.layers.0.self_attn.k_proj.weight", 4, 8},
    {"model.layers.0.self_attn.v_proj.weight", 4, 8},
    {"model.layers.0.self_attn.o_proj.weight", 8, 8},
    {"model.layers.0.post_attention_layernorm.weight", 0, 8},
    {"model.layers.0.mlp.gate_proj.weight", 6, 8},
    {"model.layers.0.mlp.up_proj.weight", 6, 8},
    {"model.layers.0.mlp.down_proj.weight", 8, 6},
    {"model.norm.weight", 0, 8},
    {"lm_head.weight", 10, 8},
};

#define CONFIG                                                                                               \
    "{\"model_type\":\"llama\",\"num_hidden_layers\":1,\"hidden_size\":8,\"num_attention_heads\":2,"         \
    "\"num_key_value_heads\":1,\"intermediate_size\":6,\"vocab_size\":10"

static const char *const files[] = {"config.json", "model.safetensors", NULL};

static int open_small(const char *config, const struct tensor *tensors, enum model_head head,
                      struct model **out, struct err *err)
{
    static float zeros[256];
    struct st_tensor st[TENSORS];
    size_t n = 0;
    for (; n < TENSORS && tensors[n].name; n++) {
        const struct tensor *t = &tensors[n];
        st[n] = (struct st_tensor){.name = t->name, .dtype = ST_F32, .rank = t->rows ? 2 : 1, .data = zeros};
        st[n].shape[0] = t->rows ? t->rows : t->columns;
        st[n].shape[1] = t->rows ? t->columns : 0;
        st[n].elements = (t->rows ? t->rows : 1) * t->columns;
        st[n].bytes = st[n].elements * sizeof *zeros;
    }
    char *folder = make_folder(), *path = mem_printf("%s/model.safetensors", folder);
    write_file(folder, "config.json", config);
    check(st_write(path, st, n, err), err);
    struct checkpoint *ckpt;
    check(checkpoint_open(folder, &ckpt, err), err);
    int rc = model_open(ckpt, head, out, err);
    checkpoint_close(ckpt);
    mem_free(path);
    remove_folder(folder, files);
    return rc;
}

static void test_opens_what_fits(void **state)
{
    (void)state;
    struct model *model;
    struct err err = {0};
    check(open_small(CONFIG "}", small, HEAD_LANGUAGE, &model, &err), &err);
    assert_int_equal(model->layers[0].qkv.n, 16);
    assert_int_equal(model->head.n, 10);
    model_close(model);
}

static void test_tied_head(void **state)
{
    (void)state;
    struct tensor tied[TENSORS];
    struct model *model;
    struct err err = {0};
    memcpy(tied, small, sizeof tied);
    tied[11].name = NULL;
    check(open_small(CONFIG ",\"tie_word_embeddings\":true}", tied, HEAD_LANGUAGE, &model, &err), &err);
    model_close(model);
    assert_int_equal(open_small(CONFIG "}", tied, HEAD_LANGUAGE, &model, &err), ERR_INVALID);
    assert_says(&err, "lm_head.weight is missing");
}

static void test_score_head(void **state)
{
    (void)state;
    struct tensor judge[TENSORS];
    struct model *model;
    struct err err = {0};
    memcpy(judge, small, sizeof judge);
    judge[12] = (struct tensor){"score.weight", 1, 8}; /* beside lm_head, which is then not used */
    check(open_small(CONFIG "}", judge, HEAD_SCORE, &model, &err), &err);
    assert_int_equal(model->head.n, 1);
    model_close(model);
    judge[12].rows = 2;
    assert_int_equal(open_small(CONFIG "}", judge, HEAD_SCORE, &model, &err), ERR_INVALID);
    assert_says(&err, "score.weight must have shape [1, 8]");
}

static void test_biases(void **state)
{
    (void)state;
    struct tensor biased[TENSORS + 4];
    struct model *model;
    struct err err = {0};
    memcpy(biased, small, sizeof small);
    assert_int_equal(open_small(CONFIG ",\"attention_bias\":true}", biased, HEAD_LANGUAGE, &model, &err),
                     ERR_INVALID);
    assert_says(&err, "q_proj.bias is missing");
    biased[12] = (struct tensor){"model.layers.0.self_attn.q_proj.bias", 0, 8};
    assert_int_equal(open_small(CONFIG "}", biased, HEAD_LANGUAGE, &model, &err), ERR_UNSUPPORTED);
    assert_says(&err, "q_proj.bias is not part of the model");
}

static void test_wrong_shapes(void **state)
{
    (void)state;
    struct tensor wrong[TENSORS];
    struct model *model;
    struct err err = {0};
    memcpy(wrong, small, sizeof wrong);
    wrong[3].rows = 8;
    assert_int_equal(open_small(CONFIG "}", wrong, HEAD_LANGUAGE, &model, &err), ERR_INVALID);
    assert_says(&err, "k_proj.weight must have shape [4, 8]");
    memcpy(wrong, small, sizeof wrong);
    wrong[10].columns = 7;
    assert_int_equal(open_small(CONFIG "}", wrong, HEAD_LANGUAGE, &model, &err), ERR_INVALID);
    assert_says(&err, "model.norm.weight must have shape [8]");
}

/* A config of a far larger model is refused before memory is taken for it. */
static void test_huge_config(void **state)
{
    (void)state;
    struct model *model;
    struct err err = {0};
    assert_int_equal(
        open_small("{\"model_type\":\"llama\",\"num_hidden_layers\":500000000,\"hidden_size\":500000000,"
                   "\"num_attention_heads\":2,\"intermediate_size\":6,\"vocab_size\":10}",
                   small, HEAD_LANGUAGE, &model, &err),
        ERR_INVALID);
    assert_says(&err, "parameters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_what_fits), cmocka_unit_test(test_tied_head),
        cmocka_unit_test(test_score_head),      cmocka_unit_test(test_biases),
        cmocka_unit_test(test_wrong_shapes),    cmocka_unit_test(test_huge_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
