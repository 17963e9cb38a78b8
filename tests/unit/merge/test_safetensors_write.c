#include "fixture.h"

#include "merge/files/safetensors.h"

static const float six[6] = {0, 1, 2, 3, 4, 5};
static const char *const no_metadata[] = {NULL};

static const void *data_of(void *ctx, size_t i, struct err *err)
{
    (void)err;
    return ((const struct st_tensor *)ctx)[i].data;
}

/* Writes as x.safetensors with the metadata and gives back the bytes. */
static char *written(const char *directory, struct st_tensor *tensors, size_t n, const char *const *metadata,
                     size_t *size)
{
    struct err err = {0};
    struct st_source source = {data_of, tensors};
    char *path = mem_printf("%s/x.safetensors", directory);
    if (st_write_from(path, tensors, n, metadata, &source, &err))
        fail_msg("%s", err.text);
    mem_free(path);
    return fixture_read(directory, "x.safetensors", size);
}

/* The file must be length, header and data, to the byte. */
static void check_bytes(const char *directory, struct st_tensor *tensors, size_t n,
                        const char *const *metadata, const char *header, const void *data, size_t data_n)
{
    size_t size, header_n = strlen(header);
    char *bytes = written(directory, tensors, n, metadata, &size);
    uint64_t length;
    memcpy(&length, bytes, 8);
    assert_int_equal(length, header_n);
    assert_int_equal(size, 8 + header_n + data_n);
    assert_memory_equal(bytes + 8, header, header_n);
    assert_memory_equal(bytes + 8 + header_n, data, data_n);
    mem_free(bytes);
}

/* What the reference implementation writes for the same tensors. */
static void test_reference_bytes(void **state)
{
    static const char *const framework[] = {"framework", "pt", NULL};
    struct st_tensor flat = {"attn.0", ST_F32, 3, {1, 2, 3}, 6, six, 24, NULL, 0};
    struct st_tensor deep = {"attn0", ST_F32, 4, {1, 1, 2, 3}, 6, six, 24, NULL, 0};
    struct st_tensor half = {"attn.0", ST_F4, 2, {1, 2}, 2, "", 1, NULL, 0};
    check_bytes(*state, &flat, 0, no_metadata, "{}      ", "", 0);
    check_bytes(*state, &flat, 0, framework, "{\"__metadata__\":{\"framework\":\"pt\"}}     ", "", 0);
    check_bytes(*state, &flat, 1, NULL,
                "{\"attn.0\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[0,24]}}", six, 24);
    check_bytes(*state, &deep, 1, NULL,
                "{\"attn0\":{\"dtype\":\"F32\",\"shape\":[1,1,2,3],\"data_offsets\":[0,24]}}       ", six,
                24);
    check_bytes(*state, &half, 1, NULL,
                "{\"attn.0\":{\"dtype\":\"F4\",\"shape\":[1,2],\"data_offsets\":[0,1]}}    ", "", 1);
}

/* dtype descending, then name; whatever the order of the caller. */
static void test_order(void **state)
{
    struct st_tensor a = {"a", ST_I8, 1, {1}, 1, "1", 1, NULL, 0},
                     b = {"b", ST_I8, 1, {1}, 1, "2", 1, NULL, 0};
    struct st_tensor c = {"c", ST_F32, 1, {1}, 1, "3333", 4, NULL, 0},
                     d = {"d", ST_BF16, 1, {1}, 1, "44", 2, NULL, 0};
    struct st_tensor one[] = {a, b, c, d}, other[] = {d, b, c, a};
    const char *header = "{\"c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                         "\"d\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[4,6]},"
                         "\"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[6,7]},"
                         "\"b\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[7,8]}}";
    char *padded = mem_printf("%s%*s", header, (int)(7 - (strlen(header) + 7) % 8), "");
    check_bytes(*state, one, 4, NULL, padded, "33334412", 8);
    check_bytes(*state, other, 4, NULL, padded, "33334412", 8);
    mem_free(padded);
}

static void test_st_write_says_pt(void **state)
{
    struct st_tensor tensor = fixture_f32("w", six, 6);
    struct err err = {0};
    size_t size;
    char *path = mem_printf("%s/x.safetensors", (char *)*state);
    assert_int_equal(st_write(path, &tensor, 1, &err), 0);
    char *bytes = fixture_read(*state, "x.safetensors", &size);
    assert_memory_equal(bytes + 8, "{\"__metadata__\":{\"format\":\"pt\"},\"w\":{", 37);
    mem_free(bytes);
    mem_free(path);
}

