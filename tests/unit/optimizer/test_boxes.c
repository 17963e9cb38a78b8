/* Boxes of the non-dominated region: disjoint, and together with the hypervolume they fill everything below the reference. */
#include "optimizer/acquisition/boxes.h"
#include "optimizer/front.h"

#include "golden.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <math.h>
#include <string.h>

#define N_MAX 60

static double draw(struct rng *rng, bool ties)
{
    double x = rng_uniform(rng);
    return ties ? floor(x * 6) / 6 : x;
}

/* Volume of the part of box i that lies above `corner`. */
static double clipped_volume(const struct boxes *b, int i, const double *corner)
{
    double volume = 1;
    for (int j = 0; j < b->m; j++)
        volume *= fmax(0, b->upper[i * b->m + j] - fmax(corner[j], b->lower[i * b->m + j]));
    return volume;
}

static bool overlap(const struct boxes *b, int i, int k)
{
    for (int j = 0; j < b->m; j++) {
        int p = i * b->m + j, q = k * b->m + j;
        if (b->lower[p] >= b->upper[q] || b->lower[q] >= b->upper[p])
            return false;
    }
    return true;
}

static void assert_cuts(const struct boxes *b)
{
    for (int i = 0; i < b->n; i++)
        for (int j = 0; j < b->m; j++) {
            int p = i * b->m + j, lower = b->lower_cut[p];
            assert_true(b->lower[p] < b->upper[p]);
            assert_true(b->upper_cut[p] < b->cuts_n[j] && b->cut[j][b->upper_cut[p]] == b->upper[p]);
            assert_true(lower < 0 ? isinf(b->lower[p]) : b->cut[j][lower] == b->lower[p]);
        }
    for (int j = 0; j < b->m; j++)
        for (int i = 1; i < b->cuts_n[j]; i++)
            assert_true(b->cut[j][i - 1] < b->cut[j][i]);
}

static void assert_partition(const double *points, int n, int m, const double *reference,
                             const double *corner)
{
    struct boxes b;
    assert_int_equal(boxes_make(points, n, m, reference, &b, NULL), 0);
    double dominated, free_volume = 0, all = 1;
    assert_int_equal(front_hypervolume(points, n, m, reference, &dominated, NULL), 0);
    for (int j = 0; j < m; j++)
        all *= reference[j] - corner[j];
    for (int i = 0; i < b.n; i++) {
        free_volume += clipped_volume(&b, i, corner);
        for (int k = 0; k < i; k++)
            assert_false(overlap(&b, i, k));
    }
    if (fabs(free_volume + dominated - all) > 1e-12 * all)
        fail_msg("m = %d, n = %d: %.17g + %.17g is not %.17g", m, n, free_volume, dominated, all);
    assert_cuts(&b);
    boxes_fini(&b);
}

static void test_boxes_fill_what_the_front_leaves(void **state)
{
    (void)state;
    for (int i = 0; i < 600; i++) {
        struct rng rng;
        rng_seed(&rng, 5, (uint64_t)i);
        int m = 1 + i % 4, n = (int)(rng_uniform(&rng) * (m == 4 ? 25 : N_MAX));
        bool ties = rng_uniform(&rng) < 0.5, sphere = rng_uniform(&rng) < 0.5;
        double points[N_MAX * 4], reference[4], corner[4];
        for (int j = 0; j < m; j++) {
            corner[j] = -1.5;
            reference[j] = 0.6 + 0.6 * rng_uniform(&rng); /* some points are outside */
        }
        for (int p = 0; p < n * m; p += m) {
            double length = 0;
            for (int j = 0; j < m; j++) {
                points[p + j] = draw(&rng, ties);
                length += points[p + j] * points[p + j];
            }
            for (int j = 0; j < m && sphere && length > 0; j++)
                points[p + j] = 1 - points[p + j] / sqrt(length);
            if (p > 0 && rng_uniform(&rng) < 0.1)
                memcpy(&points[p], &points[p - m], (size_t)m * sizeof *points);
        }
        assert_partition(points, n, m, reference, corner);
    }
}

static double front_4d[200 * 4];

static void make_sphere(int n, int m, double *points)
{
    struct rng rng;
    rng_seed(&rng, 9, (uint64_t)m);
    for (int i = 0; i < n; i++) {
        double length = 0;
        for (int j = 0; j < m; j++) {
            double x = -log(1 - rng_uniform(&rng));
            points[i * m + j] = x;
            length += x;
        }
        for (int j = 0; j < m; j++)
            points[i * m + j] = 1 - points[i * m + j] / length;
    }
}

/* 1, n + 1, 2 n + 1, and for m = 4 about what BoTorch needs (360), for boxes are carried from level to level. */
static void test_boxes_are_few(void **state)
{
    (void)state;
    const double reference[4] = {1.1, 1.1, 1.1, 1.1};
    int count[5][2];
    for (int m = 1; m <= 4; m++)
        for (int half = 0; half < 2; half++) {
            struct boxes b;
            int n = half ? 25 : 50;
            make_sphere(n, m, front_4d);
            assert_int_equal(boxes_make(front_4d, n, m, reference, &b, NULL), 0);
            count[m][half] = b.n;
            boxes_fini(&b);
        }
    assert_int_equal(count[1][0], 1);
    assert_int_equal(count[2][0], 51);
    assert_int_equal(count[3][0], 101);
    assert_int_equal(count[3][1], 51);
    assert_true(count[4][0] < 400 && count[4][0] < 4.5 * count[4][1]);
}

static void test_an_empty_front_is_one_box(void **state)
{
    (void)state;
    const double reference[4] = {1, 2, 3, 4}, beyond[4] = {5, 5, 5, 5};
    for (int m = 1; m <= 4; m++)
        for (int n = 0; n <= 1; n++) {
            struct boxes b;
            assert_int_equal(boxes_make(beyond, n, m, reference, &b, NULL), 0);
            assert_int_equal(b.n, 1);
            for (int j = 0; j < m; j++)
                assert_true(isinf(b.lower[j]) && b.upper[j] == reference[j]);
            boxes_fini(&b);
        }
}

static void test_refuses_what_it_cannot_cut(void **state)
{
    (void)state;
    struct err err = {0};
    struct boxes b;
    const double good[5] = {0}, reference[5] = {1, 1, 1, 1, 1}, bad[2] = {1, NAN};
    assert_int_equal(boxes_make(good, 1, 5, reference, &b, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "5 objectives"));
    assert_int_equal(boxes_make(good, -1, 2, reference, &b, &err), ERR_INVALID);
    assert_int_equal(boxes_make(bad, 1, 2, reference, &b, &err), ERR_INVALID);
    assert_int_equal(boxes_make(good, 1, 2, bad, &b, &err), ERR_INVALID);
    boxes_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes_fill_what_the_front_leaves),
        cmocka_unit_test(test_boxes_are_few),
        cmocka_unit_test(test_an_empty_front_is_one_box),
        cmocka_unit_test(test_refuses_what_it_cannot_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
