#include "fixture.h"

#define INDEX "model.safetensors.index.json"

static const float six[6] = {0, 1, 2, 3, 4, 5};

/* A shard with one F32 vector a name. */
static void shard(const char *directory, const char *name, const char *const *tensors)
{
    struct st_tensor list[8];
    size_t n = 0;
    for (; tensors[n]; n++)
        list[n] = fixture_f32(tensors[n], six, 6);
    struct err err = {0};
    char *path = mem_printf("%s/%s", directory, name);
    if (st_write(path, list, n, &err))
        fail_msg("%s", err.text);
    mem_free(path);
}

static int set_up(void **state)
{
    char *directory = fixture_directory();
    fixture_text(directory, "config.json", "{\"model_type\":\"llama\",\"tie_word_embeddings\":true}");
    shard(directory, "one.safetensors", (const char *const[]){"b", "d", NULL});
    shard(directory, "two.safetensors", (const char *const[]){"a", "c", NULL});
    *state = directory;
    return 0;
}

static int tear_down(void **state)
{
    fixture_remove(*state);
    return 0;
}

static void refused(const char *directory, int code, const char *says)
{
    struct err err = {0};
    struct checkpoint *ckpt;
    fixture_refused(checkpoint_open(directory, &ckpt, &err), code, &err, says);
    assert_null(ckpt);
}

static void index_refused(const char *directory, const char *map, const char *says)
{
    char *text = mem_printf("{\"metadata\":{\"total_size\":1},\"weight_map\":%s}", map);
    fixture_text(directory, INDEX, text);
    refused(directory, ERR_CORRUPT, says);
    mem_free(text);
}

static void test_one_file(void **state)
{
    struct err err = {0};
    struct checkpoint *ckpt;
    shard(*state, "model.safetensors", (const char *const[]){"z", "m.10", "m.9", NULL});
    if (checkpoint_open(*state, &ckpt, &err))
        fail_msg("%s", err.text);
    assert_string_equal(checkpoint_directory(ckpt), *state);
    assert_int_equal(checkpoint_count(ckpt), 3);
    assert_string_equal(checkpoint_at(ckpt, 0)->name, "m.10");
    assert_string_equal(checkpoint_at(ckpt, 2)->name, "z");
    assert_null(checkpoint_at(ckpt, 3));
    assert_ptr_equal(checkpoint_find(ckpt, "m.9"), checkpoint_at(ckpt, 1));
    assert_null(checkpoint_find(ckpt, "m"));
    assert_string_equal(json_string_or(json_get(checkpoint_config(ckpt), "model_type"), ""), "llama");
    checkpoint_close(ckpt);
}

static void test_shards(void **state)
{
    struct err err = {0};
    struct checkpoint *ckpt;
    fixture_text(*state, INDEX,
                 "{\"metadata\":{\"total_size\":\"wrong\"},\"weight_map\":{\"d\":\"one.safetensors\",\"a\":"
                 "\"two.safetensors\",\"c\":\"two.safetensors\",\"b\":\"one.safetensors\"}}");
    if (checkpoint_open(*state, &ckpt, &err))
        fail_msg("%s", err.text);
    assert_int_equal(checkpoint_count(ckpt), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(checkpoint_at(ckpt, i)->name[0], 'a' + (int)i);
        assert_memory_equal(checkpoint_at(ckpt, i)->data, six, sizeof six);
    }
    checkpoint_close(ckpt);
}

/* Beside an index, another set of weights counts for nothing. */
static void test_the_index_alone_counts(void **state)
{
    struct err err = {0};
    struct checkpoint *ckpt;
    shard(*state, "model.safetensors", (const char *const[]){"stale", NULL});
    fixture_text(*state, INDEX, "{\"weight_map\":{\"b\":\"one.safetensors\",\"d\":\"one.safetensors\"}}");
    assert_int_equal(checkpoint_open(*state, &ckpt, &err), 0);
    assert_int_equal(checkpoint_count(ckpt), 2);
    assert_null(checkpoint_find(ckpt, "stale"));
    checkpoint_close(ckpt);
}

static void test_strict_index(void **state)
{
    index_refused(*state, "{\"b\":\"one.safetensors\",\"d\":\"one.safetensors\",\"x\":\"one.safetensors\"}",
                  "tensor \"x\" is not in its file \"one.safetensors\"");
    index_refused(*state, "{\"b\":\"one.safetensors\"}", "tensor \"d\" is missing in weight_map");
    shard(*state, "three.safetensors", (const char *const[]){"b", "e", NULL});
    index_refused(*state, "{\"b\":\"one.safetensors\",\"d\":\"one.safetensors\",\"e\":\"three.safetensors\"}",
                  "tensor \"b\" is mapped to another file, but stands also in \"three.safetensors\"");
    index_refused(*state, "{\"b\":\"one.safetensors\",\"b\":\"one.safetensors\"}", INDEX);
    index_refused(*state, "{}", "weight_map is missing or empty");
    index_refused(*state, "[]", "weight_map is missing or empty");
    index_refused(*state, "{\"b\":7}", "tensor \"b\" must be mapped to a file name");
}

