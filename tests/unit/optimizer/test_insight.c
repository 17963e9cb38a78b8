/* insight_make over logs made by hand and over simulated searches whose truth is known. */
#include "optimizer/insight/insight.h"

#include "optimizer/front.h"
#include "tests/unit/optimizer/insight_log.h"

static struct insight *make(const struct insight_log *log, struct opt_model *model)
{
    struct insight *insight;
    struct err err = {0};
    if (insight_make(&log->problem, &log->plan, &log->history, model, &insight, &err))
        fail_msg("%s", err.text);
    return insight;
}

/* Scores without noise, on a grid so that there are equal points: confidence is the raw front, to the bit. */
static void test_exact_scores_are_the_raw_front(void **state)
{
    (void)state;
    enum { N = 40 };
    for (int m = 1; m <= 4; m++) {
        struct insight_log log;
        struct rng rng;
        struct bowls bowls;
        double f[OPT_M_MAX], zero[OPT_M_MAX] = {0};
        bool member[N];
        rng_seed(&rng, 3, (uint64_t)m);
        log_init(&log, 2, m, N, 1);
        log_place(&log, &rng);
        bowls_make(&bowls, 2, m, &rng);
        for (int t = 0; t < N; t++) {
            bowls_value(&bowls, 2, m, log_ratios(&log, t), f);
            for (int j = 0; j < m; j++)
                f[j] = floor(f[j] * 10) / 10;
            log_add(&log, t, OPT_EVENT_DONE, 1, f, zero);
        }
        assert_int_equal(front_members(log.scores, N, m, member, NULL), 0);
        struct insight *in = make(&log, NULL);
        for (int t = 0; t < N; t++) {
            assert_true(in->confidence[t] == (member[t] ? 1 : 0));
            assert_true(in->front[t] == member[t]);
            assert_int_equal(in->verdict[t], member[t] ? INSIGHT_FRONT : INSIGHT_DOMINATED);
            assert_int_equal(in->scored[t], 1);
            for (int j = 0; j < m; j++)
                assert_true(in->mean[t * m + j] == log.scores[t * m + j] && in->sd[t * m + j] == 0);
        }
        assert_true(in->volume > 0 && in->volume == in->volume_low && in->volume == in->volume_high);
        insight_destroy(in);
        log_fini(&log);
    }
}

static void test_what_is_not_there_is_nan(void **state)
{
    (void)state;
    struct insight_log log;
    struct rng rng;
    struct bowls bowls;
    struct insight *in = NULL;
    struct err err = {0};
    const double f[] = {1, 2}, noise[] = {0.1, 0.1};
    rng_seed(&rng, 4, 0);
    log_init(&log, 2, 2, 8, 1);
    log_place(&log, &rng);
    log_add(&log, 3, OPT_EVENT_DONE, 1, f, noise);
    log_add(&log, 4, OPT_EVENT_DONE, 1, f, noise);
    assert_int_equal(insight_make(&log.problem, &log.plan, &log.history, NULL, &in, &err), ERR_NOT_READY);
    assert_null(in);
    bowls_make(&bowls, 2, 2, &rng);
    log_add(&log, 5, OPT_EVENT_DONE, 1, noise, noise);
    log_add(&log, 6, OPT_EVENT_FAILED, 0, NULL, NULL);
    in = make(&log, NULL);
    assert_int_equal(in->watermark, 4);
    assert_true(in->front[5] && !in->front[3] && !in->front[6]);
    assert_true(isnan(in->confidence[0]) && isnan(in->confidence[6]) && isnan(in->mean[2]) &&
                isnan(in->sd[13]));
    assert_int_equal(in->verdict[6], INSIGHT_UNKNOWN);
    assert_true(isnan(in->volume) && isnan(in->volume_low) && isnan(in->volume_high)); /* no ends */
    insight_destroy(in);
    insight_destroy(NULL);
    log_fini(&log);
}

