/* worker/slices.h: every item in one slice, slices of one size, alike, and the same for ever. */
#include "worker/slices.h"

#include "proto/search_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_MAX 400

static void sizes_of(size_t n, int slices, const uint8_t *slice, size_t *size)
{
    memset(size, 0, SPEC_SLICES_MAX * sizeof *size);
    for (size_t i = 0; i < n; i++) {
        assert_true(slice[i] < slices);
        size[slice[i]]++;
    }
}

static void slices_are_a_partition_of_equal_parts(void **state)
{
    uint8_t slice[N_MAX];
    size_t size[SPEC_SLICES_MAX];
    (void)state;
    for (int slices = 1; slices <= SPEC_SLICES_MAX; slices++) {
        for (size_t n = 0; n <= N_MAX; n += n < 70 ? 1 : 37) {
            slices_deal(n, slices, slice);
            sizes_of(n, slices, slice, size);
            for (int s = 1; s < slices; s++)
                assert_true(size[s] <= size[s - 1]);
            assert_true(size[0] <= size[slices - 1] + 1);
            assert_true(n == 0 || size[0] > 0);
        }
    }
}

/* Every stretch of a bundle is in every slice alike, and what comes again with a period is not all in one. */
static void slices_are_alike(void **state)
{
    enum { S = 8, N = 400 };
    uint8_t slice[N];
    (void)state;
    slices_deal(N, S, slice);
    for (size_t first = 0; first < N; first += S) {
        unsigned seen = 0;
        for (size_t i = first; i < first + S; i++)
            seen |= 1u << slice[i];
        assert_int_equal(seen, (1u << S) - 1);
    }
    for (size_t period = 2; period <= 16; period *= 2) {
        for (int s = 0; s < S; s++) {
            size_t first_kind = 0;
            for (size_t i = 0; i < N; i += period)
                first_kind += slice[i] == s;
            size_t fair = N / period / S;
            assert_in_range(first_kind, fair / 3, fair * 2 + 4);
        }
    }
}

/* Scores in part of different days, workers and versions are of the same items. */
static void slices_never_change(void **state)
{
    static const uint8_t golden[] = {3, 0, 5, 1, 4, 6, 2, 7, 7, 3, 4, 0, 2, 6, 1, 5, 2, 0, 3, 1};
    uint8_t slice[sizeof golden];
    (void)state;
    slices_deal(sizeof golden, 8, slice);
    assert_memory_equal(slice, golden, sizeof golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_a_partition_of_equal_parts),
        cmocka_unit_test(slices_are_alike),
        cmocka_unit_test(slices_never_change),
    };
    return cmocka_run_group_tests_name("slices", tests, NULL, NULL);
}
