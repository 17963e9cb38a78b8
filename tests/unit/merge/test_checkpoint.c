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
    assert_true(checkpoint_is_shadowed(ckpt));
    checkpoint_close(ckpt);
}

/* --- indices and shards that are refused --- */

struct bad_index {
    const char *what;
    const char *text; /* the whole index */
    int code;
    const char *says;
    const char *names; /* tensor or file, in the sentence beside the index's own name */
};

#define MAP(lines) "{\"metadata\":{\"total_size\":1},\"weight_map\":{" lines "}}"
#define B_D "\"b\":\"one.safetensors\",\"d\":\"one.safetensors\""

static const struct bad_index bad_indices[] = {
    {"a tensor that the shard lacks", MAP(B_D ",\"x\":\"one.safetensors\""), ERR_CORRUPT,
     "is not in its file \"one.safetensors\"", "\"x\""},
    {"a tensor of the shard that the index lacks", MAP("\"b\":\"one.safetensors\""), ERR_CORRUPT,
     "is missing in weight_map", "\"d\""},
    {"a tensor in two shards", MAP(B_D ",\"e\":\"three.safetensors\""), ERR_CORRUPT,
     "is mapped to another file, but stands also in \"three.safetensors\"", "\"b\""},
    {"a shard twice, by two names", MAP("\"b\":\"one.safetensors\",\"d\":\"link.safetensors\""), ERR_CORRUPT,
     "stands also in", "link.safetensors"},
    {"a shard that is not there", MAP("\"a\":\"zero.safetensors\""), ERR_NOT_FOUND, "cannot be opened",
     "zero.safetensors"},
    {"a line twice", MAP(B_D ",\"b\":\"two.safetensors\""), ERR_CORRUPT, "twice", "\"b\""},
    {"a line twice by escape", MAP(B_D ",\"\\u0062\":\"one.safetensors\""), ERR_CORRUPT, "twice", "\"b\""},
    {"a zero byte by escape", MAP("\"b\":\"one.safetensors\\u0000\""), ERR_CORRUPT, "\\u0000", INDEX},
    {"no line", MAP(""), ERR_CORRUPT, "weight_map is missing or empty", INDEX},
    {"no weight_map", "{}", ERR_CORRUPT, "weight_map is missing or empty", INDEX},
    {"weight_map is an array", "{\"weight_map\":[]}", ERR_CORRUPT, "weight_map is missing or empty", INDEX},
    {"a line with a number", MAP("\"b\":7"), ERR_CORRUPT, "must be mapped to a file name", "\"b\""},
    {"a line with null", MAP("\"b\":null"), ERR_CORRUPT, "must be mapped to a file name", "\"b\""},
    {"an array", "[]", ERR_CORRUPT, "must be a JSON object", INDEX},
    {"empty", "", ERR_CORRUPT, INDEX, INDEX},
    {"Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", ERR_CORRUPT,
     "git lfs pull", INDEX},
    {"web page", "<!DOCTYPE html><html><body>Sign in</body></html>", ERR_CORRUPT, "a web page", INDEX},
    {"message of a server", "Entry not found", ERR_CORRUPT, "error message", INDEX},
    {"a shard above", MAP("\"b\":\"../one.safetensors\""), ERR_CORRUPT, "in the same directory", "\"b\""},
    {"a shard elsewhere", MAP("\"b\":\"/etc/passwd\""), ERR_CORRUPT, "in the same directory", "\"b\""},
    {"a shard below", MAP("\"b\":\"sub/one.safetensors\""), ERR_CORRUPT, "in the same directory", "\"b\""},
    {"the directory above", MAP("\"b\":\"..\""), ERR_CORRUPT, "in the same directory", "\"b\""},
    {"the directory", MAP("\"b\":\".\""), ERR_CORRUPT, "in the same directory", "\"b\""},
    {"no name", MAP("\"b\":\"\""), ERR_CORRUPT, "in the same directory", "\"b\""},
    {"two dots within", MAP("\"b\":\"a..b\""), ERR_CORRUPT, "in the same directory", "\"b\""},
    {"a slash by escape", MAP("\"b\":\"..\\u002fone.safetensors\""), ERR_CORRUPT, "in the same directory",
     "\"b\""},
    {"a name with a line break", MAP(B_D ",\"x\\ny\":\"one.safetensors\""), ERR_CORRUPT, "is not in its file",
     "\"x?y\""},
    {"a shard with a line break", MAP("\"b\":\"one\\n.safetensors\""), ERR_CORRUPT, "in the same directory",
     "one?.safetensors"},
};

/* Whether it is refused as it must be; says how not. */
static bool right(const char *directory, const struct bad_index *row)
{
    struct err err = {0};
    struct checkpoint *ckpt;
    fixture_text(directory, INDEX, row->text);
    int rc = checkpoint_open(directory, &ckpt, &err);
    if (rc == row->code && strstr(err.text, row->says) && strstr(err.text, row->names) &&
        !strchr(err.text, '\n') && !ckpt)
        return true;
    print_error("%s: expected %s, \"%s\" and %s in one line, got %s: %s\n", row->what, err_name(row->code),
                row->says, row->names, err_name(rc), err.text);
    checkpoint_close(ckpt);
    return false;
}

static void test_bad_indices(void **state)
{
    char *one = mem_printf("%s/one.safetensors", (char *)*state);
    char *other = mem_printf("%s/link.safetensors", (char *)*state);
    assert_int_equal(link(one, other), 0);
    mem_free(one);
    mem_free(other);
    shard(*state, "three.safetensors", (const char *const[]){"b", "e", NULL});
    int wrong = 0;
    for (size_t i = 0; i < sizeof bad_indices / sizeof *bad_indices; i++)
        wrong += !right(*state, &bad_indices[i]);
    assert_int_equal(wrong, 0);
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
    char *file = mem_printf("%s/pytorch_model.bin", (char *)*state);
    char *says = mem_printf("pytorch_model.bin: is a file; give its directory, %s", (char *)*state);
    refused(file, ERR_NOT_FOUND, says);
    mem_free(says);
    mem_free(file);
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
    fixture_text(*state, INDEX, "{\"weight_map\":{\"a\":\"gone.safetensors\"}}");
    refused(
        *state, ERR_NOT_FOUND,
        "gone.safetensors: cannot be opened: it is not there, though model.safetensors.index.json names it");
    refused(*state, ERR_NOT_FOUND, "download it again");
}

static void test_to_f32(void **state)
{
    (void)state;
    static const uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7C00},
                          brains[] = {0x3F80, 0xC000, 0x0001, 0x7F80};
    static const double doubles[] = {0.1, -2, 1e300, 1e-60};
    struct st_tensor f16 = {"w", ST_F16, 1, {4}, 4, halves, 8, NULL, 0},
                     bf16 = {"w", ST_BF16, 1, {4}, 4, brains, 8, NULL, 0};
    struct st_tensor f64 = {"w", ST_F64, 1, {4}, 4, doubles, 32, NULL, 0},
                     i16 = {"ids", ST_I16, 1, {4}, 4, halves, 8, NULL, 0};
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
        cmocka_unit_test_setup_teardown(test_bad_indices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_broken_shard_is_named, set_up, tear_down),
        cmocka_unit_test(test_to_f32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
