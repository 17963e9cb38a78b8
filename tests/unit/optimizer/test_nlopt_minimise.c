/* optimizer/nlopt_minimise.c: it finds minima, and none of the hazards that its header lists reaches the caller. */
#include "optimizer/nlopt_minimise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum { D = 6 };

static const char *const algorithms[] = {"LD_LBFGS", "LD_SLSQP",  "LD_CCSAQ",
                                         "LD_MMA",   "LN_COBYLA", "LN_BOBYQA"};
#define ALGORITHMS_N ((int)(sizeof algorithms / sizeof algorithms[0]))

enum kind { BOWL, NOT_A_NUMBER_ABOVE, INFINITE_ABOVE, NEVER_A_NUMBER, FLAT, KINK, RIPPLE };

struct probe {
    const struct minimise_run *run;
    enum kind kind;
    int calls;
    double best, best_x[D]; /* of feasible points */
    bool outside;
};

static double bowl(const double *x, double *gradient)
{
    double sum = 0;
    for (int i = 0; i < D; i++) {
        double u = x[i] - 0.1 * (i + 1);
        sum += (i + 1) * u * u;
        if (gradient)
            gradient[i] = 2 * (i + 1) * u;
    }
    return sum;
}

static double value_of(enum kind kind, const double *x, double *gradient)
{
    double value = bowl(x, gradient);
    if (kind == NOT_A_NUMBER_ABOVE && x[0] > 0.15)
        value = NAN;
    if (kind == INFINITE_ABOVE && x[0] > 0.15)
        value = INFINITY;
    if (kind == NEVER_A_NUMBER)
        value = NAN;
    for (int i = 0; gradient && !isfinite(value) && i < D; i++)
        gradient[i] = NAN;
    for (int i = 0; gradient && kind == FLAT && i < D; i++)
        gradient[i] = 0;
    if (kind == FLAT)
        value = 3;
    if (kind == KINK)
        value = sqrt(value); /* with the gradient of another function */
    if (kind == RIPPLE)
        value += 1e-7 * sin(1e9 * x[0]);
    return value;
}

static double ask(void *arg, const double *x, double *gradient)
{
    struct probe *probe = arg;
    const struct minimise_run *run = probe->run;
    double value = value_of(probe->kind, x, gradient), sum = -run->target;
    probe->calls++;
    for (int i = 0; i < D; i++) {
        probe->outside = probe->outside || !(x[i] >= run->lower[i] && x[i] <= run->upper[i]);
        sum += run->coefficient ? run->coefficient[i] * x[i] : 0;
    }
    bool feasible = !run->coefficient || fabs(sum) <= 1e-9;
    if (feasible && value < probe->best) {
        probe->best = value;
        memcpy(probe->best_x, x, sizeof probe->best_x);
    }
    return value;
}

static const double zeros[D], ones[D] = {1, 1, 1, 1, 1, 1};

static struct minimise_run run_of(const char *algorithm)
{
    return (struct minimise_run){.algorithm = algorithm,
                                 .d = D,
                                 .lower = zeros,
                                 .upper = ones,
                                 .calls_max = 500,
                                 .ftol_abs = 1e-12,
                                 .xtol_abs = 1e-9,
                                 .value = ask};
}

/* Runs, and checks what holds for every run: the result is the best feasible point of those that were asked. */
static double minimise(struct minimise_run *run, enum kind kind, double *x)
{
    struct probe probe = {.run = run, .kind = kind, .best = INFINITY};
    run->arg = &probe;
    double value = nlopt_minimise(run, x);
    assert_true(probe.calls >= 1 && probe.calls <= run->calls_max);
    assert_false(probe.outside);
    assert_true(value == probe.best);
    if (isfinite(value))
        assert_memory_equal(x, probe.best_x, sizeof probe.best_x);
    return value;
}

static void test_every_algorithm_finds_the_bowls_bottom(void **state)
{
    (void)state;
    for (int a = 0; a < ALGORITHMS_N; a++)
        for (int step = 0; step < 2; step++) {
            struct minimise_run run = run_of(algorithms[a]);
            double x[D] = {0.9, 0.9, 0.9, 0.9, 0.9, 0.9};
            run.step = 0.3 * step;
            double value = minimise(&run, BOWL, x);
            if (!(value < 1e-6))
                fail_msg("%s: %g", algorithms[a], value);
        }
}

static void test_no_number_is_a_very_bad_one(void **state)
{
    (void)state;
    for (int a = 0; a < ALGORITHMS_N; a++)
        for (enum kind kind = NOT_A_NUMBER_ABOVE; kind <= INFINITE_ABOVE; kind++) {
            struct minimise_run run = run_of(algorithms[a]);
            double x[D] = {0}, start = bowl(x, NULL);
            double value = minimise(&run, kind, x);
            if (!(value < 0.1 * start && x[0] <= 0.15))
                fail_msg("%s: %g at %g", algorithms[a], value, x[0]);
        }
}

static void test_nothing_but_nan_leaves_the_start(void **state)
{
    (void)state;
    for (int a = 0; a < ALGORITHMS_N; a++) {
        struct minimise_run run = run_of(algorithms[a]);
        double x[D] = {0.5, -3, 7, 0.25, NAN, 1};
        const double clamped[D] = {0.5, 0, 1, 0.25, 0, 1};
        assert_true(minimise(&run, NEVER_A_NUMBER, x) == INFINITY);
        assert_memory_equal(x, clamped, sizeof x);
    }
}

