/* Hypervolumes worked out by hand: up is maximised, down minimised. */
#include "core.h"

static const double means_of[][2] = {{0, 10}, {4, 30}, {3, 14}, {2, 20}, {4, 10}};

/* As the scheduler does it: the state, and what the log says of it. */
static void make_done(struct search *search, int number)
{
    const double stderrs[OPT_M_MAX] = {0};
    double minimised[OPT_M_MAX];
    search_trial_move(search, number, HALF_SEARCH, TRIAL_DONE);
    search_minimised(search, search_means(search, HALF_SEARCH, number), minimised);
    search_event_add(search, &(struct search_event){number, OPT_EVENT_DONE, 1, 0, minimised, stderrs, 0});
}

/* A sweep of two points (0 and 1) and sobol trials; the first n of means_of become done in that order. */
static struct search *done_search(int n)
{
    struct search *search = core_search(1, STRATEGY_SOBOL, 2, 6);
    for (int s = 0; s < search->plan.streams_n; s++)
        for (int i = 0; i < search->plan.streams[s].quota; i++) {
            bool sweep = search->plan.streams[s].kind == OPT_SWEEP;
            double x = sweep ? (double)i : 0.1 + 0.1 * i;
            double ratios[2] = {x, x};
            search_trial_add(search, s, ratios, &origin_direct, 0);
        }
    for (int i = 0; i < n; i++) {
        memcpy(search->means[HALF_SEARCH] + 2 * i, means_of[i], sizeof means_of[i]);
        make_done(search, i);
    }
    search->revision = n;
    search_check(search);
    return search;
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) < 1e-12);
}

static void test_no_number_without_both_ends(void **state)
{
    (void)state;
    struct search *search = done_search(1);
    int n;
    assert_true(isnan(tally_numbers(search)->hypervolume));
    assert_null(tally_history(search, &n));
    assert_int_equal(n, 0);
    search_destroy(search);
}

/* Ends: up 0 and 4, down 10 and 30. So (0, 10) is (0, 1) and (4, 30) is (1, 0); reference (-0.1, -0.1). */
static void test_two_ends(void **state)
{
    (void)state;
    struct search *search = done_search(2);
    /* 1.1 * 0.1 + 0.1 * 1.1 - 0.1 * 0.1 */
    assert_near(tally_numbers(search)->hypervolume, 0.21);
    assert_near(tally_numbers(search)->sweep_hypervolume, 0.21);
    assert_false(tally_numbers(search)->has_heldout);
    search_destroy(search);
}

static void test_front_and_history(void **state)
{
    (void)state;
    struct search *search =
        done_search(4); /* (3, 14) is (0.75, 0.8); (2, 20) is (0.5, 0.5), dominated by it */
    int n;
    assert_true(tally_on_front(search, 0) && tally_on_front(search, 1) && tally_on_front(search, 2));
    assert_false(tally_on_front(search, 3));
    /* 0.1 * 1.1 + 0.75 * 0.9 + 0.25 * 0.1, by columns of up */
    double expected = 0.1 * 1.1 + 0.75 * 0.9 + 0.25 * 0.1;
    assert_near(tally_numbers(search)->hypervolume, expected);
    assert_near(tally_numbers(search)->sweep_hypervolume, 0.21);
    const double *history = tally_history(search, &n);
    assert_int_equal(n, 4);
    assert_near(history[0], 0.1 * 1.1);
    assert_near(history[1], 0.21);
    assert_near(history[2], expected);
    assert_near(history[3], expected);
    search_destroy(search);
}

static void test_a_better_point_empties_the_front(void **state)
{
    (void)state;
    struct search *search = done_search(5); /* (4, 10) is (1, 1) */
    assert_int_equal(search->tally.front_n, 1);
    assert_true(tally_on_front(search, 4));
    assert_near(tally_numbers(search)->hypervolume, 1.21);
    search_destroy(search);
}

static void test_the_users_reference(void **state)
{
    (void)state;
    struct search *search = done_search(2);
    for (int j = 0; j < 2; j++) {
        search->spec.objectives[j].has_reference = true;
        search->spec.objectives[j].reference = j ? 40 : -2; /* (-0.5, -0.5) */
    }
    assert_near(tally_numbers(search)->hypervolume, 1.5 * 0.5 + 0.5 * 1.5 - 0.5 * 0.5);
    search_destroy(search);
}

static void test_equal_ends_have_scale_one(void **state)
{
    (void)state;
    struct search *search = core_search(1, STRATEGY_SOBOL, 2, 3);
    for (int s = 0; s < search->plan.streams_n; s++)
        for (int i = 0; i < search->plan.streams[s].quota; i++) {
            double ratios[2] = {i, i};
            search_trial_add(search, s, ratios, &origin_direct, 0);
        }
    for (int i = 0; i < 3; i++) {
        search->means[HALF_SEARCH][2 * i] = i == 2 ? 7 : 5;
        search->means[HALF_SEARCH][2 * i + 1] = 5;
        make_done(search, i);
    }
    search->revision = 3;
    assert_near(tally_numbers(search)->hypervolume, 2.1 * 0.1);
    search_destroy(search);
}

/* The ends are (0, 0, 1, 1) and (1, 1, 0, 0) of a reference of -0.1 each; beyond four objectives there is no number. */
static void test_four_objectives(void **state)
{
    (void)state;
    static const double ends[2][5] = {{0, 30, 4, 10, 1}, {2, 10, 0, 30, 2}};
    for (int m = 4; m <= 5; m++) {
        struct search *search = core_search_of(1, STRATEGY_SOBOL, 2, 3, m);
        for (int i = 0; i < 2; i++) {
            double ratios[2] = {i, i};
            search_trial_add(search, 0, ratios, &origin_direct, 0);
            memcpy(search->means[HALF_SEARCH] + m * i, ends[i], (size_t)m * sizeof **ends);
            make_done(search, i);
        }
        search->revision = 2;
        double volume = tally_numbers(search)->hypervolume;
        if (m == 4)
            assert_near(volume, 2 * 0.1 * 0.1 * 1.1 * 1.1 - 0.1 * 0.1 * 0.1 * 0.1);
        else
            assert_true(isnan(volume));
        search_destroy(search);
    }
}

static void test_objectives_are_means_of_metrics(void **state)
{
    (void)state;
    struct search *search = core_search(1, STRATEGY_SOBOL, 0, 3);
    search->spec.objectives[0].metrics_n = 2;
    snprintf(search->spec.objectives[0].metrics[1], 64, "t.more");
    struct score scores[3] = {
        {"t.m0", 1, 0.3, 9, NULL, 0}, {"t.m1", 5, NAN, 9, NULL, 0}, {"t.more", 2, 0.4, 9, NULL, 0}};
    double means[2], stderrs[2];
    assert_int_equal(search_objectives(search, scores, 3, means, stderrs, NULL), 0);
    assert_near(means[0], 1.5);
    assert_near(stderrs[0], 0.25);
    assert_near(means[1], 5);
    assert_true(isnan(stderrs[1]));
    scores[0].mean = INFINITY;
    assert_int_equal(search_objectives(search, scores, 3, means, stderrs, NULL), ERR_INVALID);
    search_destroy(search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_number_without_both_ends),
        cmocka_unit_test(test_two_ends),
        cmocka_unit_test(test_front_and_history),
        cmocka_unit_test(test_a_better_point_empties_the_front),
        cmocka_unit_test(test_the_users_reference),
        cmocka_unit_test(test_equal_ends_have_scale_one),
        cmocka_unit_test(test_four_objectives),
        cmocka_unit_test(test_objectives_are_means_of_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
