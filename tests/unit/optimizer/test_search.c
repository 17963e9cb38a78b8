/* Whole searches, played with every algorithm: what they ask is a function of what they know. */
#include "sound_search.h"

static void test_every_algorithm_uses_its_quota_without_repeats(void **state)
{
    (void)state;
    for (int a = 0; opt_algorithm_name(a, NULL, NULL); a++)
        for (int kind = 0; kind < 2; kind++)
            for (int k = 1; k <= 5; k++) {
                struct opt_problem p = fake_problem(adaptive_kinds[kind], k, 2, 45);
                p.sweep_points = k == 4 ? 0 : 6;
                if (with_algorithm(&p, a))
                    assert_plays(&p, fake_bowl);
            }
}

/* A convex bowl that any search worth its name gets down into. */
static bool bowl_at_a_corner(const double *ratios, int k, double *scores, int m)
{
    for (int j = 0; j < m; j++) {
        scores[j] = j;
        for (int i = 0; i < k; i++)
            scores[j] += (ratios[i] - (i % 2 ? 0.9 : 0.2)) * (ratios[i] - (i % 2 ? 0.9 : 0.2));
    }
    return true;
}

static double best_score(struct fake_search *f, int stream)
{
    double best = INFINITY;
    for (int i = 0; i < f->plan.streams[stream].quota; i++)
        best = fmin(best, fake_scores(f, f->plan.streams[stream].first + i)[0]);
    return best;
}

static void test_local_methods_find_the_bottom(void **state)
{
    (void)state;
    static const char *const names[] = {"LN_COBYLA", "LN_BOBYQA", "LN_SBPLX", "LN_NELDERMEAD",
                                        "LN_NEWUOA", "LD_SLSQP",  "LD_LBFGS", "LD_MMA",
                                        "LN_PRAXIS", "LN_AUGLAG", "GN_MLSL",  "LN_NEWUOA_BOUND"};
    for (size_t a = 0; a < sizeof names / sizeof names[0]; a++) {
        struct opt_problem p = fake_problem(OPT_HMA, 4, 1, 6 + 120);
        p.means_n = 1;
        p.means[0] = 0.55; /* the bottom of the bowl has this mean */
        snprintf(p.algorithm, sizeof p.algorithm, "%s", names[a]);
        struct fake_search f;
        fake_init(&f, &p);
        fake_run(&f, bowl_at_a_corner);
        if (best_score(&f, 1) > 0.02) /* equal ratios: 0.49 */
            fail_msg("%s came down to %g only", names[a], best_score(&f, 1));
        fake_fini(&f);
    }
}

/* The equal vector is the first point of a mean's stream; where the sweep has scored it, it costs no
 * trial. */
static void test_the_start_is_taken_from_the_sweep(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_HMA, 3, 2, 40);
    p.sweep_points = 11;
    p.means_n = 2;
    p.means[0] = 0.3; /* a point of the sweep */
    p.means[1] = 0.35;
    struct fake_search f;
    fake_init(&f, &p);
    fake_run(&f, fake_bowl);
    for (int g = 0; g < 3; g++)
        assert_true(fake_ratios(&f, f.plan.streams[2].first)[g] == 0.35);
    for (int i = 0; i < f.plan.streams[1].quota; i++) {
        const double *r = fake_ratios(&f, f.plan.streams[1].first + i);
        assert_false(r[0] == 0.3 && r[1] == 0.3 && r[2] == 0.3);
    }
    fake_fini(&f);
}

/* The strongest form of "a function of the history": erase any suffix of a stream and it comes back the
 * same. */
