#include "optimizer/model/repeat.h"

#include "optimizer/front.h"
#include "optimizer/model/relevant.h"
#include "optimizer/normal.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <math.h>
#include <string.h>

#define DRAWS 256
#define RELEVANT_MAX 64
#define DOUBT_MIN 0.05 /* of p (1 - p), at most a quarter: below it a repeat would not change the front */
#define STREAM_REPEAT UINT64_C(0x72657065617400)

static bool same_x(const struct known *known, int a, int b)
{
    size_t d = (size_t)known->d;
    return memcmp(&known->x[(size_t)a * d], &known->x[(size_t)b * d], sizeof *known->x * d) == 0;
}

/* Trials of the budget that have an earlier one's ratios. */
static int count_repeats(const struct opt_problem *problem, const struct known *known)
{
    int repeats = 0;
    for (int i = 0; i < known->n; i++) {
        bool again = false;
        for (int o = 0; o < i && !again && known->trial[i] >= problem->given; o++)
            again = same_x(known, o, i);
        repeats += again;
    }
    return repeats;
}

static bool due(const struct opt_problem *problem, const struct known *known, int trial)
{
    double first = problem->trials / 3.0, at = trial - problem->given;
    if (!(problem->repeats > 0) || at < first)
        return false;
    double allowed = problem->repeats * problem->trials * (at - first + 1) / (problem->trials - first);
    return count_repeats(problem, known) + 1 <= allowed;
}

/* Settled, and none of its ratios under way. */
static bool can_repeat(const struct known *known, int trial)
{
    int at = 0;
    while (at < known->n && known->trial[at] != trial)
        at++;
    bool can = at < known->n;
    for (int i = 0; i < known->n && can; i++)
        can = !(known->pending[i] && same_x(known, i, at));
    return can;
}

/* p [n]: the share of draws in which no other point dominates this one. */
static void chances(const struct opt_problem *problem, const struct surrogate *s, const struct relevant *r,
                    int trial, double *p)
{
    size_t n = (size_t)r->n, m = (size_t)s->m;
    double *normal = mem_zero(DRAWS * n, sizeof *normal), *drawn = mem_zero(DRAWS * n, sizeof *drawn);
    double *f = mem_zero(DRAWS * n * m, sizeof *f);
    bool *member = mem_zero(n, sizeof *member);
    struct rng rng;
    rng_seed(&rng, problem->seed, STREAM_REPEAT + (uint64_t)trial);
    for (size_t j = 0; j < m; j++) {
        normal_fill(&rng, (int)(DRAWS * n), normal);
        surrogate_sample(s, (int)j, r->n, r->x, DRAWS, normal, drawn);
        for (size_t i = 0; i < DRAWS * n; i++)
            f[i * m + j] = drawn[i];
    }
    for (size_t draw = 0; draw < DRAWS; draw++) {
        if (front_members(&f[draw * n * m], r->n, s->m, member, NULL))
            continue;
        for (size_t i = 0; i < n; i++)
            p[i] += member[i] ? 1.0 / DRAWS : 0;
    }
    mem_free(normal);
    mem_free(drawn);
    mem_free(f);
    mem_free(member);
}

static int first_of_phase_1(const struct opt_plan *plan)
{
    int first = 0;
    for (int s = 0; s < plan->streams_n; s++)
        first += plan->streams[s].phase == 0 ? plan->streams[s].quota : 0;
    return first;
}

static double doubt(const struct surrogate *s, const struct relevant *r, int i, double p)
{
    double unknown = 0;
    for (int j = 0; j < s->m; j++)
        unknown += r->sd[i * s->m + j] * s->unit[j] / s->range[j];
    return p * (1 - p) < DOUBT_MIN ? 0 : p * (1 - p) * unknown;
}

int repeat_choose(const struct opt_problem *problem, const struct opt_plan *plan, const struct surrogate *s,
                  const struct known *known, int trial)
{
    if (!s->noisy || !due(problem, known, trial))
        return -1;
    struct relevant r;
    relevant_make(s, RELEVANT_MAX, &r);
    double *p = mem_zero((size_t)r.n + 1, sizeof *p), most = 0;
    int best = -1;
    if (r.n > 0)
        chances(problem, s, &r, trial, p);
    for (int i = 0; i < r.n; i++) {
        double value = doubt(s, &r, i, p[i]);
        bool here = !problem->has_mean || s->trial[r.row[i]] >= first_of_phase_1(plan);
        if (here && value > most && can_repeat(known, s->trial[r.row[i]])) {
            most = value;
            best = s->trial[r.row[i]];
        }
    }
    mem_free(p);
    relevant_fini(&r);
    return best;
}