static void test_flat_start_is_the_result(void **state)
{
    (void)state;
    for (int a = 0; a < ALGORITHMS_N; a++) {
        struct minimise_run run = run_of(algorithms[a]);
        double x[D] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
        assert_true(minimise(&run, FLAT, x) == 3);
    }
}

/* Wrong gradients, kinks and ripples make every method give up with some code or other; the best point stays. */
static void test_whatever_the_code_the_best_point_counts(void **state)
{
    (void)state;
    for (int a = 0; a < ALGORITHMS_N; a++)
        for (enum kind kind = KINK; kind <= RIPPLE; kind++)
            for (int calls = 1; calls < 60; calls += 7) {
                struct minimise_run run = run_of(algorithms[a]);
                double x[D] = {0.9, 0, 0.9, 0, 0.9, 0}, start = value_of(kind, x, NULL);
                run.calls_max = calls;
                assert_true(minimise(&run, kind, x) <= start);
            }
}

static void test_no_tolerance_still_ends(void **state)
{
    (void)state;
    for (int a = 0; a < ALGORITHMS_N; a++) {
        struct minimise_run run = run_of(algorithms[a]);
        double x[D] = {0.5};
        run.ftol_abs = run.xtol_abs = 0;
        run.calls_max = 300;
        minimise(&run, KINK, x);
    }
}

static void test_the_equality_holds(void **state)
{
    (void)state;
    const double coefficient[D] = {1, 1, 2, 1, 0.5, 1};
    for (double target = 0.05; target < 6.5; target += 0.4) {
        struct minimise_run run = run_of("LD_SLSQP");
        double x[D] = {1, 0, 1, 0, 0, 0}, sum = 0;
        run.coefficient = coefficient;
        run.target = target;
        double value = minimise(&run, BOWL, x);
        for (int i = 0; i < D; i++)
            sum += coefficient[i] * x[i];
        assert_true(isfinite(value) && fabs(sum - target) <= 1e-9);
        /* At an optimum every free coordinate has the same gradient for its coefficient. */
        double gradient[D], price = NAN;
        bowl(x, gradient);
        for (int i = 0; i < D; i++)
            if (x[i] > 1e-6 && x[i] < 1 - 1e-6) {
                if (isnan(price))
                    price = gradient[i] / coefficient[i];
                assert_true(fabs(gradient[i] / coefficient[i] - price) < 1e-3);
            }
    }
}

/* NLopt's SLSQP reports success on constraints that nothing satisfies. */
static void test_an_equality_out_of_reach_has_no_value(void **state)
{
    (void)state;
    struct minimise_run run = run_of("LD_SLSQP");
    double x[D] = {0.5};
    run.coefficient = ones;
    run.target = 7;
    assert_true(minimise(&run, BOWL, x) == INFINITY);
    for (int i = 0; i < D; i++)
        assert_true(x[i] == 1); /* the nearest there is */
}

static void test_fixed_coordinates_stay(void **state)
{
    (void)state;
    const double low[D] = {0, 0.3, 0, 0.7, 0, 0}, high[D] = {1, 0.3, 1, 0.7, 1, 1},
                 one_free[D] = {0, 0.3, 0, 0.7, 0, 1};
    for (int a = 0; a < ALGORITHMS_N; a++) {
        struct minimise_run run = run_of(algorithms[a]);
        double x[D] = {0.9, 0.9, 0.9, 0.9, 0.9, 0.9};
        run.lower = low;
        run.upper = high;
        minimise(&run, BOWL, x);
        assert_true(x[1] == 0.3 && x[3] == 0.7 && fabs(x[0] - 0.1) < 1e-3);
        for (run.calls_max = 1; run.calls_max < 30; run.calls_max++)
            minimise(&run, KINK, x); /* a stop must get through, too */
        run.upper = one_free;
        run.lower = low;
        run.calls_max = 200;
        minimise(&run, BOWL, x);
        assert_true(fabs(x[5] - 0.6) < 1e-3 && x[4] == 0);
        run.upper = low;
        minimise(&run, BOWL, x);
        assert_memory_equal(x, low, sizeof x);
    }
}

static void *run_all(void *arg)
{
    double(*results)[D] = arg;
    for (int a = 0; a < ALGORITHMS_N; a++) {
        struct minimise_run run = run_of(algorithms[a]);
        memcpy(results[a], ones, sizeof ones);
        minimise(&run, RIPPLE, results[a]);
    }
    return NULL;
}

/* NLopt's generator is seeded from the clock in every new thread unless told otherwise. */
static void test_other_threads_find_the_same_bits(void **state)
{
    (void)state;
    double results[3][6][D];
    pthread_t thread[2];
    run_all(results[2]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run_all, results[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(thread[i], NULL);
        assert_memory_equal(results[i], results[2], sizeof results[2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_algorithm_finds_the_bowls_bottom),
        cmocka_unit_test(test_no_number_is_a_very_bad_one),
        cmocka_unit_test(test_nothing_but_nan_leaves_the_start),
        cmocka_unit_test(test_flat_start_is_the_result),
        cmocka_unit_test(test_whatever_the_code_the_best_point_counts),
        cmocka_unit_test(test_no_tolerance_still_ends),
        cmocka_unit_test(test_the_equality_holds),
        cmocka_unit_test(test_an_equality_out_of_reach_has_no_value),
        cmocka_unit_test(test_fixed_coordinates_stay),
        cmocka_unit_test(test_other_threads_find_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
