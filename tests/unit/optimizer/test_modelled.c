/* bayes and quadratic: every proposal is derived again from the log, and what is promised of each vector. */
#include "model_search.h"

#include "optimizer/front.h"
#include "optimizer/space.h"

#include <stdio.h>

static struct opt_problem modelled(enum opt_kind kind, int k, int m, int trials)
{
    struct opt_problem p = fake_problem(kind, k, m, trials);
    p.design = -1;
    return p;
}

static const struct opt_stream *model_stream(const struct model_search *s)
{
    const struct opt_stream *last = &s->fake.plan.streams[s->fake.plan.streams_n - 1];
    assert_true(last->modelled);
    return last;
}

/* Ranges, frozen and tied ratios to the bit, the mean to 1e-12, no vector twice unless as a repeat. */
static void assert_kept(const struct model_search *s)
{
    const struct opt_problem *p = &s->fake.problem;
    const struct opt_stream *own = model_stream(s);
    int grid = p->given + s->fake.plan.streams[p->given > 0].quota * (p->sweep_points > 0);
    for (int t = p->given; t < s->fake.plan.trials; t++) {
        const double *r = &s->fake.ratios[t * p->k];
        long double sum = 0;
        for (int i = 0; i < p->k; i++) {
            assert_true(r[i] >= p->low[i] && r[i] <= p->high[i]);
            assert_true(p->low[i] < p->high[i] || memcmp(&r[i], &p->low[i], sizeof *r) == 0);
            assert_true(memcmp(&r[i], &r[p->tie[i]], sizeof *r) == 0);
            assert_false(r[i] == 0 && signbit(r[i]));
            sum += r[i];
        }
        if (p->has_mean && t >= grid)
            assert_true(fabsl(sum / p->k - p->mean) <= 1e-12L);
        for (int o = 0; o < t && t >= own->first; o++)
            if (s->made[t].path == OPT_PATH_REPEAT)
                assert_true(s->made[t].repeat_of >= 0);
            else
                assert_true(memcmp(r, &s->fake.ratios[o * p->k], sizeof *r * (size_t)p->k) != 0);
    }
}

static void assert_replayed(const struct model_search *s, int every)
{
    const struct opt_stream *own = model_stream(s);
    struct opt_model *model =
        opt_model_create(); /* an old one: it has seen other watermarks, in another order */
    for (int t = own->first + own->quota - 1; t >= own->first; t -= every) {
        struct opt_proposal fresh, old;
        model_search_again(s, t, NULL, &fresh);
        model_search_again(s, t, model, &old);
        assert_true(model_search_same(&fresh, &s->made[t], s->fake.problem.k));
        assert_true(model_search_same(&old, &s->made[t], s->fake.problem.k));
        for (int i = 0; i < s->fake.problem.k; i++)
            assert_true(isfinite(fresh.ratios[i]));
    }
    opt_model_destroy(model);
}

static struct model_search search; /* large */

static void play(const struct opt_problem *p, int workers, double noise, double failures, bool slices,
                 int every)
{
    model_search_init(&search, p, workers, fake_bowl, p->seed);
    search.noise = noise;
    search.failures = failures;
    search.slices = slices;
    model_search_run(&search);
    assert_kept(&search);
    assert_replayed(&search, every);
    model_search_fini(&search);
}

static void test_every_proposal_is_derived_again(void **state)
{
    (void)state;
    static const int workers[] = {1, 4, 16};
    for (int i = 0; i < 6; i++) {
        struct opt_problem p = modelled(i % 2 ? OPT_QUADRATIC : OPT_BAYES, 3, 2, 26);
        p.seed = 100 + (uint64_t)i;
        play(&p, workers[i / 2], 0, 0, false, 3);
    }
}

static void test_slices_stops_and_failures_are_derived_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct opt_problem p = modelled(seed == 4 ? OPT_QUADRATIC : OPT_BAYES, 3, 2, 28);
        p.seed = seed;
        p.repeats = seed == 2 ? 0.5 : 0;
        play(&p, 5, seed == 3 ? 0 : 0.1, 0.1, true, 3);
    }
}

static void test_ranges_ties_frozen_and_mean_are_kept(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct opt_problem p = modelled(seed % 3 == 0 ? OPT_QUADRATIC : OPT_BAYES, 5, 2, 20);
        struct rng rng;
        struct space space;
        double lowest, highest;
        rng_seed(&rng, seed, 8);
        p.seed = seed;
        fake_bounds(&p, &rng, 2);
        space_box(&space, &p);
        space_means(&space, &lowest, &highest);
        p.has_mean = seed % 2 == 0;
        p.mean = lowest + (highest - lowest) * (0.1 + 0.8 * rng_uniform(&rng));
        play(&p, 3, 0, 0, false, 7);
    }
}

