/* optimizer/gp/draws.c against the conditioning formula written out with the joint posterior, and against differences. */
#include "gp_data.h"
#include "optimizer/gp/gp.h"

#include <string.h>

enum { D = 3, N = 40, Q = 12, S = 5 };

static const struct gp_hyper hyper = {.length = {0.6, 1.1, 0.9},
                                      .signal = 0.9,
                                      .weight = {0.2, 0.1, 0.05, 0.1},
                                      .noise = 1e-2,
                                      .scale = 0.5,
                                      .mean = 0.3};

static struct rows rows;
static struct gp *gp;
static double place[Q * D], value[S * Q];
static struct gp_draws *draws;

static void near(const char *what, double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%s: %.17g instead of %.17g", what, found, expected);
}

/* Some places of rows and some new ones. */
static int begin(void **state)
{
    (void)state;
    struct rng rng;
    double normal[S * Q];
    rng_seed(&rng, 5, 0);
    rows_make(&rows, N, D, 0.2, 11);
    gp = gp_create(D, N, &hyper);
    gp_condition(gp, &rows.data);
    for (int i = 0; i < Q * D; i++)
        place[i] = i < 8 * D ? rows.x[i] : rng_uniform(&rng);
    for (int i = 0; i < S * Q; i++)
        normal[i] = rows_normal(&rng);
    gp_sample(gp, Q, place, S, normal, value);
    draws = gp_draws_create(gp, Q, place, S, value);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gp_draws_destroy(draws);
    gp_draws_destroy(NULL);
    gp_destroy(gp);
    gp_destroy(NULL);
    rows_fini(&rows);
    return 0;
}

/* a [n][n + r]: the last r columns become A^-1 of them (Gauss, with pivots). */
static void eliminate(int n, int r, double *a)
{
    int w = n + r;
    for (int c = 0; c < n; c++) {
        int best = c;
        for (int i = c; i < n; i++)
            if (fabs(a[i * w + c]) > fabs(a[best * w + c]))
                best = i;
        for (int j = 0; j < w; j++) {
            double kept = a[c * w + j];
            a[c * w + j] = a[best * w + j];
            a[best * w + j] = kept;
        }
        for (int i = 0; i < n; i++) {
            double factor = a[i * w + c] / a[c * w + c];
            for (int j = c; i != c && j < w; j++)
                a[i * w + j] -= factor * a[c * w + j];
        }
    }
    for (int i = 0; i < n; i++)
        for (int j = n; j < w; j++)
            a[i * w + j] /= a[i * w + i];
}

/* mean(x) + c C^-1 (values - means), and k(x, x) - c C^-1 c^T, of the posterior before the draws. */
static void formula(const double *x, double *mean, double *variance)
{
    double all[(Q + 1) * D], m[Q + 1], c[(Q + 1) * (Q + 1)], a[Q * (Q + S + 1)];
    memcpy(all, place, sizeof place);
    memcpy(all + Q * D, x, D * sizeof *x);
    gp_predict_joint(gp, Q + 1, all, m, c);
    for (int i = 0; i < Q; i++) {
        double *row = a + i * (Q + S + 1);
        memcpy(row, c + i * (Q + 1), Q * sizeof *c);
        for (int s = 0; s < S; s++)
            row[Q + s] = value[s * Q + i] - m[i];
        row[Q + S] = c[i * (Q + 1) + Q];
    }
    eliminate(Q, S + 1, a);
    *variance = c[Q * (Q + 1) + Q];
    for (int s = 0; s < S; s++)
        mean[s] = m[Q];
    for (int i = 0; i < Q; i++) {
        for (int s = 0; s < S; s++)
            mean[s] += c[Q * (Q + 1) + i] * a[i * (Q + S + 1) + Q + s];
        *variance -= c[Q * (Q + 1) + i] * a[i * (Q + S + 1) + Q + S];
    }
}

static void test_predictions_are_the_conditioned_process(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        double x[D], mean[S], sd, expected[S], variance;
        for (int k = 0; k < D; k++)
            x[k] = (i * 7 + k * 3) % 20 / 19.0;
        gp_draws_predict(draws, x, mean, &sd, NULL, NULL);
        formula(x, expected, &variance);
        near("variance", sd * sd, variance, 1e-7);
        for (int s = 0; s < S; s++)
            near("mean", mean[s], expected[s], 1e-6);
    }
}

