/* Frames, subsets, and what surrogate_get promises: the same bits with an old model, a fresh one, a longer history. */
#include "model_search.h"

#include "optimizer/model/frame.h"
#include "optimizer/model/subset.h"
#include "optimizer/model/surrogate.h"

static struct model_search search; /* large */

static void start(int k, int m, int trials, double noise)
{
    struct opt_problem p = fake_problem(OPT_BAYES, k, m, trials);
    p.design = 1000;
    model_search_init(&search, &p, 3, fake_bowl, 3);
    search.noise = noise;
}

static void test_frames_are_monotone_and_go_back(void **state)
{
    (void)state;
    start(2, 2, 30, 0);
    model_search_run(&search);
    struct rows rows;
    struct frame frame[2];
    rows_make(&search.fake.problem, &search.fake.history, &rows);
    frame_reference(&search.fake.problem, &search.fake.plan, &rows, frame);
    for (int j = 0; j < 2; j++) {
        double low = search.means[0][j], high = search.means[0][j];
        for (int i = 0; i < search.fake.history.events_n; i++) /* the two ends */
            if (search.event[i].trial < 2) {
                low = fmin(low, search.means[i][j]);
                high = fmax(high, search.means[i][j]);
            }
        assert_true(frame[j].range > 0 && fabs(frame[j].reference - frame[j].range * 0.1 - high) < 1e-12);
        frame_fit(&frame[j], &rows, j, rows.n);
        assert_true(frame[j].upper > frame[j].reference && frame[j].lower < low);
        double before = -INFINITY;
        for (double score = -1e9; score < 1e9; score += 1e9 / 57) {
            double y = frame_y(&frame[j], score);
            assert_true(y >= before && isfinite(y));
            before = y;
        }
        for (double score = -3; score < 3; score += 0.01) {
            double y = frame_y(&frame[j], score), h = 1e-6;
            assert_true(fabs(frame_score(&frame[j], y) - score) < 1e-9);
            double slope = (frame_score(&frame[j], y + h) - frame_score(&frame[j], y - h)) / (2 * h);
            bool edge = fabs(score - frame[j].upper) < 0.01 || fabs(score - frame[j].lower) < 0.01;
            assert_true(edge || fabs(slope / frame_slope(&frame[j], y) - 1) < 1e-4);
            assert_true(score > frame[j].upper || score < frame[j].lower ||
                        fabs(frame[j].offset + frame[j].unit * y - score) < 1e-12);
        }
    }
    rows_fini(&rows);
    model_search_fini(&search);
}

static void test_a_reference_of_the_problem_goes_before(void **state)
{
    (void)state;
    start(2, 2, 12, 0);
    model_search_run(&search);
    struct opt_problem p = search.fake.problem;
    p.has_reference[1] = true;
    p.reference[1] = 7;
    struct opt_model *model = opt_model_create();
    const struct surrogate *s;
    assert_int_equal(surrogate_get(&p, &search.fake.plan, &search.fake.history, model, &s, NULL), 0);
    assert_true(s->reference[1] == 7 && s->reference[0] != 7);
    opt_model_destroy(model);
    model_search_fini(&search);
}

/* Without the ends of a sweep the reference rests on early rows, of which a direct strategy must not have ever more. */
static void test_a_reference_stays(void **state)
{
    (void)state;
    for (int direct = 0; direct < 2; direct++) {
        struct opt_problem p = fake_problem(direct ? OPT_SOBOL : OPT_BAYES, 2, 2, 40);
        p.sweep_points = 0;
        p.design = 12;
        model_search_init(&search, &p, 1, fake_bowl, 3);
        model_search_run(&search);
        struct opt_history history = search.fake.history;
        struct opt_model *model = opt_model_create();
        double reference[2];
        for (int late = 0; late < 2; late++) {
            const struct surrogate *s;
            history.events_n = late ? 40 : 13;
            assert_int_equal(surrogate_get(&p, &search.fake.plan, &history, model, &s, NULL), 0);
            reference[late] = s->reference[0];
        }
        assert_true(reference[0] == reference[1]);
        opt_model_destroy(model);
        model_search_fini(&search);
    }
}

