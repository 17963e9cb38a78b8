#include "fixture.h"

#include "merge/output/export.h"
#include "merge/output/manifest.h"

#include <sys/resource.h>

static const char *const names[] = {"model.embed_tokens.weight", "model.layers.0.w", "model.layers.1.w",
                                    NULL};

struct world {
    char *directory, *out; /* out: an export */
    int found;
    char first[400];
    int ticks, stop_at;
    uint64_t done;
};

static int set_up(void **state)
{
    struct world *w = mem_zero(1, sizeof *w);
    static const double ratios[] = {0.25, 0.75};
    w->directory = fixture_directory();
    w->out = mem_printf("%s/out", w->directory);
    char *base = mem_printf("%s/base", w->directory), *tuned = mem_printf("%s/tuned", w->directory);
    struct checkpoint *b = fixture_checkpoint(base, "{}", names, 1),
                      *t = fixture_checkpoint(tuned, "{}", names, 3);
    fixture_text(tuned, "merges.txt", "");
    fixture_text(tuned, "tokenizer.json", "{\"a\":1}");
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2};
    struct plan *plan;
    struct err err = {0};
    assert_int_equal(plan_make(&spec, b, t, &plan, &err), 0);
    const struct export_target target = {.directory = w->out, .ratios = ratios};
    const struct export_options options = {.shard_bytes = 8}; /* a tensor a file */
    if (export_checkpoints(b, t, plan, &target, 1, &options, NULL, &err))
        fail_msg("%s", err.text);
    plan_free(plan);
    checkpoint_close(b);
    checkpoint_close(t);
    mem_free(base);
    mem_free(tuned);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    fixture_remove(w->directory);
    mem_free(w->out);
    mem_free(w);
    return 0;
}

static void on_wrong(void *ctx, const char *sentence)
{
    struct world *w = ctx;
    if (w->found++ == 0)
        snprintf(w->first, sizeof w->first, "%s", sentence);
}

static int on_tick(void *ctx, uint64_t done, uint64_t total)
{
    struct world *w = ctx;
    assert_true(done >= w->done && done <= total);
    w->done = done;
    return ++w->ticks == w->stop_at;
}

static int verify(struct world *w, struct verify_result *result, struct err *err)
{
    const struct verify_calls calls = {on_wrong, on_tick, w};
    w->found = w->ticks = 0;
    w->done = 0;
    *err = (struct err){0};
    return manifest_verify(w->out, &calls, result, err);
}

/* One finding, whose sentence holds `says`. */
static void finds(struct world *w, const char *says)
{
    struct verify_result result;
    struct err err;
    fixture_refused(verify(w, &result, &err), ERR_CORRUPT, &err, says);
    assert_int_equal(w->found, 1);
    assert_int_equal(result.wrong_n, 1);
    if (!strstr(w->first, says))
        fail_msg("expected \"%s\", found: %s", says, w->first);
}

static void is_whole(struct world *w)
{
    struct verify_result result;
    struct err err;
    if (verify(w, &result, &err))
        fail_msg("%s", err.text);
    assert_int_equal(w->found, 0);
    assert_int_equal(result.wrong_n, 0);
    assert_int_equal(result.files_n, 9); /* 3 shards, index, config, tokenizer, merges, lineage, card */
    assert_true(result.bytes == w->done && result.bytes > 100);
}

static void test_whole(void **state)
{
    struct verify_result result;
    is_whole(*state);
    assert_int_equal(manifest_verify(((struct world *)*state)->out, NULL, &result, NULL), 0);
}

static void test_every_flipped_bit_of_every_file(void **state)
{
    struct world *w = *state;
    DIR *list = opendir(w->out);
    for (struct dirent *entry; (entry = readdir(list));) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, MANIFEST_NAME) == 0)
            continue;
        size_t n;
        char *bytes = fixture_read(w->out, entry->d_name, &n);
        for (size_t i = 0; i < n; i += 1 + n / 16) {
            bytes[i] ^= 4;
            fixture_file(w->out, entry->d_name, bytes, n);
            finds(w, "has other bytes than were written");
            assert_non_null(strstr(w->first, entry->d_name));
            bytes[i] ^= 4;
        }
        fixture_file(w->out, entry->d_name, bytes, n);
        mem_free(bytes);
    }
    closedir(list);
    is_whole(w);
}

