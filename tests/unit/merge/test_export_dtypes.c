#include "fixture.h"

#include "merge/output/export.h"

/* A checkpoint with a tensor of every dtype, exported: what is no number to average is copied to the byte, or refused by
 * name, as output.others says. */

static const unsigned char bytes[32] = {0x3c, 1, 0x40, 2, 0x41, 3, 0x42, 4, 5, 6, 7, 8};

struct world {
    char *directory, *target;
    struct checkpoint *base, *tuned;
};

static struct checkpoint *make(const struct world *w, const char *name, int differs)
{
    struct st_tensor tensors[ST_DTYPES_N];
    char names[ST_DTYPES_N][32];
    unsigned char other[sizeof bytes];
    struct err err = {0};
    struct checkpoint *ckpt;
    memcpy(other, bytes, sizeof other);
    other[0] ^= 1;
    for (int i = 0; i < ST_DTYPES_N; i++) {
        snprintf(names[i], sizeof names[i], "model.layers.%d.w%d", i % 2, i);
        tensors[i] = (struct st_tensor){.name = names[i],
                                        .dtype = (enum st_dtype)i,
                                        .rank = 1,
                                        .shape = {4},
                                        .elements = 4,
                                        .data = i == differs ? other : bytes,
                                        .bytes = st_dtype_bits((enum st_dtype)i) / 2};
    }
    char *directory = mem_printf("%s/%s", w->directory, name),
         *path = mem_printf("%s/model.safetensors", directory);
    mkdir(directory, 0777);
    fixture_text(directory, "config.json", "{\"model_type\":\"llama\"}");
    if (st_write(path, tensors, ST_DTYPES_N, &err) || checkpoint_open(directory, &ckpt, &err))
        fail_msg("%s", err.text);
    mem_free(path);
    mem_free(directory);
    return ckpt;
}

/* The pair's only difference is the tensor of this dtype. */
static void set_up(struct world *w, int differs)
{
    w->directory = fixture_directory();
    w->target = mem_printf("%s/merged", w->directory);
    w->base = make(w, "base", -1);
    w->tuned = make(w, "tuned", differs);
}

static void tear_down(struct world *w)
{
    checkpoint_close(w->base);
    checkpoint_close(w->tuned);
    fixture_remove(w->directory);
    mem_free(w->target);
}

static int export_with(const struct world *w, enum spec_others others, struct err *err)
{
    static const double half[] = {0.5, 0.5};
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 2, .others = others};
    struct plan *plan = NULL;
    int rc = plan_make(&spec, w->base, w->tuned, &plan, err);
    const struct export_lineage nothing = {.trial = -1};
    const struct export_target target = {.directory = w->target, .ratios = half, .lineage = &nothing};
    const struct export_options options = {.how = merge_how_of(&spec)};
    if (!rc)
        rc = export_checkpoints(w->base, w->tuned, plan, &target, 1, &options, NULL, err);
    plan_free(plan);
    return rc;
}

/* Of the exported tensor that stands at number i in both: whether its bytes are those of `of`. */
static void check_copied(const char *directory, const struct checkpoint *of)
{
    struct err err = {0};
    struct checkpoint *merged;
    if (checkpoint_open(directory, &merged, &err))
        fail_msg("%s", err.text);
    assert_int_equal(checkpoint_count(merged), ST_DTYPES_N);
    for (size_t i = 0; i < ST_DTYPES_N; i++) {
        const struct st_tensor *got = checkpoint_at(merged, i), *want = checkpoint_find(of, got->name);
        if (!want || got->dtype != want->dtype || got->bytes != want->bytes ||
            memcmp(got->data, want->data, got->bytes) != 0)
            fail_msg("%s of dtype %s is not copied", got->name, st_dtype_name(got->dtype));
    }
    checkpoint_close(merged);
}

static void test_equal_ones_are_copied(void **state)
{
    (void)state;
    struct world w;
    struct err err = {0};
    set_up(&w, -1);
    if (export_with(&w, OTHERS_EQUAL, &err))
        fail_msg("%s", err.text);
    check_copied(w.target, w.base);
    tear_down(&w);
}

static bool is_number(int dtype)
{
    return dtype == ST_F16 || dtype == ST_BF16 || dtype == ST_F32 || dtype == ST_F64;
}

