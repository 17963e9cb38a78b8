#include "fixture.h"

#include "merge/output/companions.h"

#include <fcntl.h>

static void becomes(const char *before, const char *after)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    companions_set_dtype(before, strlen(before), "float32", &out);
    assert_string_equal(buf_str(&out), after);
    buf_fini(&out);
}

static void test_the_value_alone_changes(void **state)
{
    (void)state;
    becomes("{\"torch_dtype\":\"bfloat16\"}", "{\"torch_dtype\":\"float32\"}");
    becomes("{\n  \"dtype\" :\t\"bfloat16\"  ,\n  \"b\": 1.0e0\n}\n",
            "{\n  \"dtype\" :\t\"float32\"  ,\n  \"b\": 1.0e0\n}\n");
    becomes("{\"dtype\":null\n}", "{\"dtype\":\"float32\"\n}");
    becomes("{\"a\":{\"dtype\":\"x\"},\"b\":[{\"dtype\":\"x\"},\"}\\\"\"],\"torch_dtype\":\"f\\\"16\"} ",
            "{\"a\":{\"dtype\":\"x\"},\"b\":[{\"dtype\":\"x\"},\"}\\\"\"],\"torch_dtype\":\"float32\"} ");
    becomes("{\"torch_dtype\":\"a\",\"dtype\":\"b\"}", "{\"torch_dtype\":\"float32\",\"dtype\":\"float32\"}");
}

static void test_parts_of_a_model(void **state)
{
    (void)state;
    becomes("{\"text_config\":{\"torch_dtype\":\"b\",\"x_config\":{\"dtype\":\"b\"}},\"dtype\":\"b\"}",
            "{\"text_config\":{\"torch_dtype\":\"float32\",\"x_config\":{\"dtype\":\"b\"}},\"dtype\":"
            "\"float32\"}");
    becomes(
        "{\"quantization_config\":{\"dtype\":\"int8\"},\"vision_config\":{\"a\":[],\"dtype\":\"b\"}}",
        "{\"quantization_config\":{\"dtype\":\"int8\"},\"vision_config\":{\"a\":[],\"dtype\":\"float32\"}}");
}

static void test_nothing_to_change(void **state)
{
    static const char *const same[] = {
        "{}", "{ }\n", "[]", "{\"dtype\":{\"a\":\"b\"},\"torch_dtype\":[\"dtype\"]}",
        "{\"Dtype\":\"x\",\"my_dtype\":\"x\",\"a\":\"dtype\"}", "", "  ",
        /* no JSON at all: no crash, and every byte stays */
        "{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"\\", "{\"a_config\":{", "{]}}"};
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        becomes(same[i], same[i]);
}

static int count(const struct outdir *dir, const char *name)
{
    int n = 0;
    for (size_t i = 0; i < dir->files_n; i++)
        n += strcmp(dir->files[i].name, name) == 0;
    return n;
}

static void test_what_is_copied(void **state)
{
    (void)state;
    char *directory = fixture_directory(), *from = mem_printf("%s/from", directory),
         *to = mem_printf("%s/to", directory);
    struct err err = {0};
    struct outdir dir;
    mkdir(from, 0777);
    fixture_text(from, "config.json", "{\"torch_dtype\":\"bfloat16\"}");
    fixture_text(from, "preprocessor_config.json", "{}");
    fixture_text(from, "modeling_x.py", "raise SystemExit");
    fixture_text(from, "README.md", "theirs");
    fixture_text(from, "tokenizer.json.py", "");
    fixture_text(from, "spiece.model", "pieces");
    assert_int_equal(outdir_open(&dir, to, true, &err), 0);
    const struct merge_how how = {.dtype = OUTPUT_F16};
    if (companions_copy(from, &how, &dir, &err))
        fail_msg("%s", err.text);
    assert_int_equal(dir.files_n, 3);
    assert_int_equal(count(&dir, "config.json") + count(&dir, "preprocessor_config.json") +
                         count(&dir, "spiece.model"),
                     3);
    assert_int_equal(outdir_publish(&dir, &err), 0);
    size_t n;
    char *config = fixture_read(to, "config.json", &n);
    assert_string_equal(config, "{\"torch_dtype\":\"float16\"}");
    assert_int_equal(dir.files[0].bytes, n);
    assert_true(hash_equal(dir.files[0].hash, hash_bytes(config, n)));
    mem_free(config);
    outdir_close(&dir);
    mem_free(from);
    mem_free(to);
    fixture_remove(directory);
}

static void test_files_that_cannot_be_copied(void **state)
{
    (void)state;
    char *directory = fixture_directory(), *to = mem_printf("%s/to", directory),
         *path = mem_printf("%s/tokenizer.json", directory);
    for (int i = 0; i < 4; i++) {
        static const char *const what[] = {"is not a regular file", "is not a regular file",
                                           "is not a regular file", "is a link to a file that is not there"};
        const struct merge_how how = {0};
        struct err err = {0};
        struct outdir dir;
        assert_int_equal(i == 0   ? mkdir(path, 0777)
                         : i == 1 ? mkfifo(path, 0666) /* nobody writes: opening must not wait */
                         : i == 2 ? symlink("/dev/zero", path)
                                  : symlink("nowhere", path),
                         0);
        assert_int_equal(outdir_open(&dir, to, true, &err), 0);
        alarm(60);
        fixture_refused(companions_copy(directory, &how, &dir, &err), ERR_IO, &err, what[i]);
        alarm(0);
        assert_non_null(strstr(err.text, "tokenizer.json: "));
        outdir_close(&dir);
        assert_int_not_equal(access(to, F_OK), 0);
        assert_int_equal(remove(path), 0);
    }
    mem_free(path);
    mem_free(to);
    fixture_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_value_alone_changes),     cmocka_unit_test(test_parts_of_a_model),
        cmocka_unit_test(test_nothing_to_change),           cmocka_unit_test(test_what_is_copied),
        cmocka_unit_test(test_files_that_cannot_be_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
