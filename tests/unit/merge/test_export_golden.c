#include "fixture.h"

#include "merge/files/digest.h"
#include "merge/output/export.h"

/* The shipped pair, exported with fixed ratios, gives the bytes of golden/merge/export.json on every machine and in every
 * version: whoever kept a trial's ratios can make its weights again. A change of that file breaks this promise.
 * golden/merge/make_export.sh writes it anew. */

#define FIXTURES TEST_SOURCE_DIR "/tests/fixtures/"
#define GOLDEN TEST_SOURCE_DIR "/tests/golden/merge/export.json"

static const double ratios[] = {0.15, 0.55, 0.9};
static const struct export_score scores[] = {{"choice.acc", 0.5, 0.015625, "max"},
                                             {"reward.mean", -1.25, 0.0625, "min"}};

static const struct form {
    const char *name;
    struct merge_how how;
    uint64_t shard_bytes;
} forms[] = {
    {"nearest", {ROUND_NEAREST, OUTPUT_SAME, OTHERS_EQUAL, 0}, 0},
    {"stochastic", {ROUND_STOCHASTIC, OUTPUT_SAME, OTHERS_EQUAL, 42}, 0},
    {"F32", {ROUND_NEAREST, OUTPUT_F32, OTHERS_EQUAL, 0}, 0},
    {"F16 stochastic", {ROUND_STOCHASTIC, OUTPUT_F16, OTHERS_EQUAL, 7}, 0},
    {"sharded", {ROUND_NEAREST, OUTPUT_SAME, OTHERS_EQUAL, 0}, 1000000},
};

/* How the work is done must not show. */
static const struct way {
    const char *read;
    int threads;
} ways[] = {{"map", 1}, {"map", 2}, {"pread", 1}, {"pread", 2}};

struct pair {
    struct checkpoint *base, *tuned;
    struct plan *plan;
    char base_digest[HASH_TEXT_MAX], tuned_digest[HASH_TEXT_MAX];
};

static void digest_of(const struct checkpoint *ckpt, char out[HASH_TEXT_MAX])
{
    struct err err = {0};
    struct digest digest;
    if (digest_make(ckpt, NULL, &digest, &err))
        fail_msg("%s", err.text);
    hash_print(digest.whole, out);
    digest_fini(&digest);
}

static void open_pair(struct pair *pair)
{
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 3};
    struct err err = {0};
    if (checkpoint_open(FIXTURES "base", &pair->base, &err) ||
        checkpoint_open(FIXTURES "tuned-rsf", &pair->tuned, &err) ||
        plan_make(&spec, pair->base, pair->tuned, &pair->plan, &err))
        fail_msg("%s", err.text);
    assert_int_equal(pair->plan->ratios_n, 3);
    digest_of(pair->base, pair->base_digest);
    digest_of(pair->tuned, pair->tuned_digest);
}

static void close_pair(struct pair *pair)
{
    plan_free(pair->plan);
    checkpoint_close(pair->base);
    checkpoint_close(pair->tuned);
}

static void export_as(const struct pair *pair, const struct form *form, int threads, const char *directory)
{
    const struct export_lineage lineage = {.search = "golden",
                                           .trial = 17,
                                           .base = "base",
                                           .tuned = "tuned-rsf",
                                           .base_digest = pair->base_digest,
                                           .tuned_digest = pair->tuned_digest,
                                           .scores = scores,
                                           .scores_n = 2};
    const struct export_target target = {.directory = directory, .ratios = ratios, .lineage = &lineage};
    const struct export_options options = {
        .how = form->how, .shard_bytes = form->shard_bytes, .threads = threads};
    struct err err = {0};
    if (export_checkpoints(pair->base, pair->tuned, pair->plan, &target, 1, &options, NULL, &err))
        fail_msg("%s: %s", form->name, err.text);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* {"FILE": "HASH", …}, names ascending, to out. */
static void hash_files(const char *directory, struct json_out *out)
{
    char *names[32], hex[HASH_TEXT_MAX];
    size_t n = 0;
    DIR *dir = opendir(directory);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            assert_true(n < 32);
            names[n++] = mem_strdup(entry->d_name);
        }
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    json_object(out);
    for (size_t i = 0; i < n; i++) {
        size_t size;
        char *bytes = fixture_read(directory, names[i], &size);
        hash_print(hash_bytes(bytes, size), hex);
        json_put_text(out, names[i], hex);
        mem_free(bytes);
        mem_free(names[i]);
    }
    json_end_object(out);
}

/* {"digests":{…},"nearest":{FILE:HASH…},…} for one way of working; the caller gives the buffer back. */
static void make_all(const char *directory, const struct way *way, struct buf *text)
{
    struct pair pair;
    struct json_out out;
    setenv("PARETOD_READ", way->read, 1);
    open_pair(&pair);
    buf_init(text, 1 << 20);
    json_begin(&out, text);
    json_object(&out);
    json_name(&out, "digests");
    json_object(&out);
    json_put_text(&out, "base", pair.base_digest);
    json_put_text(&out, "tuned", pair.tuned_digest);
    json_end_object(&out);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *target = mem_printf("%s/out", directory);
        export_as(&pair, &forms[i], way->threads, target);
        json_name(&out, forms[i].name);
        hash_files(target, &out);
        fixture_remove(target);
    }
    json_end_object(&out);
    close_pair(&pair);
    unsetenv("PARETOD_READ");
}

/* Every hash of `got` is the one of `want`, and the other way round; says which are not. */
static int differences(const struct json *got, const struct json *want, const char *where)
{
    int n = 0;
    for (const struct json *form = json_first(want); form; form = json_next(form)) {
        const struct json *made = json_get(got, json_key(form));
        for (const struct json *file = json_first(form); file; file = json_next(file)) {
            const char *hash = json_string_or(json_get(made, json_key(file)), "no such file");
            if (strcmp(hash, json_string_or(file, "")) == 0)
                continue;
            print_error("%s, %s: %s: want %s, got %s\n", where, json_key(form), json_key(file),
                        json_string_or(file, ""), hash);
            n++;
        }
        n += json_len(made) != json_len(form);
    }
    return n + (json_len(got) != json_len(want));
}

static void test_same_bytes_for_ever(void **state)
{
    struct json *want, *got;
    struct err err = {0};
    int wrong = 0;
    if (json_parse_file(GOLDEN, 1 << 20, &want, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct buf text;
        make_all(*state, &ways[i], &text);
        assert_int_equal(json_parse(text.data, text.len, &got, &err), 0);
        char *where = mem_printf("%s, %d threads", ways[i].read, ways[i].threads);
        wrong += differences(got, want, where);
        mem_free(where);
        json_free(got);
        buf_fini(&text);
    }
    json_free(want);
    assert_int_equal(wrong, 0);
}

/* make_export.sh: prints what export.json should hold. */
static int print_golden(const char *directory)
{
    struct buf text;
    make_all(directory, &ways[0], &text);
    printf("%s\n", buf_str(&text));
    buf_fini(&text);
    return 0;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bytes_for_ever)};
    char *directory = fixture_directory();
    tests[0].initial_state = directory;
    int rc = argc > 1 && strcmp(argv[1], "print") == 0 ? print_golden(directory)
                                                       : cmocka_run_group_tests(tests, NULL, NULL);
    fixture_remove(directory);
    return rc;
}
