#include "worker/model_config.h"

#include "fixtures.h"

#define SMALL                                                                                                \
    "\"model_type\":\"llama\",\"num_hidden_layers\":2,\"hidden_size\":64,\"num_attention_heads\":4,"         \
    "\"intermediate_size\":96,\"vocab_size\":100"

static int read_text(const char *text, struct model_config *out, struct err *err)
{
    struct json *root;
    check(json_parse(text, strlen(text), &root, err), err);
    int rc = model_config_read(root, out, err);
    json_free(root);
    return rc;
}

static void test_defaults(void **state)
{
    (void)state;
    struct model_config c;
    struct err err = {0};
    check(read_text("{" SMALL "}", &c, &err), &err);
    assert_int_equal(c.kv_heads, 4);
    assert_int_equal(c.head_dim, 16);
    assert_true(c.rope_theta == 10000 && c.eps == 1e-6 && !c.tied && !c.qkv_bias && c.pad_id == -1 &&
                !c.window);
}

static void test_reads_both_generations_of_rope(void **state)
{
    (void)state;
    struct model_config c;
    struct err err = {0};
    check(
        read_text("{" SMALL ",\"rope_theta\":500000,\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,"
                  "\"low_freq_factor\":1,\"high_freq_factor\":4,\"original_max_position_embeddings\":8192}}",
                  &c, &err),
        &err);
    assert_true(c.rope == ROPE_LLAMA3 && c.rope_theta == 500000 && c.rope_factor == 8 &&
                c.rope_original == 8192);
    check(
        read_text("{" SMALL ",\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":1e6}}", &c, &err),
        &err);
    assert_true(c.rope == ROPE_DEFAULT && c.rope_theta == 1e6);
    check(read_text("{" SMALL ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}", &c, &err), &err);
    assert_true(c.rope == ROPE_LINEAR && c.rope_factor == 2);
}

static void test_other_families(void **state)
{
    (void)state;
    struct model_config c;
    struct err err = {0};
    const char *rest =
        "\"num_hidden_layers\":2,\"hidden_size\":64,\"num_attention_heads\":32,\"intermediate_size\":96,"
        "\"vocab_size\":100}";
    char *qwen = mem_printf("{\"model_type\":\"qwen2\",%s", rest);
    check(read_text(qwen, &c, &err), &err);
    assert_true(c.qkv_bias && !c.o_bias && c.kv_heads == 32 && !c.window);
    char *mistral = mem_printf("{\"model_type\":\"mistral\",%s", rest);
    check(read_text(mistral, &c, &err), &err);
    assert_true(c.window == 4096 && c.kv_heads == 8 && !c.qkv_bias && c.positions_max == 131072);
    mem_free(mistral);
    mistral = mem_printf("{\"model_type\":\"mistral\",\"sliding_window\":null,%s", rest);
    check(read_text(mistral, &c, &err), &err);
    assert_int_equal(c.window, 0);
    mem_free(mistral);
    mem_free(qwen);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        int code;
    } cases[] = {
        {"{}", "model_type", ERR_INVALID},
        {"{\"model_type\":\"gemma2\"}", "gemma2", ERR_UNSUPPORTED},
        {"{\"model_type\":\"llama\"}", "num_hidden_layers is missing", ERR_INVALID},
        {"{" SMALL ",\"hidden_act\":\"gelu\"}", "gelu", ERR_UNSUPPORTED},
        {"{" SMALL ",\"quantization_config\":{}}", "quantised", ERR_UNSUPPORTED},
        {"{" SMALL ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2}}", "yarn", ERR_UNSUPPORTED},
        {"{" SMALL ",\"rope_scaling\":{\"rope_type\":\"linear\"}}", "factor", ERR_INVALID},
        {"{" SMALL ",\"rope_theta\":-1}", "rope_theta", ERR_INVALID},
        {"{" SMALL ",\"num_key_value_heads\":3}", "num_key_value_heads", ERR_INVALID},
        {"{" SMALL ",\"head_dim\":5}", "head_dim", ERR_INVALID},
        {"{" SMALL ",\"tie_word_embeddings\":1}", "tie_word_embeddings", ERR_INVALID},
        {"{" SMALL ",\"partial_rotary_factor\":0.5}", "partial_rotary_factor", ERR_UNSUPPORTED},
        {"{" SMALL ",\"rope_parameters\":{\"partial_rotary_factor\":0.5}}", "partial_rotary_factor",
         ERR_UNSUPPORTED},
        {"{" SMALL ",\"rope_parameters\":8}", "rope_parameters", ERR_INVALID},
        {"{" SMALL ",\"rope_scaling\":\"linear\"}", "rope_scaling", ERR_INVALID},
        {"{" SMALL ",\"hidden_act\":7}", "hidden_act", ERR_UNSUPPORTED},
        {"{" SMALL ",\"max_position_embeddings\":1.5}", "max_position_embeddings", ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_config c;
        struct err err = {0};
        assert_int_equal(read_text(cases[i].text, &c, &err), cases[i].code);
        assert_says(&err, cases[i].says);
    }
}

static void test_names_the_field_that_differs(void **state)
{
    (void)state;
    struct model_config a, b;
    struct err err = {0};
    check(read_text("{" SMALL "}", &a, &err), &err);
    check(read_text("{" SMALL "}", &b, &err), &err);
    assert_int_equal(model_config_equal(&a, &b, &err), 0);
    b.rope_theta = 5e5;
    assert_int_equal(model_config_equal(&a, &b, &err), ERR_INVALID);
    assert_says(&err, "rope_theta");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_reads_both_generations_of_rope),
        cmocka_unit_test(test_other_families),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names_the_field_that_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
