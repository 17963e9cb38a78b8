/* optimizer/space.h: the slice, its coordinates and its samples. */
#include "optimizer/space.h"

#include "fake_search.h"

static const int sizes[] = {2, 3, 8, 26, 64};
#define SIZES_N (sizeof sizes / sizeof sizes[0])

static double mean_of(struct rng *rng, double lower, double upper)
{
    return lower + (upper - lower) * (0.002 + 0.996 * rng_uniform(rng));
}

static void set_ranges(struct range *range, int k, double low, double high)
{
    for (int i = 0; i < k; i++)
        range[i] = (struct range){low, high, 1};
}

static void slice_of(struct space *space, int k, double low, double high, double mean)
{
    struct opt_problem p = {.k = k};
    fake_range(&p, low, high);
    space_slice(space, &p, mean);
}

/* The projection is known by its optimality condition: some t with ratio = clip(v + t). */
static void test_projection_is_a_shift_and_a_clip(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 31, 0);
    for (int round = 0; round < 4000; round++) {
        int k = sizes[(size_t)round % SIZES_N];
        double lower = round % 3 ? 0 : -0.3, upper = round % 3 ? 1 : 1.4, mean = mean_of(&rng, lower, upper);
        double v[OPT_K_MAX], r[OPT_K_MAX], low = -INFINITY, high = INFINITY;
        struct range range[OPT_K_MAX];
        for (int i = 0; i < k; i++)
            v[i] = round % 7 ? 3 * rng_uniform(&rng) - 1 : floor(3 * rng_uniform(&rng));
        set_ranges(range, k, lower, upper);
        slice_project(range, k, mean, v, r);
        assert_true(slice_holds(range, k, mean, r));
        for (int i = 0; i < k; i++) {
            low = fmax(low, r[i] > lower ? r[i] - v[i] : -INFINITY);
            high = fmin(high, r[i] < upper ? r[i] - v[i] : INFINITY);
        }
        assert_true(low <= high + 1e-12); /* a t in between serves every coordinate */
    }
}

static void test_feasibility_is_judged_strictly(void **state)
{
    (void)state;
    double r[3] = {0.1, 0.2, 0.3};
    struct range range[3];
    set_ranges(range, 3, 0, 1);
    assert_true(slice_holds(range, 3, 0.2, r));
    assert_false(slice_holds(range, 3, 0.2 + 1e-11, r));
    range[2].weight = 2;
    assert_false(slice_holds(range, 3, 0.2, r));
    assert_true(slice_holds(range, 3, 0.225, r));
    range[2].weight = 1;
    range[0].low = 0.11;
    assert_false(slice_holds(range, 3, 0.2, r));
    range[0].low = 0;
    range[2].high = 0.29;
    assert_false(slice_holds(range, 3, 0.2, r));
    set_ranges(range, 3, 0, 1);
    r[1] = NAN;
    assert_false(slice_holds(range, 3, 0.2, r));
}

static void test_zero_is_the_vector_of_equal_ratios(void **state)
{
    (void)state;
    for (size_t s = 0; s < SIZES_N; s++) {
        struct space space;
        double z[OPT_K_MAX] = {0}, r[OPT_K_MAX];
        slice_of(&space, sizes[s], 0, 1, 0.3);
        space_map(&space, z, r);
        for (int i = 0; i < sizes[s]; i++)
            assert_true(r[i] == 0.3);
    }
}

/* Every feasible point has a z in the box, the way back gives it again, and distances are kept. */
static void test_coordinates_reach_the_whole_slice(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 37, 0);
    for (int round = 0; round < 1000; round++) {
        int k = sizes[(size_t)round % SIZES_N];
        struct space space;
        slice_of(&space, k, -0.2, 1.1, mean_of(&rng, -0.2, 1.1));
        double r[OPT_K_MAX], z[OPT_K_MAX], back[OPT_K_MAX], far = 0, z_far = 0;
        space_sample(&space, 1, 2, (uint64_t)round, r);
        assert_true(slice_holds(space.range, k, space.mean, r));
        space_inverse(&space, r, z);
        for (int j = 0; j < space.d; j++) {
            assert_true(z[j] >= space.z_lower[j] - 1e-12 && z[j] <= space.z_upper[j] + 1e-12);
            z_far += z[j] * z[j];
        }
        space_map(&space, z, back);
        for (int i = 0; i < k; i++) {
            assert_true(fabs(back[i] - r[i]) < 1e-12);
            far += (r[i] - space.mean) * (r[i] - space.mean);
        }
        assert_true(fabs(far - z_far) < 1e-12 * k);
    }
}

/* The box is tight: its bounds are the extremes over the vertices, and the vertices of a slice have at most
 * one ratio strictly between the bounds. */
