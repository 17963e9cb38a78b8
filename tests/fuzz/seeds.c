/* Writes what the fuzz targets begin with: fuzz_seeds DIR makes DIR/NOUN/ for every target. The malformed files are
 * those of the unit tests, so that a new row there is a new seed here. */
#include "tests/fuzz/fuzz.h"

#include "merge/files/safetensors.h"
#include "merge/output/manifest.h"
#include "tests/unit/merge/malformed.h"

static const char *root;

static void seed(const char *target, size_t number, const void *bytes, size_t n)
{
    char *directory = mem_printf("%s/%s", root, target),
         *path = mem_printf("%s/seed-%03zu", directory, number);
    mkdir(root, 0777);
    mkdir(directory, 0777);
    fuzz_write(path, bytes, n);
    mem_free(path);
    mem_free(directory);
}

static void seed_headers(void)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof malformed_headers / sizeof *malformed_headers; i++) {
        const struct malformed *row = &malformed_headers[i];
        uint64_t length = strlen(row->header);
        size_t n = 8 + (size_t)length + row->data_n;
        char *bytes = mem_zero(n, 1);
        memcpy(bytes, &length, 8);
        memcpy(bytes + 8, row->header, (size_t)length);
        seed("header", count++, bytes, n);
        mem_free(bytes);
    }
    for (size_t i = 0; i < sizeof malformed_files / sizeof *malformed_files; i++)
        seed("header", count++, malformed_files[i].bytes, malformed_files[i].n);
    for (int dtype = 0; dtype < ST_DTYPES_N; dtype++) {
        unsigned bytes_n = st_dtype_bits((enum st_dtype)dtype); /* of eight elements */
        char text[256] = {0};
        int n = snprintf(text + 8, sizeof text - 8,
                         "{\"w\":{\"dtype\":\"%s\",\"shape\":[2,4],\"data_offsets\":[0,%u]}}",
                         st_dtype_name((enum st_dtype)dtype), bytes_n);
        text[0] = (char)n;
        seed("header", count++, text, 8 + (size_t)n + bytes_n);
    }
}

#define TEXT(text) text, sizeof(text) - 1
struct text {
    const char *bytes;
    size_t n;
};

static void seed_all(const char *target, const struct text *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        seed(target, i, texts[i].bytes, texts[i].n);
}

static const struct text indices[] = {
    {TEXT("{\"metadata\":{\"total_size\":32},\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"one."
          "safetensors\","
          "\"c\":\"two.safetensors\",\"d\":\"one.safetensors\"}}")},
    {TEXT("{\"weight_map\":{\"x\":\"x.safetensors\"}}\0{\"a\":1}\0" FUZZ_WEIGHTS)},
    {TEXT("{\"weight_map\":{\"b\":\"one.safetensors\",\"d\":\"one.safetensors\",\"x\":\"x.safetensors\"}}\0{}"
          "\0" FUZZ_WEIGHTS)},
    {TEXT("{\"weight_map\":{\"b\":\"one.safetensors\",\"d\":\"two.safetensors\"}}")},
    {TEXT(
        "{\"weight_map\":{\"b\":\"one.safetensors\",\"d\":\"one.safetensors\",\"x\":\"one.safetensors\"}}")},
    {TEXT("{\"weight_map\":{\"b\":\"../one.safetensors\"}}")},
    {TEXT("{\"weight_map\":{\"b\":\"/etc/passwd\"}}")},
    {TEXT("{\"weight_map\":{\"b\":\"zero.safetensors\"}}")},
    {TEXT("{\"weight_map\":{\"b\":7}}")},
    {TEXT("{\"weight_map\":{}}")},
    {TEXT("{\"weight_map\":[]}")},
    {TEXT("[]")},
    {TEXT("")},
    {TEXT("{\"weight_map\":{\"b\":\"one.safetensors\",\"b\":\"one.safetensors\"}}")},
    {TEXT("{\"weight_map\":{\"b\":\"one.safetensors\",\"\\u0062\":\"one.safetensors\"}}")},
    {TEXT("{\"weight_map\":{\"a\\nb\":\"one.safetensors\"}}")},
    {TEXT("{\"weight_map\":{\"b\":\"one.safetensors\"}}\0[]")},
    {TEXT("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")},
    {TEXT("<!DOCTYPE html><html></html>")},
    {TEXT("{\"weight_map\":{\"x\":\"x.safetensors\"}}\0{}\0version https://git-lfs.github.com/spec/v1\n")},
};

