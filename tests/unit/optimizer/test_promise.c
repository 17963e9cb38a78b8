/* insight_promise: when it says nothing, that it agrees with insight_make, and simulated trials of shared items whose truth
 * is known: where it says p, a share p ends on the front; what it would stop is not there. */
#include "optimizer/insight/insight.h"

#include "tests/unit/optimizer/insight_log.h"

static const double noise[] = {0.005, 0.005};

static double promise(const struct insight_log *log, struct opt_model *model, int trial)
{
    return insight_promise(&log->problem, &log->plan, &log->history, model, trial);
}

static void test_one_until_it_can_tell(void **state)
{
    (void)state;
    enum { N = 12 };
    struct insight_log log;
    struct rng rng;
    const double bad[] = {2, 2}, worse[] = {2.1, 2.1};
    rng_seed(&rng, 21, 0);
    log_init(&log, 2, 2, N, 1);
    log_place(&log, &rng);
    log_add(&log, 9, OPT_EVENT_SLICE, 0.25, bad, noise);
    log_add(&log, 9, OPT_EVENT_SLICE, 0.5, bad, noise);
    assert_true(promise(&log, NULL, 9) == 1); /* no model: nothing else is scored */
    for (int t = 0; t < 6; t++) {
        const double at[] = {0.2 * t, 1 - 0.2 * t};
        log_add(&log, t, OPT_EVENT_DONE, 1, at, noise);
    }
    assert_true(promise(&log, NULL, 9) < 0.02);
    assert_true(promise(&log, NULL, 8) == 1); /* nothing is known of it */
    log_add(&log, 8, OPT_EVENT_SLICE, 0.25, bad, noise);
    assert_true(promise(&log, NULL, 8) == 1); /* one slice */
    log_add(&log, 8, OPT_EVENT_SLICE, 0.25, worse, noise);
    assert_true(promise(&log, NULL, 8) == 1); /* the same one again, of another attempt */
    log_add(&log, 8, OPT_EVENT_SLICE, 0.5, worse, noise);
    assert_true(promise(&log, NULL, 8) < 0.02);
    log_add(&log, 8, OPT_EVENT_STOPPED, 0.5, worse, noise);
    assert_true(promise(&log, NULL, 8) == 1); /* settled */
    log_add(&log, 8, OPT_EVENT_REOPENED, 0, NULL, NULL);
    assert_true(promise(&log, NULL, 8) < 0.02);
    log_add(&log, 8, OPT_EVENT_FAILED, 0, NULL, NULL);
    assert_true(promise(&log, NULL, 8) == 1);
    log_add(&log, 9, OPT_EVENT_DONE, 1, bad, noise);
    assert_true(promise(&log, NULL, 9) == 1);
    log_fini(&log);
}

/* The same chance by another selection of rivals and other draws; and the same bits with a cache and without. */
static void test_agrees_with_insight(void **state)
{
    (void)state;
    enum { N = 200, RUNNING = 10 };
    struct insight_log log;
    struct rng rng;
    struct bowls bowls;
    struct insight *in;
    rng_seed(&rng, 22, 0);
    log_init(&log, 2, 2, N, 1);
    log_place(&log, &rng);
    bowls_make(&bowls, 2, 2, &rng);
    for (int t = N - RUNNING; t < N; t++) /* near the front, which lies between the bowls */
        for (int i = 0; i < 2; i++) {
            double between = (t - N + RUNNING + 0.5) / RUNNING;
            log_ratios(&log, t)[i] = (1 - between) * bowls.at[0][i] + between * bowls.at[1][i];
        }
    log_score_all(&log, &bowls, 0.05, &rng);
    log_forget(&log, N - RUNNING);
    for (int t = N - RUNNING; t < N; t++)
        for (int s = 1; s <= 2; s++) {
            double f[2];
            const double rough[] = {0.1, 0.1};
            bowls_value(&bowls, 2, 2, log_ratios(&log, t), f);
            log_add(&log, t, OPT_EVENT_SLICE, s / 4.0, f, rough);
        }
    struct opt_model *model = opt_model_create();
    assert_int_equal(insight_make(&log.problem, &log.plan, &log.history, model, &in, NULL), 0);
    double least = 1, most = 0;
    for (int t = N - RUNNING; t < N; t++) {
        double p = promise(&log, model, t), confidence = in->confidence[t];
        assert_true(p == promise(&log, NULL, t));
        /* 256 and 1024 draws */
        assert_true(fabs(p - confidence) <
                    4 * sqrt((confidence * (1 - confidence) + 0.004) * (1 / 256.0 + 1 / 1024.0)));
        least = fmin(least, p);
        most = fmax(most, p);
    }
    assert_true(most > least + 0.1);
    insight_destroy(in);
    opt_model_destroy(model);
    log_fini(&log);
}

