#include "fixture.h"

#include "merge/output/shards.h"

#include <stdio.h>

/* Tensors of a model in no order; a number of I8 elements each. */
struct made {
    const char *name;
    enum plan_place place;
    int layer;
    uint64_t bytes;
};

struct world {
    char *directory;
    struct checkpoint *ckpt;
    struct plan plan;
};

static int by_tensor(const void *a, const void *b)
{
    return strcmp(((const struct plan_entry *)a)->tensor, ((const struct plan_entry *)b)->tensor);
}

static void make(struct world *w, const struct made *made, size_t n, enum st_dtype dtype)
{
    struct st_tensor tensors[16];
    static const char zeros[4096];
    struct err err = {0};
    w->directory = fixture_directory();
    w->plan = (struct plan){.entries_n = n, .entries = mem_zero(n, sizeof *w->plan.entries)};
    for (size_t i = 0; i < n; i++) {
        uint64_t elements = made[i].bytes * 8 / st_dtype_bits(dtype);
        tensors[i] = (struct st_tensor){.name = made[i].name,
                                        .dtype = dtype,
                                        .rank = 1,
                                        .shape = {elements},
                                        .elements = elements,
                                        .data = zeros,
                                        .bytes = made[i].bytes};
        w->plan.entries[i] = (struct plan_entry){
            .tensor = made[i].name, .place = made[i].place, .layer = made[i].layer, .dtype = dtype};
    }
    qsort(w->plan.entries, n, sizeof *w->plan.entries, by_tensor);
    char *path = mem_printf("%s/model.safetensors", w->directory);
    fixture_text(w->directory, "config.json", "{}");
    if (st_write(path, tensors, n, &err) || checkpoint_open(w->directory, &w->ckpt, &err))
        fail_msg("%s", err.text);
    mem_free(path);
}

static void unmake(struct world *w)
{
    checkpoint_close(w->ckpt);
    mem_free(w->plan.entries);
    fixture_remove(w->directory);
}

/* "a b|c": the tensors of every file in their order. */
static void check(struct world *w, const struct merge_how *how, uint64_t max, const char *expected)
{
    struct shards shards;
    struct err err = {0};
    char got[512] = "";
    if (shards_make(&w->plan, w->ckpt, how, max, &shards, &err))
        fail_msg("%s", err.text);
    for (size_t s = 0, seen = 0; s < shards.n; s++) {
        const struct shard *shard = &shards.shards[s];
        assert_int_equal(shard->first, seen);
        uint64_t at = shard->header.len;
        if (s)
            strcat(got, "|");
        for (size_t i = 0; i < shard->n; i++) {
            const struct shard_tensor *tensor = &shards.tensors[seen++];
            assert_string_equal(w->plan.entries[tensor->entry].tensor, tensor->tensor.name);
            assert_int_equal(tensor->offset, at);
            at += tensor->tensor.bytes;
            strcat(got, i ? " " : "");
            strcat(got, tensor->tensor.name);
        }
        assert_int_equal(shard->bytes, at);
    }
    assert_string_equal(got, expected);
    assert_int_equal(shards.tensors_n, w->plan.entries_n);
    shards_fini(&shards);
}

static const struct made model[] = {{"head", PLACE_AFTER, -1, 40},   {"h.10.a", PLACE_LAYER, 10, 30},
                                    {"h.2.b", PLACE_LAYER, 2, 30},   {"h.2.a", PLACE_LAYER, 2, 30},
                                    {"embed", PLACE_BEFORE, -1, 40}, {"norm", PLACE_AFTER, -1, 10}};

static void test_greedy_in_the_order_of_the_state(void **state)
{
    struct world w;
    const struct merge_how how = {0};
    (void)state;
    make(&w, model, 6, ST_I8);
    check(&w, &how, 180, "embed h.10.a h.2.a h.2.b head norm"); /* all of it: by name in the file */
    check(&w, &how, 179, "embed h.10.a h.2.a h.2.b head|norm");
    check(&w, &how, 100, "embed h.2.a h.2.b|h.10.a head norm");
    check(&w, &how, 99, "embed h.2.a|h.10.a h.2.b|head norm");
    check(&w, &how, 40, "embed|h.2.a|h.2.b|h.10.a|head|norm");
    unmake(&w);
}

