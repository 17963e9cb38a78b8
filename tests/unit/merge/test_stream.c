/* Exports of tensors of many blocks: the same bytes however they are made. */
#include "fixture.h"

#include "merge/output/export.h"
#include "merge/output/manifest.h"
#include "proto/rng.h"

#include <math.h>

#define LARGE (700 * 1000) /* elements: two blocks and a bit of BF16, three of F32 */
#define TARGETS 3

struct world {
    char *directory;
    struct checkpoint *base, *tuned;
    struct plan *plan;
};

static const double ratios[TARGETS][2] = {{0.3, 0.8}, {0, 1}, {0.5, 0.1}};

/* Weights of one side: like a model's, the tuned side a little off. */
static void fill(uint64_t seed, double update, enum st_dtype dtype, uint64_t n, char *out)
{
    struct rng dice, moves;
    rng_seed(&dice, seed, 0);
    rng_seed(&moves, seed, 1);
    for (uint64_t i = 0; i < n; i++) {
        float x = (float)(rng_uniform(&dice) - 0.5 + update * (rng_uniform(&moves) - 0.5));
        uint32_t bits;
        memcpy(&bits, &x, 4);
        if (dtype == ST_F32)
            memcpy(out + 4 * i, &bits, 4);
        else if (dtype == ST_BF16)
            memcpy(out + 2 * i, (char *)&bits + 2, 2);
        else
            out[i] = (char)i;
    }
}

static struct checkpoint *side(const char *directory, double update)
{
    static const struct {
        const char *name;
        enum st_dtype dtype;
        uint64_t n;
    } tensors[] = {{"model.embed_tokens.weight", ST_BF16, LARGE},
                   {"model.layers.0.w", ST_F32, LARGE},
                   {"model.layers.0.b", ST_F32, 5},
                   {"model.layers.1.w", ST_BF16, LARGE + 1},
                   {"model.layers.1.ids", ST_I8, 3000000},
                   {"model.layers.1.none", ST_F32, 0},
                   {"model.norm.weight", ST_BF16, 2048}};
    enum { N = sizeof tensors / sizeof *tensors };
    struct st_tensor list[N];
    struct err err = {0};
    struct checkpoint *ckpt;
    mkdir(directory, 0777);
    fixture_text(directory, "config.json", "{\"torch_dtype\": \"bfloat16\"}");
    for (size_t i = 0; i < N; i++) {
        uint64_t bytes = tensors[i].n * st_dtype_bits(tensors[i].dtype) / 8;
        char *data = mem_zero(bytes + 1, 1);
        fill(i, update, tensors[i].dtype, tensors[i].n, data);
        list[i] = (struct st_tensor){
            tensors[i].name, tensors[i].dtype, 1, {tensors[i].n}, tensors[i].n, data, bytes, NULL, 0};
    }
    char *path = mem_printf("%s/model.safetensors", directory);
    if (st_write(path, list, N, &err) || checkpoint_open(directory, &ckpt, &err))
        fail_msg("%s", err.text);
    mem_free(path);
    for (size_t i = 0; i < N; i++)
        mem_free((void *)(uintptr_t)list[i].data);
    return ckpt;
}

static void open_world(struct world *w, const char *read)
{
    char *base = mem_printf("%s/base", w->directory), *tuned = mem_printf("%s/tuned", w->directory);
    setenv("PARETOD_READ", read, 1);
    w->base = side(base, 0);
    w->tuned = side(tuned, 0.001);
    unsetenv("PARETOD_READ");
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2};
    struct err err = {0};
    if (plan_make(&spec, w->base, w->tuned, &w->plan, &err))
        fail_msg("%s", err.text);
    mem_free(base);
    mem_free(tuned);
}

static void close_world(struct world *w)
{
    plan_free(w->plan);
    checkpoint_close(w->base);
    checkpoint_close(w->tuned);
}

static int set_up(void **state)
{
    struct world *w = mem_zero(1, sizeof *w);
    w->directory = fixture_directory();
    open_world(w, "map");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    close_world(w);
    fixture_remove(w->directory);
    mem_free(w);
    return 0;
}

