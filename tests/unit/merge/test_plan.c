#include "pair.h"

#define LAYERS_MAX 70

/* embeddings, `layers` layers of 2 tensors, norm and head. */
static struct pair llama(int layers)
{
    char text[2 * LAYERS_MAX][64];
    const char *names[2 * LAYERS_MAX + 4];
    int n = 0;
    for (int i = 0; i < layers; i++) {
        snprintf(text[2 * i], sizeof *text, "model.layers.%d.mlp.up_proj.weight", i);
        snprintf(text[2 * i + 1], sizeof *text, "model.layers.%d.self_attn.q_proj.weight", i);
        names[n++] = text[2 * i];
        names[n++] = text[2 * i + 1];
    }
    names[n++] = "model.embed_tokens.weight";
    names[n++] = "model.norm.weight";
    names[n++] = "lm_head.weight";
    names[n] = NULL;
    return open_pair(UNTIED, names, names);
}

static int group_of_layer(const struct plan *plan, int layer)
{
    char name[64];
    snprintf(name, sizeof name, "model.layers.%d.mlp.up_proj.weight", layer);
    assert_int_equal(entry(plan, name)->layer, layer);
    return entry(plan, name)->group;
}

/* --- groups --- */

static void test_count(void **state)
{
    (void)state;
    struct pair pair = llama(8);
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 3};
    struct plan *plan = planned(&pair, &spec);
    static const int groups[8] = {0, 0, 0, 1, 1, 1, 2, 2};
    assert_int_equal(plan->layers_n, 8);
    assert_int_equal(plan->groups_n, 3);
    assert_int_equal(plan->ratios_n, 3);
    assert_int_equal(plan->entries_n, 19);
    for (int i = 0; i < 8; i++)
        assert_int_equal(group_of_layer(plan, i), groups[i]);
    assert_string_equal(plan->names[0], "layers 0-2");
    assert_string_equal(plan->names[1], "layers 3-5");
    assert_string_equal(plan->names[2], "layers 6-7");
    plan_free(plan);
    spec.groups_n = 9;
    refused(&pair, &spec, "groups.count: 9 groups cannot be made of 8 layers");
    spec.groups_n = 0;
    refused(&pair, &spec, "groups.count");
    close_pair(&pair);
}

/* Every count of every depth: each layer once, in order, sizes differing by one at most, larger ones first. */
static void test_count_always_covers(void **state)
{
    (void)state;
    for (int layers = 1; layers <= 13; layers += 3) {
        struct pair pair = llama(layers);
        for (int count = 1; count <= layers; count++) {
            struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = count};
            struct plan *plan = planned(&pair, &spec);
            int sizes[16] = {0}, last = 0;
            for (int i = 0; i < layers; i++) {
                int group = group_of_layer(plan, i);
                assert_true(group == last || group == last + 1);
                last = group;
                sizes[group]++;
            }
            assert_int_equal(last, count - 1);
            for (int i = 1; i < count; i++)
                assert_true(sizes[i] <= sizes[i - 1] && sizes[i] >= sizes[0] - 1);
            plan_free(plan);
        }
        close_pair(&pair);
    }
}

/* As text, "layers.1" is the start of "layers.10" … "layers.19". */
static void test_indices_are_integers(void **state)
{
    (void)state;
    struct pair pair = llama(20);
    struct search_spec spec = {.grouping = GROUPING_LAYERWISE};
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(plan->ratios_n, 20);
    for (int i = 0; i < 20; i++) {
        char name[64];
        assert_int_equal(group_of_layer(plan, i), i);
        snprintf(name, sizeof name, "layer %d", i);
        assert_string_equal(plan->names[i], name);
    }
    plan_free(plan);
    spec = (struct search_spec){.grouping = GROUPING_BOUNDARIES, .groups_n = 2, .boundaries = {2}};
    plan = planned(&pair, &spec);
    for (int i = 0; i < 20; i++)
        assert_int_equal(group_of_layer(plan, i), i < 2 ? 0 : 1);
    plan_free(plan);
    close_pair(&pair);
}