/* Names that need escapes, dimensions past 2^63 and empty tensors come back as they went. */
static void test_round_trip(void **state)
{
    struct st_tensor tensors[] = {
        {"q\"\\\n\x01\xC3\xA9", ST_F32, 1, {6}, 6, six, 24, NULL, 0},
        {"empty", ST_BF16, 2, {UINT64_MAX, 0}, 0, NULL, 0, NULL, 0},
        {"scalar", ST_F64, 0, {0}, 1, six, 8, NULL, 0},
        {"", ST_BOOL, 1, {2}, 2, six, 2, NULL, 0},
    };
    struct err err = {0};
    struct st_file *file;
    char *path = mem_printf("%s/x.safetensors", (char *)*state);
    if (st_write(path, tensors, 4, &err) || st_open(path, &file, &err))
        fail_msg("%s", err.text);
    assert_int_equal(st_count(file), 4);
    for (size_t i = 0; i < 4; i++) {
        const struct st_tensor *read = st_find(file, tensors[i].name);
        assert_non_null(read);
        assert_int_equal(read->dtype, tensors[i].dtype);
        assert_int_equal(read->rank, tensors[i].rank);
        assert_memory_equal(read->shape, tensors[i].shape, sizeof read->shape);
        assert_int_equal(read->bytes, tensors[i].bytes);
        if (read->bytes)
            assert_memory_equal(read->data, tensors[i].data, read->bytes);
    }
    st_close(file);
    mem_free(path);
}

static void refused(const char *directory, const struct st_tensor *tensors, size_t n, const char *says)
{
    struct err err = {0};
    char *path = mem_printf("%s/refused.safetensors", directory);
    fixture_refused(st_write(path, tensors, n, &err), ERR_INVALID, &err, says);
    assert_non_null(strstr(err.text, "refused.safetensors"));
    assert_int_not_equal(access(path, F_OK), 0);
    mem_free(path);
}

static void test_refuses(void **state)
{
    struct st_tensor bad[2];
    bad[0] = (struct st_tensor){"attn.0", ST_F4, 2, {1, 3}, 3, six, 2, NULL, 0};
    refused(*state, bad, 1, "does not fill whole bytes");
    bad[0] = (struct st_tensor){"attn.0", ST_F4, 2, {1, 2}, 2, six, 2, NULL, 0};
    refused(*state, bad, 1, "2 bytes given, dtype and shape make 1");
    bad[0] = (struct st_tensor){"a", ST_F32, 2, {UINT64_MAX, 2}, 6, six, 24, NULL, 0};
    refused(*state, bad, 1, "overflows");
    bad[0] = (struct st_tensor){"__metadata__", ST_F32, 1, {6}, 6, six, 24, NULL, 0};
    refused(*state, bad, 1, "cannot stand");
    bad[0] = (struct st_tensor){"\xFF", ST_F32, 1, {6}, 6, six, 24, NULL, 0};
    refused(*state, bad, 1, "cannot stand");
    bad[0] = (struct st_tensor){"a", ST_F32, 9, {1}, 1, six, 4, NULL, 0};
    refused(*state, bad, 1, "out of range");
    bad[0] = fixture_f32("a", six, 6);
    bad[1] = (struct st_tensor){"a", ST_I32, 1, {6}, 6, six, 24, NULL, 0}; /* another dtype, the same name */
    refused(*state, bad, 2, "written twice");
}

static const void *second_fails(void *ctx, size_t i, struct err *err)
{
    int *calls = ctx;
    (void)i;
    if (++*calls < 2)
        return six;
    err_set(err, ERR_UNSUPPORTED, "tensor \"b\" cannot be made");
    return NULL;
}

/* A failure half-way leaves no file, and an older one whole. */
static void test_failure_leaves_the_old_file(void **state)
{
    struct st_tensor tensors[] = {fixture_f32("a", six, 6), fixture_f32("b", six, 6)};
    struct err err = {0};
    int calls = 0;
    struct st_source source = {second_fails, &calls};
    char *path = mem_printf("%s/kept.safetensors", (char *)*state), *partial = mem_printf("%s.partial", path);
    fixture_text(*state, "kept.safetensors", "old");
    fixture_refused(st_write_from(path, tensors, 2, NULL, &source, &err), ERR_UNSUPPORTED, &err,
                    "cannot be made");
    assert_int_equal(calls, 2);
    calls = 0;
    assert_int_equal(st_write_from(path, tensors, 2, NULL, &source, NULL), ERR_UNSUPPORTED);
    assert_int_not_equal(access(partial, F_OK), 0);
    size_t size;
    char *old = fixture_read(*state, "kept.safetensors", &size);
    assert_string_equal(old, "old");
    mem_free(old);
    mem_free(path);
    mem_free(partial);
}

static void test_no_such_directory(void **state)
{
    struct st_tensor tensor = fixture_f32("a", six, 6);
    struct err err = {0};
    char *path = mem_printf("%s/absent/x.safetensors", (char *)*state);
    fixture_refused(st_write(path, &tensor, 1, &err), ERR_IO, &err, "cannot be created");
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_bytes),   cmocka_unit_test(test_order),
        cmocka_unit_test(test_st_write_says_pt),  cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refuses),           cmocka_unit_test(test_failure_leaves_the_old_file),
        cmocka_unit_test(test_no_such_directory),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
