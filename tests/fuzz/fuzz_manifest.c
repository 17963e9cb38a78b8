/* paretod.manifest.json of a directory whose other files are whole. */
#include "tests/fuzz/fuzz.h"

#include "merge/output/manifest.h"

static void put(const char *name, const void *bytes, size_t n)
{
    char *path = fuzz_path(name);
    fuzz_write(path, bytes, n);
    mem_free(path);
}

static void count(void *ctx, const char *sentence)
{
    MUST(sentence[0] && !strchr(sentence, '\n'));
    ++*(size_t *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready) {
        put("config.json", "{}", 2);
        put("model.safetensors", FUZZ_WEIGHTS, sizeof FUZZ_WEIGHTS - 1);
        ready = true;
    }
    put(MANIFEST_NAME, data, size);
    size_t told = 0;
    struct verify_calls calls = {.wrong = count, .ctx = &told};
    struct verify_result result = {0};
    struct err err = {0};
    int rc = manifest_verify(fuzz_directory(), &calls, &result, &err);
    if (rc)
        fuzz_refused(rc, &err, NULL);
    MUST(told == result.wrong_n && (rc != 0 || result.wrong_n == 0));
    return 0;
}
