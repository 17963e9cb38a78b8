/* Ranges of their own, ties and frozen ratios: what every strategy promises of each vector it proposes. */
#include "fake_search.h"

#include "optimizer/space.h"
#include "optimizer/strategy.h"

#include <stdio.h>

/* A random problem; with hma, its means are where the ranges allow them. */
static void random_problem(enum opt_kind kind, int k, int trials, struct rng *rng, struct opt_problem *p)
{
    *p = fake_problem(kind, k, 2, trials);
    p->seed = rng_u64(rng);
    fake_bounds(p, rng, kind == OPT_HMA ? 2 : 1);
    struct space space;
    double lowest, highest;
    space_box(&space, p);
    space_means(&space, &lowest, &highest);
    for (int i = 0; i < p->means_n; i++)
        p->means[i] = lowest + (highest - lowest) * (i + 0.01 + 0.98 * rng_uniform(rng)) / p->means_n;
}

static bool plannable(const struct opt_problem *p)
{
    struct opt_plan plan;
    return opt_plan_make(p, &plan, NULL) == 0;
}

static bool same_bits(const double *a, const double *b, int n)
{
    return memcmp(a, b, sizeof *a * (size_t)n) == 0;
}

/* One vector: ranges, frozen ratios and ties to the bit, the mean of all to 1e-12, and no negative zero. */
static void assert_kept(const struct opt_problem *p, const struct opt_stream *stream, const double *ratios)
{
    long double sum = 0, scale = 0;
    for (int i = 0; i < p->k; i++) {
        assert_true(ratios[i] >= p->low[i] && ratios[i] <= p->high[i]);
        assert_true(p->low[i] < p->high[i] || same_bits(&ratios[i], &p->low[i], 1));
        assert_true(same_bits(&ratios[i], &ratios[p->tie[i]], 1));
        assert_false(ratios[i] == 0 && signbit(ratios[i]));
        sum += ratios[i];
        scale = fmaxl(scale, fmaxl(fabs(p->low[i]), fabs(p->high[i])));
    }
    if (stream->kind == OPT_HMA)
        assert_true(fabsl(sum / p->k - stream->mean) <= 1e-12L * fmaxl(scale, 1));
}

static void assert_sound(struct fake_search *f)
{
    const struct opt_problem *p = &f->problem;
    int grid = f->plan.streams[0].phase == 0 ? f->plan.streams[0].quota : 0;
    if (grid > 0) {
        assert_true(same_bits(fake_ratios(f, 0), p->low, p->k));
        assert_true(same_bits(fake_ratios(f, 1), p->high, p->k));
    }
    for (int s = 0; s < f->plan.streams_n; s++) {
        const struct opt_stream *st = &f->plan.streams[s];
        for (int i = st->first; i < st->first + st->quota; i++) {
            assert_kept(p, st, fake_ratios(f, i));
            for (int j = 0; j < i; j++)
                assert_false((j < grid || j >= st->first) &&
                             same_bits(fake_ratios(f, i), fake_ratios(f, j), p->k));
        }
    }
}

/* Forgets the trials of a stream from a random one on, and asks for that one again. */
static void assert_replayed(struct fake_search *f, int stream, struct rng *rng)
{
    const struct opt_stream *st = &f->plan.streams[stream];
    int cut = st->first + (int)(rng_uniform(rng) * st->quota);
    enum opt_state *state = mem_copy(f->state, sizeof *state * (size_t)f->plan.trials);
    struct opt_history history = f->history;
    history.state = state;
    for (int i = cut; i < st->first + st->quota; i++)
        state[i] = OPT_ABSENT;
    double again[OPT_K_MAX];
    assert_int_equal(fake_ask(&f->problem, &f->plan, &history, stream, again, NULL), 0);
    assert_true(same_bits(again, fake_ratios(f, cut), f->problem.k));
    mem_free(state);
}

static void play(const struct opt_problem *p, struct rng *rng)
{
    struct fake_search f;
    fake_init(&f, p);
    fake_run(&f, fake_bowl);
    assert_sound(&f);
    for (int s = 0; s < f.plan.streams_n; s++)
        assert_replayed(&f, s, rng);
    fake_fini(&f);
}

static void test_every_algorithm_keeps_to_the_space(void **state)
{
    (void)state;
    static const enum opt_kind kinds[] = {OPT_HMA, OPT_SCALARIZE};
    int played = 0;
    for (int a = 0; opt_algorithm_name(a, NULL, NULL); a++)
        for (uint64_t seed = 1; seed <= 24; seed++) {
            struct rng rng;
            struct opt_problem p;
            rng_seed(&rng, seed, (uint64_t)a);
            random_problem(kinds[seed % 2], 2 + (int)(seed % 6), 45, &rng, &p);
            snprintf(p.algorithm, sizeof p.algorithm, "%s", opt_algorithm_name(a, NULL, NULL));
            if (!plannable(&p))
                continue; /* absent from NLopt, or too few coordinates */
            play(&p, &rng);
            played++;
        }
    assert_true(played > 800);
}

