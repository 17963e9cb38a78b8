/* The maximiser: always feasible, deterministic, never a taken point, and at the top of what has one. */
#include "optimizer/acquisition/maximise.h"

#include "fake_search.h"

#define BUMPS 4

/* ln of a sum of Gaussian bumps in units of the ranges, or one bump with a known top. */
struct landscape {
    const struct space *space;
    int n, bumps;
    double centre[BUMPS][OPT_K_MAX], height[BUMPS], width;
    double hole_radius; /* taken: nearer than this to the first centre */
    bool nan_half;      /* not a number where the first ratio is in its upper half */
    int calls, batches;
};

static double unit(const struct space *space, const double *x, int i)
{
    return (x[i] - space->range[i].low) / (space->range[i].high - space->range[i].low);
}

static double landscape_value(void *arg, const double *x, double *gradient)
{
    struct landscape *l = arg;
    double sum = 0, slope[OPT_K_MAX] = {0};
    l->calls++;
    for (int i = 0; i < l->n; i++) /* NLopt's points are within the ranges to the bit */
        assert_true(x[i] >= l->space->range[i].low && x[i] <= l->space->range[i].high);
    if (l->nan_half && unit(l->space, x, 0) > 0.5)
        return NAN;
    for (int b = 0; b < l->bumps; b++) {
        double square = 0;
        for (int i = 0; i < l->n; i++)
            square += pow(unit(l->space, x, i) - l->centre[b][i], 2);
        double value = l->height[b] * exp(-square / (2 * l->width * l->width));
        sum += value;
        for (int i = 0; i < l->n; i++)
            slope[i] -= value * (unit(l->space, x, i) - l->centre[b][i]) / (l->width * l->width);
    }
    for (int i = 0; i < l->n && gradient; i++)
        gradient[i] = slope[i] / sum / (l->space->range[i].high - l->space->range[i].low);
    return log(sum);
}

static void landscape_values(void *arg, int q, const double *x, double *values)
{
    struct landscape *l = arg;
    l->batches++;
    for (int i = 0; i < q; i++)
        values[i] = landscape_value(arg, &x[i * l->n], NULL);
}

static bool landscape_taken(void *arg, const double *x)
{
    const struct landscape *l = arg;
    double square = 0;
    for (int i = 0; i < l->n; i++)
        square += pow(unit(l->space, x, i) - l->centre[0][i], 2);
    return sqrt(square) < l->hole_radius;
}

static void make_landscape(struct landscape *l, const struct space *space, int bumps, struct rng *rng)
{
    *l = (struct landscape){.space = space, .n = space->n, .bumps = bumps, .width = 0.4 * sqrt(space->n)};
    for (int b = 0; b < bumps; b++) {
        double ratios[OPT_K_MAX], x[OPT_K_MAX];
        space_sample(space, rng_u64(rng), 0, 3, ratios);
        space_gather(space, ratios, x);
        l->height[b] = b == 0 ? 1 : 0.3 * rng_uniform(rng);
        for (int i = 0; i < space->n; i++)
            l->centre[b][i] = unit(space, x, i);
    }
}

static struct maximise_run make_run(struct landscape *l, uint64_t seed)
{
    return (struct maximise_run){.space = l->space,
                                 .seed = seed,
                                 .stream = 7,
                                 .candidates = 64,
                                 .starts = 4,
                                 .calls_max = 60,
                                 .value = landscape_value,
                                 .values = landscape_values,
                                 .taken = landscape_taken,
                                 .arg = l};
}

static void make_space(struct space *space, struct opt_problem *p, bool slice, double place)
{
    space_box(space, p);
    double lowest, highest;
    space_means(space, &lowest, &highest);
    if (slice)
        space_slice(space, p, lowest + (highest - lowest) * place);
}

/* One of k ratios, to be maximised with seed 5. Points into itself. */
struct ground {
    struct space space;
    struct landscape landscape;
    struct maximise_run run;
};