/* A search whose trials are scored on the same items, slice by slice. */
enum { DONE = 24, CANDIDATES = 6, SLICES = 8, ITEMS = 64, M = 2 };

struct items {
    double hardness[ITEMS][M];
    double scatter; /* of one item of one trial */
};

static void score_slices(struct insight_log *log, const struct items *items, const struct bowls *bowls,
                         int trial, int slices, struct rng *rng)
{
    double f[M], sum[M] = {0}, squares[M] = {0}, mean[M], stderrs[M];
    bowls_value(bowls, log->problem.k, M, log_ratios(log, trial), f);
    for (int i = 0; i < ITEMS * slices / SLICES; i++) {
        for (int j = 0; j < M; j++) {
            double item = f[j] + items->hardness[i][j] + items->scatter * log_normal(rng);
            sum[j] += item;
            squares[j] += item * item;
        }
        int n = i + 1;
        if (n % (ITEMS / SLICES))
            continue;
        for (int j = 0; j < M; j++) {
            mean[j] = sum[j] / n;
            stderrs[j] = sqrt((squares[j] - n * mean[j] * mean[j]) / (n - 1) / n);
        }
        log_add(log, trial, n == ITEMS ? OPT_EVENT_DONE : OPT_EVENT_SLICE, (double)n / ITEMS, mean, stderrs);
    }
}

struct tally {
    double claimed[5], on_front[5], n[5];
    double stopped, lost;
};

static bool beaten(const struct insight_log *log, const struct bowls *bowls, int trial)
{
    double own[M], other[M];
    bowls_value(bowls, log->problem.k, M, log_ratios(log, trial), own);
    bool is = false;
    for (int t = 0; t < DONE; t++) {
        bowls_value(bowls, log->problem.k, M, log_ratios(log, t), other);
        is |= truly_dominates(other, own, M);
    }
    return is;
}

/* Two of eight slices, then four. */
static void simulate(uint64_t seed, double hardness, struct tally tally[2])
{
    struct insight_log log;
    struct rng rng;
    struct bowls bowls;
    struct items items = {.scatter = 0.25};
    rng_seed(&rng, seed, 55);
    log_init(&log, 2, M, DONE + CANDIDATES, seed);
    log_place(&log, &rng);
    bowls_make(&bowls, 2, M, &rng);
    for (int i = 0; i < ITEMS; i++)
        for (int j = 0; j < M; j++)
            items.hardness[i][j] = hardness * log_normal(&rng);
    for (int t = 0; t < DONE; t++)
        score_slices(&log, &items, &bowls, t, SLICES, &rng);
    struct opt_model *model = opt_model_create();
    for (int t = DONE; t < DONE + CANDIDATES; t++) {
        bool on_front = !beaten(&log, &bowls, t);
        for (int look = 0; look < 2; look++) {
            int before = log.history.events_n;
            score_slices(&log, &items, &bowls, t, 2 + 2 * look, &rng);
            double p = promise(&log, model, t);
            int bin = (int)fmin(p * 5, 4);
            tally[look].claimed[bin] += p;
            tally[look].on_front[bin] += on_front;
            tally[look].n[bin]++;
            tally[look].stopped += p < 0.02;
            tally[look].lost += p < 0.02 && on_front;
            log_forget(&log, before);
        }
    }
    opt_model_destroy(model);
    log_fini(&log);
}

static void test_promises_are_kept(void **state)
{
    (void)state;
    static const double hardness[] = {0, 0.5};
    for (int h = 0; h < 2; h++) {
        struct tally tally[2] = {0};
        for (uint64_t seed = 1; seed <= 60; seed++)
            simulate(seed, hardness[h], tally);
        for (int look = 0; look < 2; look++) {
            const struct tally *t = &tally[look];
            for (int b = 0; b < 5; b++)
                print_message("hardness %.1f, %d of 8 slices: claimed %.3f true %.3f of %.0f\n", hardness[h],
                              2 + 2 * look, t->claimed[b] / t->n[b], t->on_front[b] / t->n[b], t->n[b]);
            print_message("below 0.02: %.0f, of them on the front %.0f\n", t->stopped, t->lost);
            for (int b = 0; b < 5; b++)
                assert_true(fabs(t->claimed[b] - t->on_front[b]) < 0.1 * t->n[b] + 3);
            assert_true(t->stopped > 80 && t->lost <= 0.02 * t->stopped + 3);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_until_it_can_tell),
        cmocka_unit_test(test_agrees_with_insight),
        cmocka_unit_test(test_promises_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