static void test_a_crash_changes_nothing(void **state)
{
    (void)state;
    for (int a = 0; opt_algorithm_name(a, NULL, NULL); a++)
        for (int kind = 0; kind < 2; kind++) {
            struct opt_problem p = fake_problem(adaptive_kinds[kind], 4, 2, 40);
            if (!with_algorithm(&p, a))
                continue;
            struct fake_search f;
            fake_init(&f, &p);
            fake_run(&f, fake_bowl);
            const struct opt_stream *st = &f.plan.streams[2];
            for (int cut = 0; cut < st->quota; cut++) {
                double again[OPT_K_MAX];
                struct fake_search part = f;
                enum opt_state cut_state[40];
                memcpy(cut_state, f.state, sizeof cut_state);
                for (int i = st->first + cut; i < st->first + st->quota; i++)
                    cut_state[i] = OPT_ABSENT;
                part.history.state = cut_state;
                assert_int_equal(fake_ask(&p, &f.plan, &part.history, 2, again, NULL), 0);
                assert_memory_equal(again, fake_ratios(&f, st->first + cut), sizeof(double) * 4);
            }
            fake_fini(&f);
        }
}

/* What other streams know, and when, must not show: the set of trials may not depend on the workers'
 * timing. */
static void test_other_streams_do_not_matter(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct opt_problem p = fake_problem(adaptive_kinds[kind], 3, 2, 60);
        struct fake_search a, b;
        fake_init(&a, &p);
        fake_run(&a, fake_bowl);
        fake_init(&b, &p);
        struct rng rng;
        rng_seed(&rng, 53, 0);
        while (fake_step(&b, 0, fake_bowl, NULL))
            ;
        for (int turn = 0; turn < 200; turn++) /* streams in random turns */
            fake_step(&b, 1 + (int)(rng_uniform(&rng) * (b.plan.streams_n - 1)), fake_bowl, NULL);
        for (int s = 1; s < b.plan.streams_n; s++)
            while (fake_step(&b, s, fake_bowl, NULL))
                ;
        assert_memory_equal(a.ratios, b.ratios, sizeof(double) * 3 * 60);
        const struct opt_stream *last = &b.plan.streams[b.plan.streams_n - 1];
        for (int i = b.plan.streams[0].quota; i < last->first; i++) {
            fake_scores(&b, i)[0] = rng_uniform(&rng) * 1e6;
            fake_ratios(&b, i)[1] = rng_uniform(&rng);
            b.state[i] = (enum opt_state)(i % 4);
        }
        for (int i = last->first; i < last->first + last->quota; i++)
            b.state[i] = OPT_ABSENT;
        while (fake_step(&b, b.plan.streams_n - 1, fake_bowl, NULL))
            ;
        assert_memory_equal(fake_ratios(&a, last->first), fake_ratios(&b, last->first),
                            sizeof(double) * 3 * (size_t)last->quota);
        fake_fini(&a);
        fake_fini(&b);
    }
}

static void test_seeds_and_streams_differ(void **state)
{
    (void)state;
    static const char *const names[] = {"GN_CRS2_LM", "LN_COBYLA"};
    for (int a = 0; a < 2; a++) {
        struct opt_problem p = fake_problem(OPT_SCALARIZE, 3, 2, 60);
        snprintf(p.algorithm, sizeof p.algorithm, "%s", names[a]);
        struct fake_search f, g;
        fake_init(&f, &p);
        fake_run(&f, fake_bowl);
        p.seed++;
        fake_init(&g, &p);
        fake_run(&g, fake_bowl);
        int same = 0;
        for (int i = 6; i < 60; i++) {
            same += memcmp(fake_ratios(&f, i), fake_ratios(&g, i), sizeof(double) * 3) == 0;
            for (int j = 6; j < i; j++)
                assert_false(same_point(&f, i, j)); /* streams from one start do not ask the same */
        }
        assert_true(a == 0 ? same == 0 : same > 20); /* COBYLA takes the seed for restarts only */
        fake_fini(&f);
        fake_fini(&g);
    }
}

