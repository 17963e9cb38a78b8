#include "fixture.h"

#include <fcntl.h>
#include <sys/mman.h>

#define BODY "{\"test\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}"
#define ONE(record) "{\"test\":" record "}"
#define I32_2 "{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define META "\"__metadata__\":{\"a\":\"b\"}"

/* --- the table of malformed and odd files --- */

struct vector {
    const char *what;
    const char *header;
    size_t data_n; /* zero bytes after the header */
    int code;      /* 0: must be read */
    const char *says;
    const char *tensor; /* named in the sentence */
};

static const struct vector vectors[] = {
    /* well-formed */
    {"one tensor", BODY, 16, 0, NULL, NULL},
    {"no tensors, blanks after", "{}\r \t\n", 0, 0, NULL, NULL},
    {"no tensors, blanks around", "\t\n{}\r ", 0, 0, NULL, NULL},
    {"scalar", ONE("{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4]}"), 4, 0, NULL, NULL},
    {"no elements", ONE("{\"dtype\":\"I32\",\"shape\":[2,0],\"data_offsets\":[0, 0]}"), 0, 0, NULL, NULL},
    {"empty tensors between",
     "{\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"I8\","
     "\"shape\":[0],\"data_offsets\":[0,0]},\"c\":{\"dtype\":\"I8\",\"shape\":[0],"
     "\"data_offsets\":[4,4]}}",
     4, 0, NULL, NULL},
    {"order of offsets is free",
     "{\"b\":{\"dtype\":\"I8\",\"shape\":[4],\"data_offsets\":[2,6]},"
     "\"a\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
     6, 0, NULL, NULL},
    {"metadata", "{" META ",\"test\":" I32_2 "}", 8, 0, NULL, NULL},
    {"metadata null", "{\"__metadata__\":null,\"test\":" I32_2 "}", 8, 0, NULL, NULL},
    {"metadata alone", "{" META "}", 0, 0, NULL, NULL},
    {"metadata empty", "{\"__metadata__\":{}}", 0, 0, NULL, NULL},
    {"unknown field",
     ONE("{\"x\":[{\"y\":-1.5e+3},[true,false,null,\"\\u00e9\"],{}],\"dtype\":\"I32\",\"shape\":[2],"
         "\"data_offsets\":[0,8]}"),
     8, 0, NULL, NULL},
    {"fields in any order", ONE("{\"data_offsets\":[0,8],\"shape\":[2],\"dtype\":\"I32\"}"), 8, 0, NULL,
     NULL},
    {"half bytes that fill", ONE("{\"dtype\":\"F4\",\"shape\":[1,2],\"data_offsets\":[0,1]}"), 1, 0, NULL,
     NULL},
    {"eight dimensions", ONE("{\"dtype\":\"I8\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}"), 1, 0,
     NULL, NULL},
    {"empty name", "{\"\":" I32_2 "}", 8, 0, NULL, NULL},

    /* data and file do not fit */
    {"polyglot tail", BODY, 16 + 34, ERR_CORRUPT, "34 bytes after the last tensor", "test"},
    {"cut short", BODY, 14, ERR_CORRUPT, "is cut short", "test"},
    {"tail without tensors", "{}", 1, ERR_CORRUPT, "1 bytes after the last tensor", NULL},
    {"too few bytes for the shape", ONE("{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0, 4]}"), 4,
     ERR_CORRUPT, "hold 4 bytes, but dtype and shape make 16", "test"},
    {"shape overflows", ONE("{\"dtype\":\"I32\",\"shape\":[2,18446744073709551614],\"data_offsets\":[0,16]}"),
     16, ERR_CORRUPT, "more bytes than 64 bits", "test"},
    {"bits overflow", ONE("{\"dtype\":\"I32\",\"shape\":[2,9223372036854775807],\"data_offsets\":[0,16]}"),
     16, ERR_CORRUPT, "more bytes than 64 bits", "test"},
    {"overflow before a zero",
     ONE("{\"dtype\":\"I32\",\"shape\":[9223372036854775807,4,0],\"data_offsets\":[0,0]}"), 0, ERR_CORRUPT,
     "more bytes than 64 bits", "test"},
    {"half a byte", ONE("{\"dtype\":\"F4\",\"shape\":[1,3],\"data_offsets\":[0,2]}"), 2, ERR_CORRUPT,
     "does not fill its last byte", "test"},
    {"end before begin", ONE("{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[8,0]}"), 8, ERR_CORRUPT,
     "end before they begin", "test"},
    {"hole at the start", ONE("{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[8,16]}"), 16, ERR_CORRUPT,
     "begin at offset 8, but the tensor before ends at 0", "test"},
    {"hole between", "{\"a\":" I32_2 ",\"b\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[9,17]}}", 17,
     ERR_CORRUPT, "begin at offset 9, but the tensor before ends at 8", "b"},
    {"overlap", "{\"a\":" I32_2 ",\"b\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[7,15]}}", 15,
     ERR_CORRUPT, "begin at offset 7, but the tensor before ends at 8", "b"},
    {"all the same bytes", "{\"a\":" I32_2 ",\"b\":" I32_2 ",\"c\":" I32_2 "}", 8, ERR_CORRUPT,
     "begin at offset 0, but the tensor before ends at 8", "b"},
    {"offsets near 2^64",
     ONE("{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[18446744073709551614,18446744073709551615]}"), 1,
     ERR_CORRUPT, "begin at offset 18446744073709551614", "test"},
    {"size near 2^61",
     ONE("{\"dtype\":\"I8\",\"shape\":[2305843009213693951],\"data_offsets\":[0,2305843009213693951]}"), 1,
     ERR_CORRUPT, "is cut short", "test"},

    /* names and keys twice */
    {"a name twice, two places",
     "{\"a\":" I32_2 ",\"a\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 16, ERR_CORRUPT,
     "stands twice", "a"},
    {"a name twice, one place", "{\"a\":" I32_2 ",\"a\":" I32_2 "}", 8, ERR_CORRUPT, "stands twice", "a"},
    {"a name twice, both empty",
     "{\"a\":{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"I8\","
     "\"shape\":[0],\"data_offsets\":[0,0]}}",
     0, ERR_CORRUPT, "stands twice", "a"},
    {"a name twice by escape",
     "{\"a.b\":" I32_2 ",\"a\\u002eb\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 16,
     ERR_CORRUPT, "stands twice", "a.b"},
    {"metadata twice", "{" META "," META "}", 0, ERR_CORRUPT, "__metadata__ stands twice", NULL},
    {"metadata twice by escape", "{" META ",\"\\u005f_metadata__\":{}}", 0, ERR_CORRUPT,
     "__metadata__ stands twice", NULL},
    {"a field twice", ONE("{\"dtype\":\"I32\",\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]}"), 8,
     ERR_CORRUPT, "dtype stands twice", "test"},

    /* records */
    {"array form", ONE("[\"I32\",[2],[0,8]]"), 8, ERR_CORRUPT, "array form", "test"},
    {"no dtype", ONE("{\"shape\":[2],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT, "dtype is missing", "test"},
    {"no shape", ONE("{\"dtype\":\"I32\",\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT, "shape is missing",
     "test"},
    {"no offsets", ONE("{\"dtype\":\"I32\",\"shape\":[2]}"), 8, ERR_CORRUPT, "data_offsets is missing",
     "test"},
    {"empty record", ONE("{}"), 0, ERR_CORRUPT, "dtype is missing", "test"},
    {"record is text", ONE("\"I32\""), 0, ERR_CORRUPT, "expected '{'", "test"},
    {"record is null", ONE("null"), 0, ERR_CORRUPT, "expected '{'", "test"},
    {"dtype unknown", ONE("{\"dtype\":\"F\",\"shape\":[2],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "\"F\" is not a dtype", "test"},
    {"dtype in small letters", ONE("{\"dtype\":\"i32\",\"shape\":[2],\"data_offsets\":[0,8]}"), 8,
     ERR_CORRUPT, "\"i32\" is not a dtype", "test"},
    {"dtype a number", ONE("{\"dtype\":32,\"shape\":[2],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "dtype as a string", "test"},
    {"nine dimensions", ONE("{\"dtype\":\"I8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}"), 1,
     ERR_UNSUPPORTED, "more than 8 dimensions", "test"},
    {"three offsets", ONE("{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8,9]}"), 8, ERR_CORRUPT,
     "after the two data_offsets", "test"},
    {"one offset", ONE("{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0]}"), 8, ERR_CORRUPT,
     "between the two data_offsets", "test"},

    /* numbers */
    {"number with point", ONE("{\"dtype\":\"I32\",\"shape\":[2.0],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"number with exponent", ONE("{\"dtype\":\"I8\",\"shape\":[1e3],\"data_offsets\":[0,1000]}"), 1000,
     ERR_CORRUPT, "plain whole numbers", "test"},
    {"negative", ONE("{\"dtype\":\"I32\",\"shape\":[-1],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"minus zero", ONE("{\"dtype\":\"I32\",\"shape\":[-0],\"data_offsets\":[0,0]}"), 0, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"2^64", ONE("{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,18446744073709551616]}"), 0,
     ERR_CORRUPT, "does not fit in 64 bits", "test"},
    {"leading zero", ONE("{\"dtype\":\"I32\",\"shape\":[02],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "leading zero", "test"},
    {"number as text", ONE("{\"dtype\":\"I32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}"), 8, ERR_CORRUPT,
     "plain whole numbers", "test"},
    {"comma at the end of shape", ONE("{\"dtype\":\"I32\",\"shape\":[2,],\"data_offsets\":[0,8]}"), 8,
     ERR_CORRUPT, "plain whole numbers", "test"},

    /* metadata */
    {"metadata with a number", "{\"__metadata__\":{\"a\":1}}", 0, ERR_CORRUPT, "every value of __metadata__",
     NULL},
    {"metadata is an array", "{\"__metadata__\":[]}", 0, ERR_CORRUPT, "start of __metadata__", NULL},

    /* JSON */
    {"empty header", "", 0, ERR_CORRUPT, "expected '{'", NULL},
    {"open brace alone", "{", 0, ERR_CORRUPT, "tensor name", NULL},
    {"array", "[]", 0, ERR_CORRUPT, "expected '{'", NULL},
    {"byte order mark", "\xEF\xBB\xBF{}", 0, ERR_CORRUPT, "expected '{'", NULL},
    {"two values", "{}{}", 0, ERR_CORRUPT, "after the closing", NULL},
    {"metadata after the end", "{},\"__metadata__\":{\"format\":\"pt\"}}", 0, ERR_CORRUPT,
     "after the closing", NULL},
    {"comma at the end", "{\"test\":" I32_2 ",}", 8, ERR_CORRUPT, "tensor name", NULL},
    {"single quotes", "{'test':" I32_2 "}", 8, ERR_CORRUPT, "tensor name", NULL},
    {"no colon", "{\"test\"" I32_2 "}", 8, ERR_CORRUPT, "expected ':'", NULL},
    {"open string", "{\"test", 0, ERR_CORRUPT, "without its end", NULL},
    {"control character", "{\"te\nst\":" I32_2 "}", 8, ERR_CORRUPT, "control character", NULL},
    {"unknown escape", "{\"te\\xst\":" I32_2 "}", 8, ERR_CORRUPT, "escape", NULL},
    {"escape at the end", "{\"te\\", 0, ERR_CORRUPT, "escape", NULL},
    {"zero by escape", "{\"te\\u0000st\":" I32_2 "}", 8, ERR_CORRUPT, "\\u0000", NULL},
    {"short escape", "{\"te\\u12\":" I32_2 "}", 8, ERR_CORRUPT, "four hexadecimal", NULL},
    {"lone high surrogate", "{\"\\ud83d\":" I32_2 "}", 8, ERR_CORRUPT, "surrogate", NULL},
    {"high surrogate, then no low", "{\"\\ud83d\\u0041\":" I32_2 "}", 8, ERR_CORRUPT, "surrogate", NULL},
    {"lone low surrogate", "{\"\\ude00\":" I32_2 "}", 8, ERR_CORRUPT, "surrogate", NULL},
    {"unknown field broken", ONE("{\"x\":nul}"), 0, ERR_CORRUPT, "not a JSON value", "test"},
    {"unknown field, bad number", ONE("{\"x\":01}"), 0, ERR_CORRUPT, "not a JSON value", "test"},
    {"unknown field, bare point", ONE("{\"x\":1.}"), 0, ERR_CORRUPT, "not a JSON value", "test"},

    /* UTF-8 */
    {"not UTF-8", "\xFF", 0, ERR_CORRUPT, "not UTF-8", NULL},
    {"overlong", "{\"\xC0\xAE\":" I32_2 "}", 8, ERR_CORRUPT, "not UTF-8", NULL},
    {"overlong, three bytes", "{\"\xE0\x80\xAE\":" I32_2 "}", 8, ERR_CORRUPT, "not UTF-8", NULL},
    {"surrogate in UTF-8", "{\"\xED\xA0\x80\":" I32_2 "}", 8, ERR_CORRUPT, "not UTF-8", NULL},
    {"past U+10FFFF", "{\"\xF4\x90\x80\x80\":" I32_2 "}", 8, ERR_CORRUPT, "not UTF-8", NULL},
    {"cut character", "{}\xE2\x82", 0, ERR_CORRUPT, "not UTF-8", NULL},
};

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

static void check_vector(const char *directory, const struct vector *v)
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

static void test_vectors(void **state)
{
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        check_vector(*state, &vectors[i]);
}

/* --- the first eight bytes --- */

static void refused_file(const char *directory, const char *bytes, size_t n, const char *says)
{
    struct err err = {0};
    struct st_file *file;
    fixture_file(directory, "x.safetensors", bytes, n);
    char *path = mem_printf("%s/x.safetensors", directory);
    fixture_refused(st_open(path, &file, &err), ERR_CORRUPT, &err, says);
    assert_null(file);
    assert_non_null(strstr(err.text, "x.safetensors"));
    mem_free(path);
}

static void test_header_length(void **state)
{
    struct err err = {0};
    struct st_file *file;
    refused_file(*state, "", 0, "is empty");
    refused_file(*state, "\x01\0\0\0", 4, "is cut short");
    refused_file(*state, "<\0\0\0\0\0\0\0", 8, "is cut short");
    fixture_refused(open_bytes(*state, 61, BODY, 60, 0, &file, &err), ERR_CORRUPT, &err, "is cut short");
    fixture_refused(open_bytes(*state, 0xFFFFFF000000003Cu, BODY, 60, 16, &file, &err), ERR_CORRUPT, &err,
                    "the limit is 100000000");
    fixture_refused(open_bytes(*state, UINT64_MAX, BODY, 60, 16, &file, &err), ERR_CORRUPT, &err,
                    "the limit is");
    fixture_refused(open_bytes(*state, UINT64_MAX - 7, BODY, 60, 16, &file, &err), ERR_CORRUPT, &err,
                    "the limit is");
    fixture_refused(open_bytes(*state, 59, BODY, 60, 16, &file, &err), ERR_CORRUPT, &err,
                    "end of the header");
    fixture_refused(open_bytes(*state, 62, BODY "\0\0", 62, 16, &file, &err), ERR_CORRUPT, &err,
                    "other than blanks");
}

static void test_mistaken_files(void **state)
{
    static const struct {
        const char *text, *says;
    } files[] = {
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"},
        {"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"},
        {"\n<html></html>", "a web page"},
        {"{\"error\":\"Repository not found\"}", "JSON text"},
        {"Entry not found", "error message"},
        {"PK\x03\x04 zip of a pickle", "convert it to safetensors"},
        {"GGUF and the rest", "GGUF"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        refused_file(*state, files[i].text, strlen(files[i].text), files[i].says);
}

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

/* 50,000 tensors over the same bytes: an attack on readers that compare each with each. */
static void test_many_overlapping(void **state)
{
    struct buf buf;
    buf_init(&buf, 16 << 20);
    buf_text(&buf, "{");
    for (int i = 0; i < 50000; i++)
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

/* --- what a good file gives --- */

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
    struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),         cmocka_unit_test(test_header_length),
        cmocka_unit_test(test_mistaken_files),  cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_header_limit),    cmocka_unit_test(test_header_at_limit_is_read),
        cmocka_unit_test(test_nesting),         cmocka_unit_test(test_many_overlapping),
        cmocka_unit_test(test_every_cut),       cmocka_unit_test(test_reads_tensors),
        cmocka_unit_test(test_find_among_many), cmocka_unit_test(test_dtypes),
    };
    char *directory = fixture_directory();
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tests[i].initial_state = directory;
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_remove(directory);
    return rc;
}
