/* Joint draws: mean, spread and correlation as the processes say, whole blocks included; exact objectives are fixed. */
#include "optimizer/insight/posterior.h"

#include "optimizer/gp/gp_internal.h"

#include "tests/unit/optimizer/insight_log.h"

enum { S = 20000 };

struct fixture {
    struct insight_log log;
    struct opt_model *model;
    const struct surrogate *surrogate;
    struct vectors vectors;
    struct posterior posterior;
};

static void setup(struct fixture *f, int k, int n, double noise_of_first)
{
    struct rng rng;
    struct bowls bowls;
    rng_seed(&rng, 12, 0);
    *f = (struct fixture){.model = opt_model_create()};
    log_init(&f->log, k, 2, n, 1);
    log_place(&f->log, &rng);
    bowls_make(&bowls, k, 2, &rng);
    log_score_all(&f->log, &bowls, 0.05, &rng);
    for (int i = 0; i < n; i++)
        ((double *)f->log.event[i].stderrs)[0] = noise_of_first;
    assert_int_equal(
        surrogate_get(&f->log.problem, &f->log.plan, &f->log.history, f->model, &f->surrogate, NULL), 0);
    vectors_make(&f->log.problem, &f->log.history, &f->vectors);
    posterior_make(&f->log.problem, &f->log.history, f->surrogate, &f->vectors, true, &f->posterior);
}

static void teardown(struct fixture *f)
{
    posterior_fini(&f->posterior);
    vectors_fini(&f->vectors);
    opt_model_destroy(f->model);
    log_fini(&f->log);
}

static void test_draws_have_the_joint_moments(void **state)
{
    (void)state;
    enum { Q = 4, M = 2 };
    struct fixture f;
    setup(&f, 2, 20, 0.05);
    const int chosen[Q] = {3, 1, 17, 8};
    double *draws = mem_zero(S * Q * M, sizeof *draws), x[Q * 2], covariance[Q * Q], mean[Q];
    posterior_draw(&f.posterior, chosen, Q, S, 9, 4, draws);
    for (int i = 0; i < Q; i++)
        memcpy(&x[i * 2], &f.posterior.x[chosen[i] * 2], 2 * sizeof *x);
    for (int j = 0; j < M; j++) {
        double unit = f.surrogate->unit[j];
        gp_predict_joint(f.surrogate->gp[j], Q, x, mean, covariance);
        for (int a = 0; a < Q; a++)
            for (int b = 0; b < Q; b++) {
                double sum = 0, sd = unit * sqrt(covariance[a * Q + a]);
                const double *at = f.posterior.mean;
                assert_true(fabs(f.posterior.sd[chosen[a] * M + j] - sd) < 1e-9);
                for (int s = 0; s < S; s++)
                    sum += (draws[(s * Q + a) * M + j] - at[chosen[a] * M + j]) *
                           (draws[(s * Q + b) * M + j] - at[chosen[b] * M + j]);
                double want = unit * unit * covariance[a * Q + b];
                assert_true(fabs(sum / S - want) <
                            0.04 * unit * unit * sqrt(covariance[a * Q + a] * covariance[b * Q + b]));
            }
    }
    /* the two objectives are independent */
    double both = 0, first = 0, second = 0;
    for (int s = 0; s < S; s++) {
        double u = draws[s * Q * M] - f.posterior.mean[chosen[0] * M];
        double v = draws[s * Q * M + 1] - f.posterior.mean[chosen[0] * M + 1];
        both += u * v;
        first += u * u;
        second += v * v;
    }
    assert_true(fabs(both) < 0.04 * sqrt(first * second));
    mem_free(draws);
    teardown(&f);
}

static void test_an_exact_objective_is_its_score(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 2, 20, 0);
    assert_true(f.vectors.exact[0] && !f.vectors.exact[1]);
    const int chosen[] = {5, 2};
    double draws[8 * 2 * 2];
    posterior_draw(&f.posterior, chosen, 2, 8, 9, 4, draws);
    for (int s = 0; s < 8; s++)
        for (int i = 0; i < 2; i++) {
            assert_true(draws[(s * 2 + i) * 2] == f.log.scores[chosen[i] * 2]);
            assert_true(draws[(s * 2 + i) * 2 + 1] != f.log.scores[chosen[i] * 2 + 1]);
        }
    assert_true(f.posterior.sd[0] == 0 && f.posterior.sd[1] > 0);
    teardown(&f);
}

/* Far from all rows the draws of many ratios spread as far as sd says, which is much more than among the rows. */
static void test_a_corner_is_doubted(void **state)
{
    (void)state;
    enum { K = 12, N = 80, Q = 2 };
    struct fixture f;
    setup(&f, K, N, 0.05);
    double corner[K], own, usual[N];
    for (int i = 0; i < K; i++)
        corner[i] = i % 2;
    surrogate_predict(f.surrogate, 0, 1, corner, NULL, &own);
    surrogate_predict(f.surrogate, 0, N, f.posterior.x, NULL, usual);
    for (int i = 0; i < N; i++)
        assert_true(own > 1.2 * usual[i]);
    const int chosen[Q] = {0, 79};
    double *draws = mem_zero(S * Q * 2, sizeof *draws);
    posterior_draw(&f.posterior, chosen, Q, S, 9, 4, draws);
    for (int i = 0; i < Q; i++) {
        double squares = 0, sd = f.posterior.sd[chosen[i] * 2];
        for (int s = 0; s < S; s++)
            squares += pow(draws[(s * Q + i) * 2] - f.posterior.mean[chosen[i] * 2], 2);
        assert_true(fabs(sqrt(squares / S) / sd - 1) < 0.03);
    }
    mem_free(draws);
    teardown(&f);
}

