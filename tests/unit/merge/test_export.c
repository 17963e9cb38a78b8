#include "fixture.h"

#include "merge/output/export.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#define CONFIG "{\"model_type\":\"llama\",\n  \"torch_dtype\":\"float32\", \"odd_key\":[1.0,null]}"

static const char *const names[] = {"model.embed_tokens.weight", "model.layers.0.w", "model.layers.1.w",
                                    "model.norm.weight", NULL};
static const double ratios[] = {0.25, 0.75};

struct world {
    char *directory;
    char *target; /* does not exist yet */
    struct checkpoint *base, *tuned;
    struct plan *plan;
};

static int set_up(void **state)
{
    struct world *w = mem_zero(1, sizeof *w);
    w->directory = fixture_directory();
    w->target = mem_printf("%s/merged", w->directory);
    char *base = mem_printf("%s/base", w->directory), *tuned = mem_printf("%s/tuned", w->directory);
    w->base = fixture_checkpoint(base, "{}", names, 1);
    w->tuned = fixture_checkpoint(tuned, CONFIG, names, 3);
    fixture_text(base, "tokenizer.json", "of the base");
    fixture_text(tuned, "tokenizer.json", "of the tuned");
    fixture_text(tuned, "merges.txt", "");
    fixture_text(tuned, "modeling.py", "raise SystemExit");
    fixture_text(tuned, "optimizer.pt", "x");
    mem_free(base);
    mem_free(tuned);
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2};
    struct err err = {0};
    assert_int_equal(plan_make(&spec, w->base, w->tuned, &w->plan, &err), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    plan_free(w->plan);
    checkpoint_close(w->base);
    checkpoint_close(w->tuned);
    fixture_remove(w->directory);
    mem_free(w->target);
    mem_free(w);
    return 0;
}

static int export_one(struct world *w, const double *vector, const char *directory,
                      const struct export_progress *progress, struct err *err)
{
    static const struct export_lineage nothing = {.trial = -1};
    const struct export_target target = {.directory = directory, .ratios = vector, .lineage = &nothing};
    return export_checkpoints(w->base, w->tuned, w->plan, &target, 1, NULL, progress, err);
}

static void exported(struct world *w, const char *directory, const double *vector)
{
    struct err err = {0};
    if (export_one(w, vector, directory, NULL, &err))
        fail_msg("%s", err.text);
}

static int entries(const char *directory, const char *part)
{
    int n = 0;
    DIR *dir = opendir(directory);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.' && strstr(entry->d_name, part);
    closedir(dir);
    return n;
}

