/* Findings about the tensors of both checkpoints. */
#include "preflight_world.h"

static void test_all_differing_tensors(void **state)
{
    struct world *world = *state;
    struct side *tuned = &world->sides[1];
    tuned->tensors[LAYER_0].shape[0] = 2, tuned->tensors[LAYER_0].shape[1] = 8;
    tuned->tensors[LAYER_1].dtype = ST_I32;
    tuned->tensors[NORM].name = "model.final_norm.weight";
    run(world);
    found(world, PREFLIGHT_ERROR, "models", "is F32 [4,4] in models.base and F32 [2,8] in models.tuned");
    found(world, PREFLIGHT_ERROR, "models", "the other's dtype");
    found(world, PREFLIGHT_ERROR, "models.tuned", "lacks tensor \"model.norm.weight\"");
    found(world, PREFLIGHT_ERROR, "models.base", "lacks tensor \"model.final_norm.weight\"");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 4);
}

/* One wrong conversion is one finding. */
static void test_all_of_another_dtype(void **state)
{
    struct world *world = *state;
    struct side *tuned = &world->sides[1];
    for (int i = 0; i < 4; i++) {
        tuned->tensors[i].dtype = ST_BF16;
        tuned->tensors[i].bytes /= 2;
    }
    expect(world, PREFLIGHT_ERROR, "models",
           "4 tensors are F32 in models.base and BF16 in models.tuned, the first");
    found(world, PREFLIGHT_NOTE, "models", "the weights were not read to their end because of the errors");
    tuned->tensors[0].dtype = ST_F16;
    run(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 4);
}

static void test_many_missing_tensors(void **state)
{
    struct world *world = *state;
    static char names[25][64];
    for (int i = 0; i < 25; i++) {
        snprintf(names[i], sizeof names[i], "model.layers.0.extra.%02d", i);
        world->sides[0].tensors[EXTRA + i] = fixture_f32(names[i], world->sides[0].data[0], 4);
    }
    run(world);
    found(world, PREFLIGHT_ERROR, "models.tuned", "\"model.layers.0.extra.19\"");
    found(world, PREFLIGHT_ERROR, "models", "and 5 more tensors");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 21);
}

/* A table that programs compute is no missing tensor, whatever else is wrong. */
static void test_spare_tensors(void **state)
{
    struct world *world = *state;
    world->sides[0].tensors[EXTRA] =
        fixture_f32("model.layers.0.self_attn.rotary_emb.inv_freq", world->sides[0].data[0], 4);
    expect(world, PREFLIGHT_NOTE, "models", "inv_freq");
    world->sides[1].tensors[NORM].name = NULL;
    expect(world, PREFLIGHT_ERROR, "models.tuned", "lacks tensor \"model.norm.weight\"");
}

static void test_vocabularies(void **state)
{
    struct world *world = *state;
    struct side *tuned = &world->sides[1];
    tuned->tensors[EMBEDDINGS].shape[0] = tuned->tensors[HEAD].shape[0] = 3;
    tuned->tensors[EMBEDDINGS].elements = tuned->tensors[HEAD].elements = 12;
    tuned->tensors[EMBEDDINGS].bytes = tuned->tensors[HEAD].bytes = 48;
    tuned->config = "{\"model_type\":\"llama\",\"vocab_size\":3}";
    run(world);
    found(world, PREFLIGHT_ERROR, "models", "the vocabularies differ");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 1);
}

/* A single file and an index: programs do not agree which is the model. */
static void test_two_sets_of_weights(void **state)
{
    struct world *world = *state;
    char *from = mem_printf("%s/tuned/model.safetensors", world->root),
         *to = mem_printf("%s/tuned/one.safetensors", world->root);
#define INDEX_OF(shard)                                                                                      \
    "{\"weight_map\":{\"model.embed_tokens.weight\":\"" shard                                                \
    "\",\"model.layers.0.mlp.up_proj.weight\":\"" shard "\",\"model.layers.1.mlp.up_proj.weight\":\"" shard  \
    "\",\"model.norm.weight\":\"" shard "\",\"lm_head.weight\":\"" shard "\"}}"
    run(world);
    assert_int_equal(link(from, to), 0);
    world->sides[1].files[1][0] = "model.safetensors.index.json";
    world->sides[1].files[1][1] = INDEX_OF("one.safetensors");
    expect(world, PREFLIGHT_WARNING, "models.tuned", "transformers loads model.safetensors");
    world->sides[1].files[1][1] = INDEX_OF("model.safetensors");
    run(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_WARNING), 0);
    mem_free(from);
    mem_free(to);
}

static void test_one_checkpoint_twice(void **state)
{
    struct world *world = *state;
    memcpy(world->sides[1].data, world->sides[0].data, sizeof world->sides[0].data);
    expect(world, PREFLIGHT_ERROR, "models", "the same weights in every tensor");
}

static void test_others(void **state)
{
    struct world *world = *state;
    static const int32_t table[4] = {1, 2, 3, 4};
    for (int i = 0; i < 2; i++)
        world->sides[i].tensors[EXTRA] = (struct st_tensor){.name = "model.layers.0.table",
                                                            .dtype = ST_I32,
                                                            .rank = 1,
                                                            .shape = {4},
                                                            .elements = 4,
                                                            .data = table,
                                                            .bytes = 16};
    expect(world, PREFLIGHT_NOTE, "output.others", "\"model.layers.0.table\" (I32)");
}

static void test_no_head(void **state)
{
    struct world *world = *state;
    world->sides[0].tensors[HEAD].name = world->sides[1].tensors[HEAD].name = NULL;
    run(world);
    found(world, PREFLIGHT_WARNING, "models.base", "no head's matrix");
    found(world, PREFLIGHT_WARNING, "models.tuned", "no head's matrix");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_differing_tensors),
        TEST(test_all_of_another_dtype),
        TEST(test_many_missing_tensors),
        TEST(test_spare_tensors),
        TEST(test_vocabularies),
        TEST(test_two_sets_of_weights),
        TEST(test_one_checkpoint_twice),
        TEST(test_others),
        TEST(test_no_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
