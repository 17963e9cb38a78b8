/* daemon/core/repeat.h: whose repeat a trial is, and what it draws from. */
#include "core.h"

#include "daemon/core/repeat.h"

static void repeats_are_counted_and_share_seeds(void **state)
{
    (void)state;
    struct search *search = core_search(1, STRATEGY_SOBOL, 2, 8);
    static const int of[] = {-1, -1, 1, 0, 1, 1, -1, 0}, number[] = {0, 0, 1, 1, 2, 3, 0, 2};
    for (int i = 0; i < 8; i++) {
        search->trials[i].origin.repeat_of = of[i];
        search->trials[i].created_us = 1;
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(repeat_number(search, i), number[i]);
        uint64_t seed = repeat_seed(search, i);
        assert_true(seed < UINT64_C(1) << 53);
        assert_true(number[i] ? seed != search->spec.seed : seed == search->spec.seed);
        for (int j = 0; j < i; j++)
            assert_true((repeat_seed(search, j) == seed) == (number[j] == number[i]));
    }
    search_destroy(search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(repeats_are_counted_and_share_seeds)};
    return cmocka_run_group_tests_name("repeat", tests, NULL, NULL);
}