static void test_cut_grown_and_missing(void **state)
{
    struct world *w = *state;
    char *path = mem_printf("%s/model-00002-of-00003.safetensors", w->out);
    size_t n;
    char *bytes = fixture_read(w->out, "model-00002-of-00003.safetensors", &n);
    assert_int_equal(truncate(path, (off_t)n - 1), 0);
    finds(w, "model-00002-of-00003.safetensors: has ");
    assert_non_null(strstr(w->first, "it is cut short"));
    assert_int_equal(truncate(path, (off_t)n + 1), 0);
    finds(w, "were written");
    assert_null(strstr(w->first, "cut short"));
    assert_int_equal(unlink(path), 0);
    finds(w, "model-00002-of-00003.safetensors: is missing");
    assert_int_equal(mkdir(path, 0777), 0);
    finds(w, "is not a regular file");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0666), 0); /* nobody writes: must not hold us */
    finds(w, "is not a regular file");
    assert_int_equal(unlink(path), 0);
    fixture_file(w->out, "model-00002-of-00003.safetensors", bytes, n);
    is_whole(w);
    mem_free(bytes);
    mem_free(path);
}

static void test_all_findings_are_told(void **state)
{
    struct world *w = *state;
    struct verify_result result;
    struct err err;
    fixture_text(w->out, "config.json", "{ }");
    fixture_text(w->out, "merges.txt", "a");
    fixture_text(w->out, "model.safetensors", "x");
    fixture_refused(verify(w, &result, &err), ERR_CORRUPT, &err, "3 files are not what was exported");
    assert_int_equal(w->found, 3);
    assert_int_equal(result.wrong_n, 3);
}

static void test_foreign_files(void **state)
{
    struct world *w = *state;
    static const char *const foreign[] = {"model.safetensors",
                                          "model-00004-of-00004.safetensors",
                                          "adapter.bin",
                                          "pytorch_model.bin.index.json",
                                          "modeling_llama.py",
                                          "x.gguf",
                                          "chat_template.jinja",
                                          "chat_template.json",
                                          "added_tokens.json",
                                          "tokenizer.model",
                                          "tokenizer.model.v3",
                                          "vocab.json",
                                          "generation_config.json",
                                          "adapter_config.json",
                                          "x.index.json",
                                          "additional_chat_templates",
                                          ".safetensors.other",
                                          "notes.txt"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        char *path = mem_printf("%s/%s", w->out, foreign[i]);
        fixture_text(w->out, foreign[i], "x");
        if (i + 2 < sizeof foreign / sizeof *foreign)
            finds(w, "is not of this export");
        else
            is_whole(w);
        assert_int_equal(unlink(path), 0);
        mem_free(path);
    }
}

static void refuses(struct world *w, const char *manifest, int code, const char *says)
{
    struct verify_result result;
    struct err err;
    if (manifest)
        fixture_text(w->out, MANIFEST_NAME, manifest);
    fixture_refused(verify(w, &result, &err), code, &err, says);
    assert_int_equal(result.wrong_n, 0);
    assert_int_equal(w->found, 0);
}

#define HEAD "{\"format\":\"paretod-manifest-1\",\"hash\":\"xxh128\",\"files\":"
#define HASH "99aa06d3014798d86001c324468d497f"
#define ONE(name) "{\"name\":\"" name "\",\"bytes\":0,\"hash\":\"" HASH "\"}"

