#include "fixture.h"

#define N 300000 /* more than one block of tensor_to_f32 */

struct world {
    char *directory;
    float *values; /* [N] */
};

static int set_up(void **state)
{
    struct world *w = mem_zero(1, sizeof *w);
    w->directory = fixture_directory();
    w->values = mem_zero(N, sizeof *w->values);
    for (int i = 0; i < N; i++)
        w->values[i] = (float)i;
    struct st_tensor tensors[] = {fixture_f32("a", w->values, 3), fixture_f32("b", w->values, N)};
    char *path = mem_printf("%s/model.safetensors", w->directory);
    struct err err = {0};
    if (st_write(path, tensors, 2, &err))
        fail_msg("%s", err.text);
    mem_free(path);
    fixture_text(w->directory, "config.json", "{}");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    unsetenv("PARETOD_READ");
    mem_free(w->values);
    fixture_remove(w->directory);
    mem_free(w);
    return 0;
}

static struct checkpoint *opened(struct world *w, const char *how)
{
    struct err err = {0};
    struct checkpoint *ckpt;
    setenv("PARETOD_READ", how, 1);
    if (checkpoint_open(w->directory, &ckpt, &err))
        fail_msg("%s", err.text);
    return ckpt;
}

static void read_all(struct world *w, const char *how, bool copies)
{
    struct err err = {0};
    struct checkpoint *ckpt = opened(w, how);
    const struct st_tensor *b = checkpoint_find(ckpt, "b");
    char room[64];
    assert_int_equal(st_read_copies(b), copies);
    st_ahead(b, 0, b->bytes);
    const void *got = st_read(b, b->bytes - 40, 40, copies ? room : NULL, &err);
    assert_non_null(got);
    assert_true((got == (void *)room) == copies);
    assert_memory_equal(got, w->values + N - 10, 40);
    st_behind(b, 0, b->bytes);
    got = st_read(b, 4, 4, room, &err);
    assert_memory_equal(got, w->values + 1, 4);
    assert_non_null(st_read(b, b->bytes, 0, copies ? room : NULL, &err));
    float *floats = mem_zero(N, sizeof *floats);
    assert_int_equal(tensor_to_f32(b, 1, N - 1, floats, &err), 0);
    assert_memory_equal(floats, w->values + 1, (N - 1) * sizeof *floats);
    mem_free(floats);
    checkpoint_close(ckpt);
}

static void test_map_and_pread_read_the_same(void **state)
{
    read_all(*state, "map", false);
    read_all(*state, "pread", true);
    read_all(*state, "", false); /* the file system of the tests is a local one */
}

static void test_in_memory(void **state)
{
    struct world *w = *state;
    struct st_tensor tensor = fixture_f32("a", w->values, N);
    assert_false(st_read_copies(&tensor));
    assert_ptr_equal(st_read(&tensor, 8, 4, NULL, NULL), w->values + 2);
    st_ahead(&tensor, 0, 8);
    st_behind(&tensor, 0, 8);
    assert_true(w->values[1] == 1);
}

static void test_a_file_cut_while_open(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct checkpoint *ckpt = opened(w, "pread");
    const struct st_tensor *b = checkpoint_find(ckpt, "b");
    char *path = mem_printf("%s/model.safetensors", w->directory);
    float *floats = mem_zero(N, sizeof *floats);
    assert_int_equal(truncate(path, 4000), 0);
    assert_null(st_read(b, b->bytes - 8, 8, floats, &err));
    fixture_refused(err.code, ERR_CORRUPT, &err,
                    "model.safetensors: tensor \"b\": the file has become shorter");
    err = (struct err){0};
    fixture_refused(tensor_to_f32(b, 0, N, floats, &err), ERR_CORRUPT, &err, "tensor \"b\"");
    assert_int_equal(tensor_to_f32(b, 0, N, floats, NULL),
                     ERR_IO);                                  /* no sentence, no code but that it failed */
    assert_int_equal(tensor_to_f32(b, 0, 3, floats, &err), 0); /* what is left can be read */
    mem_free(floats);
    mem_free(path);
    checkpoint_close(ckpt);
}

static void test_unknown_way(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct checkpoint *ckpt;
    setenv("PARETOD_READ", "mmap", 1);
    fixture_refused(checkpoint_open(w->directory, &ckpt, &err), ERR_INVALID, &err,
                    "PARETOD_READ must be \"map\" or \"pread\", is \"mmap\"");
}

static void test_identity(void **state)
{
    struct world *w = *state;
    struct checkpoint *first = opened(w, "map"), *second = opened(w, "pread");
    assert_true(hash_equal(checkpoint_identity(first), checkpoint_identity(second)));
    checkpoint_close(second);
    struct st_tensor tensor = fixture_f32("a", w->values, 3);
    char *path = mem_printf("%s/model.safetensors", w->directory);
    struct hash128 before = checkpoint_identity(first);
    assert_int_equal(st_write(path, &tensor, 1, NULL), 0); /* renamed over */
    second = opened(w, "map");
    assert_true(hash_equal(checkpoint_identity(first), before));
    assert_false(hash_equal(checkpoint_identity(second), before));
    before = checkpoint_identity(second);
    checkpoint_close(second);
    fixture_text(w->directory, "config.json", "{\"a\":1}");
    second = opened(w, "map");
    assert_false(hash_equal(checkpoint_identity(second), before));
    checkpoint_close(second);
    checkpoint_close(first);
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_map_and_pread_read_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_in_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_cut_while_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
