#include "fixture.h"

static void test_no_file(void **state)
{
    struct err err = {0};
    struct st_file *file;
    char *path = mem_printf("%s/absent", (char *)*state);
    fixture_refused(st_open(path, &file, &err), ERR_NOT_FOUND, &err, "absent");
    assert_int_equal(mkfifo(path, 0600), 0);
    fixture_refused(st_open(path, &file, &err), ERR_IO, &err, "not a regular file");
    fixture_refused(st_open(*state, &file, &err), ERR_IO, &err, "not a regular file");
    mem_free(path);
}

static void test_reads_tensors(void **state)
{
    const char *header =
        "{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},\"a\\u002e\\\"\\ud83d\\ude00\":"
        "{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[3,7]}} "; /* data at an odd address */
    char bytes[256] = {0};
    size_t n = strlen(header);
    memcpy(bytes, &n, 8);
    memcpy(bytes + 8, header, n);
    memcpy(bytes + 8 + n, "\1\2\3\x80\x3F\x00\xC0", 7);
    fixture_file(*state, "x.safetensors", bytes, 8 + n + 7);
    char *path = mem_printf("%s/x.safetensors", (char *)*state);
    struct st_file *file;
    struct err err = {0};
    assert_int_equal(st_open(path, &file, &err), 0);
    assert_int_equal(st_count(file), 2);
    assert_string_equal(st_at(file, 0)->name, "b");
    assert_null(st_at(file, 2));
    assert_null(st_find(file, "a"));
    const struct st_tensor *a = st_find(file, "a.\"\xF0\x9F\x98\x80");
    assert_non_null(a);
    assert_ptr_equal(a, st_at(file, 1));
    assert_int_equal(a->dtype, ST_BF16);
    assert_int_equal(a->rank, 2);
    assert_int_equal(a->shape[1], 2);
    assert_int_equal(a->elements, 2);
    assert_int_equal(a->bytes, 4);
    float values[2];
    assert_int_equal(tensor_to_f32(a, 0, 2, values, &err), 0);
    assert_true(values[0] == 1.0f && values[1] == -2.0f);
    st_close(file);
    mem_free(path);
}

static void test_find_among_many(void **state)
{
    char names[300][16];
    struct st_tensor tensors[300];
    float value = 1;
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "w%d", i * 7 % 300);
        tensors[i] = fixture_f32(names[i], &value, 1);
    }
    char *path = mem_printf("%s/x.safetensors", (char *)*state);
    struct err err = {0};
    struct st_file *file;
    assert_int_equal(st_write(path, tensors, 300, &err), 0);
    assert_int_equal(st_open(path, &file, &err), 0);
    for (int i = 0; i < 300; i++)
        assert_string_equal(st_find(file, names[i])->name, names[i]);
    assert_null(st_find(file, "w300"));
    assert_null(st_find(file, ""));
    st_close(file);
    mem_free(path);
}

static void test_dtypes(void **state)
{
    (void)state;
    assert_string_equal(st_dtype_name(ST_F8_E4M3FNUZ), "F8_E4M3FNUZ");
    assert_string_equal(st_dtype_name(ST_DTYPES_N), "unknown");
    assert_int_equal(st_dtype_bits(ST_F6_E2M3), 6);
    assert_int_equal(st_dtype_bits(ST_C64), 64);
    for (int i = 0; i < ST_DTYPES_N; i++)
        assert_non_null(st_dtype_name((enum st_dtype)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_reads_tensors),
        cmocka_unit_test(test_find_among_many),
        cmocka_unit_test(test_dtypes),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