/* Means and sds at a few points, of every objective. */
static void look(const struct surrogate *s, double *out)
{
    double x[OPT_K_MAX];
    for (int t = 0; t < 5; t++) {
        for (int i = 0; i < s->d; i++)
            x[i] = ((3 * t + 5 * i) % 7) / 7.0;
        for (int j = 0; j < s->m; j++, out += 2)
            surrogate_predict(s, j, 1, x, out, out + 1);
    }
}

static void test_a_cache_changes_no_bit(void **state)
{
    (void)state;
    start(3, 2, 60, 0.05);
    search.slices = true;
    search.failures = 0.1;
    model_search_run(&search);
    struct opt_history *history = &search.fake.history;
    struct opt_model *old = opt_model_create();
    int all = history->events_n, compared = 0;
    for (int turn = 0; turn < 24; turn++) {
        double fresh_says[20], old_says[20];
        const struct surrogate *s;
        struct opt_model *fresh = opt_model_create();
        history->events_n = (turn * 37) % all; /* to and fro */
        int rc = surrogate_get(&search.fake.problem, &search.fake.plan, history, fresh, &s, NULL);
        if (rc == 0)
            look(s, fresh_says);
        assert_int_equal(surrogate_get(&search.fake.problem, &search.fake.plan, history, old, &s, NULL), rc);
        if (rc == 0) {
            look(s, old_says);
            assert_memory_equal(fresh_says, old_says, sizeof fresh_says);
            compared++;
        }
        opt_model_destroy(fresh);
    }
    assert_true(compared > 15);
    opt_model_destroy(old);
    model_search_fini(&search);
}

static void test_a_model_can_change_the_search(void **state)
{
    (void)state;
    struct opt_model *model = opt_model_create();
    for (int k = 2; k <= 4; k++) {
        const struct surrogate *s;
        start(k, k - 1, 20, 0);
        model_search_run(&search);
        assert_int_equal(
            surrogate_get(&search.fake.problem, &search.fake.plan, &search.fake.history, model, &s, NULL), 0);
        assert_int_equal(s->d, k);
        assert_int_equal(s->m, k - 1);
        assert_int_equal(s->rows, 20);
        assert_false(s->noisy);
        model_search_fini(&search);
    }
    opt_model_destroy(model);
}

/* As many rows, other scores. */
static void test_a_model_knows_one_search_from_another(void **state)
{
    (void)state;
    struct opt_model *model = opt_model_create();
    double says[2][20];
    for (uint64_t seed = 1; seed <= 3; seed++) {
        start(3, 2, 20, 0.1);
        rng_seed(&search.rng, seed, 5);
        model_search_run(&search);
        for (int old = 0; old < 2; old++) {
            struct opt_model *fresh = opt_model_create();
            const struct surrogate *s;
            assert_int_equal(surrogate_get(&search.fake.problem, &search.fake.plan, &search.fake.history,
                                           old ? model : fresh, &s, NULL),
                             0);
            look(s, says[old]);
            opt_model_destroy(fresh);
        }
        assert_memory_equal(says[0], says[1], sizeof says[0]);
        model_search_fini(&search);
    }
    opt_model_destroy(model);
}

