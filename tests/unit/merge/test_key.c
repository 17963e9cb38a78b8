#include "fixture.h"

#include "merge/key.h"

static const struct hash128 base = {1, 2}, tuned = {3, 4};
static const struct merge_how nearest = {.seed = 5}, stochastic = {.rounding = ROUND_STOCHASTIC, .seed = 5};

/* Whatever changes the bits of a merged tensor changes its key. */
static void test_all_that_matters(void **state)
{
    (void)state;
    struct merge_how f32 = nearest, other = nearest, seeded = stochastic;
    f32.dtype = OUTPUT_F32;
    other.others = OTHERS_BASE;
    seeded.seed = 6;
    const struct hash128 keys[] = {
        merge_key(base, tuned, "w", 0.5, &nearest),
        merge_key(tuned, base, "w", 0.5, &nearest),
        merge_key(base, base, "w", 0.5, &nearest),
        merge_key(base, (struct hash128){3, 5}, "w", 0.5, &nearest),
        merge_key(base, tuned, "v", 0.5, &nearest),
        merge_key(base, tuned, "w", 0.5000000000000001, &nearest),
        merge_key(base, tuned, "w", -0.5, &nearest),
        merge_key(base, tuned, "w", 0.5, &f32),
        merge_key(base, tuned, "w", 0.5, &other),
        merge_key(base, tuned, "w", 0.5, &stochastic),
        merge_key(base, tuned, "w", 0.5, &seeded),
    };
    size_t n = sizeof keys / sizeof *keys;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (hash_equal(keys[i], keys[j]))
                fail_msg("keys %zu and %zu are one", i, j);
}

static void test_all_that_does_not(void **state)
{
    (void)state;
    struct merge_how seeded = nearest;
    seeded.seed = 6; /* nearest draws nothing */
    assert_true(
        hash_equal(merge_key(base, tuned, "w", 0.5, &nearest), merge_key(base, tuned, "w", 0.5, &seeded)));
    assert_true(
        hash_equal(merge_key(base, tuned, "w", 0.0, &nearest), merge_key(base, tuned, "w", -0.0, &nearest)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_matters),
        cmocka_unit_test(test_all_that_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