static void test_one_ratio_and_many(void **state)
{
    (void)state;
    struct opt_problem p = modelled(OPT_BAYES, 1, 2, 20);
    play(&p, 2, 0.01, 0, false, 5);
    p = modelled(OPT_BAYES, 32, 2, 20);
    p.has_mean = true;
    p.mean = 0.4;
    play(&p, 2, 0, 0, false, 5);
    p = modelled(OPT_QUADRATIC, 32, 2, 20);
    play(&p, 2, 0, 0, false, 5);
}

static void test_one_to_four_objectives(void **state)
{
    (void)state;
    for (int m = 1; m <= 4; m++)
        for (int noisy = 0; noisy < 2; noisy++) {
            struct opt_problem p = modelled(m == 3 && noisy ? OPT_QUADRATIC : OPT_BAYES, 3, m, 20);
            play(&p, 2, noisy ? 0.05 : 0, 0, false, 6);
        }
}

static bool constant(const double *ratios, int k, double *scores, int m)
{
    (void)ratios, (void)k;
    for (int j = 0; j < m; j++)
        scores[j] = 0.25;
    return true;
}

/* Levels apart by everything that a double can hold. */
static bool mad(const double *ratios, int k, double *scores, int m)
{
    (void)k;
    for (int j = 0; j < m; j++)
        scores[j] = ratios[j % k] > 0.9 ? 1e300 : ratios[0] < 0.1 ? -1e300 : floor(4 * ratios[j % k]);
    return true;
}

static bool half_constant(const double *ratios, int k, double *scores, int m)
{
    fake_bowl(ratios, k, scores, m);
    scores[0] = 3;
    return true;
}

static void test_scores_that_say_little(void **state)
{
    (void)state;
    static fake_objective *const objectives[] = {constant, mad, half_constant};
    for (int i = 0; i < 6; i++) {
        struct opt_problem p = modelled(i % 2 ? OPT_QUADRATIC : OPT_BAYES, 2, 2, 22);
        model_search_init(&search, &p, 3, objectives[i / 2], 5);
        model_search_run(&search);
        assert_kept(&search);
        assert_replayed(&search, 5);
        for (int t = model_stream(&search)->first; t < 22; t++)
            assert_false(isinf(search.made[t].gain));
        model_search_fini(&search);
    }
}

static void test_without_scores_the_quota_is_filled(void **state)
{
    (void)state;
    struct opt_problem p = modelled(OPT_BAYES, 3, 2, 24);
    model_search_init(&search, &p, 2, fake_bowl, 5);
    search.failures = 1;
    model_search_run(&search);
    assert_kept(&search);
    for (int t = model_stream(&search)->first; t < 24; t++)
        assert_int_equal(search.made[t].path, OPT_PATH_FILL);
    model_search_fini(&search);
}

static void test_given_trials_come_first(void **state)
{
    (void)state;
    struct opt_problem p = modelled(OPT_BAYES, 3, 2, 10);
    p.given = 12;
    p.sweep_points = 0;
    p.design = 0;
    model_search_init(&search, &p, 2, fake_bowl, 5);
    for (int t = 0; t < 12; t++) {
        struct opt_proposal none;
        assert_int_equal(opt_propose(&p, &search.fake.plan, &search.fake.history, 1, NULL, &none, NULL),
                         ERR_NOT_READY);
        for (int i = 0; i < 3; i++)
            fake_ratios(&search.fake, t)[i] = ((5 * t + 7 * i) % 12) / 12.0;
        search.fake.state[t] = OPT_DONE;
        model_search_log(&search, t, OPT_EVENT_DONE, 1);
    }
    model_search_run(&search);
    assert_kept(&search);
    assert_int_equal(search.made[12].path, OPT_PATH_MODEL);
    assert_int_equal(search.made[12].watermark, 12);
    model_search_fini(&search);
}

