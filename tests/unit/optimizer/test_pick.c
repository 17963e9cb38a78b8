/* Picks on fronts made by hand. */
#include "optimizer/insight/insight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { N_MAX = 8 };

/* Trials 0 and 1 are the ends of a sweep of one ratio; the rest lie between. */
struct fixture {
    struct opt_problem problem;
    struct opt_history history;
    struct opt_event event[N_MAX];
    double ratios[N_MAX], zero[OPT_M_MAX];
    double mean[N_MAX * OPT_M_MAX], confidence[N_MAX];
    bool front[N_MAX];
    struct insight insight;
};

static void setup(struct fixture *f, int n, int m, const double *mean, const double *confidence, bool ends)
{
    *f = (struct fixture){.problem = {.k = 1, .m = m, .low = {0}, .high = {1}, .kind = OPT_BAYES}};
    for (int t = 0; t < n; t++) {
        f->ratios[t] = t < 2 ? t : (t - 1) / 10.0;
        memcpy(&f->mean[t * m], &mean[t * m], (size_t)m * sizeof *mean);
        f->confidence[t] = confidence ? confidence[t] : 1;
        f->front[t] = true;
        f->event[t] = (struct opt_event){t, OPT_EVENT_DONE, 1, &f->mean[t * m], f->zero};
    }
    if (!ends)
        f->ratios[0] = f->ratios[1] = 0.95;
    f->history = (struct opt_history){.n = n, .ratios = f->ratios, .events_n = n, .event = f->event};
    f->insight = (struct insight){
        .watermark = n, .n = n, .m = m, .mean = f->mean, .confidence = f->confidence, .front = f->front};
}

static int pick(const struct fixture *f, enum insight_pick what, double tax)
{
    return insight_pick(&f->problem, &f->history, &f->insight, what, tax);
}

static void test_the_knee_of_two_objectives(void **state)
{
    (void)state;
    struct fixture f;
    /* the line from (0, 1) to (1, 0) in the front's units; objective 1 counts in hundreds */
    const double mean[] = {0, 100, 1, 0, 0.5, 42, 0.3, 40, 0.7, 25};
    setup(&f, 5, 2, mean, NULL, true);
    assert_int_equal(pick(&f, PICK_KNEE, 0), 3);
    f.front[3] = false;
    assert_int_equal(pick(&f, PICK_KNEE, 0), 2);
    f.front[2] = f.front[4] = false; /* the ends alone */
    assert_int_equal(pick(&f, PICK_KNEE, 0), -1);
}

static void test_no_knee_where_nothing_is_below_the_line(void **state)
{
    (void)state;
    struct fixture f;
    const double bulging[] = {0, 1, 1, 0, 0.6, 0.6}, straight[] = {0, 1, 1, 0, 0.25, 0.75}, single[] = {0, 1};
    setup(&f, 3, 2, bulging, NULL, true);
    assert_int_equal(pick(&f, PICK_KNEE, 0), -1);
    setup(&f, 3, 2, straight, NULL, true);
    assert_int_equal(pick(&f, PICK_KNEE, 0), -1);
    setup(&f, 1, 2, single, NULL, true);
    assert_int_equal(pick(&f, PICK_KNEE, 0), -1);
    assert_int_equal(pick(&f, PICK_CERTAIN, 0), -1);
    setup(&f, 2, 1, single, NULL, true);
    assert_int_equal(pick(&f, PICK_KNEE, 0), -1);
    setup(&f, 0, 2, single, NULL, true);
    for (int what = PICK_KNEE; what <= PICK_CERTAIN; what++)
        assert_int_equal(pick(&f, (enum insight_pick)what, 0.1), -1);
}

static void test_the_knee_of_more_objectives(void **state)
{
    (void)state;
    struct fixture f;
    const double three[] = {0, 1, 1, /**/ 1, 0, 1, /**/ 1, 1, 0, /**/ 0.2, 0.2, 0.2, /**/ 0.1, 0.1, 0.5};
    setup(&f, 5, 3, three, NULL, true);
    assert_int_equal(pick(&f, PICK_KNEE, 0), 3);
    const double four[] = {0, 1, 1,      1, /**/ 1, 0, 1,        1,   /**/ 1, 1,
                           0, 1, /**/ 1, 1, 1,      0, /**/ 0.2, 0.2, 0.3,    0.2};
    setup(&f, 5, 4, four, NULL, false);
    assert_int_equal(pick(&f, PICK_KNEE, 0), 4);
}

/* Objective 0 is the alignment's (minimised: -reward); the others lose against the better end. */
static void test_the_least_tax(void **state)
{
    (void)state;
    struct fixture f;
    const double mean[] = {0,   10,        5,  /**/ -1, 20,        9,    /**/ -0.5, 10.4,
                           5.1, /**/ -0.6, 11, 5.1,     /**/ -0.7, 10.5, 5.5};
    setup(&f, 5, 3, mean, NULL, true);
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 0), 0); /* base itself loses nothing */
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 0.05), 2);
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 0.1), 3);
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 0.125), 4);
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 1), 1);
    f.front[0] = false;
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 0.01), -1);
    f.problem.alignment = 1; /* now the tax is on 0 and 2: nothing but the tuned end keeps objective 0 */
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 0.2), -1);
    setup(&f, 5, 3, mean, NULL, false);
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 1), -1);
}

/* An end that was scored after the insight was made has no posterior in it. */
static void test_an_end_newer_than_the_insight(void **state)
{
    (void)state;
    struct fixture f;
    const double mean[] = {0, 1, 1, 0, 0.2, 0.2};
    setup(&f, 3, 2, mean, NULL, true);
    f.mean[2] = f.mean[3] = NAN;
    f.front[1] = false;
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 0.5), -1);
    f.insight.n = 1; /* nor one that came with an extended budget */
    assert_int_equal(pick(&f, PICK_LEAST_TAX, 0.5), -1);
}

static void test_the_most_certain_of_the_interior(void **state)
{
    (void)state;
    struct fixture f;
    const double mean[] = {0, 1, 1, 0, 0.5, 0.45, 0.3, 0.4, 0.7, 0.25}, confidence[] = {1, 1, 0.7, 0.9, 0.9};
    setup(&f, 5, 2, mean, confidence, true);
    assert_int_equal(pick(&f, PICK_CERTAIN, 0), 3); /* of two with 0.9 the deeper one */
    f.confidence[4] = 0.91;
    assert_int_equal(pick(&f, PICK_CERTAIN, 0), 4);
    f.front[3] = f.front[4] = false;
    assert_int_equal(pick(&f, PICK_CERTAIN, 0), 2);
    f.front[2] = false;
    assert_int_equal(pick(&f, PICK_CERTAIN, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_knee_of_two_objectives),
        cmocka_unit_test(test_no_knee_where_nothing_is_below_the_line),
        cmocka_unit_test(test_the_knee_of_more_objectives),
        cmocka_unit_test(test_the_least_tax),
        cmocka_unit_test(test_an_end_newer_than_the_insight),
        cmocka_unit_test(test_the_most_certain_of_the_interior),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