static void test_layerwise_limit(void **state)
{
    (void)state;
    struct pair pair = llama(SPEC_GROUPS_MAX + 1);
    struct search_spec spec = {.grouping = GROUPING_LAYERWISE};
    refused(&pair, &spec, "layerwise would make 65 groups");
    close_pair(&pair);
    pair = llama(SPEC_GROUPS_MAX);
    spec.ends = ENDS_OWN;
    struct plan *plan = planned(&pair, &spec);
    assert_int_equal(plan->ratios_n, SPEC_GROUPS_MAX + 1);
    assert_string_equal(plan->names[SPEC_GROUPS_MAX], "ends");
    plan_free(plan);
    close_pair(&pair);
}

static void test_boundaries(void **state)
{
    (void)state;
    struct pair pair = llama(8);
    struct search_spec spec = {.grouping = GROUPING_BOUNDARIES, .groups_n = 3, .boundaries = {1, 5}};
    struct plan *plan = planned(&pair, &spec);
    static const int groups[8] = {0, 1, 1, 1, 1, 2, 2, 2};
    for (int i = 0; i < 8; i++)
        assert_int_equal(group_of_layer(plan, i), groups[i]);
    assert_string_equal(plan->names[0], "layer 0");
    assert_string_equal(plan->names[1], "layers 1-4");
    assert_string_equal(plan->names[2], "layers 5-7");
    plan_free(plan);
    spec.boundaries[1] = 8;
    refused(&pair, &spec, "groups.boundaries: 8");
    spec.boundaries[1] = 1;
    refused(&pair, &spec, "groups.boundaries: 1 must be greater than 1");
    spec.boundaries[0] = 0;
    refused(&pair, &spec, "groups.boundaries: 0");
    close_pair(&pair);
}

static void test_named(void **state)
{
    (void)state;
    struct pair pair = llama(8);
    struct search_spec spec = {
        .grouping = GROUPING_NAMED,
        .groups_n = 2,
        .groups = {{.name = "top", .first = 4, .last = 7}, {.name = "low", .first = 0, .last = 3}}};
    struct plan *plan = planned(&pair, &spec);
    assert_string_equal(plan->names[0], "top");
    assert_int_equal(group_of_layer(plan, 3), 1);
    assert_int_equal(group_of_layer(plan, 4), 0);
    assert_int_equal(entry(plan, "model.embed_tokens.weight")->group, 1); /* with layer 0 */
    assert_int_equal(entry(plan, "lm_head.weight")->group, 0);            /* with the last layer */
    plan_free(plan);
    spec.groups[1].first = 1;
    refused(&pair, &spec, "layer 0 is in no group");
    spec.groups[1] = (struct spec_group){.name = "low", .first = 0, .last = 4};
    refused(&pair, &spec, "groups \"low\": layer 4 is already in another group");
    spec.groups[0].last = 8;
    refused(&pair, &spec, "groups \"top\": layers 4-8 do not exist; the checkpoints have layers 0-7");
    close_pair(&pair);
}

/* --- ends --- */

static void check_ends(const struct pair *pair, enum spec_ends ends, int before, int after, int ratios_n)
{
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 3, .ends = ends};
    struct plan *plan = planned(pair, &spec);
    assert_int_equal(plan->ratios_n, ratios_n);
    assert_int_equal(entry(plan, "model.embed_tokens.weight")->group, before);
    assert_int_equal(entry(plan, "model.embed_tokens.weight")->place, PLACE_BEFORE);
    assert_int_equal(entry(plan, "model.norm.weight")->group, after);
    assert_int_equal(entry(plan, "lm_head.weight")->group, after);
    assert_int_equal(entry(plan, "lm_head.weight")->place, PLACE_AFTER);
    assert_int_equal(entry(plan, "lm_head.weight")->layer, -1);
    plan_free(plan);
}

