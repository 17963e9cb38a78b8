/* Every finding, on pairs of small checkpoints that have the one thing wrong. */
#include "fixture.h"

#include "merge/preflight/preflight.h"
#include "proto/rng.h"

#include <math.h>

#define CONFIG(more)                                                                                         \
    "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"num_hidden_layers\":2,"            \
    "\"num_attention_heads\":2,\"rope_theta\":10000,\"vocab_size\":4,\"tie_word_embeddings\":false" more "}"
#define TOKENIZER(vocab, more) "{\"model\":{\"type\":\"BPE\",\"vocab\":" vocab "}" more "}"

enum { EMBEDDINGS, LAYER_0, LAYER_1, NORM, HEAD, EXTRA, TENSORS_MAX, SIDE_MAX = 80 };

struct side {
    const char *config;
    struct st_tensor tensors[SIDE_MAX]; /* name NULL: left out */
    float data[TENSORS_MAX][16];
    const char *files[8][2]; /* name, text */
};

struct world {
    char *root;
    struct side sides[2];
    struct search_spec spec;
    struct preflight *report;
};

static const char *const directories[] = {"base", "tuned"};

static void fill(struct side *side, float update)
{
    static const char *const names[] = {"model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight",
                                        "model.layers.1.mlp.up_proj.weight", "model.norm.weight",
                                        "lm_head.weight"};
    side->config = CONFIG("");
    for (int i = 0; i < EXTRA; i++) {
        for (int k = 0; k < 16; k++)
            side->data[i][k] = 1 + 0.125f * (float)k + update;
        side->tensors[i] = fixture_f32(names[i], side->data[i], 16);
        side->tensors[i].rank = 2;
        side->tensors[i].shape[0] = side->tensors[i].shape[1] = 4;
    }
}

/* A pair with nothing to find. */
static int begin(void **state)
{
    struct world *world = mem_zero(1, sizeof *world);
    world->root = fixture_directory();
    fill(&world->sides[0], 0);
    fill(&world->sides[1], 0.25f);
    for (int i = 0; i < 2; i++)
        world->sides[i].files[0][0] = "tokenizer.json",
        world->sides[i].files[0][1] = TOKENIZER("{\"a\":0,\"b\":1}", "");
    world->spec.has_models = true;
    world->spec.grouping = GROUPING_COUNT;
    world->spec.groups_n = 2;
    world->spec.ratio_max = 1;
    world->spec.trials = 9;
    world->spec.evaluator = EVALUATOR_COMMAND;
    *state = world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    preflight_free(world->report);
    fixture_remove(world->root);
    mem_free(world);
    return 0;
}

static void put(const struct world *world, int i)
{
    const struct side *side = &world->sides[i];
    struct st_tensor tensors[SIDE_MAX];
    struct err err = {0};
    size_t n = 0;
    char *directory = mem_printf("%s/%s", world->root, directories[i]);
    char *path = mem_printf("%s/model.safetensors", directory);
    mkdir(directory, 0777);
    for (int t = 0; t < SIDE_MAX; t++)
        if (side->tensors[t].name)
            tensors[n++] = side->tensors[t];
    if (st_write(path, tensors, n, &err))
        fail_msg("%s", err.text);
    fixture_text(directory, "config.json", side->config);
    for (int f = 0; f < 8; f++)
        if (side->files[f][0])
            fixture_text(directory, side->files[f][0], side->files[f][1]);
    mem_free(path);
    mem_free(directory);
}

static void run(struct world *world)
{
    struct err err = {0};
    put(world, 0);
    put(world, 1);
    snprintf(world->spec.base, sizeof world->spec.base, "%s/base", world->root);
    snprintf(world->spec.tuned, sizeof world->spec.tuned, "%s/tuned", world->root);
    preflight_free(world->report);
    if (preflight_run(&world->spec, NULL, &world->report, &err))
        fail_msg("%s", err.text);
}

