/* Findings about config.json. */
#include "preflight_world.h"

static void test_architecture(void **state)
{
    struct world *world = *state;
    world->sides[1].config = CONFIG(",\"num_key_value_heads\":1");
    world->sides[0].config = CONFIG(",\"num_key_value_heads\":2");
    expect(world, PREFLIGHT_ERROR, "models", "num_key_value_heads is 2 in models.base and 1 in models.tuned");
}

static void test_differing_keys(void **state)
{
    struct world *world = *state;
    world->sides[0].config = CONFIG(",\"rope_scaling\":null,\"torch_dtype\":\"float32\"");
    world->sides[1].config = CONFIG(",\"rope_scaling\":{\"factor\":2.0},\"attention_bias\":true");
    expect(world, PREFLIGHT_WARNING, "models",
           "config.json differs in 2 keys: attention_bias (nothing in base, true in tuned), "
           "rope_scaling (null in base, {\"factor\":2} in tuned)");
}

/* Looking each key up in the other file would take minutes. */
static void test_many_keys(void **state)
{
    struct world *world = *state;
    struct buf keys, config;
    buf_init(&keys, 4u << 20);
    buf_init(&config, 8u << 20);
    for (int i = 0; i < 90000; i++)
        buf_printf(&keys, "%s\"a%d\":1", i ? "," : "", i);
    buf_printf(&config, "{\"tie_word_embeddings\":false,%s}", buf_str(&keys));
    char *tokenizers[2];
    for (int i = 0; i < 2; i++) {
        world->sides[i].config = buf_str(&config);
        tokenizers[i] = mem_printf("{\"normalizer\":{%s},\"version\":%d}", buf_str(&keys), i);
        world->sides[i].files[0][1] = tokenizers[i];
    }
    run(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_WARNING), 0);
    found(world, PREFLIGHT_NOTE, "models", "tokenizer.json differs, but not in its vocabulary");
    mem_free(tokenizers[1]);
    tokenizers[1] = mem_printf("{\"normalizer\":{%s,\"b\":1},\"version\":1}", buf_str(&keys));
    world->sides[1].files[0][1] = tokenizers[1];
    world->sides[1].config = "{\"tie_word_embeddings\":false,\"a1\":2}";
    run(world);
    found(world, PREFLIGHT_WARNING, "models", "tokenizer.json differs in normalizer");
    found(world, PREFLIGHT_WARNING, "models",
          "config.json differs in 90000 keys: a0 (1 in base, nothing in tuned), a1 (");
    for (int i = 0; i < 2; i++)
        mem_free(tokenizers[i]);
    buf_fini(&keys);
    buf_fini(&config);
}

/* Newer programs write defaults out, and the order of keys says nothing. */
static void test_same_in_other_words(void **state)
{
    struct world *world = *state;
    world->sides[0].config = CONFIG(",\"rope_scaling\":{\"factor\":2,\"type\":\"yarn\"}");
    world->sides[1].config = CONFIG(
        ",\"mlp_bias\":false,\"attention_dropout\":0.0,\"rope_scaling\":{\"type\":\"yarn\",\"factor\":2.0}");
    run(world);
    assert_null(preflight_finding(world->report, 0));
}

static void test_layers(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 2; i++)
        world->sides[i].config = "{\"model_type\":\"llama\",\"num_hidden_layers\":3}";
    run(world);
    found(world, PREFLIGHT_ERROR, "models.base", "config.json says 3 layers, the tensors make 2");
    found(world, PREFLIGHT_ERROR, "models.tuned", "config.json says 3 layers, the tensors make 2");
    for (int i = 0; i < 2; i++)
        world->sides[i].config = "{\"model_type\":\"llama\",\"text_config\":{\"num_hidden_layers\":1}}";
    run(world);
    found(world, PREFLIGHT_WARNING, "models.base", "config.json says 1 layers, the tensors make 2");
    for (int i = 0; i < 2; i++)
        world->sides[i].config = "{\"model_type\":\"llama\",\"num_layers\":1,\"tie_word_embeddings\":false}";
    run(world);
    found(world, PREFLIGHT_WARNING, "models.base", "config.json says 1 layers, the tensors make 2");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
}

/* Natively evaluated, it would fail in every trial; a command may know better. */
static void test_config_of_native(void **state)
{
    struct world *world = *state;
    world->sides[1].config = "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\","
                             "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"rope_theta\":500000,"
                             "\"vocab_size\":4,\"tie_word_embeddings\":false}";
    expect(world, PREFLIGHT_WARNING, "models", "rope_theta (10000 in base, 500000 in tuned)");
    world->spec.evaluator = EVALUATOR_NATIVE;
    expect(world, PREFLIGHT_ERROR, "models", "rope_theta is 10000 in models.base and 500000 in models.tuned");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_WARNING), 0);
    world->sides[1].config = CONFIG(",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}");
    run(world);
    found(world, PREFLIGHT_ERROR, "models", "rope_type is \"default\" in models.base and \"linear\" in");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_WARNING), 0);
}

static void test_vocabulary_against_config(void **state)
{
    struct world *world = *state;
    world->sides[0].config = world->sides[1].config = CONFIG(",\"vocab_size \":0");
    world->sides[1].config =
        "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\","
        "\"num_attention_heads\":2,\"rope_theta\":10000,\"vocab_size\":5,\"vocab_size \":0}";
    expect(world, PREFLIGHT_ERROR, "models.tuned", "a vocabulary of 5");
}

static void test_padded_vocabulary(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 2; i++)
        world->sides[i].config = "{\"model_type\":\"llama\",\"vocab_size\":3}";
    run(world);
    found(world, PREFLIGHT_NOTE, "models.base", "has 4 rows for a vocabulary of 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_architecture),
        TEST(test_differing_keys),
        TEST(test_many_keys),
        TEST(test_same_in_other_words),
        TEST(test_layers),
        TEST(test_config_of_native),
        TEST(test_vocabulary_against_config),
        TEST(test_padded_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
