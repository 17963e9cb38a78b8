/* What early stopping and screening save: whole bayes searches of a cell (problems.h) whose trials are scored in eight slices,
 * one at a time. A trial is stopped when its promise falls below the limit; with SCREEN (a share) every trial but the
 * anchors is stopped there, and those that the answer needs are completed at the end.
 *
 *   stopping SEEDS CELL TRIALS LIMIT[:SCREEN]…
 *
 * The cell's noise is that of a whole score: of items that scatter, and, as much again, of how hard an item is for all trials alike.
 * A line a setting: share of the items that were scored (a trial that goes on goes on where it stopped); true hypervolume of the
 * answer, the front of posterior means, with its standard error, and its mean difference from the first setting's of the same
 * seed; trials left in part, how many of these are truly on the front of all trials; how often the interval of the
 * hypervolume holds the true one, and confidence against the truth of whole trials in five bins: claimed/true(number). */
#include "bench/optimizer/run.h" /* with run.c and problems.c */

#include "optimizer/front.h"
#include "optimizer/insight/insight.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICES = 8, ITEMS = 64, CHANCE = 999, BINS = 5 };

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
    double (*sum)[2][PROBLEM_M_MAX]; /* [n] of the items scored so far: sums and sums of squares */
    int *done;                       /* [n] items */
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
    size_t n = (size_t)trials, m = (size_t)c->m, events = n * (SLICES + 3);
    s->event = mem_zero(events, sizeof *s->event);
    s->told = mem_zero(events * 2 * m, sizeof *s->told);
    s->sum = mem_zero(n, sizeof *s->sum);
    s->done = mem_zero(n, sizeof *s->done);
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
    mem_free(s->sum);
    mem_free(s->done);
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

static double answer_volume(const struct search *s, const struct insight *in)
{
    int m = s->problem.m, n = 0;
    double *points = mem_zero((size_t)(s->history.n * m), sizeof *points), volume = NAN;
    for (int t = 0; t < s->history.n; t++)
        if (in->front[t])
            memcpy(&points[n++ * m], &s->truth[t * m], (size_t)m * sizeof *points);
    front_hypervolume(points, n, m, s->made.cell.reference, &volume, NULL);
    mem_free(points);
    return volume;
}

/* Of the answer, as the insight has it: over all trials' luck with these items, in units of the ends' scores. */
static double reported_volume(struct search *s, const struct insight *in)
{
    int m = s->problem.m, n = s->history.n;
    double luck[PROBLEM_M_MAX] = {0}, unit = 1;
    for (int i = 0; i < ITEMS; i++)
        for (int j = 0; j < m; j++)
            luck[j] += s->hardness[i][j] / ITEMS;
    for (int j = 0; j < m; j++)
        unit *= fabs(s->scores[j] - s->scores[m + j]);
    for (int t = 0; t < n; t++)
        for (int j = 0; j < m; j++)
            s->truth[t * m + j] += luck[j];
    double volume = answer_volume(s, in);
    for (int t = 0; t < n; t++)
        for (int j = 0; j < m; j++)
            s->truth[t * m + j] -= luck[j];
    return volume / unit;
}

/* From where the trial stopped, if it did, to its end or its next stop. screen: slices after which it stops, 0: never; limit: of
 * its promise, 0: none. */
static void score(struct search *s, int trial, int screen, double limit)
{
    double *sum = s->sum[trial][0], *squares = s->sum[trial][1];
    const double *truth = &s->truth[trial * s->problem.m];
    s->stopped[trial] = false;
    while (s->done[trial] < ITEMS) {
        int i = s->done[trial]++;
        s->items++;
        for (int j = 0; j < s->problem.m; j++) {
            double item = truth[j] + s->hardness[i][j] + item_sd(s, j) * normal(&s->rng);
            sum[j] += item;
            squares[j] += item * item;
        }
        if ((i + 1) % (ITEMS / SLICES))
            continue;
        tell(s, trial, i + 1 == ITEMS ? OPT_EVENT_DONE : OPT_EVENT_SLICE, i + 1, sum, squares);
        bool enough = screen > 0 ? i + 1 >= screen * ITEMS / SLICES
                                 : limit > 0 && insight_promise(&s->problem, &s->plan, &s->history, s->model,
                                                                trial) < limit;
        if (i + 1 == ITEMS || !enough)
            continue;
        tell(s, trial, OPT_EVENT_STOPPED, i + 1, sum, squares);
        s->stopped[trial] = true;
        return;
    }
}