static void test_sweep_and_sobol_keep_to_the_space(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct rng rng;
        struct opt_problem p;
        rng_seed(&rng, seed, 0);
        random_problem(seed % 2 ? OPT_SWEEP : OPT_SOBOL, 1 + (int)(seed % 12), 2 + (int)(seed % 50), &rng,
                       &p);
        play(&p, &rng);
    }
}

static void test_many_groups(void **state)
{
    (void)state;
    static const char *const names[] = {"LN_COBYLA", "LN_SBPLX", "GN_CRS2_LM", "LD_SLSQP"};
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rng rng;
        struct opt_problem p;
        rng_seed(&rng, seed, 0);
        random_problem(seed % 2 ? OPT_HMA : OPT_SCALARIZE, seed < 5 ? 26 : OPT_K_MAX, 100, &rng, &p);
        snprintf(p.algorithm, sizeof p.algorithm, "%s", names[(seed / 2) % 4]);
        play(&p, &rng);
    }
}

/* Ascending in every ratio, and evenly in the mean. */
static void test_a_sweep_is_monotone(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rng rng;
        struct opt_problem p;
        int n = 2 + (int)(seed % 40), order[42];
        rng_seed(&rng, seed, 3);
        random_problem(OPT_SWEEP, 1 + (int)(seed % 5), n, &rng, &p);
        struct fake_search f;
        fake_init(&f, &p);
        fake_run(&f, fake_bowl);
        for (int i = 0; i < n; i++) { /* insertion sort by the sum */
            int j = i;
            for (;
                 j > 0 && fake_mean(fake_ratios(&f, order[j - 1]), p.k) > fake_mean(fake_ratios(&f, i), p.k);
                 j--)
                order[j] = order[j - 1];
            order[j] = i;
        }
        for (int i = 1; i < n; i++) {
            const double *x = fake_ratios(&f, order[i - 1]), *y = fake_ratios(&f, order[i]);
            for (int g = 0; g < p.k; g++)
                assert_true(y[g] >= x[g]);
            double step = (fake_mean(p.high, p.k) - fake_mean(p.low, p.k)) / (n - 1);
            assert_true(fabs(fake_mean(y, p.k) - fake_mean(x, p.k) - step) < 1e-12);
        }
        fake_fini(&f);
    }
}

/* One number, clipped into the ranges; even in the mean. */
static void test_the_sweep_of_a_known_space(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_SWEEP, 4, 2, 5);
    p.high[1] = 0.2;
    p.low[2] = p.high[2] = 1;
    p.tie[3] = 0; /* means 0.25 … 0.8, steps of 0.1375 */
    double ratios[4];
    static const int at[5] = {0, 4, 2, 1, 3};
    for (int step = 0; step < 5; step++) {
        sweep_ratios(&p, 5, step, ratios);
        assert_true(fabs(fake_mean(ratios, 4) - (0.25 + 0.1375 * at[step])) < 1e-15);
        assert_true(ratios[2] == 1 && ratios[3] == ratios[0] && ratios[1] == fmin(ratios[0], 0.2));
    }
    p = fake_problem(OPT_SWEEP, 2, 2, 5); /* ranges that do not meet: the gap is no place to stop at */
    p.high[0] = 0.2;
    p.low[1] = 0.6;
    p.high[1] = 0.8;
    static const double expected[5][2] = {{0, 0.6}, {0.2, 0.8}, {0.2, 0.6}, {0.1, 0.6}, {0.2, 0.7}};
    for (int step = 0; step < 5; step++) {
        sweep_ratios(&p, 5, step, ratios);
        for (int g = 0; g < 2; g++)
            assert_true(fabs(ratios[g] - expected[step][g]) < 1e-15);
    }
    p = fake_problem(OPT_SWEEP, 3, 2, 11); /* one free ratio */
    p.low[0] = p.high[0] = 0;
    p.tie[2] = 1;
    sweep_ratios(&p, 11, 5, ratios);
    assert_true(ratios[0] == 0 && ratios[1] == 0.3 && ratios[2] == 0.3);
}

/* A stream whose mean is one of the sweep's starts from that point's score, and not from a trial beside it. */
static void test_the_sweep_answers_for_the_starts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct rng rng;
        struct opt_problem p;
        struct space space;
        double lowest, highest;
        rng_seed(&rng, seed, 5);
        random_problem(OPT_HMA, 3 + (int)(seed % 5), 40, &rng, &p);
        p.sweep_points = 11;
        space_box(&space, &p);
        bool narrow = false; /* then everything is near everything */
        for (int i = 0; i < space.n; i++)
            narrow = narrow || space.z_upper[i] - space.z_lower[i] < 0.01;
        if (narrow)
            continue;
        space_means(&space, &lowest, &highest);
        for (int i = 0; i < 3; i++)
            p.means[i] = (lowest * (8 - 2 * i) + highest * (2 + 2 * i)) / 10;
        struct fake_search f;
        fake_init(&f, &p);
        fake_run(&f, fake_bowl);
        for (int i = 11; i < 40; i++)
            for (int j = 0; j < 11; j++) {
                double far = 0;
                for (int g = 0; g < p.k; g++)
                    far = fmax(far, fabs(fake_ratios(&f, i)[g] - fake_ratios(&f, j)[g]));
                assert_true(far > 1e-9);
            }
        fake_fini(&f);
    }
}

