/* The door to NLopt: what its algorithms may do to us, one test a hazard. */
#include "optimizer/algorithm.h"
#include "optimizer/nlopt_replay.h"

#include "proto/mem.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#define CALLS_MAX 400

/* What a run was seen to do. */
struct log {
    int d, calls, stop_at; /* stop_at 0: never */
    double lower, upper;
    bool flat;
    double z[CALLS_MAX + 1][8];
};

static enum replay_answer answer(void *arg, const double *z, double *value)
{
    struct log *log = arg;
    assert(log->calls <= CALLS_MAX);
    for (int i = 0; i < log->d; i++)
        assert(z[i] >= log->lower && z[i] <= log->upper);
    memcpy(log->z[log->calls], z, sizeof *z * (size_t)log->d);
    if (++log->calls == log->stop_at)
        return REPLAY_STOP;
    *value = 0;
    for (int i = 0; i < log->d && !log->flat; i++)
        *value += (i + 1) * fabs(z[i] - 0.3) + (z[i] - 0.7) * (z[i] - 0.7);
    return REPLAY_GO_ON;
}

static int run(const char *name, struct log *log, uint64_t seed)
{
    struct algorithm a;
    assert_int_equal(algorithm_find(name, log->d, &a, NULL), 0);
    double lower[8], upper[8], start[8], differences[OPT_K_MAX];
    for (int i = 0; i < 8; i++) {
        lower[i] = log->lower;
        upper[i] = log->upper;
        start[i] = 1; /* the corner */
        differences[i] = 0.025;
    }
    struct replay_run r = {.algorithm = a.name,
                           .local = a.local,
                           .gradient = a.gradient,
                           .d = log->d,
                           .lower = lower,
                           .upper = upper,
                           .start = start,
                           .step = 0.25,
                           .tolerance = 1e-3,
                           .difference = differences,
                           .seed = seed,
                           .calls_max = CALLS_MAX,
                           .ask = answer,
                           .arg = log};
    return nlopt_replay(&r);
}

static struct log *log_new(int d, int stop_at)
{
    struct log *log = mem_zero(1, sizeof *log);
    log->d = d;
    log->stop_at = stop_at;
    log->upper = 1;
    return log;
}

static const char *usable(int i, int d)
{
    bool ok;
    struct algorithm a;
    const char *name = opt_algorithm_name(i, &ok, NULL);
    return name && ok && algorithm_find(name, d, &a, NULL) == 0 ? name : NULL;
}

#define EACH_ALGORITHM(name, d)                                                                              \
    for (int index_ = 0; opt_algorithm_name(index_, NULL, NULL); index_++)                                   \
        for (const char *name = usable(index_, d); name; name = NULL)

/* Asks for enough to be of use, in the box, and ends by itself or at the limit. */
static void test_every_algorithm_searches(void **state)
{
    (void)state;
    for (int d = 1; d <= 5; d += 2) {
        EACH_ALGORITHM(name, d)
        {
            struct log *log = log_new(d, 0);
            run(name, log, 1);
            if (log->calls < 3)
                fail_msg("%s asked for %d points in %d coordinates", name, log->calls, d);
            mem_free(log);
        }
    }
}

/* After the stop an algorithm may call back a while (CRS2: its whole population), but it must come to an
 * end. */
static void test_every_algorithm_stops_soon(void **state)
{
    (void)state;
    for (int stop_at = 1; stop_at <= 16; stop_at++) {
        for (int d = 1; d <= 7; d += 3) {
            EACH_ALGORITHM(name, d)
            {
                struct log *log = log_new(d, stop_at);
                int after = run(name, log, 1);
                if (after > 20 * (d + 1) || log->calls > stop_at)
                    fail_msg("%s: %d calls after the stop at %d", name, after, stop_at);
                mem_free(log);
            }
        }
    }
}

/* Plateaus are common: accuracies are multiples of 1/n, and failed trials all show one value. */
static void test_a_plateau_ends(void **state)
{
    (void)state;
    EACH_ALGORITHM(name, 3)
    {
        struct log *log = log_new(3, 0);
        log->flat = true;
        run(name, log, 1);
        assert_true(log->calls <= CALLS_MAX);
        mem_free(log);
    }
}

static void test_same_seed_same_points(void **state)
{
    (void)state;
    EACH_ALGORITHM(name, 4)
    {
        struct log *a = log_new(4, 0), *b = log_new(4, 0);
        run(name, a, 5);
        run(name, b, 5);
        assert_int_equal(a->calls, b->calls);
        assert_memory_equal(a->z, b->z, sizeof a->z);
        mem_free(a);
        mem_free(b);
    }
}

struct thread_case {
    const char *name;
    struct log *log;
};

static void *run_in_thread(void *arg)
{
    struct thread_case *c = arg;
    run(c->name, c->log, 5);
    return NULL;
}

/* NLopt's random generator is one a thread: a run must seed it in the thread that it runs in. */
static void test_threads_ask_the_same_points(void **state)
{
    (void)state;
    static const char *const names[] = {"GN_CRS2_LM", "GN_ISRES",         "GN_ESCH",  "LN_PRAXIS",
                                        "GN_MLSL",    "GN_DIRECT_L_RAND", "LN_COBYLA"};
    enum { N = sizeof names / sizeof names[0] };
    struct thread_case cases[N];
    pthread_t threads[N];
    for (int i = 0; i < N; i++) {
        cases[i] = (struct thread_case){names[i], log_new(4, 0)};
        assert_int_equal(pthread_create(&threads[i], NULL, run_in_thread, &cases[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        struct log *here = log_new(4, 0);
        run(names[i], here, 5);
        assert_int_equal(here->calls, cases[i].log->calls);
        assert_memory_equal(here->z, cases[i].log->z, sizeof here->z);
        mem_free(here);
        mem_free(cases[i].log);
    }
}

static void test_random_methods_follow_the_seed(void **state)
{
    (void)state;
    struct log *a = log_new(4, 0), *b = log_new(4, 0);
    run("GN_CRS2_LM", a, 5);
    run("GN_CRS2_LM", b, 6);
    assert_memory_not_equal(a->z, b->z, sizeof a->z);
    mem_free(a);
    mem_free(b);
}

/* maxeval is soft in several algorithms; the limit that counts is ours. */
static void test_the_limit_of_calls_is_exact(void **state)
{
    (void)state;
    EACH_ALGORITHM(name, 6)
    {
        struct log *log = log_new(6, 0);
        run(name, log, 1);
        assert_true(log->calls <= CALLS_MAX);
        mem_free(log);
    }
}

/* A gradient costs one more point a coordinate, each of them asked for like any other and inside the box. */
static void test_differences_are_asked_for(void **state)
{
    (void)state;
    struct log *log = log_new(3, 0);
    run("LD_SLSQP", log, 1);
    for (int i = 0; i < 3; i++) { /* at the upper corner: backward */
        for (int j = 0; j < 3; j++)
            assert_true(fabs(log->z[1 + i][j] - (i == j ? 1 - 0.025 : 1)) < 1e-15);
    }
    mem_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_algorithm_searches),
        cmocka_unit_test(test_every_algorithm_stops_soon),
        cmocka_unit_test(test_a_plateau_ends),
        cmocka_unit_test(test_same_seed_same_points),
        cmocka_unit_test(test_threads_ask_the_same_points),
        cmocka_unit_test(test_random_methods_follow_the_seed),
        cmocka_unit_test(test_the_limit_of_calls_is_exact),
        cmocka_unit_test(test_differences_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