/* Draws over several sets of hyperparameters spread wider than over one, about the same means; seeds decide. */
static void test_hyperparameters_are_doubted(void **state)
{
    (void)state;
    enum { Q = 20 };
    struct fixture f;
    setup(&f, 2, Q, 0.05);
    int chosen[Q];
    double *draws = mem_zero(S * Q * 2, sizeof *draws), *again = mem_zero(S * Q * 2, sizeof *again),
           wider = 0;
    for (int i = 0; i < Q; i++)
        chosen[i] = i;
    f.posterior.fits = 16;
    posterior_draw(&f.posterior, chosen, Q, S, 9, 4, draws);
    posterior_draw(&f.posterior, chosen, Q, S, 9, 4, again);
    assert_memory_equal(draws, again, S * Q * 2 * sizeof *draws);
    for (int i = 0; i < Q * 2; i++) {
        double mean = 0, squares = 0, sd = f.posterior.sd[i];
        for (int s = 0; s < S; s++)
            mean += draws[s * Q * 2 + i] / S;
        for (int s = 0; s < S; s++)
            squares += pow(draws[s * Q * 2 + i] - mean, 2) / S;
        assert_true(fabs(mean - f.posterior.mean[i]) < sd && sqrt(squares) < 2 * sd);
        wider += sqrt(squares) / sd / (Q * 2);
    }
    assert_true(wider > 1.03);
    mem_free(draws);
    mem_free(again);
    teardown(&f);
}

/* Of a partial score, drawn scales multiply what is reported, and not what the missing items leave open. */
static void test_what_is_open_is_not_scaled(void **state)
{
    (void)state;
    enum { N = 12, FITS = 16 };
    struct insight_log log;
    struct bowls bowls;
    struct rng rng;
    struct opt_model *model = opt_model_create();
    const struct surrogate *s;
    struct gp *gp[FITS];
    double f[1], little[] = {1e-3}, most = 0;
    rng_seed(&rng, 21, 0);
    log_init(&log, 2, 1, N, 1);
    log_place(&log, &rng);
    bowls_make(&bowls, 2, 1, &rng);
    for (int t = 0; t < N; t++) { /* the first row is partial, and its standard error is not known */
        bowls_value(&bowls, 2, 1, log_ratios(&log, t), f);
        log_add(&log, t, t == 0 ? OPT_EVENT_STOPPED : OPT_EVENT_DONE, t == 0 ? 0.25 : 1, f,
                t == 0 ? (double[]){NAN} : little);
    }
    assert_int_equal(surrogate_get(&log.problem, &log.plan, &log.history, model, &s, NULL), 0);
    const struct gp_hyper *best = &s->fit[0].hyper;
    double open = best->scale * s->open[0], reported = s->told[0] - s->open[0];
    assert_true(s->trial[0] == 0 && open > 10 * reported && s->open[1] == 0);
    surrogate_spread(s, 0, FITS, &rng, gp);
    for (int i = 0; i < FITS; i++) {
        struct kernel kernel = gp_kernel(gp[i]);
        double noise = 1 / (gp[i]->m[0] * gp[i]->m[0]) - kernel_variance(&kernel, s->x, NULL);
        const struct gp_hyper *own = &gp[i]->hyper;
        assert_true(fabs(noise - own->noise - own->scale * reported - open) < 1e-9 * noise);
        most = fmax(most, own->scale / best->scale);
        gp_destroy(gp[i]);
    }
    assert_true(most > 1.5);
    opt_model_destroy(model);
    log_fini(&log);
}

/* More than fit one block: every vector has its own mean and spread still, and seeds decide. */
static void test_blocks(void **state)
{
    (void)state;
    enum { N = POSTERIOR_JOINT + 60, DRAWS = 64 };
    struct fixture f;
    setup(&f, 2, N, 0.05);
    int *chosen = mem_zero(N, sizeof *chosen);
    double *draws = mem_zero(DRAWS * N * 2, sizeof *draws), *again = mem_zero(DRAWS * N * 2, sizeof *again);
    for (int i = 0; i < N; i++)
        chosen[i] = i;
    posterior_draw(&f.posterior, chosen, N, DRAWS, 9, 4, draws);
    posterior_draw(&f.posterior, chosen, N, DRAWS, 9, 4, again);
    assert_memory_equal(draws, again, DRAWS * N * 2 * sizeof *draws);
    posterior_draw(&f.posterior, chosen, N, DRAWS, 9, 5, again);
    assert_true(draws[0] != again[0]);
    double squares = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < 2; j++) {
            double sum = 0;
            for (int s = 0; s < DRAWS; s++)
                sum += draws[(s * N + i) * 2 + j];
            double off = (sum / DRAWS - f.posterior.mean[i * 2 + j]) / f.posterior.sd[i * 2 + j];
            assert_true(fabs(off) < 5 / sqrt(DRAWS));
            squares += off * off * DRAWS / (2 * N);
        }
    assert_true(squares > 0.5 && squares < 1.6); /* strongly correlated, so far from 1 / sqrt(2 N) */
    mem_free(chosen);
    mem_free(draws);
    mem_free(again);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_have_the_joint_moments),
        cmocka_unit_test(test_an_exact_objective_is_its_score),
        cmocka_unit_test(test_a_corner_is_doubted),
        cmocka_unit_test(test_hyperparameters_are_doubted),
        cmocka_unit_test(test_what_is_open_is_not_scaled),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
