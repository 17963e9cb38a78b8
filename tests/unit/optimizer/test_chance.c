/* Draws into chances: against closed forms of normals and against the definition. */
#include "optimizer/insight/chance.h"

#include "proto/mem.h"
#include "proto/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static double normal(struct rng *rng)
{
    double radius = sqrt(-2 * log(1 - rng_uniform(rng)));
    return radius * cos(2 * M_PI * rng_uniform(rng));
}

static double phi(double z)
{
    return erfc(-z / sqrt(2)) / 2;
}

/* Of two vectors with independent normal objectives, a is dominated with probability prod_j P(b_j < a_j). */
static void test_two_vectors_have_a_closed_form(void **state)
{
    (void)state;
    enum { S = 200000 };
    for (int m = 1; m <= 4; m++) {
        double *f = mem_zero((size_t)(S * 2 * m), sizeof *f), share[2], dominated[2] = {1, 1};
        bool rival[2] = {true, true};
        struct rng rng;
        rng_seed(&rng, 5, (uint64_t)m);
        for (int j = 0; j < m; j++) {
            dominated[0] *= phi((0.3 * j + 0.2) / sqrt(1 + 0.25));
            dominated[1] *= phi(-(0.3 * j + 0.2) / sqrt(1 + 0.25));
        }
        for (int i = 0; i < S; i++)
            for (int j = 0; j < m; j++) {
                f[(i * 2 + 0) * m + j] = 0.3 * j + 0.2 + normal(&rng);
                f[(i * 2 + 1) * m + j] = 0.5 * normal(&rng);
            }
        chance_count(f, S, 2, m, rival, share);
        assert_true(fabs(share[0] - (1 - dominated[0])) < 0.005);
        assert_true(fabs(share[1] - (1 - dominated[1])) < 0.005);
        mem_free(f);
    }
}

static bool dominates(const double *a, const double *b, int m)
{
    bool no_worse = true, better = false;
    for (int j = 0; j < m; j++) {
        no_worse &= a[j] <= b[j];
        better |= a[j] < b[j];
    }
    return no_worse && better;
}

static void test_counts_by_the_definition(void **state)
{
    (void)state;
    enum { S = 40, N = 30 };
    for (int m = 1; m <= 4; m++) {
        double f[S * N * 4], share[N], volume[S];
        bool rival[N];
        struct rng rng;
        rng_seed(&rng, 7, (uint64_t)m);
        for (int i = 0; i < N; i++)
            rival[i] = i % 3 != 0;
        for (int i = 0; i < S * N * m; i++)
            f[i] = floor(rng_uniform(&rng) * 10);
        chance_count(f, S, N, m, rival, share);
        for (int i = 0; i < N; i++) {
            int on_front = 0;
            for (int s = 0; s < S; s++) {
                bool beaten = false;
                for (int o = 0; o < N; o++)
                    beaten |= rival[o] && dominates(&f[(s * N + o) * m], &f[(s * N + i) * m], m);
                on_front += !beaten;
            }
            assert_true(share[i] == (double)on_front / S);
            assert_true(chance_of(f, S, N, m, rival, i) == share[i]);
        }
        struct scale scale = {
            .m = m, .worse = {9, 9, 9, 9}, .span = {9, 9, 9, 9}, .reference = {0.1, 0.1, 0.1, 0.1}};
        chance_volumes(f, S, N, rival, &scale, volume);
        for (int s = 1; s < S && m < 4; s++)
            assert_true(volume[s - 1] <= volume[s] && volume[s] <= 1.34);
    }
}

