/* optimizer/gp against GPyTorch (tests/golden/optimizer/make_gp.py), against itself, and where it is fed badly. */
#include "optimizer/gp/gp.h"

#include "golden.h"
#include "gp_data.h"
#include "proto/mem.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

/* One case of gp.json with everything that is asked of it. */
struct fixed {
    struct rows rows;
    struct gp_hyper hyper;
    int q;
    double at[8 * GP_D_MAX], mean[8], covariance[64], gradient[GP_THETA_MAX], log_likelihood;
};

static void read_fixed(const struct json *c, struct fixed *f)
{
    rows_read(&f->rows, c);
    f->hyper = (struct gp_hyper){.shape = rows_shape(c),
                                 .signal = json_number_or(json_get(c, "signal"), NAN),
                                 .noise = json_number_or(json_get(c, "noise"), NAN),
                                 .scale = json_number_or(json_get(c, "scale"), NAN),
                                 .mean = json_number_or(json_get(c, "mean"), NAN)};
    golden_numbers(json_get(c, "length"), f->hyper.length, GP_D_MAX);
    golden_numbers(json_get(c, "weight"), f->hyper.weight, POLYNOMIAL_LEVELS);
    f->q = golden_numbers(json_get(c, "posterior_mean"), f->mean, 8);
    golden_numbers(json_get(c, "at"), f->at, 8 * GP_D_MAX);
    golden_numbers(json_get(c, "covariance"), f->covariance, 64);
    golden_numbers(json_get(c, "gradient"), f->gradient, GP_THETA_MAX);
    f->log_likelihood = json_number_or(json_get(c, "log_likelihood"), NAN);
}

static struct gp *conditioned(const struct gp_hyper *hyper, const struct rows *rows)
{
    struct gp *gp = gp_create(rows->data.d, rows->data.n, hyper);
    gp_condition(gp, &rows->data);
    return gp;
}

static void near(const char *what, double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%s: %.17g instead of %.17g", what, found, expected);
}

static void check_posterior(const struct fixed *f, const struct gp *gp, const char *name)
{
    double mean[8], sd[8], joint[8], covariance[64];
    gp_predict(gp, f->q, f->at, mean, sd);
    gp_predict_joint(gp, f->q, f->at, joint, covariance);
    for (int i = 0; i < f->q; i++) {
        near(name, mean[i], f->mean[i], 1e-7);
        near(name, joint[i], f->mean[i], 1e-7);
        near(name, sd[i] * sd[i], f->covariance[i * f->q + i], 1e-8);
        for (int j = 0; j < f->q; j++)
            near(name, covariance[i * f->q + j], f->covariance[i * f->q + j], 1e-8);
    }
}

static void test_posteriors_are_gpytorchs(void **state)
{
    (void)state;
    struct json *golden = golden_read("gp");
    int compared = 0;
    for (const struct json *c = json_first(json_get(golden, "fixed")); c; c = json_next(c), compared++) {
        struct fixed f;
        read_fixed(c, &f);
        struct gp *gp = conditioned(&f.hyper, &f.rows);
        check_posterior(&f, gp, json_string_or(json_get(c, "name"), "?"));
        gp_destroy(gp);
        rows_fini(&f.rows);
    }
    assert_int_equal(compared, 9);
    json_free(golden);
}

static const struct gp_hyper some = {.length = {0.7, 0.4, 1.5, 0.9, 2.5, 1.1},
                                     .signal = 0.8,
                                     .weight = {0.3, 0.1, 0.05, 0.02},
                                     .noise = 1e-3,
                                     .scale = 0.6,
                                     .mean = 0.2};

/* Everything that a process answers, at a few places. */
struct answers {
    double mean[6], sd[6], joint[6], covariance[36], one_mean, one_sd, gradient[2][GP_D_MAX], draw[12];
};