static void test_others(void **state)
{
    (void)state;
    for (int i = 0; i < ST_DTYPES_N; i++) {
        struct world w;
        struct err err = {0};
        char name[32];
        if (is_number(i))
            continue;
        set_up(&w, i);
        snprintf(name, sizeof name, "model.layers.%d.w%d", i % 2, i);
        int rc = export_with(&w, OTHERS_EQUAL, &err);
        if (rc != ERR_UNSUPPORTED && rc != ERR_INVALID)
            fail_msg("%s differs and is not refused: %s", st_dtype_name((enum st_dtype)i), err_name(rc));
        assert_non_null(strstr(err.text, name));
        assert_non_null(strstr(err.text, st_dtype_name((enum st_dtype)i)));
        assert_int_not_equal(access(w.target, F_OK), 0);
        if (export_with(&w, i % 2 ? OTHERS_BASE : OTHERS_TUNED, &err))
            fail_msg("%s", err.text);
        check_copied(w.target, i % 2 ? w.base : w.tuned);
        tear_down(&w);
    }
}

static void test_refuse(void **state)
{
    (void)state;
    struct world w;
    struct err err = {0};
    set_up(&w, -1);
    int rc = export_with(&w, OTHERS_REFUSE, &err);
    assert_true(rc == ERR_UNSUPPORTED || rc == ERR_INVALID);
    assert_non_null(strstr(err.text, "model.layers."));
    assert_int_not_equal(access(w.target, F_OK), 0);
    tear_down(&w);
}

static struct checkpoint *make_with_tables(const struct world *w, const char *name, unsigned char first)
{
    static const float biases[2] = {0.1f, -1e9f}; /* that neither BF16 nor F16 can hold */
    static const unsigned char mask[4] = {1, 0, 1, 1};
    const unsigned char weights[4] = {first, 0x3c, 0, 0x3c};
    struct err err = {0};
    struct checkpoint *ckpt;
    const struct st_tensor tensors[] = {
        {"transformer.h.0.w", ST_BF16, 1, {2}, 2, weights, 4, NULL, 0},
        {"transformer.h.0.attn.masked_bias", ST_F32, 1, {2}, 2, biases, 8, NULL, 0},
        {"transformer.h.0.attn.bias", ST_U8, 4, {1, 1, 2, 2}, 4, mask, 4, NULL, 0},
    };
    char *directory = mem_printf("%s/%s", w->directory, name),
         *path = mem_printf("%s/model.safetensors", directory);
    mkdir(directory, 0777);
    fixture_text(directory, "config.json", "{\"model_type\":\"gpt2\"}");
    if (st_write(path, tensors, 3, &err) || checkpoint_open(directory, &ckpt, &err))
        fail_msg("%s", err.text);
    mem_free(path);
    mem_free(directory);
    return ckpt;
}

/* Masks and frequencies are equal in both and stay what they are, whatever dtype the weights get and though tensors that
 * are no numbers are refused. */
static void test_tables_are_copied(void **state)
{
    (void)state;
    static const double half[] = {0.5};
    struct world w = {.directory = fixture_directory()};
    struct err err = {0};
    struct plan *plan;
    struct checkpoint *merged;
    w.target = mem_printf("%s/merged", w.directory);
    w.base = make_with_tables(&w, "base", 0);
    w.tuned = make_with_tables(&w, "tuned", 2);
    const struct search_spec spec = {
        .groups_n = 1, .others = OTHERS_REFUSE, .output_dtype = OUTPUT_F16, .rounding = ROUND_STOCHASTIC};
    const struct export_target target = {.directory = w.target, .ratios = half};
    const struct export_options options = {.how = merge_how_of(&spec)};
    if (plan_make(&spec, w.base, w.tuned, &plan, &err) ||
        export_checkpoints(w.base, w.tuned, plan, &target, 1, &options, NULL, &err) ||
        checkpoint_open(w.target, &merged, &err))
        fail_msg("%s", err.text);
    assert_int_equal(checkpoint_count(merged), 3);
    for (size_t i = 0; i < 3; i++) {
        const struct st_tensor *got = checkpoint_at(merged, i), *was = checkpoint_find(w.base, got->name);
        bool weights = was->dtype == ST_BF16;
        if (got->dtype != (weights ? ST_F16 : was->dtype) ||
            (!weights && memcmp(got->data, was->data, was->bytes) != 0))
            fail_msg("%s is of dtype %s or has other bytes", got->name, st_dtype_name(got->dtype));
    }
    checkpoint_close(merged);
    plan_free(plan);
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_ones_are_copied),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_tables_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
