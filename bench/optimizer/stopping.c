/* What early stopping saves: whole bayes searches of a cell (problems.h) whose trials are scored in eight slices, one at a
 * time; a trial is stopped when its promise falls below the limit.
 *
 *   stopping SEEDS CELL TRIALS LIMIT…
 *
 * The cell's noise is that of a whole score: of items that scatter, and, as much again, of how hard an item is for all trials alike.
 * A line a limit: share of the items that were scored, true hypervolume of what was scored as a whole with its standard
 * error, trials stopped, how many of these are truly on the front of all trials. */
#include "bench/optimizer/run.h" /* with run.c and problems.c */

#include "optimizer/front.h"
#include "optimizer/insight/insight.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICES = 8, ITEMS = 64, CHANCE = 999 };

struct search {
    struct problem made;
    struct opt_problem problem;
    struct opt_plan plan;
    struct opt_history history;
    struct opt_model *model;
    struct rng rng;
    double hardness[ITEMS][PROBLEM_M_MAX];
    struct opt_event *event;
    enum opt_state *state;
    bool *stopped;                   /* [n] */
    double *ratios, *scores, *truth; /* [n][k], [n][m], [n][m] */
    double *told;                    /* [events][2][m]: means and standard errors */
    int items;
};

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "%s: %s\n", what, err ? err->text : "");
    exit(1);
}

static double normal(struct rng *rng)
{
    double radius = sqrt(-2 * log(1 - rng_uniform(rng)));
    return radius * cos(2 * M_PI * rng_uniform(rng));
}

static double item_sd(const struct search *s, int j)
{
    return s->made.cell.noise[j] * sqrt(ITEMS);
}

static void search_init(struct search *s, const char *cell, int trials, uint64_t seed)
{
    struct err err = {0};
    *s = (struct search){.model = opt_model_create()};
    if (problem_make(&s->made, cell, seed))
        die(cell, NULL);
    const struct cell *c = &s->made.cell;
    s->problem = run_search(&s->made, OPT_BAYES, false);
    s->problem.trials = trials;
    if (opt_plan_make(&s->problem, &s->plan, &err))
        die(cell, &err);
    rng_seed(&s->rng, seed, CHANCE);
    for (int i = 0; i < ITEMS; i++)
        for (int j = 0; j < c->m; j++)
            s->hardness[i][j] = item_sd(s, j) * normal(&s->rng);
    size_t n = (size_t)trials, m = (size_t)c->m, events = n * (SLICES + 1);
    s->event = mem_zero(events, sizeof *s->event);
    s->told = mem_zero(events * 2 * m, sizeof *s->told);
    s->state = mem_zero(n, sizeof *s->state);
    s->stopped = mem_zero(n, sizeof *s->stopped);
    s->ratios = mem_zero(n * (size_t)c->d, sizeof *s->ratios);
    s->scores = mem_zero(n * m, sizeof *s->scores);
    s->truth = mem_zero(n * m, sizeof *s->truth);
    s->history = (struct opt_history){trials, s->state, s->ratios, s->scores, 0, s->event};
}

static void search_fini(struct search *s)
{
    opt_model_destroy(s->model);
    mem_free(s->event);
    mem_free(s->told);
    mem_free(s->state);
    mem_free(s->stopped);
    mem_free(s->ratios);
    mem_free(s->scores);
    mem_free(s->truth);
}

/* items: how many of the trial are scored; sum, squares: [m] of them. */
static void tell(struct search *s, int trial, enum opt_event_kind kind, int items, const double *sum,
                 const double *squares)
{
    int m = s->problem.m;
    double *mean = &s->told[s->history.events_n * 2 * m], *error = mean + m;
    for (int j = 0; j < m; j++) {
        mean[j] = sum[j] / items;
        error[j] = sqrt((squares[j] - items * mean[j] * mean[j]) / (items - 1) / items);
    }
    s->event[s->history.events_n++] = (struct opt_event){trial, kind, (double)items / ITEMS, mean, error};
    if (kind != OPT_EVENT_DONE)
        return;
    s->state[trial] = OPT_DONE;
    memcpy(&s->scores[trial * m], mean, (size_t)m * sizeof *mean);
}