/* One rival at (2, 3) in every draw; what is not a rival adds nothing. */
static void test_volumes_are_of_the_rivals(void **state)
{
    (void)state;
    const double f[] = {2, 3, 0, 0, 2, 1, 0, 0};
    bool rival[2] = {true, false};
    struct scale scale = {.m = 2, .worse = {4, 5}, .span = {2, 4}, .reference = {0, 0.5}};
    double volume[2];
    chance_volumes(f, 2, 2, rival, &scale, volume);
    assert_true(fabs(volume[0] - 1 * 1) < 1e-15);
    assert_true(fabs(volume[1] - 1 * 1.5) < 1e-15);
    const double sorted[] = {1, 2, 4};
    assert_true(chance_quantile(sorted, 3, 0) == 1 && chance_quantile(sorted, 3, 1) == 4);
    assert_true(chance_quantile(sorted, 3, 0.5) == 2 && chance_quantile(sorted, 3, 0.75) == 3);
    assert_true(chance_quantile(sorted, 1, 0.05) == 1);
}

static void test_what_has_no_chance_is_left_out(void **state)
{
    (void)state;
    /*                      a rival   near it   certain and far    far but unsure   equal and exact    far, worse in one only */
    const double mean[] = {1, 1, /**/ 1.5, 1.5, /**/ 3, 3, /**/ 3, 3, /**/ 1, 1, /**/ 0.5, 9};
    const double sd[] = {.1, .1, /**/ .1, .1, /**/ .1, .1, /**/ 1, 1, /**/ .1, .1, /**/ .1, .1};
    bool rival[6] = {true, true, true, true, true, true};
    int chosen[6];
    assert_int_equal(chance_choose(mean, sd, rival, 6, 2, chosen), 5);
    const int kept[] = {0, 1, 3, 4, 5};
    assert_memory_equal(chosen, kept, sizeof kept);
    const double exact[12] = {0};
    /* exact: the raw front, equal points included */
    assert_int_equal(chance_choose(mean, exact, rival, 6, 2, chosen), 3);
    assert_true(chosen[0] == 0 && chosen[1] == 4 && chosen[2] == 5);
    /* what is no rival beats nothing */
    rival[0] = rival[4] = false;
    assert_int_equal(chance_choose(mean, exact, rival, 6, 2, chosen), 4);
    assert_true(chosen[0] == 0 && chosen[1] == 1 && chosen[2] == 4 && chosen[3] == 5);
}

/* Leaving them out changes no other one's chance. */
static void test_leaving_out_changes_nothing(void **state)
{
    (void)state;
    enum { S = 500, N = 60, M = 2 };
    double mean[N * M], sd[N * M], *f = mem_zero(S * N * M, sizeof *f), *g = mem_zero(S * N * M, sizeof *g);
    double all[N], few[N];
    bool rival[N];
    int chosen[N];
    struct rng rng;
    rng_seed(&rng, 11, 0);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < M; j++) {
            mean[i * M + j] = rng_uniform(&rng);
            sd[i * M + j] = 0.05 * rng_uniform(&rng);
            rival[i] = true;
        }
    for (int s = 0; s < S; s++)
        for (int i = 0; i < N * M; i++)
            f[s * N * M + i] = mean[i] + sd[i] * normal(&rng);
    int n = chance_choose(mean, sd, rival, N, M, chosen);
    assert_true(n > 5 && n < N);
    for (int s = 0; s < S; s++)
        for (int i = 0; i < n; i++)
            memcpy(&g[(s * n + i) * M], &f[(s * N + chosen[i]) * M], M * sizeof *g);
    chance_count(f, S, N, M, rival, all);
    chance_count(g, S, n, M, rival, few);
    for (int i = 0; i < n; i++)
        assert_true(few[i] == all[chosen[i]]);
    for (int i = 0, at = 0; i < N; i++) {
        if (at < n && chosen[at] == i)
            at++;
        else
            assert_true(all[i] == 0);
    }
    mem_free(f);
    mem_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_vectors_have_a_closed_form),
        cmocka_unit_test(test_counts_by_the_definition),
        cmocka_unit_test(test_volumes_are_of_the_rivals),
        cmocka_unit_test(test_what_has_no_chance_is_left_out),
        cmocka_unit_test(test_leaving_out_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