static void print_all(const struct world *world)
{
    const struct preflight_finding *f;
    for (size_t i = 0; (f = preflight_finding(world->report, i)); i++)
        fprintf(stderr, "%d %s: %s\n", (int)f->level, f->field, f->text);
}

static void found(const struct world *world, enum preflight_level level, const char *field, const char *says)
{
    const struct preflight_finding *f;
    for (size_t i = 0; (f = preflight_finding(world->report, i)); i++)
        if (f->level == level && strcmp(f->field, field) == 0 && strstr(f->text, says))
            return;
    print_all(world);
    fail_msg("nothing of level %d says \"%s\" of %s", (int)level, says, field);
}

/* Runs and expects this finding and no other of its level or worse. */
static void expect(struct world *world, enum preflight_level level, const char *field, const char *says)
{
    run(world);
    found(world, level, field, says);
    for (int worse = PREFLIGHT_ERROR; worse <= (int)level; worse++) {
        size_t n = preflight_count(world->report, (enum preflight_level)worse);
        if (n != (worse == (int)level)) {
            print_all(world);
            fail_msg("%zu findings of level %d", n, worse);
        }
    }
}

static struct json *written(const struct world *world,
                            void (*write)(const struct preflight *preflight, struct json_out *out))
{
    struct buf text;
    struct json_out out;
    struct json *j;
    struct err err = {0};
    buf_init(&text, 1u << 20);
    json_begin(&out, &text);
    write(world->report, &out);
    if (json_parse(buf_str(&text), text.len, &j, &err))
        fail_msg("%s", err.text);
    buf_fini(&text);
    return j;
}

/* --- a good pair --- */

static void test_nothing_to_find(void **state)
{
    struct world *world = *state;
    run(world);
    print_all(world);
    assert_null(preflight_finding(world->report, 0));
    assert_int_equal(preflight_plan(world->report)->ratios_n, 2);
}

static void test_report(void **state)
{
    struct world *world = *state;
    world->spec.evaluator = EVALUATOR_NATIVE;
    run(world);
    struct json *j = written(world, preflight_write), *digests = written(world, preflight_write_digests);
    const struct json *tuned = json_get(json_get(j, "models"), "tuned");
    const struct json *group = json_first(json_get(j, "groups")), *needs = json_get(j, "needs");
    assert_true(json_bool_or(json_get(j, "ok"), false));
    assert_string_equal(json_string_or(json_get(tuned, "architecture"), ""), "LlamaForCausalLM");
    assert_string_equal(json_string_or(json_get(tuned, "digest"), "-"),
                        json_string_or(json_get(json_get(digests, "tuned"), "digest"), ""));
    assert_float_equal(json_number_or(json_get(tuned, "layers"), 0), 2, 0);
    assert_float_equal(json_number_or(json_get(tuned, "vocabulary"), 0), 4, 0);
    assert_float_equal(json_number_or(json_get(tuned, "parameters"), 0), 80, 0);
    assert_float_equal(json_number_or(json_get(tuned, "bytes"), 0), 320, 0);
    assert_float_equal(json_number_or(json_get(json_get(tuned, "dtypes"), "F32"), 0), 5, 0);
    assert_string_equal(json_string_or(json_get(group, "name"), ""), "layer 0");
    assert_float_equal(json_number_or(json_get(group, "tensors"), 0), 2, 0); /* the embeddings follow */
    assert_float_equal(json_number_or(json_get(group, "parameters"), 0), 32, 0);
    assert_float_equal(json_number_or(json_get(group, "changed"), 0), 1, 0);
    assert_float_equal(json_number_or(json_get(group, "update_rms"), 0), 0.25, 1e-6);
    assert_true(json_number_or(json_get(group, "update_ulps"), 0) > 1e5);
    const struct json *nearest = json_get(json_get(group, "effective"), "nearest");
    assert_int_equal(json_len(nearest), 9);
    assert_float_equal(json_number_or(json_first(nearest), 0), 0.1, 1e-6);
    assert_float_equal(json_number_or(json_get(needs, "read_bytes"), 0), 640, 0);
    assert_float_equal(json_number_or(json_get(needs, "export_bytes"), 0), 320, 0);
    assert_float_equal(json_number_or(json_get(needs, "memory_bytes"), 0), 320, 0);
    assert_float_equal(json_number_or(json_get(needs, "trials"), 0), 9, 0);
    assert_true(json_is(json_get(needs, "free_bytes"), JSON_NULL));
    preflight_here(world->report, &world->spec, world->root);
    json_free(j);
    j = written(world, preflight_write);
    assert_true(json_is(json_get(json_get(j, "needs"), "free_bytes"), JSON_NUMBER));
    json_free(j);
    json_free(digests);
}

