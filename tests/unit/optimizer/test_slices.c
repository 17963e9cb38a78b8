/* slices_guess: what it does with few pairs by hand, and against simulated items that all trials share. */
#include "optimizer/model/slices.h"

#include "proto/mem.h"
#include "proto/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static void add(struct slices *s, int trial, enum opt_event_kind kind, double share, double mean,
                double stderr_)
{
    struct opt_event event = {trial, kind, share, &mean, &stderr_};
    slices_add(s, &event);
}

static void test_without_pairs_the_score_is_taken_as_it_is(void **state)
{
    (void)state;
    struct slices *s = slices_create(1, 3);
    struct slices_guess guess;
    assert_false(slices_guess(s, 0, &guess));
    add(s, 0, OPT_EVENT_SLICE, 0.25, 7, 2);
    assert_true(slices_guess(s, 0, &guess));
    assert_int_equal(guess.pairs, 0);
    assert_true(guess.share == 0.25 && guess.mean[0] == 7 && guess.variance[0] == 4 * 0.75);
    add(s, 0, OPT_EVENT_SLICE, 0.5, 8, NAN);
    assert_true(slices_guess(s, 0, &guess));
    assert_true(guess.share == 0.5 && guess.mean[0] == 8 && isnan(guess.variance[0]));
    add(s, 0, OPT_EVENT_DONE, 1, 8, 1);
    assert_false(slices_guess(s, 0, &guess));
    slices_destroy(s);
}

/* Two completed trials came out 1 too high at a quarter. Two pairs against one imagined one that says 0: two thirds of it. */
static void test_the_offset_is_taken_off(void **state)
{
    (void)state;
    struct slices *s = slices_create(1, 4);
    struct slices_guess guess;
    for (int i = 0; i < 2; i++) {
        add(s, i, OPT_EVENT_SLICE, 0.25, 4 + i, 1);
        add(s, i, OPT_EVENT_DONE, 1, 3 + i, 0.5);
    }
    add(s, 2, OPT_EVENT_SLICE, 0.25, 9, 1);
    assert_true(slices_guess(s, 2, &guess));
    assert_int_equal(guess.pairs, 2);
    assert_true(fabs(guess.mean[0] - (9 - 2.0 / 3)) < 1e-12);
    /* the prior's four times 0.75 over about 4 + 2 - 1, and a third of it for the offset; the slope adds its own */
    assert_true(guess.variance[0] > 0.6 * 4 / 3 && guess.variance[0] < 0.75 * 8);
    add(s, 3, OPT_EVENT_SLICE, 0.125, 9, 1); /* at another share nothing is known */
    assert_true(slices_guess(s, 3, &guess));
    assert_int_equal(guess.pairs, 0);
    slices_destroy(s);
}

/* A stopped trial makes no pair, a repeated slice counts once, and a trial that goes on after it was stopped makes its
 * pairs when it is done. */
static void test_a_repeated_slice_counts_once(void **state)
{
    (void)state;
    struct slices *s = slices_create(1, 4);
    struct slices_guess guess;
    add(s, 0, OPT_EVENT_SLICE, 0.25, 100, 1);
    add(s, 0, OPT_EVENT_SLICE, 0.5, 4, 1);
    add(s, 0, OPT_EVENT_SLICE, 0.25, 4, 1);
    add(s, 0, OPT_EVENT_STOPPED, 0.5, 4, 1);
    add(s, 1, OPT_EVENT_SLICE, 0.25, 9, 1);
    assert_true(slices_guess(s, 1, &guess));
    assert_int_equal(guess.pairs, 0);
    slices_add(s, &(struct opt_event){.trial = 0, .kind = OPT_EVENT_REOPENED});
    assert_true(slices_guess(s, 0, &guess));
    assert_true(guess.share == 0.5);
    add(s, 0, OPT_EVENT_DONE, 1, 4, 1);
    assert_true(slices_guess(s, 1, &guess));
    assert_int_equal(guess.pairs, 1);
    assert_true(fabs(guess.mean[0] - 9) < 1e-12);
    slices_destroy(s);
}

/* A quarter of the items that are all wrong is no proof that the rest are. */
static void test_a_standard_error_of_0_says_nothing(void **state)
{
    (void)state;
    struct slices *s = slices_create(1, 2);
    struct slices_guess guess;
    add(s, 0, OPT_EVENT_SLICE, 0.25, 0, 0);
    assert_true(slices_guess(s, 0, &guess));
    assert_true(guess.mean[0] == 0 && isnan(guess.variance[0]));
    slices_destroy(s);
}