/* Trials 4, 6 and 7 have the ratios of trial 2. */
static void test_repeats_share_one_function(void **state)
{
    (void)state;
    struct insight_log log;
    struct rng rng;
    struct bowls bowls;
    rng_seed(&rng, 5, 0);
    log_init(&log, 2, 2, 30, 1);
    log_place(&log, &rng);
    static const int repeats[] = {4, 6, 7};
    bowls_make(&bowls, 2, 2, &rng);
    for (int i = 0; i < 2; i++)
        log_ratios(&log, 2)[i] = (bowls.at[0][i] + bowls.at[1][i]) / 2; /* on the front */
    for (int i = 0; i < 3; i++)
        memcpy(log_ratios(&log, repeats[i]), log_ratios(&log, 2), 2 * sizeof(double));
    log_score_all(&log, &bowls, 0.02, &rng);
    struct insight *in = make(&log, NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(in->confidence[repeats[i]] == in->confidence[2] && in->scored[repeats[i]] == 4);
        assert_true(in->mean[repeats[i] * 2] == in->mean[4] && in->sd[repeats[i] * 2] == in->sd[4]);
        assert_false(in->front[repeats[i]]);
    }
    assert_true(in->front[2] && in->scored[2] == 4 && in->scored[3] == 1);
    assert_true(in->sd[4] < 0.02 / sqrt(3)); /* four scores */
    insight_destroy(in);
    log_fini(&log);
}

static void test_a_cache_changes_no_bit(void **state)
{
    (void)state;
    enum { N = 50 };
    struct insight_log log;
    struct rng rng;
    struct bowls bowls;
    rng_seed(&rng, 6, 0);
    log_init(&log, 3, 2, N, 1);
    log_place(&log, &rng);
    bowls_make(&bowls, 3, 2, &rng);
    log_score_all(&log, &bowls, 0.05, &rng);
    struct opt_model *model = opt_model_create();
    for (int events = 20; events <= N; events += 10) {
        log.history.events_n = events;
        struct insight *cached = make(&log, model), *fresh = make(&log, NULL);
        assert_memory_equal(cached->confidence, fresh->confidence, N * sizeof(double));
        assert_memory_equal(cached->mean, fresh->mean, N * 2 * sizeof(double));
        assert_memory_equal(cached->sd, fresh->sd, N * 2 * sizeof(double));
        assert_true(cached->volume == fresh->volume && cached->volume_high == fresh->volume_high);
        assert_true(cached->volume_low < cached->volume_median &&
                    cached->volume_median < cached->volume_high);
        assert_true(cached->fit_rms[1] == fresh->fit_rms[1]);
        insight_destroy(cached);
        insight_destroy(fresh);
    }
    opt_model_destroy(model);
    log_fini(&log);
}

/* What is scored in part has a chance of its own, and takes none from the others. */
static void test_a_partial_score_dominates_nobody(void **state)
{
    (void)state;
    enum { N = 20 };
    struct insight_log log;
    struct rng rng;
    struct bowls bowls;
    const double best[] = {-1, -1}, noise[] = {0.001, 0.001};
    rng_seed(&rng, 7, 0);
    log_init(&log, 2, 2, N, 1);
    log_place(&log, &rng);
    bowls_make(&bowls, 2, 2, &rng);
    log_score_all(&log, &bowls, 0.01, &rng);
    log_forget(&log, N - 2); /* the last two are not scored yet */
    log_add(&log, N - 2, OPT_EVENT_SLICE, 0.25, best, noise);
    log_add(&log, N - 1, OPT_EVENT_STOPPED, 0.5, best, noise);
    struct insight *in = make(&log, NULL);
    int front_n = 0;
    double surest = 0;
    for (int t = 0; t < N - 2; t++) {
        front_n += in->front[t];
        surest = fmax(surest, in->confidence[t]);
    }
    assert_true(front_n > 0 && surest > 0.5);
    assert_true(!in->front[N - 2] && !in->front[N - 1]);
    assert_true(in->confidence[N - 2] > 0.5 && in->confidence[N - 1] > 0.5);
    insight_destroy(in);
    log_fini(&log);
}

/* Simulated searches: where confidence is p, a share p is truly on the front of what was scored; what the front's trials
 * are truly worth lies within its interval; posterior means are nearer to the truth than scores are; leave-one-out
 * residuals are as large as predicted. */