static void check_same(const char *one, const char *other, const char *name)
{
    size_t n, m;
    char *a = fixture_read(one, name, &n), *b = fixture_read(other, name, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    mem_free(a);
    mem_free(b);
}

static void test_whole_directory(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct checkpoint *merged;
    exported(w, w->target, ratios);
    assert_int_equal(entries(w->target, ""),
                     7); /* config, tokenizer, merges, weights, lineage, card, manifest */
    check_same(w->target, checkpoint_directory(w->tuned), "config.json");
    check_same(w->target, checkpoint_directory(w->tuned), "tokenizer.json");
    check_same(w->target, checkpoint_directory(w->tuned), "merges.txt");
    if (checkpoint_open(w->target, &merged, &err))
        fail_msg("%s", err.text);
    static const float expected[] = {1.5f, 1.5f, 2.5f, 2.5f}; /* base 1, tuned 3 */
    for (size_t i = 0; i < 4; i++) {
        float values[2];
        assert_string_equal(checkpoint_at(merged, i)->name, names[i]);
        assert_int_equal(tensor_to_f32(checkpoint_at(merged, i), 0, 2, values, &err), 0);
        assert_true(values[0] == expected[i] && values[1] == expected[i]);
    }
    checkpoint_close(merged);
    assert_int_equal(entries(w->directory, "partial"), 0);
}

static struct json *lineage_of(const char *directory)
{
    struct err err = {0};
    struct json *json;
    char *path = mem_printf("%s/paretod.json", directory);
    if (json_parse_file(path, 1 << 20, &json, &err))
        fail_msg("%s", err.text);
    mem_free(path);
    return json;
}

static double number(const struct json *json, const char *key)
{
    return json_number_or(json_get(json, key), -1);
}

static void test_lineage(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    static const struct export_score scores[] = {{"reward", 0.5, 0.01, "max"},
                                                 {"tasks", 0.25, (double)NAN, NULL}};
    static const struct export_lineage lineage = {"a search", 17,   "org/pre", "org/post",
                                                  "aa",       "bb", scores,    2};
    double effective[2] = {0};
    const struct export_target target = {w->target, ratios, &lineage, effective};
    if (export_checkpoints(w->base, w->tuned, w->plan, &target, 1, NULL, NULL, &err))
        fail_msg("%s", err.text);
    struct json *json = lineage_of(w->target);
    assert_string_equal(json_string_or(json_get(json, "format"), ""), "paretod-export-2");
    assert_string_equal(json_string_or(json_get(json, "search"), ""), "a search");
    assert_true(number(json, "trial") == 17);
    assert_string_equal(json_string_or(json_get(json, "base"), ""), "org/pre");
    assert_string_equal(json_string_or(json_get(json, "tuned_digest"), ""), "bb");
    assert_string_equal(json_string_or(json_get(json, "ratio_of"), ""), "tuned");
    assert_string_equal(json_string_or(json_first(json_get(json, "groups")), ""), w->plan->names[0]);
    assert_true(json_number_or(json_first(json_get(json, "ratios")), 0) == 0.25);
    assert_true(json_number_or(json_first(json_get(json, "effective")), 0) == 0.25);
    assert_true(effective[0] == 0.25 && effective[1] == 0.75);
    assert_int_equal(json_len(json_get(json_get(json, "plan"), "tensors")), 4);
    const struct json *score = json_first(json_get(json, "scores"));
    assert_true(number(score, "mean") == 0.5 && number(score, "stderr") == 0.01);
    assert_true(json_is(json_get(json_next(score), "stderr"), JSON_NULL));
    assert_null(json_get(json_get(json, "output"), "seed"));
    json_free(json);
}

/* Nothing that the caller did not say: the same bytes wherever the checkpoints lie. */
static void test_lineage_says_nothing_of_the_machine(void **state)
{
    struct world *w = *state;
    size_t n;
    exported(w, w->target, ratios);
    char *text = fixture_read(w->target, "paretod.json", &n);
    assert_null(strstr(text, w->directory));
    assert_null(strstr(text, "version"));
    assert_null(strstr(text, "\"trial\""));
    assert_null(strstr(text, "\"base_digest\""));
    mem_free(text);
}

static void test_same_bytes_every_time(void **state)
{
    struct world *w = *state;
    char *again = mem_printf("%s/again//", w->directory); /* slashes at the end do no harm */
    exported(w, w->target, ratios);
    exported(w, again, ratios);
    check_same(w->target, again, "model.safetensors");
    check_same(w->target, again, "paretod.json");
    assert_int_equal(entries(w->directory, "partial"), 0);
    mem_free(again);
}

static void test_ends_give_the_files(void **state)
{
    struct world *w = *state;
    static const double zero[] = {0, 0}, one[] = {1, 1};
    char *other = mem_printf("%s/other", w->directory);
    exported(w, w->target, zero);
    exported(w, other, one);
    check_same(w->target, checkpoint_directory(w->base), "model.safetensors");
    check_same(other, checkpoint_directory(w->tuned), "model.safetensors");
    mem_free(other);
}

static void refused(struct world *w, const char *target, const double *vector, int code, const char *says)
{
    struct err err = {0};
    int rc = export_one(w, vector, target, NULL, &err);
    fixture_refused(rc, code, &err, says);
    assert_int_equal(entries(w->directory, "partial"), 0);
}

static void test_existing_target(void **state)
{
    struct world *w = *state;
    refused(w, w->directory, ratios, ERR_CONFLICT, "exists already");
    assert_int_equal(mkdir(w->target, 0777), 0); /* empty: rename would replace it */
    refused(w, w->target, ratios, ERR_CONFLICT, w->target);
    assert_int_equal(rmdir(w->target), 0);
    fixture_text(w->directory, "merged", "a file");
    refused(w, w->target, ratios, ERR_CONFLICT, "exists already");
    assert_int_equal(unlink(w->target), 0);
    assert_int_equal(symlink("nowhere", w->target), 0);
    refused(w, w->target, ratios, ERR_CONFLICT, "exists already");
}

/* Somebody makes the target while we write: theirs stays, ours goes. */
static int make_target(void *ctx, uint64_t done, uint64_t total)
{
    if (done == total)
        mkdir(ctx, 0777);
    return 0;
}

static void test_target_appears_meanwhile(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct export_progress progress = {make_target, w->target};
    int rc = export_one(w, ratios, w->target, &progress, &err);
    fixture_refused(rc, ERR_CONFLICT, &err, "exists already");
    assert_int_equal(entries(w->target, ""), 0);
    assert_int_equal(entries(w->directory, "partial"), 0);
}

static void test_failures_leave_nothing(void **state)
{
    struct world *w = *state;
    static const double bad[] = {0.5, (double)NAN};
    refused(w, w->target, bad, ERR_INVALID, "model.layers.1.w");
    assert_int_not_equal(access(w->target, F_OK), 0);
    char *nowhere = mem_printf("%s/absent/merged", w->directory);
    refused(w, nowhere, ratios, ERR_IO, "absent/merged");
    mem_free(nowhere);
}

/* A file size limit stands in for a full disk. */
static void test_full_disk(void **state)
{
    struct world *w = *state;
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*was)(int) = signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit < 400; limit += 97) {
        small = (struct rlimit){limit, old.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        struct err err = {0};
        int rc = export_one(w, ratios, w->target, NULL, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        fixture_refused(rc, ERR_IO, &err, "File too large");
        assert_int_equal(entries(w->directory, "partial"), 0);
        assert_int_not_equal(access(w->target, F_OK), 0);
    }
    signal(SIGXFSZ, was);
    exported(w, w->target, ratios);
}

/* What a killed process of our id left behind does not stop us, and is not touched. */
static void test_leftover(void **state)
{
    struct world *w = *state;
    char *left = mem_printf("%s.partial-%d", w->target, (int)getpid());
    assert_int_equal(mkdir(left, 0777), 0);
    fixture_text(left, "config.json", "half");
    exported(w, w->target, ratios);
    assert_int_equal(entries(left, ""), 1);
    assert_int_equal(entries(w->directory, "partial"), 1);
    mem_free(left);
}

struct ticks {
    uint64_t last, total;
    int n;
    int stop_at; /* 0: never */
};

static int count_tick(void *ctx, uint64_t done, uint64_t total)
{
    struct ticks *ticks = ctx;
    assert_true(done >= ticks->last && done <= total);
    ticks->last = done;
    ticks->total = total;
    return ++ticks->n == ticks->stop_at;
}

static void test_progress(void **state)
{
    struct world *w = *state;
    struct ticks ticks = {0};
    struct export_progress progress = {count_tick, &ticks};
    struct err err = {0};
    assert_int_equal(export_one(w, ratios, w->target, &progress, &err), 0);
    assert_int_equal(ticks.total, 4 * 8);
    assert_int_equal(ticks.last, ticks.total);
    assert_int_equal(ticks.n, 4); /* a block a tensor */
}

/* After each block and the last one: wherever it is stopped, nothing is left and the next one is whole. */
static void test_stopped(void **state)
{
    struct world *w = *state;
    for (int stop_at = 1; stop_at <= 4; stop_at++) {
        struct ticks ticks = {.stop_at = stop_at};
        struct export_progress progress = {count_tick, &ticks};
        struct err err = {0};
        int rc = export_one(w, ratios, w->target, &progress, &err);
        fixture_refused(rc, ERR_CANCELLED, &err, "the export was stopped");
        assert_int_equal(ticks.n, stop_at);
        assert_int_equal(entries(w->directory, "partial"), 0);
        assert_int_not_equal(access(w->target, F_OK), 0);
    }
    exported(w, w->target, ratios);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lineage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lineage_says_nothing_of_the_machine, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_same_bytes_every_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ends_give_the_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_existing_target, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_target_appears_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_leftover, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_progress, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stopped, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