static void test_ends(void **state)
{
    (void)state;
    struct pair pair = llama(8);
    check_ends(&pair, ENDS_FOLLOW, 0, 2, 3);
    check_ends(&pair, ENDS_MEAN, PLAN_MEAN, PLAN_MEAN, 3);
    check_ends(&pair, ENDS_BASE, PLAN_BASE, PLAN_BASE, 3);
    check_ends(&pair, ENDS_TUNED, PLAN_TUNED, PLAN_TUNED, 3);
    check_ends(&pair, ENDS_OWN, 3, 3, 4);
    close_pair(&pair);
}

static void test_ratio(void **state)
{
    (void)state;
    struct pair pair = llama(8);
    static const double ratios[] = {0.25, 0.5, 0.75, 0.125};
    static const double head[] = {
        [ENDS_FOLLOW] = 0.75, [ENDS_MEAN] = 0.5, [ENDS_BASE] = 0, [ENDS_TUNED] = 1, [ENDS_OWN] = 0.125};
    for (int ends = ENDS_FOLLOW; ends <= ENDS_OWN; ends++) {
        if (ends == ENDS_PAPER_CODE)
            continue; /* also about norms */
        struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 3, .ends = (enum spec_ends)ends};
        struct plan *plan = planned(&pair, &spec);
        assert_true(plan_ratio(plan, entry(plan, "lm_head.weight"), ratios) == head[ends]);
        assert_true(plan_ratio(plan, entry(plan, "model.layers.4.mlp.up_proj.weight"), ratios) == 0.5);
        plan_free(plan);
    }
    close_pair(&pair);
}

static void test_places(void **state)
{
    (void)state;
    static const char *const names[] = {"transformer.h.0.attn.weight",
                                        "transformer.h.0.mlp.experts.7.w1.weight",
                                        "encoder.layer.1.w",
                                        "visual.blocks.2.w",
                                        "transformer.wte.weight",
                                        "wpe.weight",
                                        "gpt_neox.embed_in.weight",
                                        "embed_out.weight",
                                        "score.weight",
                                        "ln_f.weight",
                                        "rotary.layers.inv_freq",
                                        "model.layers.x.3.weight",
                                        "layers.02.w",
                                        "layers.3x.w",
                                        NULL};
    static const struct {
        enum plan_place place;
        int layer;
    } want[] = {{PLACE_LAYER, 0},   {PLACE_LAYER, 0},   {PLACE_LAYER, 1},   {PLACE_LAYER, 2},
                {PLACE_BEFORE, -1}, {PLACE_BEFORE, -1}, {PLACE_BEFORE, -1}, {PLACE_AFTER, -1},
                {PLACE_AFTER, -1},  {PLACE_AFTER, -1},  {PLACE_AFTER, -1},  {PLACE_AFTER, -1},
                {PLACE_LAYER, 2},   {PLACE_AFTER, -1}};
    struct pair pair = open_pair("{}", names, names);
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 1};
    struct plan *plan = planned(&pair, &spec);
    for (size_t i = 0; names[i]; i++) {
        if (entry(plan, names[i])->place != want[i].place || entry(plan, names[i])->layer != want[i].layer)
            fail_msg("%s: place %d layer %d", names[i], entry(plan, names[i])->place,
                     entry(plan, names[i])->layer);
    }
    plan_free(plan);
    close_pair(&pair);
}

/* --- pairs that do not fit --- */

static void test_missing_and_extra(void **state)
{
    (void)state;
    static const char *const all[] = {"model.layers.0.a", "model.layers.0.b", "model.layers.1.a", NULL};
    static const char *const less[] = {"model.layers.0.a", "model.layers.1.a", NULL};
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 1};
    struct pair pair = open_pair("{}", all, less);
    refused(&pair, &spec, "\"model.layers.0.b\" is in models.base but not in models.tuned");
    close_pair(&pair);
    pair = open_pair("{}", less, all);
    refused(&pair, &spec, "\"model.layers.0.b\" is in models.tuned but not in models.base");
    close_pair(&pair);
    static const char *const longer[] = {"model.layers.0.a", "model.layers.1.a", "z", NULL};
    pair = open_pair("{}", less, longer); /* the lists end at different places */
    refused(&pair, &spec, "\"z\" is in models.tuned");
    close_pair(&pair);
    pair = open_pair("{}", longer, less);
    refused(&pair, &spec, "\"z\" is in models.base");
    close_pair(&pair);
}