static void score(struct search *s, int trial, bool may_stop, double limit)
{
    int m = s->problem.m;
    double sum[PROBLEM_M_MAX] = {0}, squares[PROBLEM_M_MAX] = {0};
    const double *truth = &s->truth[trial * m];
    for (int i = 0; i < ITEMS; i++) {
        s->items++;
        for (int j = 0; j < m; j++) {
            double item = truth[j] + s->hardness[i][j] + item_sd(s, j) * normal(&s->rng);
            sum[j] += item;
            squares[j] += item * item;
        }
        if ((i + 1) % (ITEMS / SLICES))
            continue;
        tell(s, trial, i + 1 == ITEMS ? OPT_EVENT_DONE : OPT_EVENT_SLICE, i + 1, sum, squares);
        if (i + 1 == ITEMS || !may_stop ||
            insight_promise(&s->problem, &s->plan, &s->history, s->model, trial) >= limit)
            continue;
        tell(s, trial, OPT_EVENT_STOPPED, i + 1, sum, squares);
        s->stopped[trial] = true;
        return;
    }
}

static void search_run(struct search *s, double limit)
{
    for (int stream = 0; stream < s->plan.streams_n; stream++) {
        for (int step = 0; step < s->plan.streams[stream].quota; step++) {
            struct opt_proposal proposal;
            struct err err = {0};
            if (opt_propose(&s->problem, &s->plan, &s->history, stream, s->model, &proposal, &err))
                die("opt_propose", &err);
            int t = proposal.trial, k = s->problem.k;
            memcpy(&s->ratios[t * k], proposal.ratios, (size_t)k * sizeof *s->ratios);
            s->state[t] = OPT_PENDING;
            problem_truth(&s->made, &s->ratios[t * k], &s->truth[t * s->problem.m]);
            score(s, t, limit > 0 && s->plan.streams[stream].phase > 0, limit);
        }
    }
}

static double true_volume(const struct search *s)
{
    int m = s->problem.m, n = 0;
    double *points = mem_zero((size_t)(s->history.n * m), sizeof *points), volume = NAN;
    for (int t = 0; t < s->history.n; t++)
        if (!s->stopped[t])
            memcpy(&points[n++ * m], &s->truth[t * m], (size_t)m * sizeof *points);
    front_hypervolume(points, n, m, s->made.cell.reference, &volume, NULL);
    mem_free(points);
    return volume;
}

static void run_limit(const char *cell, int seeds, int trials, double limit)
{
    double items = 0, sum = 0, squares = 0;
    int stopped = 0, wrong = 0;
    bool *member = mem_zero((size_t)trials, sizeof *member);
    for (int seed = 1; seed <= seeds; seed++) {
        struct search s;
        search_init(&s, cell, trials, (uint64_t)seed);
        search_run(&s, limit);
        double volume = true_volume(&s);
        sum += volume;
        squares += volume * volume;
        items += (double)s.items / (trials * ITEMS);
        front_members(s.truth, trials, s.problem.m, member, NULL);
        for (int t = 0; t < trials; t++) {
            stopped += s.stopped[t];
            wrong += s.stopped[t] && member[t];
        }
        search_fini(&s);
    }
    double mean = sum / seeds;
    printf("%-14s limit %.2f  items %.3f  volume %.4f +- %.4f  stopped %d, of them on the front %d\n", cell,
           limit, items / seeds, mean, sqrt(fmax(squares / seeds - mean * mean, 0) / seeds), stopped, wrong);
    mem_free(member);
}

int main(int argc, char **argv)
{
    if (argc < 5 || atoi(argv[1]) < 1 || atoi(argv[3]) < 1) {
        fprintf(stderr, "usage: stopping SEEDS CELL TRIALS LIMIT...\n");
        return 2;
    }
    for (int i = 4; i < argc; i++)
        run_limit(argv[2], atoi(argv[1]), atoi(argv[3]), atof(argv[i]));
    return 0;
}