/* A score without a standard error is as noisy as the others: the process is no surer where it is. */
static void test_an_unknown_error_is_a_usual_one(void **state)
{
    (void)state;
    double sd[2] = {0, 0};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        start(2, 1, 60, 0.2);
        rng_seed(&search.rng, seed, 5);
        model_search_run(&search);
        for (int i = 0; i < 60; i += 2)
            search.stderrs[i][0] = NAN;
        struct opt_model *model = opt_model_create();
        const struct surrogate *s;
        assert_int_equal(
            surrogate_get(&search.fake.problem, &search.fake.plan, &search.fake.history, model, &s, NULL), 0);
        for (int i = 0; i < s->rows; i++) {
            double one;
            surrogate_predict(s, 0, 1, &s->x[i * s->d], NULL, &one);
            sd[i % 2] += one;
        }
        opt_model_destroy(model);
        model_search_fini(&search);
    }
    print_message("sd where the standard error is unknown / known: %.3f\n", sd[0] / sd[1]);
    assert_true(sd[0] / sd[1] > 0.9 && sd[0] / sd[1] < 1.1);
}

/* However little the ends of the sweep differ. */
static bool flat_ends(const double *ratios, int k, double *scores, int m)
{
    (void)k;
    for (int j = 0; j < m; j++)
        scores[j] = sin(3.141592 * ratios[j]) + 1e-4 * ratios[1 - j];
    return true;
}

static void test_exact_scores_are_never_noisy(void **state)
{
    (void)state;
    start(2, 2, 20, 0);
    search.objective = flat_ends;
    model_search_run(&search);
    struct opt_model *model = opt_model_create();
    const struct surrogate *s;
    assert_int_equal(
        surrogate_get(&search.fake.problem, &search.fake.plan, &search.fake.history, model, &s, NULL), 0);
    assert_true(s->range[0] < 1e-3);
    assert_false(s->noisy);
    opt_model_destroy(model);
    model_search_fini(&search);
}

static void test_fewer_than_three_scores_are_no_model(void **state)
{
    (void)state;
    start(2, 2, 20, 0);
    struct opt_model *model = opt_model_create();
    const struct surrogate *s;
    struct err err;
    model_search_run(&search);
    search.fake.history.events_n = 2;
    assert_int_equal(
        surrogate_get(&search.fake.problem, &search.fake.plan, &search.fake.history, model, &s, &err),
        ERR_NOT_READY);
    assert_string_equal(err.text, "2 of the 3 scores that a model needs");
    opt_model_destroy(model);
    model_search_fini(&search);
}

static void test_a_subset_has_the_front_and_the_ends(void **state)
{
    (void)state;
    start(2, 2, 200, 0);
    model_search_run(&search);
    struct rows rows;
    rows_make(&search.fake.problem, &search.fake.history, &rows);
    int index[200], n = subset_rows(&rows, rows.n, 2, 60, 1, index);
    assert_int_equal(n, 60);
    assert_true(index[0] == 0 && index[1] == 1);
    for (int i = 1; i < n; i++)
        assert_true(index[i] > index[i - 1]);
    for (int i = 0, at = 0; i < rows.n; i++) {
        bool beaten = false;
        for (int o = 0; o < rows.n; o++)
            beaten |= rows.row[o].mean[0] < rows.row[i].mean[0] && rows.row[o].mean[1] < rows.row[i].mean[1];
        while (at < n && index[at] < i)
            at++;
        assert_true(beaten || index[at] == i);
    }
    assert_int_equal(subset_rows(&rows, 50, 2, 60, 1, index), 50);
    rows_fini(&rows);
    model_search_fini(&search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_are_monotone_and_go_back),
        cmocka_unit_test(test_a_reference_of_the_problem_goes_before),
        cmocka_unit_test(test_a_reference_stays),
        cmocka_unit_test(test_a_cache_changes_no_bit),
        cmocka_unit_test(test_a_model_can_change_the_search),
        cmocka_unit_test(test_a_model_knows_one_search_from_another),
        cmocka_unit_test(test_an_unknown_error_is_a_usual_one),
        cmocka_unit_test(test_exact_scores_are_never_noisy),
        cmocka_unit_test(test_fewer_than_three_scores_are_no_model),
        cmocka_unit_test(test_a_subset_has_the_front_and_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