static void test_wrong_directories(void **state)
{
    (void)state;
    static const char *const model[] = {"model.layers.0.a", "model.norm.weight", "lm_head.weight", NULL};
    static const char *const reward[] = {"model.layers.0.a", "model.norm.weight", "score.weight", NULL};
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 1};
    struct pair pair = open_pair("{}", model, reward);
    refused(&pair, &spec, "models.tuned is a sequence classifier (score.weight), not a language model");
    close_pair(&pair);
    pair = open_pair("{}", reward, model);
    refused(&pair, &spec, "models.base is a sequence classifier (score.weight), not a language model");
    close_pair(&pair);
    pair = pair_of(UNTIED, model, "{\"architectures\":[\"LlamaForSequenceClassification\"]}", model);
    refused(&pair, &spec, "models.tuned is a sequence classifier, not");
    close_pair(&pair);
    pair = open_pair("{}", reward, reward); /* two reward models are a pair */
    plan_free(planned(&pair, &spec));
    close_pair(&pair);
}

/* The same files by another name: links too, copies not. */
static void test_same_checkpoint(void **state)
{
    (void)state;
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 1};
    struct pair pair = llama(1), same;
    struct err err = {0};
    char *base = mem_printf("%s/base", pair.directory), *link = mem_printf("%s/link", pair.directory);
    assert_int_equal(symlink(base, link), 0);
    same = (struct pair){.base = pair.base};
    assert_int_equal(checkpoint_open(link, &same.tuned, &err), 0);
    refused(&same, &spec, "models.base and models.tuned are the same checkpoint");
    struct plan *plan;
    spec.strategy = STRATEGY_IDENTIFY; /* one model is asked */
    assert_int_equal(plan_make(&spec, same.base, same.tuned, &plan, &err), 0);
    plan_free(plan);
    checkpoint_close(same.tuned);
    unlink(link);
    mem_free(base);
    mem_free(link);
    plan_free(planned(&pair, &spec));
    close_pair(&pair);
}

/* The pair with one tensor more, `odd` in tuned and its F32 [2] twin in base or `base_odd`. */
static void odd_refused(const struct st_tensor *base_odd, const struct st_tensor *odd, const char *says)
{
    static const char *const names[] = {"model.layers.0.a", NULL};
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 1};
    struct pair pair = open_pair("{}", names, names);
    float values[2] = {1, 2};
    const struct st_tensor *odds[2] = {base_odd, odd};
    struct checkpoint **sides[2] = {&pair.base, &pair.tuned};
    for (int i = 0; i < 2; i++) {
        struct st_tensor tensors[2] = {fixture_f32("model.layers.0.a", values, 2), *odds[i]};
        char *directory = mem_printf("%s/%s", pair.directory, i ? "tuned" : "base");
        char *path = mem_printf("%s/model.safetensors", directory);
        struct err err = {0};
        checkpoint_close(*sides[i]);
        if (st_write(path, tensors, 2, &err) || checkpoint_open(directory, sides[i], &err))
            fail_msg("%s", err.text);
        mem_free(path);
        mem_free(directory);
    }
    if (says) {
        refused(&pair, &spec, says);
    } else {
        struct plan *plan = planned(&pair, &spec);
        plan_free(plan);
    }
    close_pair(&pair);
}