static void here(struct world *world)
{
    run(world);
    preflight_here(world->report, &world->spec, world->root);
}

static void test_bundle(void **state)
{
    struct world *world = *state;
    struct search_spec *spec = &world->spec;
    char *metrics[] = {"facts.em", "facts.f2"};
    spec->evaluator = EVALUATOR_NATIVE;
    snprintf(spec->bundle, sizeof spec->bundle, "%s/bundle", world->root);
    here(world);
    found(world, PREFLIGHT_ERROR, "evaluator.bundle", "is not a directory; give the path of a bundle");
    mkdir(spec->bundle, 0777);
    here(world);
    found(world, PREFLIGHT_ERROR, "evaluator.bundle", "bundle.json");
    fixture_text(spec->bundle, "bundle.json",
                 "{\"tasks\":[{\"name\":\"facts\",\"metrics\":[\"em\",\"f1\"]}]}");
    spec->objectives_n = 2;
    for (int i = 0; i < 2; i++) {
        spec->objectives[i].metrics_n = 1;
        snprintf(spec->objectives[i].metrics[0], sizeof spec->objectives[i].metrics[0], "%s", metrics[i]);
    }
    here(world);
    found(world, PREFLIGHT_ERROR, "objectives[1].metric",
          "no metric \"facts.f2\"; did you mean \"facts.f1\"?");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 1);
}