static void test_without_standard_errors_four_pairs_tell(void **state)
{
    (void)state;
    struct slices *s = slices_create(1, 9);
    struct slices_guess guess;
    add(s, 8, OPT_EVENT_SLICE, 0.25, 5, NAN);
    for (int i = 0; i < 8; i++) {
        assert_true(slices_guess(s, 8, &guess));
        assert_true(isnan(guess.variance[0]) == (i < 4));
        add(s, i, OPT_EVENT_SLICE, 0.25, i + 1 + 0.1 * (i % 2), NAN);
        add(s, i, OPT_EVENT_DONE, 1, i, NAN);
    }
    assert_true(guess.variance[0] > 0 && guess.variance[0] < 0.1);
    slices_destroy(s);
}

/* Items that all trials share. An item is hard or easy for every trial (the paired part) and scatters (the rest); some tell
 * good trials from bad ones better than others do. */
enum { TRIALS = 40, ITEMS = 64, PART = 16, SEARCHES = 400 };

static double normal(struct rng *rng)
{
    double radius = sqrt(-2 * log(1 - rng_uniform(rng)));
    return radius * cos(2 * M_PI * rng_uniform(rng));
}

static void moments(const double *x, int n, double *mean, double *error)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    for (int i = 0; i < n; i++)
        squares += (x[i] - sum / n) * (x[i] - sum / n);
    *mean = sum / n;
    *error = sqrt(squares / (n - 1) / n);
}

struct tally {
    double raw, guessed; /* squared errors */
    double z, bias;      /* squared error over its variance; error of the better half, over its sd */
    int n;
};

static void simulate(struct rng *rng, double paired, double slope, struct tally *tally)
{
    double hardness[ITEMS], weight[ITEMS], item[ITEMS], error, whole, part;
    struct slices *s = slices_create(1, TRIALS);
    for (int i = 0; i < ITEMS; i++) {
        hardness[i] = paired * normal(rng);
        weight[i] = i < PART ? slope : (ITEMS - slope * PART) / (ITEMS - PART);
    }
    for (int t = 0; t < TRIALS; t++) {
        double f = normal(rng);
        for (int i = 0; i < ITEMS; i++)
            item[i] = weight[i] * f + hardness[i] + normal(rng);
        moments(item, PART, &part, &error);
        add(s, t, OPT_EVENT_SLICE, (double)PART / ITEMS, part, error);
        struct slices_guess guess;
        assert_true(slices_guess(s, t, &guess));
        moments(item, ITEMS, &whole, &error);
        if (t >= 10) {
            double miss = guess.mean[0] - whole;
            tally->raw += (part - whole) * (part - whole);
            tally->guessed += miss * miss;
            tally->z += miss * miss / guess.variance[0];
            tally->bias += whole < 0 ? miss / sqrt(guess.variance[0]) : 0;
            tally->n++;
        }
        add(s, t, OPT_EVENT_DONE, 1, whole, error);
    }
    slices_destroy(s);
}

/* Smaller errors than the partial mean's where items are shared, none larger where they are not, an honest variance, and
 * nothing that depends on how good the trial is. */
static void test_simulated_items(void **state)
{
    (void)state;
    static const struct {
        double paired, slope, most; /* squared error over the raw one's, at most */
        double z_low, z_high;
    } cases[] = {
        {0, 1, 1.15, 0.7, 1.3},
        {1, 1, 0.65, 0.6, 1.2},
        {3, 1, 0.2, 0.3, 1.2},
        {1, 1.3, 0.65, 0.6, 1.3},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct tally tally = {0};
        struct rng rng;
        rng_seed(&rng, 29, c);
        for (int i = 0; i < SEARCHES; i++)
            simulate(&rng, cases[c].paired, cases[c].slope, &tally);
        double ratio = tally.guessed / tally.raw, z = tally.z / tally.n, bias = tally.bias / tally.n;
        print_message("paired %.0f slope %.1f: squared error %.3f of the raw one's, z^2 %.3f, bias %.3f\n",
                      cases[c].paired, cases[c].slope, ratio, z, bias);
        assert_true(ratio < cases[c].most);
        assert_true(z > cases[c].z_low && z < cases[c].z_high);
        assert_true(fabs(bias) < 0.05);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_pairs_the_score_is_taken_as_it_is),
        cmocka_unit_test(test_the_offset_is_taken_off),
        cmocka_unit_test(test_a_repeated_slice_counts_once),
        cmocka_unit_test(test_a_standard_error_of_0_says_nothing),
        cmocka_unit_test(test_without_standard_errors_four_pairs_tell),
        cmocka_unit_test(test_simulated_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