/* What does not fit any file has its own, and the one that was open goes on. */
static void test_above_the_limit(void **state)
{
    struct world w;
    const struct merge_how how = {0};
    (void)state;
    make(&w, model, 6, ST_I8);
    check(&w, &how, 39, "embed|h.2.a|h.2.b|head|h.10.a|norm");
    check(&w, &how, 35, "embed|h.2.a|h.2.b|head|h.10.a|norm");
    check(&w, &how, 29, "embed|h.2.a|h.2.b|h.10.a|head|norm");
    check(&w, &how, 1, "embed|h.2.a|h.2.b|h.10.a|head|norm");
    unmake(&w);
    static const struct made open[] = {
        {"a", PLACE_LAYER, 0, 10}, {"b", PLACE_LAYER, 0, 100}, {"c", PLACE_LAYER, 0, 10}};
    make(&w, open, 3, ST_I8);
    check(&w, &how, 50, "b|a c");
    unmake(&w);
}

static void test_sizes_are_those_written(void **state)
{
    struct world w;
    const struct merge_how how = {.dtype = OUTPUT_F32};
    (void)state;
    make(&w, model, 6, ST_BF16);
    check(&w, &how, 360, "embed h.10.a h.2.a h.2.b head norm");
    check(&w, &how, 359, "embed h.10.a h.2.a h.2.b head|norm");
    unmake(&w);
}

static void test_empty_tensors(void **state)
{
    struct world w;
    const struct merge_how how = {0};
    static const struct made empty[] = {
        {"a", PLACE_LAYER, 0, 0}, {"b", PLACE_LAYER, 0, 8}, {"c", PLACE_LAYER, 0, 0}};
    (void)state;
    make(&w, empty, 3, ST_I8);
    check(&w, &how, 8, "a b c");
    unmake(&w);
}

static void test_index(void **state)
{
    struct world w;
    struct shards shards;
    struct buf text;
    struct err err = {0};
    const struct merge_how how = {0};
    static const struct made odd[] = {{"h.0.\"\\\n\x7F", PLACE_LAYER, 0, 8},
                                      {"h.0.\xC3\xA4\xF0\x9F\x98\x80", PLACE_LAYER, 0, 8},
                                      {"Z", PLACE_AFTER, -1, 8}};
    (void)state;
    make(&w, odd, 3, ST_I8);
    if (shards_make(&w.plan, w.ckpt, &how, 16, &shards, &err))
        fail_msg("%s", err.text);
    buf_init(&text, 4096);
    shards_write_index(&shards, &text);
    /* python3 -c 'import json; print(json.dumps({"metadata": {"total_size": 24}, "weight_map": {…}}, indent=2,
       sort_keys=True))' */
    assert_string_equal(buf_str(&text),
                        "{\n  \"metadata\": {\n    \"total_size\": 24\n  },\n  \"weight_map\": {\n"
                        "    \"Z\": \"model-00002-of-00002.safetensors\",\n"
                        "    \"h.0.\\\"\\\\\\n\\u007f\": \"model-00001-of-00002.safetensors\",\n"
                        "    \"h.0.\\u00e4\\ud83d\\ude00\": \"model-00001-of-00002.safetensors\"\n  }\n}\n");
    buf_fini(&text);
    shards_fini(&shards);
    unmake(&w);
}

static void test_a_tensor_that_is_not_there(void **state)
{
    struct world w;
    struct shards shards;
    struct err err = {0};
    const struct merge_how how = {0};
    (void)state;
    make(&w, model, 6, ST_I8);
    w.plan.entries[3].tensor = "gone";
    fixture_refused(shards_make(&w.plan, w.ckpt, &how, 16, &shards, &err), ERR_INVALID, &err, "\"gone\"");
    shards_fini(&shards);
    unmake(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy_in_the_order_of_the_state),
        cmocka_unit_test(test_above_the_limit),
        cmocka_unit_test(test_sizes_are_those_written),
        cmocka_unit_test(test_empty_tensors),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_a_tensor_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