/* A standard error whose square no double holds says as much as none, and a score near the largest double is a bad score. */
static void test_numbers_that_overflow(void **state)
{
    (void)state;
    static const double mad[] = {1e300, INFINITY, 1e160, 5e-324, 1.7e308, -1.7e308};
    for (int i = 0; i < 12; i++) {
        struct opt_problem p = modelled(i % 2 ? OPT_QUADRATIC : OPT_BAYES, 3, 2, 16);
        p.given = 12;
        p.has_reference[1] = i > 6;
        p.reference[1] = 1e300;
        model_search_init(&search, &p, 2, fake_bowl, 5);
        search.noise = 0.05;
        for (int t = 0; t < 12; t++) {
            for (int l = 0; l < 3; l++)
                fake_ratios(&search.fake, t)[l] = ((5 * t + 7 * l) % 12) / 12.0;
            search.fake.state[t] = OPT_DONE;
            model_search_log(&search, t, OPT_EVENT_DONE, 1);
            search.stderrs[t][0] = t % 3 ? 0.05 : fabs(mad[i / 2]);
            if (i >= 8 && t % 4 == 1)
                search.means[t][1] = t % 8 == 1 ? mad[i / 2] : -mad[i / 2];
        }
        model_search_run(&search);
        assert_kept(&search);
        assert_replayed(&search, 4);
        for (int t = model_stream(&search)->first; t < search.fake.plan.trials; t++)
            assert_true(search.made[t].path == OPT_PATH_MODEL && !isinf(search.made[t].gain));
        model_search_fini(&search);
    }
}

static double volume_of(const struct opt_problem *p, fake_objective *objective)
{
    model_search_init(&search, p, 2, objective, 5);
    model_search_run(&search);
    double points[64 * 2], volume;
    static const double reference[2] = {1, 1};
    for (int t = 0; t < search.fake.plan.trials; t++)
        objective(fake_ratios(&search.fake, t), p->k, &points[2 * t], 2);
    assert_int_equal(front_hypervolume(points, search.fake.plan.trials, 2, reference, &volume, NULL), 0);
    model_search_fini(&search);
    return volume;
}

/* A quarter of a circle's radius 1 around (1, 1), and a valley that has to be found in four more ratios: at most pi / 4. */
static bool valley(const double *ratios, int k, double *scores, int m)
{
    (void)m;
    double off = 0;
    for (int i = 1; i < k; i++)
        off += 2 * (ratios[i] - 0.3) * (ratios[i] - 0.3);
    scores[0] = 1 - cos(ratios[0] * M_PI / 2) + off;
    scores[1] = 1 - sin(ratios[0] * M_PI / 2) + off;
    return true;
}

static void test_models_beat_spread_points(void **state)
{
    (void)state;
    struct opt_problem p = modelled(OPT_SOBOL, 5, 2, 40);
    p.sweep_points = 0;
    double spread = volume_of(&p, valley);
    p.kind = OPT_BAYES;
    double bayes = volume_of(&p, valley);
    p.kind = OPT_QUADRATIC;
    double quadratic = volume_of(&p, valley);
    print_message("volumes: sobol %.3f, quadratic %.3f, bayes %.3f\n", spread, quadratic, bayes);
    assert_true(spread < 0.45);
    assert_true(bayes > 0.72);
    assert_true(quadratic > 0.6);
}

static void test_doubtful_trials_are_repeated(void **state)
{
    (void)state;
    struct opt_problem p = modelled(OPT_BAYES, 2, 2, 30);
    p.repeats = 0.25;
    model_search_init(&search, &p, 2, fake_bowl, 5);
    search.noise = 0.1;
    model_search_run(&search);
    assert_kept(&search);
    int repeats = 0;
    for (int t = 0; t < 30; t++) {
        repeats += search.made[t].path == OPT_PATH_REPEAT;
        assert_true(search.made[t].path != OPT_PATH_REPEAT || (t >= 30 / 3 && search.made[t].repeat_of < t));
    }
    assert_true(repeats >= 4 && repeats <= 8);
    model_search_fini(&search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_proposal_is_derived_again),
        cmocka_unit_test(test_slices_stops_and_failures_are_derived_again),
        cmocka_unit_test(test_ranges_ties_frozen_and_mean_are_kept),
        cmocka_unit_test(test_one_ratio_and_many),
        cmocka_unit_test(test_one_to_four_objectives),
        cmocka_unit_test(test_scores_that_say_little),
        cmocka_unit_test(test_numbers_that_overflow),
        cmocka_unit_test(test_without_scores_the_quota_is_filled),
        cmocka_unit_test(test_given_trials_come_first),
        cmocka_unit_test(test_models_beat_spread_points),
        cmocka_unit_test(test_doubtful_trials_are_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
