#include "fixture.h"

#include "malformed.h"
#include "proto/buf.h"

#include <fcntl.h>
#include <sys/mman.h>

/* Writes length, header and data_n zero bytes as x.safetensors and opens it. */
static int open_bytes(const char *directory, uint64_t length, const char *header, size_t header_n,
                      size_t data_n, struct st_file **file, struct err *err)
{
    char *bytes = mem_zero(8 + header_n + data_n, 1);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, header_n);
    fixture_file(directory, "x.safetensors", bytes, 8 + header_n + data_n);
    char *path = mem_printf("%s/x.safetensors", directory);
    int rc = st_open(path, file, err);
    mem_free(path);
    mem_free(bytes);
    return rc;
}

static void check_vector(const char *directory, const struct malformed *v)
{
    struct err err = {0};
    struct st_file *file;
    size_t n = strlen(v->header);
    int rc = open_bytes(directory, n, v->header, n, v->data_n, &file, &err);
    if (rc != v->code)
        fail_msg("%s: expected %s, got %s: %s", v->what, err_name(v->code), err_name(rc), err.text);
    if (!rc) {
        st_close(file);
        return;
    }
    assert_null(file);
    bool says = strstr(err.text, v->says) && strstr(err.text, "x.safetensors") && !strchr(err.text, '\n');
    char *tensor = mem_printf("\"%s\"", v->tensor ? v->tensor : "");
    if (!says || (v->tensor && !strstr(err.text, tensor)))
        fail_msg("%s: the sentence must say \"%s\", the file and tensor %s: %s", v->what, v->says, tensor,
                 err.text);
    mem_free(tensor);
}

static void test_headers(void **state)
{
    for (size_t i = 0; i < sizeof malformed_headers / sizeof *malformed_headers; i++)
        check_vector(*state, &malformed_headers[i]);
}

/* --- whole files --- */

static void test_files(void **state)
{
    char *path = mem_printf("%s/x.safetensors", (char *)*state);
    for (size_t i = 0; i < sizeof malformed_files / sizeof *malformed_files; i++) {
        const struct malformed_file *f = &malformed_files[i];
        struct err err = {0};
        struct st_file *file;
        fixture_file(*state, "x.safetensors", f->bytes, f->n);
        int rc = st_open(path, &file, &err);
        if (rc != ERR_CORRUPT || !strstr(err.text, f->says) || !strstr(err.text, "x.safetensors"))
            fail_msg("%s: expected \"%s\" and the file, got %s: %s", f->what, f->says, err_name(rc),
                     err.text);
        assert_null(file);
    }
    mem_free(path);
}

/* A file that is all hole but its first bytes. */
static int open_sparse(const char *directory, uint64_t length, const char *start, off_t size,
                       struct st_file **file, struct err *err)
{
    char *path = mem_printf("%s/x.safetensors", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, &length, 8), 8);
    assert_int_equal(write(fd, start, strlen(start)), strlen(start));
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
    int rc = st_open(path, file, err);
    mem_free(path);
    return rc;
}

static void test_header_limit(void **state)
{
    struct err err = {0};
    struct st_file *file;
    off_t size = 8 + 100000000;
    fixture_refused(open_sparse(*state, 100000001, "{}", size + 1, &file, &err), ERR_CORRUPT, &err,
                    "the limit is");
    /* at the limit the header is read; what a hole gives, zero bytes, is no JSON */
    fixture_refused(open_sparse(*state, 100000000, "{}", size, &file, &err), ERR_CORRUPT, &err,
                    "other than blanks");
    fixture_refused(open_sparse(*state, 100000000, "{}", size - 1, &file, &err), ERR_CORRUPT, &err,
                    "is cut short");
}

static void test_header_at_limit_is_read(void **state)
{
    (void)state;
    int fd = memfd_create("header", 0);
    assert_true(fd >= 0);
    size_t n = 100000000, done = 8;
    char *blanks = mem_zero(1 << 20, 1);
    memset(blanks, ' ', 1 << 20);
    assert_int_equal(write(fd, &n, 8), 8);
    for (size_t part; done < 8 + n; done += part) {
        part = 8 + n - done < 1 << 20 ? 8 + n - done : 1 << 20;
        assert_int_equal(write(fd, blanks, part), part);
    }
    assert_int_equal(pwrite(fd, "{}", 2, 8), 2);
    struct err err = {0};
    struct st_file *file;
    char *path = mem_printf("/proc/self/fd/%d", fd);
    if (st_open(path, &file, &err))
        fail_msg("%s", err.text);
    assert_int_equal(st_count(file), 0);
    st_close(file);
    close(fd);
    mem_free(path);
    mem_free(blanks);
}

/* --- large and deep --- */

static void test_nesting(void **state)
{
    static const struct {
        size_t depth;
        int code;
    } cases[] = {{62, 0}, {63, ERR_CORRUPT}, {100000, ERR_CORRUPT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t depth = cases[i].depth;
        struct buf buf;
        buf_init(&buf, 1 << 20);
        buf_text(&buf, "{\"test\":{\"x\":");
        for (size_t k = 0; k < depth; k++)
            buf_text(&buf, "[");
        for (size_t k = 0; k < depth; k++)
            buf_text(&buf, "]");
        buf_text(&buf, ",\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]}}");
        struct err err = {0};
        struct st_file *file;
        int rc = open_bytes(*state, buf.len, buf.data, buf.len, 8, &file, &err);
        assert_int_equal(rc, cases[i].code);
        if (rc)
            fixture_refused(rc, ERR_CORRUPT, &err, "nested more than");
        st_close(file);
        buf_fini(&buf);
    }
}

/* 100,000 tensors over the same bytes: an attack on readers that compare each with each. */
static void test_many_overlapping(void **state)
{
    struct buf buf;
    buf_init(&buf, 16 << 20);
    buf_text(&buf, "{");
    for (int i = 0; i < 100000; i++)
        buf_printf(&buf, "%s\"w%d\":{\"dtype\":\"F32\",\"shape\":[200,200],\"data_offsets\":[0,160000]}",
                   i ? "," : "", i);
    buf_text(&buf, "}");
    struct err err = {0};
    struct st_file *file;
    int rc = open_bytes(*state, buf.len, buf.data, buf.len, 160000, &file, &err);
    fixture_refused(rc, ERR_CORRUPT, &err, "begin at offset 0, but the tensor before ends at 160000");
    buf_fini(&buf);
}

/* Whatever a cut leaves, the reader answers and does not read past it (ASan watches). */
static void test_every_cut(void **state)
{
    const char *header =
        "{\"__metadata__\":{\"a\":\"\\ud83d\\ude00\"},\"t\\u00e9\":{\"x\":[1.5e3,{\"y\":null}],\"dtype\":"
        "\"I32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    size_t n = strlen(header);
    for (size_t cut = 0; cut < n; cut++) {
        struct err err = {0};
        struct st_file *file;
        assert_int_equal(open_bytes(*state, cut, header, cut, 8, &file, &err), ERR_CORRUPT);
        assert_int_equal(open_bytes(*state, n, header, cut, 0, &file, &err), ERR_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),      cmocka_unit_test(test_files),
        cmocka_unit_test(test_header_limit), cmocka_unit_test(test_header_at_limit_is_read),
        cmocka_unit_test(test_nesting),      cmocka_unit_test(test_many_overlapping),
        cmocka_unit_test(test_every_cut),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