static void test_adaptive_streams_wait(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_HMA, 3, 2, 60);
    struct fake_search f;
    struct err err = {0};
    double ratios[3];
    fake_init(&f, &p);
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, 1, ratios, &err), ERR_NOT_READY);
    for (int i = 0; i < 6; i++)
        fake_step(&f, 0, fake_bowl, NULL);
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, 0, ratios, &err), ERR_NOT_READY);
    assert_non_null(strstr(err.text, "used up its 6 trials"));
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, 1, ratios, &err), 0);
    f.state[f.plan.streams[1].first] = OPT_PENDING;
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, 1, ratios, &err), ERR_NOT_READY);
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, 2, ratios, &err), 0);
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, 9, ratios, &err), ERR_INVALID);
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, -1, ratios, &err), ERR_INVALID);
    f.history.n--;
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, 1, ratios, &err), ERR_INVALID);
    fake_fini(&f);
}

/* Streams that need no scores run ahead of everything, and fill gaps by step. */
static void test_sweep_and_sobol_never_wait(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_SOBOL, 3, 2, 40);
    struct fake_search f;
    double ratios[3];
    fake_init(&f, &p);
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < f.plan.streams[s].quota; i++) {
            int number = f.plan.streams[s].first + i;
            assert_int_equal(fake_ask(&p, &f.plan, &f.history, s, fake_ratios(&f, number), NULL), 0);
            f.state[number] = OPT_PENDING;
        }
    assert_sound(&f);
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, 1, ratios, NULL), ERR_NOT_READY);
    f.state[20] = OPT_ABSENT;
    assert_int_equal(fake_ask(&p, &f.plan, &f.history, 1, ratios, NULL), 0);
    assert_memory_equal(ratios, fake_ratios(&f, 20), sizeof ratios);
    fake_fini(&f);
}

/* Two groups on a mean leave one coordinate: a local method is done after some ten points, and the rest of a long
 * quota comes from restarts; DIRECT restarts where it was, so its rest comes from the seeded series. Nothing is
 * repeated, nothing hangs. */
static void test_a_long_quota_is_used(void **state)
{
    (void)state;
    for (int a = 0; opt_algorithm_name(a, NULL, NULL); a++) {
        struct opt_problem p = fake_problem(OPT_HMA, 2, 1, 156);
        p.means_n = 1;
        if (!with_algorithm(&p, a))
            continue;
        struct fake_search f;
        fake_init(&f, &p);
        fake_run(&f, fake_bowl);
        assert_sound(&f);
        double least = 1, most = 0;
        for (int i = 6; i < 156; i++) {
            least = fmin(least, fake_ratios(&f, i)[0]);
            most = fmax(most, fake_ratios(&f, i)[0]);
        }
        if (strcmp(p.algorithm, "LN_COBYLA") == 0) /* restarts reach all of the slice, 0 … 0.4 */
            assert_true(least < 0.1 && most > 0.3);
        fake_fini(&f);
    }
}

static bool scaled(const double *ratios, int k, double *scores, int m)
{
    fake_bowl(ratios, k, scores, m);
    scores[1] = scores[1] * 1024 - 4096;
    return true;
}

/* Objectives are normalised by the sweep: an objective in another unit (a power of two: exact) asks the
 * same. */
static void test_units_do_not_matter(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_SCALARIZE, 3, 2, 40);
    struct fake_search f, g;
    fake_init(&f, &p);
    fake_run(&f, fake_bowl);
    fake_init(&g, &p);
    fake_run(&g, scaled);
    for (int i = 0; i < 3 * 40; i++)
        assert_true(fabs(f.ratios[i] - g.ratios[i]) < 1e-6);
    fake_fini(&f);
    fake_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_algorithm_uses_its_quota_without_repeats),
        cmocka_unit_test(test_local_methods_find_the_bottom),
        cmocka_unit_test(test_the_start_is_taken_from_the_sweep),
        cmocka_unit_test(test_a_crash_changes_nothing),
        cmocka_unit_test(test_other_streams_do_not_matter),
        cmocka_unit_test(test_seeds_and_streams_differ),
        cmocka_unit_test(test_adaptive_streams_wait),
        cmocka_unit_test(test_sweep_and_sobol_never_wait),
        cmocka_unit_test(test_a_long_quota_is_used),
        cmocka_unit_test(test_units_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