static const struct export_lineage nothing = {.trial = -1};

/* Targets first … first + n - 1, as "NAME-0" …; the caller frees nothing: the manifests are given, which hold all. */
static void run(struct world *w, size_t first, size_t n, const struct export_options *options,
                char **manifests, double effective[][2])
{
    struct export_target targets[TARGETS];
    struct err err = {0};
    for (size_t i = 0; i < n; i++)
        targets[i] = (struct export_target){mem_printf("%s/out-%zu", w->directory, i), ratios[first + i],
                                            &nothing, effective[first + i]};
    if (export_checkpoints(w->base, w->tuned, w->plan, targets, n, options, NULL, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++) {
        struct verify_result result;
        size_t len;
        if (manifest_verify(targets[i].directory, NULL, &result, &err))
            fail_msg("%s", err.text);
        manifests[first + i] = fixture_read(targets[i].directory, MANIFEST_NAME, &len);
        fixture_remove((char *)(uintptr_t)targets[i].directory);
    }
}

struct made {
    char *manifests[TARGETS];
    double effective[TARGETS][2];
};

static struct made make(struct world *w, bool at_once, const struct export_options *options)
{
    struct made made = {0};
    for (size_t i = 0; i < TARGETS; i += at_once ? TARGETS : 1)
        run(w, i, at_once ? TARGETS : 1, options, made.manifests, made.effective);
    return made;
}

static void check_same(const struct made *a, struct made b)
{
    for (size_t i = 0; i < TARGETS; i++) {
        assert_string_equal(a->manifests[i], b.manifests[i]);
        mem_free(b.manifests[i]);
    }
    assert_memory_equal(a->effective, b.effective, sizeof a->effective);
}

static void forget(struct made *made)
{
    for (size_t i = 0; i < TARGETS; i++)
        mem_free(made->manifests[i]);
}

static void every_way(struct world *w, struct export_options options)
{
    options.threads = 1;
    struct made first = make(w, false, &options);
    for (int threads = 1; threads <= 7; threads += threads == 1 ? 1 : 5) {
        options.threads = threads;
        check_same(&first, make(w, false, &options));
        check_same(&first, make(w, true, &options));
    }
    forget(&first);
}

static void test_threads_and_targets(void **state)
{
    every_way(*state, (struct export_options){0});
}

static void test_shards(void **state)
{
    every_way(*state, (struct export_options){.shard_bytes = 2000000});
    every_way(*state, (struct export_options){.shard_bytes = 1});
}

static void test_dtype_and_rounding(void **state)
{
    every_way(*state, (struct export_options){.how = {ROUND_STOCHASTIC, OUTPUT_BF16, OTHERS_EQUAL, 7}});
    every_way(*state, (struct export_options){.how = {ROUND_NEAREST, OUTPUT_F32, OTHERS_EQUAL, 0}});
}

static void test_map_and_pread(void **state)
{
    struct world *w = *state;
    const struct export_options options = {.threads = 3, .shard_bytes = 3000000};
    struct made first = make(w, true, &options);
    close_world(w);
    open_world(w, "pread");
    check_same(&first, make(w, true, &options));
    forget(&first);
}

/* The stream's blocks are the whole tensor's bytes. */
static void test_as_merge_tensor(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct checkpoint *merged;
    char *path = mem_printf("%s/out", w->directory);
    const struct export_target target = {.directory = path, .ratios = ratios[0]};
    const struct export_options options = {.how = {.dtype = OUTPUT_F16}, .threads = 2};
    if (export_checkpoints(w->base, w->tuned, w->plan, &target, 1, &options, NULL, &err) ||
        checkpoint_open(path, &merged, &err))
        fail_msg("%s", err.text);
    assert_int_equal(checkpoint_count(merged), 7);
    for (size_t i = 0; i < checkpoint_count(merged); i++) {
        const struct st_tensor *got = checkpoint_at(merged, i), *from = checkpoint_find(w->base, got->name);
        double ratio = plan_ratio(w->plan, plan_find(w->plan, got->name), ratios[0]);
        void *want = mem_zero(got->bytes + 1, 1);
        assert_int_equal(got->dtype, from->dtype == ST_I8 ? ST_I8 : ST_F16);
        if (merge_tensor(from, checkpoint_find(w->tuned, got->name), ratio, &options.how, want, NULL, &err))
            fail_msg("%s", err.text);
        assert_memory_equal(want, got->data, got->bytes);
        mem_free(want);
    }
    checkpoint_close(merged);
    size_t n;
    char *config = fixture_read(path, "config.json", &n);
    assert_string_equal(config, "{\"torch_dtype\": \"float16\"}");
    mem_free(config);
    mem_free(path);
}

static void test_effective(void **state)
{
    struct world *w = *state;
    const struct export_options options = {.how = {ROUND_STOCHASTIC, OUTPUT_SAME, OTHERS_EQUAL, 1}};
    struct made made = make(w, true, &options);
    for (size_t i = 0; i < TARGETS; i++)
        for (size_t r = 0; r < 2; r++)
            assert_true(fabs(made.effective[i][r] - ratios[i][r]) < 0.02);
    assert_true(made.effective[1][0] == 0 && made.effective[1][1] == 1);
    forget(&made);
}

static void test_scratch(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    char *path = mem_printf("%s/out", w->directory);
    const struct export_target target = {.directory = path, .ratios = ratios[0]};
    const struct export_options options = {.scratch = true};
    if (export_checkpoints(w->base, w->tuned, w->plan, &target, 1, &options, NULL, &err))
        fail_msg("%s", err.text);
    static const char *const made[] = {"model.safetensors", "config.json", "paretod.json"};
    static const char *const not_made[] = {"README.md", MANIFEST_NAME};
    for (size_t i = 0; i < 5; i++) {
        char *file = mem_printf("%s/%s", path, i < 3 ? made[i] : not_made[i - 3]);
        assert_int_equal(access(file, F_OK) == 0, i < 3);
        mem_free(file);
    }
    mem_free(path);
}

struct ticks {
    int n, stop_at;
    uint64_t last;
};

static int on_tick(void *ctx, uint64_t done, uint64_t total)
{
    struct ticks *ticks = ctx;
    assert_true(done >= ticks->last && done <= total && done - ticks->last <= TARGETS << 20);
    ticks->last = done;
    return ++ticks->n == ticks->stop_at;
}

/* Ctrl-C is seen within a block, whatever the size of the tensor, and nothing is left. */
static void test_stopped_within_a_block(void **state)
{
    struct world *w = *state;
    struct ticks ticks = {0};
    struct export_progress progress = {on_tick, &ticks};
    struct err err = {0};
    char *path = mem_printf("%s/out", w->directory);
    const struct export_target target = {.directory = path, .ratios = ratios[0]};
    const struct export_options options = {.threads = 3};
    for (ticks.stop_at = 1; ticks.stop_at < 12; ticks.stop_at++) {
        ticks.n = 0;
        ticks.last = 0;
        fixture_refused(export_checkpoints(w->base, w->tuned, w->plan, &target, 1, &options, &progress, &err),
                        ERR_CANCELLED, &err, "the export was stopped");
        assert_int_equal(ticks.n, ticks.stop_at);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    mem_free(path);
}

/* The pair is cut while it is open: a sentence, no crash, and nothing is left. */
static void test_cut_while_open(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    close_world(w);
    open_world(w, "pread");
    char *path = mem_printf("%s/out", w->directory),
         *file = mem_printf("%s/tuned/model.safetensors", w->directory);
    const struct export_target target = {.directory = path, .ratios = ratios[0]};
    const struct export_options options = {.threads = 2};
    assert_int_equal(truncate(file, 2500000), 0);
    fixture_refused(export_checkpoints(w->base, w->tuned, w->plan, &target, 1, &options, NULL, &err),
                    ERR_CORRUPT, &err,
                    "tuned/model.safetensors: tensor \"model.layers.0.w\": the file has become shorter");
    assert_int_not_equal(access(path, F_OK), 0);
    mem_free(file);
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_and_targets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dtype_and_rounding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_map_and_pread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_as_merge_tensor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_effective, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_scratch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stopped_within_a_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_while_open, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