static void test_program(void **state)
{
    struct world *world = *state;
    char *program = mem_printf("%s/evaluate.py", world->root);
    world->spec.argv[0] = program;
    world->spec.argv_n = 1;
    here(world);
    found(world, PREFLIGHT_ERROR, "evaluator.argv[0]", "there is no ");
    fixture_text(world->root, "evaluate.py", "pass");
    here(world);
    found(world, PREFLIGHT_ERROR, "evaluator.argv[0]", "is not executable");
    chmod(program, 0755);
    here(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
    world->spec.argv[0] = "python3-of-the-workers";
    here(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
    mem_free(program);
}

/* Fixed ratios have rows after the groups; a stored dtype of 4 bytes doubles nothing here. */
static void test_report_of_ends(void **state)
{
    struct world *world = *state;
    world->spec.ends = ENDS_MEAN;
    world->spec.output_dtype = OUTPUT_BF16;
    run(world);
    struct json *j = written(world, preflight_write);
    const struct json *groups = json_get(j, "groups"), *last = json_next(json_next(json_first(groups)));
    assert_int_equal(json_len(groups), 3);
    assert_string_equal(json_string_or(json_get(last, "name"), ""), "mean");
    assert_float_equal(json_number_or(json_get(last, "tensors"), 0), 3, 0);
    assert_true(json_is(json_get(last, "effective"), JSON_NULL));
    assert_float_equal(json_number_or(json_get(json_get(j, "needs"), "export_bytes"), 0), 160, 0);
    json_free(j);
}

static int stop(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx, (void)done, (void)total;
    return 1;
}

static void test_stopped(void **state)
{
    struct world *world = *state;
    struct digest_progress progress = {stop, NULL};
    struct preflight *report;
    struct err err = {0};
    put(world, 0);
    put(world, 1);
    snprintf(world->spec.base, sizeof world->spec.base, "%s/base", world->root);
    snprintf(world->spec.tuned, sizeof world->spec.tuned, "%s/tuned", world->root);
    assert_int_equal(preflight_run(&world->spec, &progress, &report, &err), ERR_CANCELLED);
    assert_null(report);
}

/* --- directories and tensors --- */

static void test_directories(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    snprintf(world->spec.base, sizeof world->spec.base, "%s/none", world->root);
    snprintf(world->spec.tuned, sizeof world->spec.tuned, "%s", world->root);
    assert_int_equal(preflight_run(&world->spec, NULL, &world->report, &err), 0);
    found(world, PREFLIGHT_ERROR, "models.base", "there is no such directory");
    found(world, PREFLIGHT_ERROR, "models.tuned", "config.json");
    assert_null(preflight_plan(world->report));
    struct json *digests = written(world, preflight_write_digests), *j = written(world, preflight_write);
    assert_true(json_is(digests, JSON_NULL));
    assert_false(json_bool_or(json_get(j, "ok"), true));
    json_free(digests);
    json_free(j);
}

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

static void test_padded_vocabulary(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 2; i++)
        world->sides[i].config = "{\"model_type\":\"llama\",\"vocab_size\":3}";
    run(world);
    found(world, PREFLIGHT_NOTE, "models.base", "has 4 rows for a vocabulary of 3");
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

/* --- config.json --- */

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

static void test_no_head(void **state)
{
    struct world *world = *state;
    world->sides[0].tensors[HEAD].name = world->sides[1].tensors[HEAD].name = NULL;
    run(world);
    found(world, PREFLIGHT_WARNING, "models.base", "no head's matrix");
    found(world, PREFLIGHT_WARNING, "models.tuned", "no head's matrix");
}

/* --- groups --- */

static void test_groups(void **state)
{
    struct world *world = *state;
    world->spec.groups_n = 3;
    expect(world, PREFLIGHT_ERROR, "groups.count", "3 groups cannot be made of 2 layers");
}

static void test_unknown_names(void **state)
{
    struct world *world = *state;
    world->spec.bounds_n = 1;
    snprintf(world->spec.bounds[0].group, sizeof world->spec.bounds[0].group, "layer 7");
    run(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 1);
    assert_non_null(strstr(preflight_finding(world->report, 0)->field, "groups"));
    assert_non_null(strstr(preflight_finding(world->report, 0)->text, "layer 7"));
}

static void test_group_without_update(void **state)
{
    struct world *world = *state;
    for (int t = LAYER_1; t <= HEAD; t++)
        memcpy(world->sides[1].data[t], world->sides[0].data[t], sizeof world->sides[0].data[t]);
    expect(world, PREFLIGHT_WARNING, "groups", "\"layer 1\" has no update");
}

/* 64 layers and the ends; the optimizer has 64 ratios. */
static void test_too_many_ratios(void **state)
{
    struct world *world = *state;
    static char names[64][48];
    for (int i = 0; i < 2; i++) {
        world->sides[i].config = "{\"tie_word_embeddings\":false}";
        for (int layer = 2; layer < 64; layer++) {
            snprintf(names[layer], sizeof *names, "model.layers.%d.mlp.up_proj.weight", layer);
            struct st_tensor *tensor = &world->sides[i].tensors[EXTRA + layer];
            *tensor = world->sides[i].tensors[LAYER_1];
            tensor->name = names[layer];
        }
    }
    world->spec.grouping = GROUPING_LAYERWISE;
    run(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
    world->spec.ends = ENDS_OWN;
    expect(world, PREFLIGHT_ERROR, "ends", "with 64 groups there is no ratio left for the ends");
}

static void test_all_frozen(void **state)
{
    struct world *world = *state;
    world->spec.bounds_n = 2;
    world->spec.bounds[0] = (struct spec_bound){.group = "layer 0", .min = 1, .max = 1};
    world->spec.bounds[1] = (struct spec_bound){.group = "layer 1", .min = 0.3, .max = 0.3};
    expect(world, PREFLIGHT_ERROR, "groups.freeze", "every ratio is frozen");
}

/* Neither what cannot move nor what is frozen needs a warning. */
static void test_frozen_groups(void **state)
{
    struct world *world = *state;
    world->spec.output_dtype = OUTPUT_BF16;
    world->spec.ends = ENDS_OWN;
    world->spec.bounds_n = 2;
    world->spec.bounds[0] = (struct spec_bound){.group = "layer 0", .min = 1, .max = 1};
    world->spec.bounds[1] = (struct spec_bound){.group = "layer 1", .min = 0.3, .max = 0.3};
    for (int t = 0; t < EXTRA; t++)
        for (int k = 0; k < 16; k++)
            world->sides[1].data[t][k] = (world->sides[0].data[t][k] = 1) + (t == LAYER_0   ? 0x1p-7f
                                                                             : t == LAYER_1 ? 0
                                                                                            : 1);
    run(world);
    assert_null(preflight_finding(world->report, 0));
    world->spec.bounds[0].min = 0.5;
    expect(world, PREFLIGHT_WARNING, "output.rounding", "in \"layer 0\" a ratio of 0.5 comes out as 0.000,");
}

/* --- numbers --- */

static void test_no_numbers(void **state)
{
    struct world *world = *state;
    world->sides[1].data[LAYER_0][3] = NAN;
    world->sides[0].data[LAYER_1][0] = INFINITY;
    world->sides[0].data[NORM][0] = world->sides[1].data[NORM][0] = -INFINITY;
    run(world);
    found(world, PREFLIGHT_ERROR, "models.tuned", "\"model.layers.0.mlp.up_proj.weight\" holds 1 NaN");
    found(world, PREFLIGHT_ERROR, "models", "\"model.layers.1.mlp.up_proj.weight\" holds 1 infinity in one");
    found(world, PREFLIGHT_WARNING, "models", "\"model.norm.weight\" holds 1 infinity, in both");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 2);
}

/* One step of bf16 apart, a ratio is one end or the other. */
static void test_ratios_that_bf16_cannot_hold(void **state)
{
    struct world *world = *state;
    world->spec.output_dtype = OUTPUT_BF16;
    for (int t = 0; t < EXTRA; t++)
        for (int k = 0; k < 16; k++)
            world->sides[1].data[t][k] = (world->sides[0].data[t][k] = 1) + 0x1p-7f;
    expect(world, PREFLIGHT_WARNING, "output.rounding",
           "a ratio of 0.5 comes out as 0.000 (2 of 2 groups are off by more than 0.02)");
    assert_non_null(strstr(preflight_finding(world->report, 0)->text, "\"stochastic\""));
    world->spec.output_dtype = OUTPUT_SAME;
    run(world);
    assert_null(preflight_finding(world->report, 0));
}

/* --- tokens --- */

static void tokenizers(struct world *world, const char *base, const char *tuned)
{
    world->sides[0].files[0][1] = base;
    world->sides[1].files[0][1] = tuned;
}

static void test_moved_tokens(void **state)
{
    struct world *world = *state;
    tokenizers(world, TOKENIZER("{\"a\":0,\"b\":1,\"c\":2}", ""), TOKENIZER("{\"a\":0,\"c\":1,\"b\":2}", ""));
    expect(world, PREFLIGHT_ERROR, "models", "2 tokens have another id");
    found(world, PREFLIGHT_ERROR, "models", "the first \"b\" 1 in base and 2 in tuned");
}

static void test_added_tokens(void **state)
{
    struct world *world = *state;
    tokenizers(
        world, TOKENIZER("[[\"a\",-1],[\"b\",-2]]", ""),
        TOKENIZER("[[\"a\",-1],[\"b\",-2.5]]", ",\"added_tokens\":[{\"id\":2,\"content\":\"<|user|>\"}]"));
    expect(world, PREFLIGHT_WARNING, "models",
           "1 token is in models.tuned alone, the first \"<|user|>\" with id 2");
}

static void test_other_tokenizer_parts(void **state)
{
    struct world *world = *state;
    tokenizers(world, TOKENIZER("{\"a\":0}", ",\"normalizer\":null"),
               TOKENIZER("{\"a\":0}", ",\"normalizer\":{\"type\":\"NFC\"},\"version\":\"1\""));
    expect(world, PREFLIGHT_WARNING, "models", "tokenizer.json differs in normalizer");
    tokenizers(world, TOKENIZER("{\"a\":0}", ""), TOKENIZER("{\"a\":0}", ",\"version\":\"1\""));
    expect(world, PREFLIGHT_NOTE, "models", "not in its vocabulary");
}

static void test_missing_tokenizers(void **state)
{
    struct world *world = *state;
    world->sides[0].files[0][0] = NULL;
    expect(world, PREFLIGHT_NOTE, "models.base", "has no tokenizer.json");
}

static void test_tokenizer_not_in_tuned(void **state)
{
    struct world *world = *state;
    world->sides[1].files[0][0] = NULL;
    expect(world, PREFLIGHT_WARNING, "models.tuned", "has no tokenizer.json, which base has");
    world->sides[0].files[1][0] = "tokenizer_config.json", world->sides[0].files[1][1] = "{}";
    world->sides[0].files[2][0] = "vocab.json", world->sides[0].files[2][1] = "{}";
    expect(world, PREFLIGHT_WARNING, "models.tuned",
           "has no tokenizer.json, vocab.json, tokenizer_config.json, which base has; exported models get "
           "tuned's "
           "files: put them there");
}

static void test_old_tokenizers(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 2; i++)
        world->sides[i].files[0][0] = "tokenizer.model", world->sides[i].files[0][1] = i ? "x" : "y";
    expect(world, PREFLIGHT_WARNING, "models", "tokenizer.model differs");
}

static void test_broken_file(void **state)
{
    struct world *world = *state;
    world->sides[1].files[1][0] = "tokenizer_config.json";
    world->sides[1].files[1][1] = "{\"bos_token\": ";
    expect(world, PREFLIGHT_WARNING, "models.tuned", "tokenizer_config.json: ");
}

/* Whoever reads a report at a terminal sees one line without colours and bells of a file's making. */
static void test_tokens_that_are_no_text(void **state)
{
    struct world *world = *state;
    world->sides[0].files[0][1] = TOKENIZER("{\"\\u001b[31m\\n\":0}", "");
    world->sides[1].files[0][1] = TOKENIZER("{\"\\u001b[31m\\n\":1}", "");
    expect(world, PREFLIGHT_ERROR, "models", "the first \"?[31m?\" 0 in base and 1 in tuned");
}

/* As if they were not there; nobody waits for what comes out of them. */
static void test_pipes(void **state)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"};
    struct world *world = *state;
    run(world);
    for (size_t i = 0; i < 3; i++) {
        char *path = mem_printf("%s/base/%s", world->root, names[i]);
        remove(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        mem_free(path);
    }
    preflight_free(world->report);
    struct err err = {0};
    assert_int_equal(preflight_run(&world->spec, NULL, &world->report, &err), 0);
    found(world, PREFLIGHT_NOTE, "models.base", "has no tokenizer.json, which tuned has");
    found(world, PREFLIGHT_WARNING, "models.base", "tokenizer_config.json: is a pipe that nobody writes to");
}

static void test_special_tokens(void **state)
{
    struct world *world = *state;
    world->sides[0].files[1][0] = "special_tokens_map.json";
    world->sides[0].files[1][1] = "{\"eos_token\":{\"content\":\"</s>\"},\"bos_token\":\"<s>\"}";
    world->sides[1].files[1][0] = "tokenizer_config.json";
    world->sides[1].files[1][1] = "{\"eos_token\":\"<|im_end|>\",\"bos_token\":\"<s>\"}";
    for (int i = 0; i < 2; i++) {
        world->sides[i].files[2][0] = "generation_config.json";
        world->sides[i].files[2][1] = i ? "{\"eos_token_id\":[2,7]}" : "{\"eos_token_id\":2}";
    }
    world->sides[0].config = CONFIG(",\"pad_token_id\":0");
    run(world);
    found(world, PREFLIGHT_WARNING, "models",
          "eos_token is \"</s>\" in models.base and \"<|im_end|>\" in models.tuned");
    found(world, PREFLIGHT_WARNING, "models",
          "generation_config.json: eos_token_id is 2 in models.base and [2,7] in models.tuned");
    found(world, PREFLIGHT_WARNING, "models", "config.json: pad_token_id is 0 in models.base and nothing");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_WARNING), 3);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
}