static void ask(const struct gp *gp, int d, struct answers *a)
{
    double x[6 * GP_D_MAX], normals[12];
    struct rng rng;
    rng_seed(&rng, 99, 0);
    memset(a, 0, sizeof *a);
    for (int i = 0; i < 6 * d; i++)
        x[i] = rng_uniform(&rng);
    for (int i = 0; i < 12; i++)
        normals[i] = rows_normal(&rng);
    gp_predict(gp, 6, x, a->mean, a->sd);
    gp_predict_joint(gp, 6, x, a->joint, a->covariance);
    gp_predict_gradient(gp, x, &a->one_mean, &a->one_sd, a->gradient[0], a->gradient[1]);
    gp_sample(gp, 6, x, 2, normals, a->draw);
}

static void same_answers(const struct gp *a, const struct gp *b, int d)
{
    struct answers of_a, of_b;
    ask(a, d, &of_a);
    ask(b, d, &of_b);
    assert_memory_equal(&of_a, &of_b, sizeof of_a);
}

static void append_rows(struct gp *gp, const struct rows *rows, int from, int to)
{
    for (int i = from; i < to; i++)
        gp_append(gp, rows->x + (size_t)i * (size_t)rows->data.d, rows->y[i], rows->variance[i]);
}

static void test_appending_is_conditioning(void **state)
{
    (void)state;
    struct rows rows;
    rows_make(&rows, 150, 6, 0.1, 3);
    struct gp *at_once = conditioned(&some, &rows), *one_by_one = gp_create(6, 1, &some);
    append_rows(one_by_one, &rows, 0, 150);
    struct answers a, b;
    ask(at_once, 6, &a);
    ask(one_by_one, 6, &b);
    assert_int_equal(gp_n(one_by_one), 150);
    for (size_t i = 0; i < sizeof a / sizeof(double); i++)
        near("answer", ((double *)&b)[i], ((double *)&a)[i], 1e-10);
    gp_destroy(at_once);
    gp_destroy(one_by_one);
    rows_fini(&rows);
}

/* The bits are a function of the rows and of how many of them came together: not of the room there was, nor of what came and went. */
static void test_appending_gives_the_same_bits_again(void **state)
{
    (void)state;
    struct rows rows;
    rows_make(&rows, 120, 6, 0.1, 4);
    struct gp_data first = rows.data;
    first.n = 70;
    struct gp *roomy = gp_create(6, 300, &some), *tight = gp_create(6, 0, &some);
    gp_condition(roomy, &first);
    append_rows(roomy, &rows, 70, 120);
    gp_condition(tight, &rows.data);
    gp_condition(tight, &first);
    append_rows(tight, &rows, 20, 60); /* pending ones, say */
    gp_truncate(tight, 70);
    append_rows(tight, &rows, 70, 90);
    append_rows(tight, &rows, 0, 40);
    gp_truncate(tight, 90);
    append_rows(tight, &rows, 90, 120);
    same_answers(roomy, tight, 6);
    gp_truncate(tight, 70);
    gp_condition(roomy, &first);
    same_answers(roomy, tight, 6);
    gp_destroy(roomy);
    gp_destroy(tight);
    rows_fini(&rows);
}

/* Without a row the polynomial's share of sd changes from place to place all the same. */
static void test_a_prior_has_gradients(void **state)
{
    (void)state;
    struct gp *gp = gp_create(6, 0, &some);
    double x[6] = {0.1, 0.9, 0.4, 0.7, 0.2, 0.6}, mean, sd, mean_gradient[6], sd_gradient[6], step = 1e-5;
    gp_predict_gradient(gp, x, &mean, &sd, mean_gradient, sd_gradient);
    assert_true(mean == some.mean);
    for (int k = 0; k < 6; k++) {
        double s[2], at = x[k];
        for (int side = 0; side < 2; side++) {
            x[k] = at + (side ? step : -step);
            gp_predict(gp, 1, x, NULL, s + side);
        }
        x[k] = at;
        near("mean's gradient", mean_gradient[k], 0, 0);
        near("sd's gradient", sd_gradient[k], (s[1] - s[0]) / (2 * step), 1e-8);
    }
    gp_destroy(gp);
}

