#include "worker/model_config.h"

#include "fixtures.h"

#include "merge/preflight/native_config.h"

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

/* The first key in which the two differ for the preflight: 0 for none, 1 and *key, as for the worker. */
static size_t preflight_says(const char *a, const char *b, struct native_difference *out)
{
    struct json *base, *tuned;
    struct err err = {0};
    check(json_parse(a, strlen(a), &base, &err), &err);
    check(json_parse(b, strlen(b), &tuned, &err), &err);
    size_t n = native_config_compare(base, tuned, out);
    json_free(base);
    json_free(tuned);
    return n;
}

#define ROPE3(factor, low, high, original)                                                                   \
    "{\"rope_type\":\"llama3\",\"factor\":" factor ",\"low_freq_factor\":" low ",\"high_freq_factor\":" high \
    ",\"original_max_position_embeddings\":" original "}"
#define LLAMA "\"model_type\":\"llama\",\"num_hidden_layers\":2,"
#define REST "\"hidden_size\":64,\"num_attention_heads\":4,\"intermediate_size\":96,\"vocab_size\":100"
#define OTHER(type) "{\"model_type\":\"" type "\",\"num_hidden_layers\":2,\"num_key_value_heads\":4," REST

/* What the preflight refuses for native evaluation is what the worker would refuse in every trial. */
static void test_preflight_agrees(void **state)
{
    (void)state;
    static const struct {
        const char *base, *tuned, *key; /* NULL: no difference */
    } cases[] = {
        {"{" SMALL "}", "{" SMALL ",\"rope_theta\":500000}", "rope_theta"},
        {"{" SMALL "}", "{" SMALL ",\"rope_theta\":10000,\"head_dim\":16,\"rms_norm_eps\":1e-6}", NULL},
        {"{" SMALL "}", "{" SMALL ",\"rope_parameters\":{\"rope_theta\":10000}}", NULL},
        {"{" SMALL "}", "{" SMALL ",\"rope_parameters\":{\"rope_theta\":20000}}", "rope_theta"},
        {"{" SMALL "}", "{" SMALL ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":1}}", "rope_type"},
        {"{" SMALL "}", "{" SMALL ",\"rope_scaling\":{\"type\":\"default\",\"factor\":9}}", NULL},
        {"{" SMALL ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}",
         "{" SMALL ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}", "factor"},
        {"{" SMALL ",\"rope_scaling\":" ROPE3("8", "1", "4", "8192") "}",
         "{" SMALL ",\"rope_scaling\":" ROPE3("9", "1", "4", "8192") "}", "factor"},
        {"{" SMALL ",\"rope_scaling\":" ROPE3("8", "1", "4", "8192") "}",
         "{" SMALL ",\"rope_scaling\":" ROPE3("8", "2", "4", "8192") "}", "low_freq_factor"},
        {"{" SMALL ",\"rope_scaling\":" ROPE3("8", "1", "4", "8192") "}",
         "{" SMALL ",\"rope_scaling\":" ROPE3("8", "1", "5", "8192") "}", "high_freq_factor"},
        {"{" SMALL ",\"rope_scaling\":" ROPE3("8", "1", "4", "8192") "}",
         "{" SMALL ",\"rope_scaling\":" ROPE3("8", "1", "4", "4096") "}", "original_max_position_embeddings"},
        {"{" SMALL "}", "{" SMALL ",\"num_key_value_heads\":2}", "num_key_value_heads"},
        {"{" SMALL "}", "{" SMALL ",\"num_key_value_heads\":4}", NULL},
        {"{" SMALL "}", "{" SMALL ",\"head_dim\":8}", "head_dim"},
        {"{" SMALL "}", "{" SMALL ",\"rms_norm_eps\":1e-5}", "rms_norm_eps"},
        {"{" SMALL "}", "{" SMALL ",\"attention_bias\":true}", "attention_bias"},
        {"{" SMALL "}", "{" SMALL ",\"mlp_bias\":true}", "mlp_bias"},
        {"{" SMALL "}", "{" SMALL ",\"tie_word_embeddings\":true}", "tie_word_embeddings"},
        {"{" SMALL "}", "{" SMALL ",\"sliding_window\":1}", NULL},
        {"{" LLAMA REST "}", "{\"model_type\":\"llama\",\"num_hidden_layers\":3," REST "}",
         "num_hidden_layers"},
        {"{" SMALL "}",
         "{\"model_type\":\"llama\",\"num_hidden_layers\":2,\"hidden_size\":64,\"num_attention_heads\":4,"
         "\"intermediate_size\":97,\"vocab_size\":100}",
         "intermediate_size"},
        {"{" SMALL "}",
         "{\"model_type\":\"llama\",\"num_hidden_layers\":2,\"hidden_size\":64,\"num_attention_heads\":4,"
         "\"intermediate_size\":96,\"vocab_size\":101}",
         "vocab_size"},
        {"{" SMALL ",\"head_dim\":16}",
         "{\"model_type\":\"llama\",\"num_hidden_layers\":2,\"hidden_size\":80,\"num_attention_heads\":4,"
         "\"intermediate_size\":96,\"vocab_size\":100,\"head_dim\":16}",
         "hidden_size"},
        {"{" SMALL ",\"head_dim\":16,\"num_key_value_heads\":2}",
         "{\"model_type\":\"llama\",\"num_hidden_layers\":2,\"hidden_size\":64,\"num_attention_heads\":8,"
         "\"intermediate_size\":96,\"vocab_size\":100,\"head_dim\":16,\"num_key_value_heads\":2}",
         "num_attention_heads"},
        {OTHER("mistral") "}", OTHER("mistral") ",\"sliding_window\":null}", "sliding_window"},
        {OTHER("mistral") "}", OTHER("mistral") ",\"sliding_window\":4096}", NULL},
        {OTHER("mistral") "}", OTHER("mistral") ",\"attention_bias\":true}", NULL},
        {OTHER("qwen2") "}", OTHER("qwen2") ",\"sliding_window\":10}", NULL},
        {OTHER("qwen2") "}", OTHER("qwen2") ",\"use_sliding_window\":true}", "sliding_window"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_config a, b;
        struct err err = {0};
        struct native_difference out[NATIVE_CONFIG_KEYS];
        check(read_text(cases[i].base, &a, &err), &err);
        check(read_text(cases[i].tuned, &b, &err), &err);
        size_t n = preflight_says(cases[i].base, cases[i].tuned, out);
        int rc = model_config_equal(&a, &b, &err);
        if (!cases[i].key) {
            assert_int_equal(rc, 0);
            assert_int_equal(n, 0);
            continue;
        }
        assert_int_equal(rc, ERR_INVALID);
        assert_says(&err, cases[i].key);
        assert_int_equal(n, 1);
        assert_string_equal(out[0].key, cases[i].key);
    }
}

/* As many fields here as keys there: whoever adds one to the worker is sent to the other. */
static void test_preflight_has_all_keys(void **state)
{
    (void)state;
    assert_int_equal(MODEL_CONFIG_FIELDS, NATIVE_CONFIG_KEYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_reads_both_generations_of_rope),
        cmocka_unit_test(test_other_families),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names_the_field_that_differs),
        cmocka_unit_test(test_preflight_agrees),
        cmocka_unit_test(test_preflight_has_all_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