static const struct text values[] = {
    {TEXT("{\"a\":[1,-2.5e-3,true,false,null,\"\\u00e9\\ud83d\\ude00\\n\"],\"b\":{\"a\":{}}}")},
    {TEXT("[]")},
    {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"")},
    {TEXT("1e308")},
    {TEXT("1e309")},
    {TEXT("-0")},
    {TEXT("-0.0")},
    {TEXT("0.1")},
    {TEXT("01")},
    {TEXT("18446744073709551615")},
    {TEXT("5e-324")},
    {TEXT("{\"a\":1,\"a\":2}")},
    {TEXT("{\"a\":1,\"A\":2}")},
    {TEXT("\"\\u0000\"")},
    {TEXT("\"\\ud83d\"")},
    {TEXT("\xEF\xBB\xBF{}")},
    {TEXT("[1,]")},
    {TEXT("{} x")},
    {TEXT("nul")},
    {TEXT("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]")},
};

/* The first byte is what fuzz_questions.c takes for the kind of file; with 0x80 it is CSV. */
static const struct text questions[] = {
    {TEXT(
        "\x00{\"id\":\"a\",\"question\":\"?\",\"answers\":[\"b\"],\"certain\":true,\"entropy\":0.5,"
        "\"samples\":[\"b\"]}"
        "\n{\"id\":\"b\",\"kind\":\"choice\",\"question\":\"?\",\"choices\":[\"x\",\"y\"],\"gold\":1,"
        "\"lead\":\"\","
        "\"domain\":\"in\",\"half\":\"search\"}\n{\"id\":\"c\",\"question\":\"?\",\"answerable\":false}\n")},
    {TEXT("\x01{\"id\":\"a\",\"right\":true,\"confidence\":0.5,\"sure\":0.5,\"base_right\":false}\n")},
    {TEXT("\x02[[\"q\",\"a\",\"r\"],\n[\"q\"],{}]")},
    {TEXT("\x04{\"s_t\":[[\"q\",\"a\",\"b\",\"B\"]],\"u\":[[\"q\",\"a\",\"b\",\"c\",\"d\",\"E\"]]}")},
    {TEXT("\x06{\"claim\":\"c\",\"evidence\":[\"e\",\"f\"],\"label\":\"supported\",\"meta\":{\"id\":\"d1\"}}"
          "\n")},
    {TEXT("\x08[{\"_id\":\"5\",\"question\":\"q\",\"answer\":\"a\",\"context\":[[\"t\",[\"s\",\" s\"]]]}]")},
    {TEXT("\x0a{\"id\":7,\"claim\":\"c\",\"evidence\":[],\"label\":\"REFUTES\"}\n")},
    {TEXT("\x0c{\"knowledge\":\"k\",\"question\":\"q\",\"right_answer\":\"a\"}\n")},
    {TEXT("\x0e{\"a\":{\"b\":[]},\"example\":[{\"question_id\":1,\"question\":\"q\",\"answer\":[\"a\"],"
          "\"answerable\":true},"
          "{\"question\":\"q\",\"answer\":null,\"answerable\":false,\"source\":\"s\"}]}")},
    {TEXT("\x88question,answer,label\r\n\"q, \"\"q\"\"\",\"['a', \"\"b\\'s\"\"]\",0\nq,,1\n")},
    {TEXT("\x12{\"prompt\":\"q\",\"label\":1,\"category\":\"c\"}\n{\"prompt\":\"q\",\"label\":0}\n")},
};

/* The directory of fuzz_manifest.c, as it is and with wrong figures. */
static void seed_manifests(void)
{
    struct manifest_file files[] = {
        {"config.json", 2, hash_bytes("{}", 2)},
        {"model.safetensors", sizeof FUZZ_WEIGHTS - 1, hash_bytes(FUZZ_WEIGHTS, sizeof FUZZ_WEIGHTS - 1)},
    };
    for (size_t i = 0; i < 4; i++) {
        struct buf buf;
        buf_init(&buf, 1 << 16);
        files[0].bytes = i == 1 ? 3 : 2;
        files[1].hash.low ^= i == 2;
        files[0].name = i == 3 ? "../config.json" : "config.json";
        manifest_write(files, 2, &buf);
        seed("manifest", i, buf.data, buf.len);
        buf_fini(&buf);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_seeds DIR\n");
        return 2;
    }
    root = argv[1];
    seed_headers();
    seed_manifests();
    seed_all("index", indices, sizeof indices / sizeof *indices);
    seed_all("questions", questions, sizeof questions / sizeof *questions);
    seed_all("json", values, sizeof values / sizeof *values);
    return 0;
}
