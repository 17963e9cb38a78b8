#include "fixture.h"

/* What the package `safetensors` wrote, read by us and written again, is the same file; golden/merge/make_reference.py
 * made it. */
static void test_same_bytes(void **state)
{
    struct err err = {0};
    struct st_file *file;
    if (st_open(TEST_SOURCE_DIR "/tests/golden/merge/reference.safetensors", &file, &err))
        fail_msg("%s", err.text);
    size_t n = st_count(file), want_n, got_n;
    bool seen[ST_DTYPES_N] = {false};
    struct st_tensor *tensors = mem_zero(n, sizeof *tensors);
    for (size_t i = 0; i < n; i++) {
        tensors[i] = *st_at(file, (i * 7 + 3) % n); /* in another order */
        seen[tensors[i].dtype] = true;
    }
    assert_true(n > 100 && n % 7 != 0);
    char *path = mem_printf("%s/again.safetensors", (char *)*state);
    if (st_write(path, tensors, n, &err))
        fail_msg("%s", err.text);
    char *want = fixture_read(TEST_SOURCE_DIR "/tests/golden/merge", "reference.safetensors", &want_n);
    char *got = fixture_read(*state, "again.safetensors", &got_n);
    for (size_t i = 0; i < want_n && i < got_n; i++)
        if (want[i] != got[i])
            fail_msg("byte %zu differs: the reference has \"%.60s\", we have \"%.60s\"", i, want + i,
                     got + i);
    assert_int_equal(got_n, want_n);
    for (int i = 0; i < ST_DTYPES_N; i++)
        if (!seen[i] && i != ST_F6_E2M3 && i != ST_F6_E3M2)
            fail_msg("the reference holds no tensor of dtype %s", st_dtype_name((enum st_dtype)i));
    st_close(file);
    mem_free(tensors);
    mem_free(path);
    mem_free(want);
    mem_free(got);
}

int main(void)
{
    struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bytes)};
    tests[0].initial_state = fixture_directory();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_remove(tests[0].initial_state);
    return rc;
}
