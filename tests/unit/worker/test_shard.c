#include "worker/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void every_item_is_in_one_shard(void **state)
{
    (void)state;
    for (int of = 1; of < 9; of++) {
        for (size_t place = 0; place < 50; place++) {
            int n = 0;
            for (int trial = 0; trial < of; trial++) {
                struct shard shard = shard_of_trials(of, trial);
                n += shard_has(&shard, place);
                assert_true(shard_has(&shard, place) == (place % (size_t)of == (size_t)trial));
            }
            assert_int_equal(n, 1);
        }
    }
    assert_true(shard_has(&(struct shard){0}, 7)); /* zero: all */
}

/* Trials that differ by their ratios have the same items. */
static void other_searches_are_not_divided(void **state)
{
    (void)state;
    for (int s = STRATEGY_SWEEP; s <= STRATEGY_BAYES; s++) {
        struct search_spec spec = {.strategy = (enum spec_strategy)s, .trials = 5};
        struct shard shard = shard_of(&spec, 3);
        assert_int_equal(shard.of, 1);
    }
}

/* A search that identifies has a shard a trial. */
static void identify_is_divided(void **state)
{
    (void)state;
    struct search_spec spec = {.strategy = STRATEGY_IDENTIFY, .trials = 5};
    struct shard shard = shard_of(&spec, 3);
    assert_true(shard.index == 3 && shard.of == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_in_one_shard),
        cmocka_unit_test(other_searches_are_not_divided),
        cmocka_unit_test(identify_is_divided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
