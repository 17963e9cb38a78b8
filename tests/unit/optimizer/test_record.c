/* What an adaptive stream is shown of the history. */
#include "optimizer/record.h"

#include "fake_search.h"

static double first_score(const void *arg, const double *scores)
{
    (void)arg;
    return scores[0];
}

/* Phase 0: trials 0 to 2, stream 1: trials 3 to 7, stream 2: trials 8 and 9. One ratio, one objective. */
static struct opt_problem problem = {.k = 1, .m = 1};
static const struct opt_plan plan = {.streams_n = 3,
                                     .trials = 10,
                                     .streams = {{.quota = 3},
                                                 {.phase = 1, .first = 3, .quota = 5, .adaptive = true},
                                                 {.phase = 1, .first = 8, .quota = 2, .adaptive = true}}};

struct sheet {
    enum opt_state state[10];
    double ratios[10], scores[10];
    struct opt_history history;
};

static void sheet_init(struct sheet *s, int own_n)
{
    *s = (struct sheet){.history = {.n = 10, .state = s->state, .ratios = s->ratios, .scores = s->scores}};
    for (int i = 0; i < 3 + own_n; i++) {
        s->state[i] = OPT_DONE;
        s->ratios[i] = i / 10.0;
        s->scores[i] = 10 * (i + 1);
    }
}

static int open_record(struct sheet *s, struct record *record, struct err *err)
{
    return record_init(record, &problem, &plan, &s->history, 1, first_score, NULL, err);
}

static void test_waits_for_phase_0_and_for_its_own_trials(void **state)
{
    (void)state;
    struct sheet s;
    struct record record;
    struct err err = {0};
    sheet_init(&s, 2);
    s.state[1] = OPT_PENDING;
    assert_int_equal(open_record(&s, &record, &err), ERR_NOT_READY);
    assert_non_null(strstr(err.text, "trial 1 "));
    s.state[1] = OPT_FAILED;
    s.state[4] = OPT_PENDING;
    assert_int_equal(open_record(&s, &record, &err), ERR_NOT_READY);
    assert_non_null(strstr(err.text, "trial 4 "));
    sheet_init(&s, 5);
    assert_int_equal(open_record(&s, &record, &err), ERR_NOT_READY);
    assert_non_null(strstr(err.text, "used up"));
}

static void test_known_points_are_answered(void **state)
{
    (void)state;
    struct sheet s;
    struct record record;
    double value = 0;
    sheet_init(&s, 2);
    assert_int_equal(open_record(&s, &record, NULL), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(record_ask(&record, &s.ratios[i], &value), RECORD_KNOWN);
        assert_true(value == s.scores[i]);
    }
    double unknown = nextafter(0.1, 1);
    assert_int_equal(record_ask(&record, &unknown, &value), RECORD_NEW);
    record_fini(&record);
    record_fini(&record);
    record_fini(NULL);
}

/* A failed trial is shown as the worst value known before it, so a longer record shows the same. */
static void test_failed_trials_look_like_the_worst_before_them(void **state)
{
    (void)state;
    struct sheet s;
    struct record record;
    sheet_init(&s, 4);
    s.state[0] = s.state[4] = OPT_FAILED;
    s.scores[0] = s.scores[4] = NAN; /* never looked at */
    s.scores[1] = 35;
    assert_int_equal(open_record(&s, &record, NULL), 0);
    assert_true(record.values[0] == 35 && record.values[4] == 40 && record.values[5] == 60);
    record_fini(&record);

    sheet_init(&s, 1);
    for (int i = 0; i < 4; i++)
        s.state[i] = OPT_FAILED;
    assert_int_equal(open_record(&s, &record, NULL), 0);
    assert_true(record.values[0] == 0 && record.values[3] == 0);
    record_fini(&record);
}

static double broken_value(const void *arg, const double *scores)
{
    return scores[0] > 15 ? *(const double *)arg : scores[0];
}

static void test_values_stay_finite(void **state)
{
    (void)state;
    static const double odd[] = {INFINITY, -INFINITY, NAN, 1e300};
    for (size_t i = 0; i < 4; i++) {
        struct sheet s;
        struct record record;
        sheet_init(&s, 1);
        assert_int_equal(record_init(&record, &problem, &plan, &s.history, 1, broken_value, &odd[i], NULL),
                         0);
        for (int e = 0; e < 4; e++)
            assert_true(isfinite(record.values[e]));
        record_fini(&record);
    }
}

/* Invariant 3: told once that the replay has left the record, then free to ask or to rejoin it. */
static void test_a_diverged_replay_is_told_once(void **state)
{
    (void)state;
    struct sheet s;
    struct record record;
    double value, unknown = 0.77, other = 0.78;
    sheet_init(&s, 3);
    assert_int_equal(open_record(&s, &record, NULL), 0);
    assert_int_equal(record_ask(&record, &s.ratios[3], &value), RECORD_KNOWN);
    assert_int_equal(record_ask(&record, &unknown, &value), RECORD_DIVERGED);
    assert_int_equal(record_ask(&record, &s.ratios[5], &value), RECORD_KNOWN); /* jumps over trial 4 */
    assert_int_equal(record_ask(&record, &other, &value), RECORD_NEW);
    record_fini(&record);
    assert_int_equal(open_record(&s, &record, NULL), 0);
    assert_int_equal(record_ask(&record, &unknown, &value), RECORD_DIVERGED);
    assert_int_equal(record_ask(&record, &other, &value), RECORD_NEW);
    record_fini(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_for_phase_0_and_for_its_own_trials),
        cmocka_unit_test(test_known_points_are_answered),
        cmocka_unit_test(test_failed_trials_look_like_the_worst_before_them),
        cmocka_unit_test(test_values_stay_finite),
        cmocka_unit_test(test_a_diverged_replay_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