static void test_malformed_manifests(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", MANIFEST_NAME},
        {"{", MANIFEST_NAME},
        {"[]", "format must be"},
        {"{}", "format must be"},
        {"{\"format\":\"paretod-manifest-1\",\"hash\":\"md5\",\"files\":[]}", "hash xxh128"},
        {HEAD "[]}", "files is missing or empty"},
        {HEAD "{}}", "files is missing or empty"},
        {HEAD "[1]}", "has no name"},
        {HEAD "[{\"name\":1,\"bytes\":0,\"hash\":\"" HASH "\"}]}", "has no name"},
        {HEAD "[" ONE("../x") "]}", "must name files beside it, not \"../x\""},
        {HEAD "[" ONE("/etc/passwd") "]}", "must name files beside it"},
        {HEAD "[" ONE("a/b") "]}", "must name files beside it"},
        {HEAD "[" ONE("") "]}", "must name files beside it"},
        {HEAD "[" ONE(".") "]}", "must name files beside it"},
        {HEAD "[" ONE(MANIFEST_NAME) "]}", "must name files beside it"},
        {HEAD "[" ONE("a") "," ONE("a") "]}", "names twice \"a\""},
        {HEAD "[{\"name\":\"a\",\"bytes\":-1,\"hash\":\"" HASH "\"}]}",
         "bytes or hash cannot be read, of \"a\""},
        {HEAD "[{\"name\":\"a\",\"bytes\":1.5,\"hash\":\"" HASH "\"}]}", "bytes or hash cannot be read"},
        {HEAD "[{\"name\":\"a\",\"bytes\":0,\"hash\":\"99\"}]}", "bytes or hash cannot be read"},
        {HEAD "[{\"name\":\"a\",\"bytes\":0,\"hash\":\"" HASH "\",\"x\":1}]}",
         "bytes or hash cannot be read"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuses(w, bad[i].text, ERR_CORRUPT, bad[i].says);
    refuses(w, "{\"format\":\"paretod-manifest-2\"}", ERR_UNSUPPORTED, "a later paretoctl");
}

static void test_a_finding_is_one_line(void **state)
{
    struct world *w = *state;
    struct verify_result result;
    struct err err;
    fixture_text(w->out, MANIFEST_NAME, HEAD "[" ONE("a\\nb") "]}");
    assert_int_equal(verify(w, &result, &err), ERR_CORRUPT);
    assert_non_null(strstr(w->first, "a?b"));
}

static void test_what_is_no_export(void **state)
{
    struct world *w = *state;
    char *out = w->out, *manifest = mem_printf("%s/" MANIFEST_NAME, out);
    w->out = mem_printf("%s/nowhere", w->directory);
    refuses(w, NULL, ERR_NOT_FOUND, "there is no such directory");
    mem_free(w->out);
    w->out = mem_printf("%s/base", w->directory);
    refuses(w, NULL, ERR_NOT_FOUND, "holds no " MANIFEST_NAME);
    mem_free(w->out);
    w->out = mem_printf("%s/merged.partial-4711", w->directory);
    assert_int_equal(mkdir(w->out, 0777), 0);
    refuses(w, NULL, ERR_CORRUPT, "is what an export that was killed left behind");
    mem_free(w->out);
    w->out = out;
    mem_free(manifest);
}

/* The hashes hold, but the checkpoint does not: somebody made a manifest of a bad one. */
static void test_a_checkpoint_that_does_not_open(void **state)
{
    struct world *w = *state;
    struct buf buf;
    static const char index[] = "{\"weight_map\":{\"a\":\"../b\"}}";
    const struct manifest_file files[] = {
        {"model.safetensors.index.json", sizeof index - 1, hash_bytes(index, sizeof index - 1)},
        {"config.json", 2, hash_bytes("{}", 2)},
    };
    char *out = w->out;
    w->out = mem_printf("%s/made", w->directory);
    assert_int_equal(mkdir(w->out, 0777), 0);
    fixture_text(w->out, "model.safetensors.index.json", index);
    fixture_text(w->out, "config.json", "{}");
    buf_init(&buf, 4096);
    manifest_write(files, 2, &buf);
    assert_true(strstr(buf_str(&buf), "config.json") < strstr(buf_str(&buf), "index.json")); /* by name */
    fixture_text(w->out, MANIFEST_NAME, buf_str(&buf));
    buf_fini(&buf);
    finds(w, "must be mapped to a file name in the same directory");
    mem_free(w->out);
    w->out = out;
}

static void test_stopped(void **state)
{
    struct world *w = *state;
    struct verify_result result;
    struct err err;
    for (w->stop_at = 1; w->stop_at < 9; w->stop_at++)
        fixture_refused(verify(w, &result, &err), ERR_CANCELLED, &err, "the check was stopped");
}

/* Our own limit says nothing of the files. */
static void test_too_many_files(void **state)
{
    struct verify_result result;
    struct err err;
    struct rlimit old, few;
    int rc, next = dup(0);
    assert_true(next >= 0 && close(next) == 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = (struct rlimit){(rlim_t)next + 2, old.rlim_max}; /* of three shards */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    rc = verify(*state, &result, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    fixture_refused(rc, ERR_IO, &err, "Too many open files; raise the limit (ulimit -n)");
    assert_int_equal(result.wrong_n, 0);
}

#define LONG (3u << 20)

static int cut_short(void *ctx, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    return truncate(ctx, 1 << 20);
}

static void test_cut_while_it_is_read(void **state)
{
    struct world *w = *state;
    char *directory = mem_printf("%s/long", w->directory), *path = mem_printf("%s/merges.txt", directory),
         *bytes = mem_zero(LONG, 1);
    const struct manifest_file file = {"merges.txt", LONG, hash_bytes(bytes, LONG)};
    const struct verify_calls calls = {NULL, cut_short, path};
    struct verify_result result;
    struct err err = {0};
    struct buf manifest;
    buf_init(&manifest, 1 << 16);
    manifest_write(&file, 1, &manifest);
    mkdir(directory, 0777);
    fixture_file(directory, "merges.txt", bytes, LONG);
    fixture_text(directory, MANIFEST_NAME, buf_str(&manifest));
    fixture_refused(manifest_verify(directory, &calls, &result, &err), ERR_CORRUPT, &err,
                    "merges.txt: became shorter while it was read");
    buf_fini(&manifest);
    mem_free(bytes);
    mem_free(path);
    mem_free(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_flipped_bit_of_every_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_grown_and_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_findings_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_malformed_manifests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_finding_is_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_export, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_checkpoint_that_does_not_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_while_it_is_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