static void test_box_is_tight(void **state)
{
    (void)state;
    struct space space;
    slice_of(&space, 4, 0, 1, 0.375); /* sum 1.5: one ratio 1, one 0.5, two 0 */
    double least[3] = {9, 9, 9}, most[3] = {-9, -9, -9};
    for (int one = 0; one < 4; one++) {
        for (int half = 0; half < 4; half++) {
            double r[4] = {0}, z[4];
            r[half] = 0.5;
            r[one] = 1;
            if (one == half)
                continue;
            space_inverse(&space, r, z);
            for (int j = 0; j < 3; j++) {
                least[j] = fmin(least[j], z[j]);
                most[j] = fmax(most[j], z[j]);
            }
        }
    }
    for (int j = 0; j < 3; j++) {
        assert_true(fabs(least[j] - space.z_lower[j]) < 1e-12);
        assert_true(fabs(most[j] - space.z_upper[j]) < 1e-12);
    }
}

static void test_any_z_is_feasible(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 41, 0);
    static const double odd[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, -0.0};
    for (int round = 0; round < 2000; round++) {
        int k = sizes[(size_t)round % SIZES_N];
        struct space space;
        double z[OPT_K_MAX], r[OPT_K_MAX];
        struct opt_problem p = {.k = k};
        fake_range(&p, 0, 1);
        if (round % 2)
            space_slice(&space, &p, mean_of(&rng, 0, 1));
        else
            space_box(&space, &p);
        for (int j = 0; j < space.d; j++)
            z[j] = round % 3 ? 40 * rng_uniform(&rng) - 20 : odd[rng_u64(&rng) % 6];
        space_map(&space, z, r);
        for (int i = 0; i < k; i++)
            assert_true(r[i] >= 0 && r[i] <= 1 && !signbit(r[i]));
        assert_true(!space.slice || slice_holds(space.range, k, space.mean, r));
    }
}

/* Three ratios with mean 1/2: every ratio has mean 1/2, and the part of the slice with r_0 = x is a chord
 * whose length is proportional to 1/2 + x up to the middle, so that 5/24 of the area lies below 1/4. */
static void test_samples_spread_over_the_slice(void **state)
{
    (void)state;
    struct space space;
    slice_of(&space, 3, 0, 1, 0.5);
    double mean[3] = {0}, below = 0;
    enum { N = 8000 };
    for (int n = 0; n < N; n++) {
        double r[3];
        space_sample(&space, 9, 1, (uint64_t)n, r);
        for (int i = 0; i < 3; i++)
            mean[i] += r[i] / N;
        below += (r[0] <= 0.25) / (double)N;
    }
    for (int i = 0; i < 3; i++)
        assert_true(fabs(mean[i] - 0.5) < 0.01);
    assert_true(fabs(below - 5.0 / 24) < 0.015);
}

static double slice_mean(struct rng *rng, const struct opt_problem *p)
{
    struct space box;
    double lowest, highest;
    space_box(&box, p);
    space_means(&box, &lowest, &highest);
    return lowest + (highest - lowest) * (0.001 + 0.998 * rng_uniform(rng));
}

static struct opt_problem bounded(struct rng *rng, int k)
{
    struct opt_problem p = {.k = k};
    fake_bounds(&p, rng, 2);
    return p;
}

/* With ranges, weights and all: some t serves every free ratio, and the mean of all ratios is right. */
static void test_bounded_projection_is_a_shift_and_a_clip(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 43, 0);
    for (int round = 0; round < 4000; round++) {
        int k = sizes[(size_t)round % SIZES_N];
        struct opt_problem p = bounded(&rng, k);
        struct space space;
        double mean = slice_mean(&rng, &p), v[OPT_K_MAX], x[OPT_K_MAX], r[OPT_K_MAX], sum = 0;
        double low = -INFINITY, high = INFINITY;
        space_slice(&space, &p, mean);
        for (int i = 0; i < space.n; i++)
            v[i] = round % 7 ? 3 * rng_uniform(&rng) - 1 : floor(3 * rng_uniform(&rng));
        slice_project(space.range, space.n, space.mean, v, x);
        for (int i = 0; i < space.n; i++) {
            low = fmax(low, x[i] > space.range[i].low ? x[i] - v[i] : -INFINITY);
            high = fmin(high, x[i] < space.range[i].high ? x[i] - v[i] : INFINITY);
        }
        assert_true(low <= high + 1e-12);
        space_spread(&space, x, r);
        for (int i = 0; i < k; i++)
            sum += r[i];
        assert_true(fabs(sum / k - mean) <= 1e-12);
    }
}

/* Distances between vectors of all ratios are those between their z, and every feasible point has a z in the box. */
static void test_bounded_coordinates_keep_distances(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 47, 0);
    for (int round = 0; round < 1000; round++) {
        int k = sizes[(size_t)round % SIZES_N];
        struct opt_problem p = bounded(&rng, k);
        struct space space;
        double r[2][OPT_K_MAX], z[2][OPT_K_MAX], back[OPT_K_MAX], far = 0, z_far = 0;
        space_slice(&space, &p, slice_mean(&rng, &p));
        for (int j = 0; j < 2; j++) {
            space_sample(&space, 1, (uint64_t)j, (uint64_t)round, r[j]);
            space_inverse(&space, r[j], z[j]);
            space_map(&space, z[j], back);
            for (int i = 0; i < k; i++)
                assert_true(fabs(back[i] - r[j][i]) < 1e-12);
            for (int i = 0; i < space.d; i++)
                assert_true(z[j][i] >= space.z_lower[i] - 1e-12 && z[j][i] <= space.z_upper[i] + 1e-12);
        }
        for (int i = 0; i < k; i++)
            far += (r[0][i] - r[1][i]) * (r[0][i] - r[1][i]);
        for (int i = 0; i < space.d; i++)
            z_far += (z[0][i] - z[1][i]) * (z[0][i] - z[1][i]);
        assert_true(fabs(far - z_far) < 1e-12 * k);
    }
}