struct tally {
    double claimed[5], true_[5], n[5];
    double score_error, mean_error, rms;
    int covered, searches;
};

/* Of the trials of the front that is shown, by points [n][m]. */
static double volume_of(const struct insight_log *log, const struct insight *in, const double *points)
{
    int m = log->problem.m, n = 0;
    double mapped[200], reference[] = {0.1, 0.1}, volume = 0;
    for (int t = 0; t < in->n; t++) {
        for (int j = 0; j < m && in->front[t]; j++) {
            double a = log->scores[j], b = log->scores[m + j];
            mapped[n * m + j] = (points[t * m + j] - fmax(a, b)) / fabs(a - b);
        }
        n += in->front[t];
    }
    assert_int_equal(front_hypervolume(mapped, n, m, reference, &volume, NULL), 0);
    return volume;
}

static void simulate(uint64_t seed, double noise, struct tally *tally)
{
    enum { N = 40, M = 2 };
    struct insight_log log;
    struct rng rng;
    struct bowls bowls;
    double truth[N * M];
    rng_seed(&rng, seed, 77);
    log_init(&log, 3, M, N, seed);
    log_place(&log, &rng);
    bowls_make(&bowls, 3, M, &rng);
    log_score_all(&log, &bowls, noise, &rng);
    for (int t = 0; t < N; t++)
        bowls_value(&bowls, 3, M, log_ratios(&log, t), &truth[t * M]);
    struct insight *in = make(&log, NULL);
    for (int t = 0; t < N; t++) {
        bool beaten = false;
        for (int o = 0; o < N; o++)
            beaten |= truly_dominates(&truth[o * M], &truth[t * M], M);
        int bin = (int)fmin(in->confidence[t] * 5, 4);
        tally->claimed[bin] += in->confidence[t];
        tally->true_[bin] += !beaten;
        tally->n[bin]++;
        for (int j = 0; j < M; j++) {
            tally->score_error += pow(log.scores[t * M + j] - truth[t * M + j], 2);
            tally->mean_error += pow(in->mean[t * M + j] - truth[t * M + j], 2);
        }
    }
    double volume = volume_of(&log, in, truth);
    assert_true(fabs(volume_of(&log, in, in->mean) - in->volume) < 1e-9 * in->volume);
    tally->covered += volume >= in->volume_low && volume <= in->volume_high;
    tally->rms += (in->fit_rms[0] + in->fit_rms[1]) / 2;
    tally->searches++;
    insight_destroy(in);
    log_fini(&log);
}

static void test_confidence_is_calibrated(void **state)
{
    (void)state;
    static const double noises[] = {0.02, 0.05};
    for (size_t i = 0; i < 2; i++) {
        struct tally tally = {0};
        for (uint64_t seed = 1; seed <= 60; seed++)
            simulate(seed, noises[i], &tally);
        for (int b = 0; b < 5; b++)
            print_message("noise %.2f: claimed %.3f true %.3f of %.0f\n", noises[i],
                          tally.claimed[b] / tally.n[b], tally.true_[b] / tally.n[b], tally.n[b]);
        print_message("error of means over that of scores %.3f, interval holds %d of %d, residuals %.3f\n",
                      sqrt(tally.mean_error / tally.score_error), tally.covered, tally.searches,
                      tally.rms / tally.searches);
        for (int b = 0; b < 5; b++)
            assert_true(fabs(tally.claimed[b] - tally.true_[b]) < 0.12 * tally.n[b] + 3);
        assert_true(tally.mean_error < 0.5 * tally.score_error);
        assert_true(tally.covered >= 0.7 * tally.searches); /* the best hyperparameters alone: 40 of 60 */
        assert_true(tally.rms > 0.8 * tally.searches && tally.rms < 1.2 * tally.searches);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_scores_are_the_raw_front),
        cmocka_unit_test(test_what_is_not_there_is_nan),
        cmocka_unit_test(test_repeats_share_one_function),
        cmocka_unit_test(test_a_cache_changes_no_bit),
        cmocka_unit_test(test_a_partial_score_dominates_nobody),
        cmocka_unit_test(test_confidence_is_calibrated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