/* The bottom of a round bowl over a bounded slice is the projection of its middle, so a search has to come near it. */
static double middle[OPT_K_MAX];

static bool round_bowl(const double *ratios, int k, double *scores, int m)
{
    for (int j = 0; j < m; j++) {
        scores[j] = j;
        for (int i = 0; i < k; i++)
            scores[j] += (ratios[i] - middle[i]) * (ratios[i] - middle[i]);
    }
    return true;
}

static void test_local_methods_find_the_bottom(void **state)
{
    (void)state;
    static const char *const names[] = {"LN_COBYLA",     "LN_BOBYQA", "LN_SBPLX",
                                        "LN_NELDERMEAD", "LD_SLSQP",  "LD_LBFGS"};
    for (size_t a = 0; a < sizeof names / sizeof names[0]; a++) {
        struct opt_problem p = fake_problem(OPT_HMA, 7, 1, 6 + 150);
        p.means_n = 1;
        p.means[0] = 0.45;
        p.tie[3] = p.tie[5] = 1; /* three ratios as one */
        p.low[2] = p.high[2] = 1;
        p.high[4] = 0.2;
        p.low[6] = 0.5;
        snprintf(p.algorithm, sizeof p.algorithm, "%s", names[a]);
        for (int i = 0; i < 7; i++)
            middle[i] = i == 0 ? 0.9 : i == 4 ? 0.6 : i == 6 ? 0.4 : 0.3;
        struct fake_search f;
        fake_init(&f, &p);
        fake_run(&f, round_bowl);
        struct space space;
        double x[OPT_K_MAX], v[OPT_K_MAX], best[7], bottom, found = INFINITY;
        space_slice(&space, &p, p.means[0]);
        space_gather(&space, middle, v);
        slice_project(space.range, space.n, space.mean, v, x);
        space_spread(&space, x, best);
        round_bowl(best, 7, &bottom, 1);
        for (int i = 6; i < f.plan.trials; i++)
            found = fmin(found, fake_scores(&f, i)[0]);
        assert_true(found >= bottom - 1e-12);
        if (found > bottom + 0.005) /* level ratios: 0.2 more */
            fail_msg("%s came down to %g only, and the bottom is %g", names[a], found, bottom);
        fake_fini(&f);
    }
}

/* A search with a frozen group asks for the vectors of the search without that group. */
static void test_a_frozen_ratio_is_no_coordinate(void **state)
{
    (void)state;
    static const enum opt_kind kinds[] = {OPT_SWEEP, OPT_SOBOL};
    for (int i = 0; i < 2; i++) {
        struct opt_problem p = fake_problem(kinds[i], 4, 2, 40), q = p;
        q.k = 3;
        p.low[1] = p.high[1] = 0.5;
        struct fake_search f, g;
        fake_init(&f, &p);
        fake_init(&g, &q);
        fake_run(&f, fake_bowl);
        fake_run(&g, fake_bowl);
        for (int t = 0; t < 40; t++) {
            const double *x = fake_ratios(&f, t), *y = fake_ratios(&g, t);
            for (int j = 0; j < 3; j++) /* a sweep rounds the mean of four where the other has three */
                assert_true(fabs(x[j + (j > 0)] - y[j]) <= 1e-15);
            assert_true(x[1] == 0.5);
        }
        fake_fini(&f);
        fake_fini(&g);
    }
}

/* A gradient's differences fit into the narrowest range, so that none is clamped back and its slope read wrongly. */
static void test_differences_fit_into_narrow_ranges(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_SCALARIZE, 2, 2, 12);
    p.sweep_points = 0;
    p.streams = 1;
    p.high[1] = 0.02;
    snprintf(p.algorithm, sizeof p.algorithm, "LD_SLSQP");
    struct fake_search f;
    fake_init(&f, &p);
    fake_run(&f, fake_bowl);
    const double *start = fake_ratios(&f, 0), *first = fake_ratios(&f, 1), *second = fake_ratios(&f, 2);
    assert_true(fabs(fabs(first[0] - start[0]) - 0.01875) < 1e-12 && first[1] == start[1]);
    assert_true(fabs(fabs(second[1] - start[1]) - 0.01) < 1e-12 && second[0] == start[0]);
    fake_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_algorithm_keeps_to_the_space),
        cmocka_unit_test(test_sweep_and_sobol_keep_to_the_space),
        cmocka_unit_test(test_many_groups),
        cmocka_unit_test(test_a_sweep_is_monotone),
        cmocka_unit_test(test_the_sweep_of_a_known_space),
        cmocka_unit_test(test_the_sweep_answers_for_the_starts),
        cmocka_unit_test(test_local_methods_find_the_bottom),
        cmocka_unit_test(test_differences_fit_into_narrow_ranges),
        cmocka_unit_test(test_a_frozen_ratio_is_no_coordinate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