static void test_gradients_are_those_of_differences(void **state)
{
    (void)state;
    struct rows rows;
    rows_make(&rows, 60, 6, 0.1, 5);
    struct gp *gp = conditioned(&some, &rows);
    double x[6], mean, sd, mean_gradient[6], sd_gradient[6], step = 1e-5;
    for (int place = 0; place < 5; place++) {
        for (int k = 0; k < 6; k++)
            x[k] = rows.x[place * 6 + k] + (place > 0 ? 0.05 * place : 1e-3);
        gp_predict_gradient(gp, x, &mean, &sd, mean_gradient, sd_gradient);
        for (int k = 0; k < 6; k++) {
            double m[2], s[2], at = x[k];
            for (int side = 0; side < 2; side++) {
                x[k] = at + (side ? step : -step);
                gp_predict(gp, 1, x, m + side, s + side);
            }
            x[k] = at;
            near("mean's gradient", mean_gradient[k], (m[1] - m[0]) / (2 * step), 1e-7);
            near("sd's gradient", sd_gradient[k], (s[1] - s[0]) / (2 * step), 1e-6);
        }
        double again[2], same[6];
        gp_predict(gp, 1, x, &again[0], &again[1]);
        near("mean", mean, again[0], 1e-12);
        near("sd", sd, again[1], 1e-12);
        gp_predict_gradient(gp, x, &again[0], NULL, same, NULL);
        assert_memory_equal(same, mean_gradient, sizeof same);
    }
    gp_destroy(gp);
    rows_fini(&rows);
}

/* 40 000 draws: means and covariances within five of their own standard errors. */
static void test_draws_have_the_joint_moments(void **state)
{
    (void)state;
    enum { S = 40000, Q = 4 };
    struct rows rows;
    rows_make(&rows, 20, 3, 0.3, 6);
    struct gp *gp = conditioned(&some, &rows);
    double x[Q * 3], mean[Q], covariance[Q * Q], sum[Q] = {0}, square[Q * Q] = {0};
    double *normals = mem_zero(S * Q, sizeof(double)), *draw = mem_zero(S * Q, sizeof(double));
    struct rng rng;
    rng_seed(&rng, 12, 0);
    for (int i = 0; i < Q * 3; i++)
        x[i] = 1.5 * rng_uniform(&rng);
    for (int i = 0; i < S * Q; i++)
        normals[i] = rows_normal(&rng);
    gp_sample(gp, Q, x, S, normals, draw);
    gp_predict_joint(gp, Q, x, mean, covariance);
    for (int s = 0; s < S; s++)
        for (int i = 0; i < Q; i++) {
            sum[i] += draw[s * Q + i] / S;
            for (int j = 0; j < Q; j++)
                square[i * Q + j] += (draw[s * Q + i] - mean[i]) * (draw[s * Q + j] - mean[j]) / S;
        }
    for (int i = 0; i < Q; i++) {
        near("mean", sum[i], mean[i], 5 * sqrt(covariance[i * Q + i] / S));
        for (int j = 0; j < Q; j++)
            near("covariance", square[i * Q + j], covariance[i * Q + j],
                 5 * sqrt(2 * covariance[i * Q + i] * covariance[j * Q + j] / S));
    }
    mem_free(normals);
    mem_free(draw);
    gp_destroy(gp);
    rows_fini(&rows);
}

static void all_finite(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(isfinite(x[i]));
}