/* Screened trials that the answer needs are completed. Returns how often the model was asked for them. */
static int complete(struct search *s)
{
    int *trial = mem_zero((size_t)s->history.n, sizeof *trial), n = 1, rounds = 0;
    struct err err = {0};
    while (n > 0) {
        if (insight_unfinished(&s->problem, &s->plan, &s->history, s->model, trial, &n, &err))
            die("insight_unfinished", &err);
        for (int i = 0; i < n; i++)
            s->event[s->history.events_n++] =
                (struct opt_event){.trial = trial[i], .kind = OPT_EVENT_REOPENED};
        for (int i = 0; i < n; i++)
            score(s, trial[i], 0, 0);
        rounds++;
    }
    mem_free(trial);
    return rounds;
}

static void search_run(struct search *s, double limit, double share)
{
    int screen = (int)ceil(share * SLICES);
    for (int stream = 0; stream < s->plan.streams_n; stream++) {
        for (int step = 0; step < s->plan.streams[stream].quota; step++) {
            struct opt_proposal proposal;
            struct err err = {0};
            if (opt_propose(&s->problem, &s->plan, &s->history, stream, s->model, &proposal, &err))
                die("opt_propose", &err);
            int t = proposal.trial, k = s->problem.k;
            bool anchor = opt_plan_is_anchor(&s->plan, t);
            memcpy(&s->ratios[t * k], proposal.ratios, (size_t)k * sizeof *s->ratios);
            s->state[t] = OPT_PENDING;
            problem_truth(&s->made, &s->ratios[t * k], &s->truth[t * s->problem.m]);
            score(s, t, anchor ? 0 : screen, anchor || s->plan.streams[stream].phase == 0 ? 0 : limit);
        }
    }
}

struct tally {
    double items, volume, squares, away, away_squares, held, claimed[BINS], right[BINS];
    int n[BINS], stopped, wrong, rounds;
};

static void look(struct search *s, double *first, struct tally *tally)
{
    struct insight *in;
    struct err err = {0};
    int n = s->history.n;
    bool *member = mem_zero((size_t)n, sizeof *member);
    if (insight_make(&s->problem, &s->plan, &s->history, s->model, &in, &err))
        die("insight_make", &err);
    double volume = answer_volume(s, in), away;
    *first = isnan(*first) ? volume : *first;
    away = volume - *first;
    tally->volume += volume;
    tally->squares += volume * volume;
    tally->away += away;
    tally->away_squares += away * away;
    tally->items += (double)s->items / (n * ITEMS);
    double reported = reported_volume(s, in);
    tally->held += reported >= in->volume_low && reported <= in->volume_high;
    front_members(s->truth, n, s->problem.m, member, NULL);
    for (int t = 0; t < n; t++) {
        int bin = (int)fmin(in->confidence[t] * BINS, BINS - 1);
        tally->stopped += s->stopped[t];
        tally->wrong += s->stopped[t] && member[t];
        if (s->stopped[t])
            continue;
        tally->n[bin]++;
        tally->claimed[bin] += in->confidence[t];
        tally->right[bin] += member[t];
    }
    insight_destroy(in);
    mem_free(member);
}

/* first [seeds]: volumes of the first setting, NaN where there is none yet. */
static void run_setting(const char *cell, int seeds, int trials, double limit, double share, double *first)
{
    struct tally t = {0};
    for (int seed = 1; seed <= seeds; seed++) {
        struct search s;
        search_init(&s, cell, trials, (uint64_t)seed);
        search_run(&s, limit, share);
        if (share > 0)
            t.rounds += complete(&s);
        look(&s, &first[seed - 1], &t);
        search_fini(&s);
    }
    double n = seeds, mean = t.volume / n, away = t.away / n;
    printf("%-14s limit %.2f screen %.3f  items %.3f  volume %.4f +- %.4f  away %+.4f +- %.4f  in part %.1f, "
           "on the front "
           "%.1f  looks %.1f  held %.2f",
           cell, limit, share, t.items / n, mean, sqrt(fmax(t.squares / n - mean * mean, 0) / n), away,
           sqrt(fmax(t.away_squares / n - away * away, 0) / n), t.stopped / n, t.wrong / n, t.rounds / n,
           t.held / n);
    for (int b = 0; b < BINS; b++)
        printf("  %.2f/%.2f(%d)", t.claimed[b] / t.n[b], t.right[b] / t.n[b], t.n[b]);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 5 || atoi(argv[1]) < 1 || atoi(argv[3]) < 1) {
        fprintf(stderr, "usage: stopping SEEDS CELL TRIALS LIMIT[:SCREEN]...\n");
        return 2;
    }
    int seeds = atoi(argv[1]);
    double *first = mem_zero((size_t)seeds, sizeof *first);
    for (int i = 0; i < seeds; i++)
        first[i] = NAN;
    for (int i = 4; i < argc; i++) {
        const char *colon = strchr(argv[i], ':');
        run_setting(argv[2], seeds, atoi(argv[3]), atof(argv[i]), colon ? atof(colon + 1) : 0, first);
    }
    mem_free(first);
    return 0;
}
