/* Entropy by hand; splits with equals and odd numbers. */
#include "given.h"

#include "rtuning/certainty.h"

#include <math.h>

static void test_entropy(void **state)
{
    char *same[] = {(char[]){"a"}, (char[]){"a"}, (char[]){"a"}};
    char *half[] = {(char[]){"a"}, (char[]){"b"}, (char[]){"b"}, (char[]){"a"}};
    char *mixed[] = {(char[]){"a"}, (char[]){"b"}, (char[]){"a"}, (char[]){"A"}, (char[]){" a"}};
    (void)state;
    assert_true(certainty_entropy(same, 3) == 0 && !signbit(certainty_entropy(same, 3)));
    assert_true(certainty_entropy(same, 1) == 0);
    assert_true(fabs(certainty_entropy(half, 4) - log(2)) < 1e-15);
    /* 2, 1, 1, 1 of 5 */
    assert_true(fabs(certainty_entropy(mixed, 5) - (-.4 * log(.4) - 3 * .2 * log(.2))) < 1e-15);
}

/* Equal shares are equals of the split, so not a bit may differ. */
static void test_entropy_without_order(void **state)
{
    char *a = "a", *b = "b", *c = "c"; /* 7, 2 and 1 of 10: .7 ln .7 first or last differ in the last bit */
    char *one[] = {a, a, a, a, a, a, a, b, b, c}, *other[] = {c, a, a, a, a, a, a, a, b, b};
    char *third[] = {b, b, c, a, a, a, a, a, a, a};
    (void)state;
    assert_true(certainty_entropy(one, 10) == certainty_entropy(other, 10));
    assert_true(certainty_entropy(one, 10) == certainty_entropy(third, 10));
}

static void assert_split(const double *entropy, size_t n, bool compat_code, const char *want,
                         size_t torn_want)
{
    bool certain[16];
    size_t torn = 99;
    assert_int_equal(certainty_split(entropy, n, compat_code, certain, &torn, NULL), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(certain[i], want[i] == '1');
    assert_int_equal(torn, torn_want);
}

static void test_split(void **state)
{
    (void)state;
    assert_split((double[]){.3, .1, .4, .2}, 4, false, "0101", 0);
    assert_split((double[]){.3, .1, .4, .2}, 4, true, "0101", 0);
    assert_split((double[]){.3, .1, .2}, 3, false, "011", 0);   /* floor(3 / 2) are uncertain */
    assert_split((double[]){.3, .1, .2}, 3, true, "010", 0);    /* floor(3 / 2) are certain */
    assert_split((double[]){0, 0, .5, 0}, 4, false, "1100", 3); /* equals in the order they came */
    assert_split((double[]){0, .5, 0, .5}, 4, false, "1010", 0);
    assert_split((double[]){0}, 1, false, "1", 0);
    assert_split((double[]){0}, 1, true, "0", 0);
    assert_split(NULL, 0, false, "", 0);
    struct err err = {0};
    bool certain[2];
    assert_int_equal(certainty_split((double[]){0, NAN}, 2, false, certain, NULL, &err), ERR_INVALID);
    assert_contains(err.text, "question 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entropy),
        cmocka_unit_test(test_entropy_without_order),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
