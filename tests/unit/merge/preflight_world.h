/* WHAT   A pair of small checkpoints that a test spoils, its preflight, and what was found.
 * WHO    tests/unit/merge/test_preflight*.c.
 * UNITS  As in merge/preflight/preflight.h.
 * MEMORY begin and end, through TEST; the world and its directory are theirs.
 * ERRORS Asserts (cmocka).
 * STATE  The world. */
#ifndef TESTS_MERGE_PREFLIGHT_WORLD_H
#define TESTS_MERGE_PREFLIGHT_WORLD_H

#include "fixture.h"

#include "merge/preflight/preflight.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

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

static inline void fill(struct side *side, float update)
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
static inline int begin(void **state)
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

static inline int end(void **state)
{
    struct world *world = *state;
    preflight_free(world->report);
    fixture_remove(world->root);
    mem_free(world);
    return 0;
}

static inline void put(const struct world *world, int i)
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

/* Both checkpoints are written, and the search is about them. */
static inline void lay(struct world *world)
{
    put(world, 0);
    put(world, 1);
    snprintf(world->spec.base, sizeof world->spec.base, "%s/base", world->root);
    snprintf(world->spec.tuned, sizeof world->spec.tuned, "%s/tuned", world->root);
}

static inline void run(struct world *world)
{
    struct err err = {0};
    lay(world);
    preflight_free(world->report);
    if (preflight_run(&world->spec, NULL, &world->report, &err))
        fail_msg("%s", err.text);
}

static inline void print_all(const struct world *world)
{
    const struct preflight_finding *f;
    for (size_t i = 0; (f = preflight_finding(world->report, i)); i++)
        fprintf(stderr, "%d %s: %s\n", (int)f->level, f->field, f->text);
}

static inline void found(const struct world *world, enum preflight_level level, const char *field,
                         const char *says)
{
    const struct preflight_finding *f;
    for (size_t i = 0; (f = preflight_finding(world->report, i)); i++)
        if (f->level == level && strcmp(f->field, field) == 0 && strstr(f->text, says))
            return;
    print_all(world);
    fail_msg("nothing of level %d says \"%s\" of %s", (int)level, says, field);
}

/* Runs and expects this finding and no other of its level or worse. */
static inline void expect(struct world *world, enum preflight_level level, const char *field,
                          const char *says)
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

static inline struct json *written(const struct world *world,
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

#endif