static void test_chat_templates(void **state)
{
    struct world *world = *state;
    struct side *base = &world->sides[0], *tuned = &world->sides[1];
    tuned->files[1][0] = "tokenizer_config.json";
    tuned->files[1][1] = "{\"chat_template\":\"{{ x }}\"}";
    expect(world, PREFLIGHT_NOTE, "models.base",
           "has no chat template, tuned has one (tokenizer_config.json)");
    base->files[1][0] = "chat_template.jinja";
    base->files[1][1] = "{{ x }}";
    run(world);
    assert_null(preflight_finding(world->report, 0));
    base->files[1][1] = "{{ y }}";
    expect(world, PREFLIGHT_WARNING, "models",
           "the chat templates differ (chat_template.jinja of base: 7 bytes");
    tuned->files[1][1] = "{}";
    expect(world, PREFLIGHT_WARNING, "models.tuned", "has no chat template, base has one");
    tuned->files[1][0] = "chat_template.json";
    tuned->files[1][1] = "{\"chat_template\":[{\"name\":\"default\",\"template\":\"{{ y }}\"}]}";
    expect(world, PREFLIGHT_WARNING, "models", "chat_template.json of tuned");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_to_find),
        TEST(test_report),
        TEST(test_bundle),
        TEST(test_program),
        TEST(test_report_of_ends),
        TEST(test_stopped),
        TEST(test_directories),
        TEST(test_all_differing_tensors),
        TEST(test_all_of_another_dtype),
        TEST(test_many_missing_tensors),
        TEST(test_spare_tensors),
        TEST(test_vocabularies),
        TEST(test_config_of_native),
        TEST(test_vocabulary_against_config),
        TEST(test_two_sets_of_weights),
        TEST(test_padded_vocabulary),
        TEST(test_one_checkpoint_twice),
        TEST(test_others),
        TEST(test_architecture),
        TEST(test_differing_keys),
        TEST(test_many_keys),
        TEST(test_same_in_other_words),
        TEST(test_layers),
        TEST(test_no_head),
        TEST(test_groups),
        TEST(test_unknown_names),
        TEST(test_group_without_update),
        TEST(test_frozen_groups),
        TEST(test_all_frozen),
        TEST(test_too_many_ratios),
        TEST(test_no_numbers),
        TEST(test_ratios_that_bf16_cannot_hold),
        TEST(test_moved_tokens),
        TEST(test_added_tokens),
        TEST(test_other_tokenizer_parts),
        TEST(test_missing_tokenizers),
        TEST(test_tokenizer_not_in_tuned),
        TEST(test_old_tokenizers),
        TEST(test_broken_file),
        TEST(test_tokens_that_are_no_text),
        TEST(test_pipes),
        TEST(test_special_tokens),
        TEST(test_chat_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