/* Every vertex of a slice has at most one ratio strictly inside its range: `inner`; bit i of `ends` puts another one at
 * its high end. False when the mean is out of that vertex's reach. */
static bool vertex(const struct space *space, int inner, int ends, double *x)
{
    double rest = 0;
    int weights = 0;
    for (int i = 0; i < space->n; i++) {
        x[i] = ends >> i & 1 ? space->range[i].high : space->range[i].low;
        rest += i == inner ? 0 : space->range[i].weight * x[i];
        weights += space->range[i].weight;
    }
    x[inner] = (weights * space->mean - rest) / space->range[inner].weight;
    return x[inner] >= space->range[inner].low && x[inner] <= space->range[inner].high;
}

static void test_bounded_box_is_tight(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 59, 0);
    for (int round = 0; round < 500; round++) {
        struct opt_problem p = bounded(&rng, 2 + round % 5);
        struct space space;
        space_slice(&space, &p, slice_mean(&rng, &p));
        double least[OPT_K_MAX], most[OPT_K_MAX], x[OPT_K_MAX], r[OPT_K_MAX], z[OPT_K_MAX];
        for (int j = 0; j < space.d; j++) {
            least[j] = INFINITY;
            most[j] = -INFINITY;
        }
        for (int inner = 0; inner < space.n; inner++)
            for (int ends = 0; ends < 1 << space.n; ends++) {
                if (!vertex(&space, inner, ends, x))
                    continue;
                space_spread(&space, x, r);
                space_inverse(&space, r, z);
                for (int j = 0; j < space.d; j++) {
                    least[j] = fmin(least[j], z[j]);
                    most[j] = fmax(most[j], z[j]);
                }
            }
        for (int j = 0; j < space.d; j++)
            assert_true(fabs(least[j] - space.z_lower[j]) < 1e-12 &&
                        fabs(most[j] - space.z_upper[j]) < 1e-12);
    }
}

static void test_any_z_of_a_bounded_slice_is_feasible(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 61, 0);
    static const double odd[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, -0.0};
    for (int round = 0; round < 4000; round++) {
        struct opt_problem p = bounded(&rng, sizes[(size_t)round % SIZES_N]);
        struct space space;
        double z[OPT_K_MAX], r[OPT_K_MAX], sum = 0, mean = slice_mean(&rng, &p);
        space_slice(&space, &p, mean);
        for (int j = 0; j < space.d; j++)
            z[j] = round % 3 ? 40 * rng_uniform(&rng) - 20 : odd[rng_u64(&rng) % 6];
        space_map(&space, z, r);
        for (int i = 0; i < p.k; i++) {
            assert_true(r[i] >= p.low[i] && r[i] <= p.high[i] && r[i] == r[p.tie[i]]);
            sum += r[i];
        }
        assert_true(fabs(sum / p.k - mean) <= 1e-12);
    }
}

/* As equal as the ranges allow: one number, clipped. It is z = 0, to the bit. */
static void test_level_is_one_number_clipped(void **state)
{
    (void)state;
    struct opt_problem p = {.k = 4};
    struct space space;
    double r[4];
    fake_range(&p, 0, 1);
    p.high[1] = 0.2;
    p.low[3] = p.high[3] = 1;
    space_slice(&space, &p, 0.5);
    space_spread(&space, space.level, r);
    assert_true(r[1] == 0.2 && r[3] == 1 && fabs(r[0] - 0.4) < 1e-15 && fabs(r[2] - 0.4) < 1e-15);
    double z[3], back[4];
    space_inverse(&space, r, z);
    assert_true(z[0] == 0 && z[1] == 0);
    space_map(&space, z, back);
    assert_memory_equal(back, r, sizeof r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_projection_is_a_shift_and_a_clip),
        cmocka_unit_test(test_feasibility_is_judged_strictly),
        cmocka_unit_test(test_zero_is_the_vector_of_equal_ratios),
        cmocka_unit_test(test_coordinates_reach_the_whole_slice),
        cmocka_unit_test(test_box_is_tight),
        cmocka_unit_test(test_any_z_is_feasible),
        cmocka_unit_test(test_samples_spread_over_the_slice),
        cmocka_unit_test(test_bounded_projection_is_a_shift_and_a_clip),
        cmocka_unit_test(test_bounded_coordinates_keep_distances),
        cmocka_unit_test(test_bounded_box_is_tight),
        cmocka_unit_test(test_any_z_of_a_bounded_slice_is_feasible),
        cmocka_unit_test(test_level_is_one_number_clipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
