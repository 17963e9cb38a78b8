#include "fixture.h"

/* Every dtype of the format, as the reference names and sizes it. */
static const struct {
    const char *name;
    unsigned bits;
} dtypes[] = {{"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
              {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
              {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
              {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
              {"I64", 64},        {"U64", 64}};

#define DTYPES_N (sizeof dtypes / sizeof *dtypes)

static const unsigned char bytes[33] = {0x80, 1, 0x7f, 0xff, 4, 5, 6, 7, 8, 9, 10, 11};

/* Four elements of every dtype, "w0" … ; F6 makes 3 bytes of them, F4 2. */
static size_t all(struct st_tensor *out, char (*names)[8])
{
    for (size_t i = 0; i < DTYPES_N; i++) {
        snprintf(names[i], sizeof names[i], "w%zu", i);
        out[i] = (struct st_tensor){.name = names[i],
                                    .dtype = (enum st_dtype)i,
                                    .rank = 2,
                                    .shape = {2, 2},
                                    .elements = 4,
                                    .data = bytes,
                                    .bytes = dtypes[i].bits / 2};
    }
    return DTYPES_N;
}

static void test_names_and_sizes(void **state)
{
    (void)state;
    assert_int_equal(DTYPES_N, 22);
    assert_int_equal(ST_DTYPES_N, 22);
    for (size_t i = 0; i < DTYPES_N; i++) {
        assert_string_equal(st_dtype_name((enum st_dtype)i), dtypes[i].name);
        assert_int_equal(st_dtype_bits((enum st_dtype)i), dtypes[i].bits);
    }
}

/* Read from a header made by hand: dtype by its name, size by its bits; one byte more or less is refused. */
static void test_read(void **state)
{
    char *path = mem_printf("%s/x.safetensors", (char *)*state);
    for (size_t i = 0; i < DTYPES_N; i++)
        for (int more = -1; more <= 1; more++) {
            char text[256] = {0};
            unsigned n = dtypes[i].bits / 2 + (unsigned)more;
            int len = snprintf(text + 8, sizeof text - 8,
                               "{\"w\":{\"dtype\":\"%s\",\"shape\":[4],\"data_offsets\":[0,%u]}}",
                               dtypes[i].name, n);
            text[0] = (char)len;
            memcpy(text + 8 + len, bytes, n);
            fixture_file(*state, "x.safetensors", text, 8 + (size_t)len + n);
            struct err err = {0};
            struct st_file *file;
            int rc = st_open(path, &file, &err);
            if (more) {
                fixture_refused(rc, ERR_CORRUPT, &err, "\"w\": data_offsets hold");
                continue;
            }
            if (rc)
                fail_msg("%s: %s", dtypes[i].name, err.text);
            assert_int_equal(st_at(file, 0)->dtype, i);
            assert_int_equal(st_at(file, 0)->elements, 4);
            assert_memory_equal(st_at(file, 0)->data, bytes, n);
            st_close(file);
        }
    mem_free(path);
}

static void test_round_trip(void **state)
{
    struct st_tensor tensors[DTYPES_N];
    char names[DTYPES_N][8];
    size_t n = all(tensors, names);
    struct err err = {0};
    struct st_file *file;
    char *path = mem_printf("%s/x.safetensors", (char *)*state);
    if (st_write(path, tensors, n, &err) || st_open(path, &file, &err))
        fail_msg("%s", err.text);
    assert_int_equal(st_count(file), n);
    for (size_t i = 0; i < n; i++) {
        const struct st_tensor *read = st_at(file, n - 1 - i); /* the writer's order: the last dtype first */
        assert_string_equal(read->name, names[i]);
        assert_int_equal(read->dtype, i);
        assert_int_equal(read->bytes, tensors[i].bytes);
        assert_memory_equal(read->data, bytes, read->bytes);
    }
    st_close(file);
    mem_free(path);
}

/* Numbers to compute with are four of them; the others say so, by tensor and dtype. */
static void test_numbers(void **state)
{
    (void)state;
    struct st_tensor tensors[DTYPES_N];
    char names[DTYPES_N][8];
    size_t n = all(tensors, names);
    for (size_t i = 0; i < n; i++) {
        float out[4];
        struct err err = {0};
        int rc = tensor_to_f32(&tensors[i], 0, 4, out, &err);
        bool number = i == ST_F16 || i == ST_BF16 || i == ST_F32 || i == ST_F64;
        assert_int_equal(rc, number ? 0 : ERR_UNSUPPORTED);
        if (!number) {
            assert_non_null(strstr(err.text, dtypes[i].name));
            assert_non_null(strstr(err.text, names[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_sizes),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
