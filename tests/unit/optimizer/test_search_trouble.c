/* Whole searches with every kind of trouble: failures, flat and huge scores, records of another library, the limits. */
#include "sound_search.h"

static bool fails_often(const double *ratios, int k, double *scores, int m)
{
    fake_bowl(ratios, k, scores, m);
    if (ratios[0] <= 0.5)
        return true;
    for (int j = 0; j < m; j++)
        scores[j] = NAN; /* a failed trial has no score, and nobody may look */
    return false;
}

static bool fails_always(const double *ratios, int k, double *scores, int m)
{
    (void)ratios;
    (void)k;
    for (int j = 0; j < m; j++)
        scores[j] = NAN;
    return false;
}

static bool is_flat(const double *ratios, int k, double *scores, int m)
{
    (void)ratios;
    (void)k;
    for (int j = 0; j < m; j++)
        scores[j] = 0.25;
    return true;
}

static bool is_huge(const double *ratios, int k, double *scores, int m)
{
    fake_bowl(ratios, k, scores, m);
    for (int j = 0; j < m; j++)
        scores[j] = (scores[j] - 0.3) * 1e308;
    return true;
}

static void test_trouble_does_not_stop_a_search(void **state)
{
    (void)state;
    static fake_objective *const troubles[] = {fails_often, fails_always, is_flat, is_huge};
    for (size_t t = 0; t < 4; t++)
        for (int a = 0; opt_algorithm_name(a, NULL, NULL); a++)
            for (int kind = 0; kind < 2; kind++) {
                struct opt_problem p = fake_problem(adaptive_kinds[kind], 3, 2, 36);
                if (with_algorithm(&p, a))
                    assert_plays(&p, troubles[t]);
            }
}

/* A record made with other numerics (another NLopt): every ratio from `from` on is an ulp off. */
static void spoil(struct fake_search *f, int from, int stream)
{
    for (int i = from; i < f->plan.streams[stream].first + f->plan.streams[stream].quota; i++)
        for (int g = 0; g < f->problem.k && f->state[i] != OPT_ABSENT; g++)
            fake_ratios(f, i)[g] = nextafter(fake_ratios(f, i)[g], 0.5);
}

static double distance(const double *a, const double *b, int k)
{
    double sum = 0;
    for (int i = 0; i < k; i++)
        sum += fabs(a[i] - b[i]);
    return sum;
}

static void test_a_record_of_another_library_is_continued(void **state)
{
    (void)state;
    for (int a = 0; opt_algorithm_name(a, NULL, NULL); a++)
        for (int cut = 0; cut <= 12; cut += 4) {
            struct opt_problem p = fake_problem(OPT_SCALARIZE, 3, 2, 46);
            p.streams = 1;
            if (!with_algorithm(&p, a))
                continue;
            struct fake_search f;
            fake_init(&f, &p);
            for (int i = 0; i < 6; i++)
                fake_step(&f, 0, fake_bowl, NULL);
            for (int i = 0; i < 16; i++)
                fake_step(&f, 1, fake_bowl, NULL);
            spoil(&f, 6 + cut, 1);
            int number;
            double first[3];
            while (fake_step(&f, 1, fake_bowl, &number))
                if (number == 6 + 16)
                    memcpy(first, fake_ratios(&f, number), sizeof first);
            assert_int_equal(f.state[45], OPT_DONE);
            assert_sound(&f);
            /* Not a point next to a spoiled one all over again: the stream has moved on to its next start.
             * DIRECT has no start, so it goes its way again. */
            for (int i = 6; i < 6 + 16 && !strstr(p.algorithm, "DIRECT"); i++)
                assert_true(distance(first, fake_ratios(&f, i), 3) > 1e-9);
            fake_fini(&f);
        }
}

/* Asked again after another restart, a continued record still gives the same next point. */
static void test_a_continued_record_is_still_a_pure_function(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_HMA, 4, 1, 46);
    p.means_n = 1;
    struct fake_search f, g;
    for (int turn = 0; turn < 2; turn++) {
        fake_init(turn ? &g : &f, &p);
        struct fake_search *s = turn ? &g : &f;
        for (int i = 0; i < 6; i++)
            fake_step(s, 0, fake_bowl, NULL);
        for (int i = 0; i < 12; i++)
            fake_step(s, 1, fake_bowl, NULL);
        spoil(s, 6 + 5, 1);
        while (fake_step(s, 1, fake_bowl, NULL))
            ;
    }
    assert_memory_equal(f.ratios, g.ratios, sizeof(double) * 4 * 46);
    double moved = 0; /* the continuation is a search again: it gets better than its own first point */
    for (int i = 19; i < 46; i++)
        moved = fmax(moved, fake_scores(&f, 18)[0] - fake_scores(&f, i)[0]);
    assert_true(moved > 0.01);
    fake_fini(&f);
    fake_fini(&g);
}

static bool single(const double *ratios, int k, double *scores, int m)
{
    (void)k;
    (void)m;
    scores[0] = (ratios[0] - 0.3) * (ratios[0] - 0.3) + ratios[1];
    return true;
}

/* One objective gives every stream the same weights, so they must part at the start. */
static void test_one_objective_many_streams(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_SCALARIZE, 2, 1, 60);
    struct fake_search f;
    fake_init(&f, &p);
    fake_run(&f, single);
    for (int i = 6; i < 60; i++)
        for (int j = 0; j < i; j++)
            assert_false(same_point(&f, i, j));
    fake_fini(&f);
}

static void test_largest_problem(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct opt_problem p = fake_problem(adaptive_kinds[kind], OPT_K_MAX, OPT_M_MAX, 6 + 2 * 70);
        p.means_n = p.streams = 2;
        fake_range(&p, -0.5, 1.5);
        assert_plays(&p, fake_bowl);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trouble_does_not_stop_a_search),
        cmocka_unit_test(test_a_record_of_another_library_is_continued),
        cmocka_unit_test(test_a_continued_record_is_still_a_pure_function),
        cmocka_unit_test(test_one_objective_many_streams),
        cmocka_unit_test(test_largest_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
