/* WHAT   What the tests of whole searches ask of every one: its points are in bounds, and none comes twice.
 * WHO    tests/unit/optimizer/test_search*.c.
 * UNITS  As optimizer.h.
 * MEMORY None.
 * ERRORS Asserts.
 * STATE  None. */
#ifndef TESTS_UNIT_OPTIMIZER_SOUND_SEARCH_H
#define TESTS_UNIT_OPTIMIZER_SOUND_SEARCH_H

#include "fake_search.h"

#include "optimizer/space.h"
#include "optimizer/strategy.h"

#include <stdio.h>

static const enum opt_kind adaptive_kinds[] = {OPT_HMA, OPT_SCALARIZE};

/* The problem with the a-th algorithm; false: absent from NLopt, or it needs more coordinates. */
static inline bool with_algorithm(struct opt_problem *p, int a)
{
    struct opt_plan plan;
    snprintf(p->algorithm, sizeof p->algorithm, "%s", opt_algorithm_name(a, NULL, NULL));
    return opt_plan_make(p, &plan, NULL) == 0;
}

static inline bool same_point(struct fake_search *f, int a, int b)
{
    return memcmp(fake_ratios(f, a), fake_ratios(f, b), sizeof(double) * (size_t)f->problem.k) == 0;
}

/* In bounds, ties equal bit by bit, on the slice, and no stream repeats a point of its own or of the sweep. */
static inline void assert_sound(struct fake_search *f)
{
    int k = f->problem.k, grid = f->plan.streams[0].phase == 0 ? f->plan.streams[0].quota : 0;
    for (int s = 0; s < f->plan.streams_n; s++) {
        const struct opt_stream *st = &f->plan.streams[s];
        for (int i = st->first; i < st->first + st->quota; i++) {
            struct range range[OPT_K_MAX];
            for (int g = 0; g < k; g++) {
                const double *r = fake_ratios(f, i);
                range[g] = (struct range){f->problem.low[g], f->problem.high[g], 1};
                assert_true(r[g] >= f->problem.low[g] && r[g] <= f->problem.high[g] &&
                            !(r[g] == 0 && signbit(r[g])));
                assert_memory_equal(&r[g], &r[f->problem.tie[g]], sizeof *r);
            }
            if (st->kind == OPT_HMA)
                assert_true(slice_holds(range, k, st->mean, fake_ratios(f, i)));
            for (int j = 0; j < i; j++)
                assert_false((j < grid || j >= st->first) && same_point(f, i, j));
        }
    }
}

static inline void assert_plays(const struct opt_problem *p, fake_objective *objective)
{
    struct fake_search f;
    fake_init(&f, p);
    fake_run(&f, objective);
    assert_sound(&f);
    fake_fini(&f);
}

#endif