static void test_shape_dtype_and_integers(void **state)
{
    (void)state;
    static const float values[2] = {1, 2};
    static const int64_t three[1] = {3}, four[1] = {4};
    struct st_tensor flat = fixture_f32("w", values, 2), deep = flat, half = flat;
    deep.rank = 2;
    deep.shape[1] = 1;
    odd_refused(&flat, &deep,
                "\"w\" is F32 [2] in models.base and F32 [2,1] in models.tuned; the shapes must be equal");
    half.dtype = ST_BF16;
    half.bytes = 4;
    odd_refused(&flat, &half, "\"w\" is F32 [2] in models.base and BF16 [2] in models.tuned; convert");
    struct st_tensor ids = {"ids", ST_I64, 1, {1}, 1, three, 8, NULL, 0}, other = ids;
    odd_refused(&ids, &ids, NULL);
    other.data = four;
    odd_refused(&ids, &other, "\"ids\" of dtype I64 differs");
}

static void test_gaps(void **state)
{
    (void)state;
    static const char *const gap[] = {"model.layers.0.a", "model.layers.2.a", NULL};
    static const char *const from_one[] = {"model.layers.1.a", NULL};
    static const char *const none[] = {"model.a", NULL};
    static const char *const huge[] = {"model.layers.99999999999999999999.a", NULL};
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 1};
    struct pair pair = open_pair("{}", gap, gap);
    refused(&pair, &spec, "layer 1 has no tensors, though layer 2 has");
    close_pair(&pair);
    pair = open_pair("{}", from_one, from_one);
    refused(&pair, &spec, "layer 0 has no tensors");
    close_pair(&pair);
    pair = open_pair("{}", none, none);
    refused(&pair, &spec, "no tensor lies in a layer");
    close_pair(&pair);
    pair = open_pair("{}", huge, huge);
    refused(&pair, &spec, "layer index is too large");
    close_pair(&pair);
}

/* --- printing --- */

static void test_write(void **state)
{
    (void)state;
    static const char *const names[] = {"model.embed_tokens.weight", "model.layers.0.w",
                                        "model.layers.1.mlp.w", NULL};
    static const char *const more[] = {"model.embed_tokens.weight", "model.layers.0.w",
                                       "model.layers.0.rotary_emb.inv_freq", "model.layers.1.mlp.w", NULL};
    struct pair pair = open_pair("{}", names, more);
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2, .ends = ENDS_MEAN};
    struct plan *plan = planned(&pair, &spec);
    struct buf buf;
    struct json_out out;
    buf_init(&buf, 1 << 20);
    json_begin(&out, &buf);
    plan_write(plan, &out);
    assert_string_equal(
        buf_str(&buf),
        "{\"layers\":2,\"ratios\":[\"layer 0\",\"layer 1\"],\"groups\":["
        "{\"name\":\"layer 0\",\"parameters\":2,\"tensors\":1},"
        "{\"name\":\"layer 1\",\"parameters\":2,\"tensors\":1},"
        "{\"name\":\"mean\",\"parameters\":2,\"tensors\":1}],\"tensors\":["
        "{\"name\":\"model.embed_tokens.weight\",\"group\":\"mean\",\"place\":\"before\",\"layer\":null,"
        "\"dtype\":\"F32\",\"parameters\":2,\"kind\":\"embedding\"},"
        "{\"name\":\"model.layers.0.w\",\"group\":\"layer 0\",\"place\":\"layer\",\"layer\":0,"
        "\"dtype\":\"F32\",\"parameters\":2,\"kind\":\"other\"},"
        "{\"name\":\"model.layers.1.mlp.w\",\"group\":\"layer 1\",\"place\":\"layer\",\"layer\":1,"
        "\"dtype\":\"F32\",\"parameters\":2,\"kind\":\"mlp\"}],\"dropped\":["
        "{\"name\":\"model.layers.0.rotary_emb.inv_freq\",\"in\":[\"tuned\"],"
        "\"why\":\"a table that programs compute; only tuned has it\"}]}");
    buf_fini(&buf);
    plan_free(plan);
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_count_always_covers),
        cmocka_unit_test(test_indices_are_integers),
        cmocka_unit_test(test_layerwise_limit),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_missing_and_extra),
        cmocka_unit_test(test_wrong_directories),
        cmocka_unit_test(test_same_checkpoint),
        cmocka_unit_test(test_shape_dtype_and_integers),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