static void test_draws_are_known_where_they_were_drawn(void **state)
{
    (void)state;
    for (int i = 0; i < Q; i++) {
        double mean[S], sd;
        gp_draws_predict(draws, place + i * D, mean, &sd, NULL, NULL);
        assert_true(sd < 1e-4);
        for (int s = 0; s < S; s++)
            near("mean", mean[s], value[s * Q + i], 1e-5);
    }
}

static void test_gradients_are_those_of_differences(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        double x[D], mean[S], sd, mean_gradient[S * D], sd_gradient[D], again[S], same, step = 1e-5;
        for (int k = 0; k < D; k++)
            x[k] = (i * 7 + k * 3) % 10 / 9.0;
        gp_draws_predict(draws, x, mean, &sd, mean_gradient, sd_gradient);
        gp_draws_predict(draws, x, again, &same, NULL, NULL);
        near("sd", sd, same, 1e-12);
        for (int k = 0; k < D; k++) {
            double m[2][S], d[2], at = x[k];
            for (int side = 0; side < 2; side++) {
                x[k] = at + (side ? step : -step);
                gp_draws_predict(draws, x, m[side], d + side, NULL, NULL);
            }
            x[k] = at;
            near("sd's gradient", sd_gradient[k], (d[1] - d[0]) / (2 * step), 1e-5);
            for (int s = 0; s < S; s++) {
                near("mean", again[s], mean[s], 1e-12);
                near("mean's gradient", mean_gradient[s * D + k], (m[1][s] - m[0][s]) / (2 * step), 1e-5);
            }
        }
    }
}

static void test_no_places_leave_the_process(void **state)
{
    (void)state;
    double x[D] = {0.2, 0.5, 0.9}, mean, sd, of_gp, sd_of_gp, nothing = 0;
    struct gp_draws *none = gp_draws_create(gp, 0, &nothing, 1, &nothing);
    gp_draws_predict(none, x, &mean, &sd, NULL, NULL);
    gp_predict(gp, 1, x, &of_gp, &sd_of_gp);
    near("mean", mean, of_gp, 1e-12);
    near("sd", sd, sd_of_gp, 1e-12);
    gp_draws_destroy(none);
}

/* A process that knows nothing yet can be drawn from as well. */
static void test_no_rows(void **state)
{
    (void)state;
    struct gp *empty = gp_create(D, 0, &hyper);
    double mean[S], sd, mean_gradient[S * D], sd_gradient[D];
    struct gp_draws *of_empty = gp_draws_create(empty, Q, place, S, value);
    gp_draws_predict(of_empty, place, mean, &sd, mean_gradient, sd_gradient);
    for (int s = 0; s < S; s++)
        near("mean", mean[s], value[s * Q], 1e-3);
    gp_draws_destroy(of_empty);
    gp_destroy(empty);
}

/* Places so close to one another that their covariance is singular, and draws that disagree there: numbers, all the same. */
static void test_crowded_places_give_numbers(void **state)
{
    (void)state;
    double crowd[Q * D], mean[S], sd, mean_gradient[S * D], sd_gradient[D];
    for (int i = 0; i < Q * D; i++)
        crowd[i] = rows.x[i % D] + (i / D % 2) * 1e-9;
    struct gp_draws *crowded = gp_draws_create(gp, Q, crowd, S, value);
    gp_draws_predict(crowded, crowd, mean, &sd, mean_gradient, sd_gradient);
    for (int i = 0; i < S * D; i++)
        assert_true(isfinite(mean[i % S]) && isfinite(mean_gradient[i]) && isfinite(sd_gradient[i % D]));
    assert_true(sd >= 1e-9 && sd < 1e-3);
    for (int s = 0; s < S; s++)
        assert_true(fabs(mean[s]) < 10);
    gp_draws_destroy(crowded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_predictions_are_the_conditioned_process, begin, end),
        cmocka_unit_test_setup_teardown(test_draws_are_known_where_they_were_drawn, begin, end),
        cmocka_unit_test_setup_teardown(test_gradients_are_those_of_differences, begin, end),
        cmocka_unit_test_setup_teardown(test_no_places_leave_the_process, begin, end),
        cmocka_unit_test_setup_teardown(test_no_rows, begin, end),
        cmocka_unit_test_setup_teardown(test_crowded_places_give_numbers, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