static void test_paths_out_of_the_directory(void **state)
{
    static const char *const names[] = {
        "../one.safetensors", "/etc/passwd", "sub/one.safetensors", "..", ".", "", "a..b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *map = mem_printf("{\"b\":\"%s\"}", names[i]);
        index_refused(*state, map, "must be mapped to a file name in the same directory");
        mem_free(map);
    }
}

static void test_missing_shard(void **state)
{
    fixture_text(*state, INDEX, "{\"weight_map\":{\"b\":\"one.safetensors\",\"q\":\"zero.safetensors\"}}");
    refused(*state, ERR_NOT_FOUND, "zero.safetensors");
}

static void test_what_is_not_there(void **state)
{
    char *absent = mem_printf("%s/absent", (char *)*state);
    refused(absent, ERR_NOT_FOUND, "no such directory");
    mem_free(absent);
    char *hub = mem_printf("%s/org/name", (char *)*state);
    refused(hub, ERR_NOT_FOUND, "hub names such as \"org/name\" are not downloaded");
    mem_free(hub);
    refused(*state, ERR_NOT_FOUND, "neither model.safetensors nor");
    fixture_text(*state, "pytorch_model.bin", "");
    refused(*state, ERR_NOT_FOUND, "convert its pytorch_model.bin");
    char *config = mem_printf("%s/config.json", (char *)*state);
    assert_int_equal(unlink(config), 0);
    mem_free(config);
    refused(*state, ERR_NOT_FOUND, "holds no config.json");
}

static void test_bad_files(void **state)
{
    shard(*state, "model.safetensors", (const char *const[]){NULL});
    refused(*state, ERR_CORRUPT, "holds no tensors");
    shard(*state, "model.safetensors", (const char *const[]){"a", NULL});
    fixture_text(*state, "config.json", "{\"a\":}");
    refused(*state, ERR_CORRUPT, "config.json");
    fixture_text(*state, "config.json", "[1]");
    refused(*state, ERR_CORRUPT, "must be a JSON object");
    char *huge = mem_zero((2 << 20) + 1, 1);
    memset(huge, ' ', 2 << 20);
    fixture_text(*state, "config.json", huge);
    refused(*state, ERR_TOO_LARGE, "config.json");
    mem_free(huge);
}

static void test_a_broken_shard_is_named(void **state)
{
    fixture_text(*state, "two.safetensors", "version https://git-lfs.github.com/spec/v1\n");
    fixture_text(*state, INDEX, "{\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"one.safetensors\"}}");
    refused(*state, ERR_CORRUPT, "two.safetensors");
    refused(*state, ERR_CORRUPT, "git lfs pull");
}

static void test_to_f32(void **state)
{
    (void)state;
    static const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7C00},
                          brains[] = {0x3F80, 0xC000, 0x0001, 0x7F80};
    static const double doubles[] = {0.1, -2, 1e300, 1e-60};
    struct st_tensor f16 = {"w", ST_F16, 1, {4}, 4, halves, 8}, bf16 = {"w", ST_BF16, 1, {4}, 4, brains, 8};
    struct st_tensor f64 = {"w", ST_F64, 1, {4}, 4, doubles, 32}, i16 = {"ids", ST_I16, 1, {4}, 4, halves, 8};
    struct err err = {0};
    float out[4];
    assert_int_equal(tensor_to_f32(&f16, 0, 4, out, &err), 0);
    assert_true(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-24f && out[3] == __builtin_inff());
    assert_int_equal(tensor_to_f32(&bf16, 0, 4, out, &err), 0);
    assert_true(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-133f && out[3] == __builtin_inff());
    assert_int_equal(tensor_to_f32(&f64, 0, 4, out, &err), 0);
    assert_true(out[0] == 0.1f && out[1] == -2 && out[2] == __builtin_inff() && out[3] == 0);
    assert_int_equal(tensor_to_f32(&f16, 1, 2, out, &err), 0);
    assert_true(out[0] == -2 && out[1] == 0x1p-24f);
    assert_int_equal(tensor_to_f32(&f16, 4, 0, out, &err), 0);
    fixture_refused(tensor_to_f32(&f16, 3, 2, out, &err), ERR_INVALID, &err, "4 elements");
    fixture_refused(tensor_to_f32(&f16, 2, UINT64_MAX, out, &err), ERR_INVALID, &err, "4 elements");
    fixture_refused(tensor_to_f32(&i16, 0, 4, out, &err), ERR_UNSUPPORTED, &err, "\"ids\" has dtype I16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_index_alone_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_strict_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paths_out_of_the_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_shard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_broken_shard_is_named, set_up, tear_down),
        cmocka_unit_test(test_to_f32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
