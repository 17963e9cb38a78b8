/* Rows of partial scores: read against the same slices of complete trials, and anew with every fit. */
#include "optimizer/model/rows.h"

#include "tests/unit/optimizer/insight_log.h"

enum { N = 12, RUNNING = 10, STOPPED = 11 };

static void add(struct insight_log *log, int trial, enum opt_event_kind kind, double share, double mean)
{
    const double stderrs[] = {0.5};
    log_add(log, trial, kind, share, &mean, stderrs);
}

/* Every trial is 2 too high at half of the items. */
static void add_complete(struct insight_log *log, int trial)
{
    add(log, trial, OPT_EVENT_SLICE, 0.5, trial + 2);
    add(log, trial, OPT_EVENT_DONE, 1, trial);
}

static void test_partial_scores(void **state)
{
    (void)state;
    struct insight_log log;
    struct rng rng;
    struct rows rows, later;
    rng_seed(&rng, 1, 0);
    log_init(&log, 2, 1, N, 1);
    log_place(&log, &rng);
    add(&log, STOPPED, OPT_EVENT_SLICE, 0.5, 20);
    add(&log, RUNNING, OPT_EVENT_SLICE, 0.5, 4);
    rows_make(&log.problem, &log.history, &rows);
    assert_true(rows.n == 2 && rows.settled_n == 0 && rows.row[0].trial == RUNNING);
    assert_true(rows.row[0].mean[0] == 4 && rows.row[0].open[0] == 0.125); /* stderr^2 (1 - share) */
    rows_fini(&rows);

    for (int t = 0; t < 4; t++)
        add_complete(&log, t);
    add(&log, STOPPED, OPT_EVENT_STOPPED, 0.5, 20);
    rows_make(&log.problem, &log.history, &rows);
    assert_true(rows.n == 6 && rows.settled_n == 5 && rows.row[4].trial == STOPPED);
    assert_true(rows.row[3].share == 1 && rows.row[3].mean[0] == 3 && !rows.row[3].open);
    assert_true(fabs(rows.row[4].mean[0] - 18.4) < 1e-12); /* 4 of 4 + 1 parts of the 2 */
    assert_true(fabs(rows.row[5].mean[0] - 2.4) < 1e-12 && rows.row[5].share == 0.5);
    assert_true(rows.row[5].open[0] > 0 && rows.row[5].open[0] < 0.25);

    for (int t = 4; t < 9; t++)
        add_complete(&log, t);
    rows_make(&log.problem, &log.history, &later);
    assert_true(later.settled_n == 10 && later.row[4].trial == STOPPED);
    /* it was stopped before the last fit, and is read against what that knows */
    assert_true(fabs(later.row[4].mean[0] - 18.2) < 1e-12 && later.row[4].open[0] < rows.row[4].open[0]);
    assert_true(fabs(later.row[10].mean[0] - 2.2) < 1e-12); /* the running one is read against all nine */
    rows_fini(&rows);
    rows_fini(&later);
    log_fini(&log);
}

/* With many rows fits are rarer: the settled row stays what it was until the next one. */
static void test_between_fits_rows_stay(void **state)
{
    (void)state;
    enum { ALL = 50, LAST = ALL - 1 };
    struct insight_log log;
    struct rng rng;
    rng_seed(&rng, 2, 0);
    log_init(&log, 2, 1, ALL, 1);
    log_place(&log, &rng);
    add(&log, LAST, OPT_EVENT_STOPPED, 0.5, 20);
    for (int t = 0; t < 43; t++) {
        struct rows rows;
        add_complete(&log, t);
        int pairs = rows_fitted(t + 2) - 1; /* whole ones when the last row of the fit was settled */
        rows_make(&log.problem, &log.history, &rows);
        assert_true(rows.settled_n == t + 2 && rows.row[0].trial == LAST);
        if (pairs >= 4)
            assert_true(fabs(rows.row[0].mean[0] - (20 - 2.0 * pairs / (pairs + 1))) < 1e-12);
        rows_fini(&rows);
    }
    assert_true(rows_fitted(43) == 40 && rows_fitted(44) == 44);
    log_fini(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partial_scores),
        cmocka_unit_test(test_between_fits_rows_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