static void check_sane(const struct rows *rows, const struct gp_hyper *hyper)
{
    struct answers a;
    int d = rows->data.d, n = rows->data.n;
    struct gp *gp = conditioned(hyper, rows);
    for (int round = 0; round < 2; round++) {
        ask(gp, d, &a);
        all_finite((double *)&a, sizeof a / sizeof(double));
        for (int i = 0; i < 6; i++)
            assert_true(a.sd[i] >= 1e-9 && a.sd[i] < 1.001);
        append_rows(gp, rows, 0, n); /* every row once more */
    }
    gp_destroy(gp);
}

static void test_odd_rows_give_numbers(void **state)
{
    (void)state;
    for (int d = 1; d <= GP_D_MAX; d *= 4)
        for (int n = 0; n < 40; n = 3 * n + 1)
            for (int kind = 0; kind < 5; kind++) {
                struct rows rows;
                struct gp_hyper hyper = {.shape = n % 2 ? KERNEL_SQUARED : KERNEL_MATERN,
                                         .signal = 1,
                                         .noise = kind == 3 ? 0 : 1e-6,
                                         .scale = 1};
                rows_make(&rows, n, d, 0, (uint64_t)(d * 100 + n));
                for (int k = 0; k < d; k++)
                    hyper.length[k] = kind == 4 ? 0.025 : 3 * sqrt(d);
                for (int i = 0; kind == 1 && i < n * d; i++)
                    rows.x[i] = 0.5; /* one place for all */
                for (int i = 0; kind == 2 && i < n; i++)
                    rows.y[i] = i == 1 ? 1e9 : 7; /* constant but for one */
                check_sane(&rows, &hyper);
                rows_fini(&rows);
            }
}

/* One place for all rows and no noise at all: the factor needs jitter, and says so. */
static void test_jitter_is_told(void **state)
{
    (void)state;
    struct rows rows;
    struct gp_hyper hyper = {.length = {1, 1}, .signal = 1, .noise = 0, .scale = 1};
    rows_make(&rows, 30, 2, 0, 8);
    struct gp *gp = conditioned(&hyper, &rows);
    double mean, sd;
    gp_condition(gp, &rows.data);
    for (int i = 0; i < 60; i++)
        rows.x[i] = 0.5;
    gp_condition(gp, &rows.data);
    assert_true(gp_jitter(gp) >= 1e-8 && gp_jitter(gp) <= 1e-2);
    gp_predict(gp, 1, rows.x, &mean, &sd);
    assert_true(isfinite(mean) && sd < 0.1);
    hyper.noise = 1e-6;
    gp_destroy(gp);
    gp = conditioned(&hyper, &rows);
    assert_true(gp_jitter(gp) == 0);
    gp_destroy(gp);
    rows_fini(&rows);
}

static void *work(void *arg)
{
    struct rows rows;
    struct gp_fit fit;
    rows_make(&rows, 330, 6, 0.1, 21); /* large enough for OpenBLAS to want threads */
    gp_fit(&rows.data, false, NULL, &fit);
    struct gp *gp = gp_create(6, 10, &fit.hyper);
    gp_condition(gp, &rows.data);
    append_rows(gp, &rows, 5, 40);
    ask(gp, 6, arg);
    gp_destroy(gp);
    rows_fini(&rows);
    return NULL;
}

static void test_four_threads_find_the_same_bits(void **state)
{
    (void)state;
    struct answers answers[5];
    pthread_t thread[4];
    work(&answers[4]);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, &answers[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        assert_memory_equal(&answers[i], &answers[4], sizeof answers[4]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posteriors_are_gpytorchs),
        cmocka_unit_test(test_appending_is_conditioning),
        cmocka_unit_test(test_appending_gives_the_same_bits_again),
        cmocka_unit_test(test_a_prior_has_gradients),
        cmocka_unit_test(test_gradients_are_those_of_differences),
        cmocka_unit_test(test_draws_have_the_joint_moments),
        cmocka_unit_test(test_odd_rows_give_numbers),
        cmocka_unit_test(test_jitter_is_told),
        cmocka_unit_test(test_four_threads_find_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
