#include "fixture.h"

#include "merge/output/shards.h"

/* The files that huggingface_hub makes of the same sizes; golden/merge/make_shards.py asked it. */

#define TENSORS_MAX 32

struct made {
    char names[TENSORS_MAX][32];
    struct plan_entry entries[TENSORS_MAX];
    struct plan plan;
    struct checkpoint *base;
};

/* One-byte numbers, as many as the case's sizes say. The caller closes base. */
static void make_pair(const char *directory, const struct json *sizes, struct made *made)
{
    struct st_tensor tensors[TENSORS_MAX];
    static const char zeros[256];
    struct err err = {0};
    size_t n = 0;
    *made = (struct made){.plan = {.entries = made->entries}};
    for (const struct json *size = json_first(sizes); size; size = json_next(size), n++) {
        uint64_t bytes = (uint64_t)json_number_or(size, 0);
        assert_true(n < TENSORS_MAX && bytes <= sizeof zeros);
        snprintf(made->names[n], sizeof made->names[n], "model.layers.%zu.w", n);
        tensors[n] = (struct st_tensor){.name = made->names[n],
                                        .dtype = ST_I8,
                                        .rank = 1,
                                        .shape = {bytes},
                                        .elements = bytes,
                                        .data = zeros,
                                        .bytes = bytes};
        made->entries[n] = (struct plan_entry){.tensor = made->names[n],
                                               .place = PLACE_LAYER,
                                               .layer = (int)n,
                                               .dtype = ST_I8,
                                               .elements = bytes};
    }
    made->plan.entries_n = n;
    fixture_text(directory, "config.json", "{}");
    char *path = mem_printf("%s/model.safetensors", directory);
    if (st_write(path, tensors, n, &err) || checkpoint_open(directory, &made->base, &err))
        fail_msg("%s", err.text);
    mem_free(path);
}

static const char *file_of(const struct shards *shards, size_t entry)
{
    for (size_t s = 0; s < shards->n; s++)
        for (size_t i = 0; i < shards->shards[s].n; i++)
            if (shards->tensors[shards->shards[s].first + i].entry == entry)
                return shards->shards[s].name;
    return "no file";
}

static int check_case(const char *directory, const struct json *golden)
{
    struct made *made = mem_zero(1, sizeof *made);
    struct merge_how how = {0};
    struct shards shards;
    struct err err = {0};
    int wrong = 0;
    make_pair(directory, json_get(golden, "sizes"), made);
    uint64_t limit = (uint64_t)json_number_or(json_get(golden, "limit"), 0);
    if (shards_make(&made->plan, made->base, &how, limit, &shards, &err))
        fail_msg("%s", err.text);
    size_t i = 0;
    for (const struct json *file = json_first(json_get(golden, "files")); file; file = json_next(file), i++)
        if (strcmp(file_of(&shards, i), json_string_or(file, "")) != 0) {
            print_error("limit %llu, tensor %zu: the hub has %s, we have %s\n", (unsigned long long)limit, i,
                        json_string_or(file, ""), file_of(&shards, i));
            wrong++;
        }
    assert_int_equal(i, made->plan.entries_n);
    assert_int_equal(shards.data, (uint64_t)json_number_or(json_get(golden, "total"), -1));
    shards_fini(&shards);
    checkpoint_close(made->base);
    mem_free(made);
    return wrong;
}

static void test_golden(void **state)
{
    struct err err = {0};
    struct json *golden;
    int wrong = 0;
    if (json_parse_file(TEST_SOURCE_DIR "/tests/golden/merge/shards.json", 1 << 20, &golden, &err))
        fail_msg("%s", err.text);
    assert_true(json_len(golden) > 40);
    for (const struct json *c = json_first(golden); c; c = json_next(c))
        wrong += check_case(*state, c);
    json_free(golden);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