static void make_ground(struct ground *g, uint64_t seed, uint64_t stream, int k, bool slice, double place,
                        int bumps)
{
    struct rng rng;
    rng_seed(&rng, seed, stream);
    struct opt_problem p = fake_problem(OPT_SOBOL, k, 2, 10);
    make_space(&g->space, &p, slice, place);
    make_landscape(&g->landscape, &g->space, bumps, &rng);
    g->run = make_run(&g->landscape, 5);
}

static double mean_of(const struct opt_problem *p, const double *ratios)
{
    long double sum = 0;
    for (int i = 0; i < p->k; i++)
        sum += ratios[i];
    return (double)(sum / p->k);
}

static double best_seeded(const struct maximise_run *run)
{
    double best = -INFINITY;
    for (int i = 0; i < run->candidates; i++) {
        double ratios[OPT_K_MAX], x[OPT_K_MAX];
        space_sample(run->space, run->seed, run->stream, (uint64_t)i, ratios);
        space_gather(run->space, ratios, x);
        best = fmax(best, landscape_value(run->arg, x, NULL)); /* fmax looks past NaN */
    }
    return best;
}

static void test_always_feasible(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        struct rng rng;
        rng_seed(&rng, 31, (uint64_t)i);
        struct opt_problem p = fake_problem(OPT_SOBOL, 1 + i % 32, 2, 10);
        bool slice = p.k >= 2 && rng_uniform(&rng) < 0.5;
        fake_bounds(&p, &rng, slice ? 2 : 1);
        double place = 0.02 + 0.96 * rng_uniform(&rng), lowest, highest;
        struct space box, space;
        make_space(&box, &p, false, 0);
        space_means(&box, &lowest, &highest);
        make_space(&space, &p, slice, place);
        struct landscape l;
        make_landscape(&l, &space, BUMPS, &rng);
        l.nan_half = rng_uniform(&rng) < 0.2;
        double good[3 * OPT_K_MAX], extra[2 * OPT_K_MAX], ratios[OPT_K_MAX], x[OPT_K_MAX];
        for (int g = 0; g < 3 * space.n; g++) /* infeasible ones are projected */
            good[g] = 3 * rng_uniform(&rng) - 1;
        for (int g = 0; g < 2 * space.n; g++)
            extra[g] = rng_uniform(&rng) < 0.05 ? NAN : 3 * rng_uniform(&rng) - 1;
        struct maximise_run run = make_run(&l, rng_u64(&rng));
        run.good = good;
        run.good_n = i % 4;
        run.extra = extra;
        run.extra_n = i % 3;
        double value = maximise(&run, ratios);
        for (int r = 0; r < p.k; r++) {
            assert_true(ratios[r] >= p.low[r] && ratios[r] <= p.high[r]);
            assert_true(ratios[r] == ratios[p.tie[r]] && !(ratios[r] == 0 && signbit(ratios[r])));
        }
        if (slice && fabs(mean_of(&p, ratios) - (lowest + (highest - lowest) * place)) > 1e-12)
            fail_msg("space %d: the mean is off by %g", i,
                     mean_of(&p, ratios) - (lowest + (highest - lowest) * place));
        space_gather(&space, ratios, x);
        assert_true(value >= best_seeded(&run));
        if (isfinite(value))
            assert_true(value == landscape_value(&l, x, NULL));
        assert_int_equal(l.batches, 1);
    }
}

/* The highest of several bumps in a box and on a slice: its top is feasible, so it is the answer. */
static void test_finds_the_top(void **state)
{
    (void)state;
    int found = 0, asked = 0;
    for (int i = 0; i < 60; i++) {
        struct ground g;
        make_ground(&g, 32, (uint64_t)i, 2 + i % 31, i % 2, 0.4, 1);
        double ratios[OPT_K_MAX], value = maximise(&g.run, ratios);
        assert_true(value <= 1e-15 && value > -1e-3);
        found += value > -1e-5;
        asked++;
    }
    assert_true(found >= asked * 9 / 10);
}

