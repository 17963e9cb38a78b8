/* gp_leave_one_out against leaving each row out. */
#include "optimizer/gp/gp.h"

#include "proto/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { N = 25, D = 3, CONDITIONED = 15 };

struct rows {
    double x[N * D], y[N], variance[N];
};

static struct gp *make(const struct rows *rows, int n, int conditioned, const struct gp_hyper *hyper)
{
    struct gp_data data = {conditioned, D, rows->x, rows->y, rows->variance};
    struct gp *gp = gp_create(D, n, hyper);
    gp_condition(gp, &data);
    for (int i = conditioned; i < n; i++)
        gp_append(gp, &rows->x[i * D], rows->y[i], rows->variance[i]);
    return gp;
}

static void test_against_leaving_out(void **state)
{
    (void)state;
    struct gp_hyper hyper = {.length = {0.7, 0.5, 1.5},
                             .signal = 0.8,
                             .weight = {0.3, 0.2},
                             .noise = 0.01,
                             .scale = 0.5,
                             .mean = 0.3};
    struct rows all;
    struct rng rng;
    double residual[N], sd[N];
    rng_seed(&rng, 31, 0);
    for (int i = 0; i < N * D; i++)
        all.x[i] = rng_uniform(&rng);
    for (int i = 0; i < N; i++) {
        all.y[i] = sin(4 * all.x[i * D]) + rng_uniform(&rng);
        all.variance[i] = 0.2 * rng_uniform(&rng);
    }
    struct gp *gp = make(&all, N, CONDITIONED, &hyper);
    gp_leave_one_out(gp, residual, sd);
    gp_destroy(gp);
    for (int out = 0; out < N; out++) {
        struct rows rest = all;
        double mean, own;
        memmove(&rest.x[out * D], &rest.x[(out + 1) * D], (size_t)(N - out - 1) * D * sizeof *rest.x);
        memmove(&rest.y[out], &rest.y[out + 1], (size_t)(N - out - 1) * sizeof *rest.y);
        memmove(&rest.variance[out], &rest.variance[out + 1], (size_t)(N - out - 1) * sizeof *rest.variance);
        gp = make(&rest, N - 1, N - 1, &hyper);
        gp_predict(gp, 1, &all.x[out * D], &mean, &own);
        gp_destroy(gp);
        assert_true(fabs(residual[out] - (all.y[out] - mean)) < 1e-9);
        assert_true(fabs(sd[out] - sqrt(own * own + hyper.scale * all.variance[out] + hyper.noise)) < 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_leaving_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