static bool same_bits(const double *a, const double *b, int n)
{
    return memcmp(a, b, sizeof *a * (size_t)n) == 0;
}

static void test_chance_is_from_the_seed_and_stream(void **state)
{
    (void)state;
    for (int slice = 0; slice < 2; slice++) {
        struct ground g;
        make_ground(&g, 33, 0, 6, slice, 0.3, BUMPS);
        g.run.good = g.landscape.centre[1];
        g.run.good_n = 1;
        g.run.starts = 0;
        double first[OPT_K_MAX], again[OPT_K_MAX], other[OPT_K_MAX];
        double value = maximise(&g.run, first);
        assert_true(maximise(&g.run, again) == value && same_bits(first, again, 6));
        g.run.stream++;
        assert_true(maximise(&g.run, other) != value && !same_bits(first, other, 6));
    }
}

static void test_a_taken_point_gives_way_to_the_next_best(void **state)
{
    (void)state;
    for (int slice = 0; slice < 2; slice++) {
        struct ground g;
        make_ground(&g, 34, 0, 5, slice, 0.6, 1);
        double top[OPT_K_MAX], next[OPT_K_MAX], first[OPT_K_MAX], x[OPT_K_MAX];
        double value = maximise(&g.run, top);
        g.landscape.hole_radius = 0.15;
        double lower = maximise(&g.run, next);
        space_gather(&g.space, next, x);
        assert_true(isfinite(lower) && lower < value && !landscape_taken(&g.landscape, x));
        g.landscape.hole_radius = 100;
        assert_true(isinf(maximise(&g.run, next)));
        space_sample(&g.space, g.run.seed, g.run.stream, 0, first);
        assert_true(same_bits(next, first, 5));
        g.landscape.hole_radius = 0;
        g.run.taken = NULL;
        assert_true(maximise(&g.run, next) == value && same_bits(next, top, 5));
    }
}

static void test_candidates_of_all_kinds_count(void **state)
{
    (void)state;
    for (int slice = 0; slice < 2; slice++) {
        struct ground g;
        make_ground(&g, 35, 0, 20, slice, 0.5, 1);
        g.run.starts = 0;
        double ratios[OPT_K_MAX], seeded = maximise(&g.run, ratios);
        g.run.good = g.landscape.centre[0]; /* unit ranges: the top itself */
        g.run.good_n = 1;
        double near = maximise(&g.run, ratios);
        assert_true(near > seeded + 0.01 && near < 0);
        g.run.extra = g.landscape.centre[0];
        g.run.extra_n = 1;
        assert_true(maximise(&g.run, ratios) > -1e-12);
    }
}

static double nowhere(void *arg, const double *x, double *gradient)
{
    (void)arg;
    (void)x;
    (void)gradient;
    return NAN;
}

static void nowhere_at_all(void *arg, int q, const double *x, double *values)
{
    (void)arg;
    (void)x;
    for (int i = 0; i < q; i++)
        values[i] = i % 2 ? NAN : INFINITY;
}

static void test_no_value_at_all_is_a_seeded_point(void **state)
{
    (void)state;
    struct opt_problem p = fake_problem(OPT_SOBOL, 3, 2, 10);
    struct space space;
    make_space(&space, &p, true, 0.5);
    struct maximise_run run = {.space = &space,
                               .candidates = 5,
                               .starts = 3,
                               .calls_max = 9,
                               .value = nowhere,
                               .values = nowhere_at_all};
    double ratios[3], first[3];
    assert_true(isinf(maximise(&run, ratios)));
    space_sample(&space, 0, 0, 0, first);
    assert_true(same_bits(ratios, first, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_always_feasible),
        cmocka_unit_test(test_finds_the_top),
        cmocka_unit_test(test_chance_is_from_the_seed_and_stream),
        cmocka_unit_test(test_a_taken_point_gives_way_to_the_next_best),
        cmocka_unit_test(test_candidates_of_all_kinds_count),
        cmocka_unit_test(test_no_value_at_all_is_a_seeded_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
