/* How far the front's confidence can be trusted: whole bayes searches of the cells with noise (problems.h), and at their
 * end what insight says of every trial, beside the truth.
 *
 *   calibration SEEDS CELL…
 *
 * A line a cell and bin: cell, bin's ends, mean claimed confidence, share that is truly on the front of what was evaluated, n.
 * Then: precision of the raw front and of the front of posterior means; what both claim as hypervolume over
 * what their trials truly have, and how often the interval holds the latter (cells with the sweep's ends). */
#include "bench/optimizer/run.h"

#include "optimizer/front.h"
#include "optimizer/insight/insight.h"
#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 5 };

struct tally {
    double claimed[BINS], on_front[BINS], n[BINS];
    double raw_n, raw_right, mean_n,
        mean_right; /* members of the two fronts, and how many of them are right */
    double held, searches, raw_volume, raw_true, mean_volume, true_volume,
        rms; /* volumes: claimed, and of the truth */
};

struct search {
    struct problem made;
    struct opt_problem problem;
    struct opt_plan plan;
    struct opt_history history;
    struct opt_event *event;
    enum opt_state *state;
    double *ratios, *scores, *stderrs, *truth; /* [n][k], [n][m] … */
};

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "%s: %s\n", what, err ? err->text : "");
    exit(1);
}

static void search_init(struct search *s, const char *cell, uint64_t seed)
{
    struct err err = {0};
    *s = (struct search){0};
    if (problem_make(&s->made, cell, seed))
        die(cell, NULL);
    const struct cell *c = &s->made.cell;
    s->problem = run_search(&s->made, OPT_BAYES, false);
    if (opt_plan_make(&s->problem, &s->plan, &err))
        die(cell, &err);
    size_t n = (size_t)s->plan.trials, m = (size_t)c->m;
    s->state = mem_zero(n, sizeof *s->state);
    s->event = mem_zero(n, sizeof *s->event);
    s->ratios = mem_zero(n * (size_t)c->d, sizeof *s->ratios);
    s->scores = mem_zero(n * m, sizeof *s->scores);
    s->stderrs = mem_zero(n * m, sizeof *s->stderrs);
    s->truth = mem_zero(n * m, sizeof *s->truth);
    s->history = (struct opt_history){(int)n, s->state, s->ratios, s->scores, 0, s->event};
}

static void search_fini(struct search *s)
{
    mem_free(s->state);
    mem_free(s->event);
    mem_free(s->ratios);
    mem_free(s->scores);
    mem_free(s->stderrs);
    mem_free(s->truth);
}

static void score(struct search *s, int t)
{
    int m = s->problem.m;
    problem_truth(&s->made, &s->ratios[t * s->problem.k], &s->truth[t * m]);
    problem_score(&s->made, t, &s->ratios[t * s->problem.k], &s->scores[t * m]);
    for (int j = 0; j < m; j++)
        s->stderrs[t * m + j] = s->made.cell.noise[j];
    s->state[t] = OPT_DONE;
    s->event[s->history.events_n++] =
        (struct opt_event){t, OPT_EVENT_DONE, 1, &s->scores[t * m], &s->stderrs[t * m]};
}

/* Batches as the cell has them; a stream that must wait ends its batch. */
static void search_run(struct search *s, struct opt_model *model)
{
    int pending[64], waiting = 0;
    for (int stream = 0; stream < s->plan.streams_n;) {
        struct opt_proposal proposal;
        struct err err = {0};
        int code = opt_propose(&s->problem, &s->plan, &s->history, stream, model, &proposal, &err);
        if (code == 0) {
            int t = pending[waiting++] = proposal.trial;
            memcpy(&s->ratios[t * s->problem.k], proposal.ratios, (size_t)s->problem.k * sizeof *s->ratios);
            s->state[t] = OPT_PENDING;
            const struct opt_stream *own = &s->plan.streams[stream];
            stream += t == own->first + own->quota - 1;
        } else if (code != ERR_NOT_READY || waiting == 0) {
            die("opt_propose", &err);
        }
        if (code || waiting == s->made.cell.batch || stream == s->plan.streams_n)
            while (waiting > 0)
                score(s, pending[--waiting]);
    }
}

/* Of points [n][m] in units of the ends' scores, for comparison with struct insight; NaN without ends. */
static double volume_of(const struct search *s, const double *points, const bool *member)
{
    int m = s->problem.m, n = 0;
    double *mapped = mem_zero((size_t)(s->history.n * m), sizeof *mapped), reference[OPT_M_MAX], volume = NAN;
    for (int j = 0; j < m; j++) {
        double a = s->scores[j], b = s->scores[m + j];
        reference[j] = (s->problem.reference[j] - fmax(a, b)) / fabs(a - b);
    }
    for (int t = 0; t < s->history.n; t++) {
        if (!member[t])
            continue;
        for (int j = 0; j < m; j++) {
            double a = s->scores[j], b = s->scores[m + j];
            mapped[n * m + j] = (points[t * m + j] - fmax(a, b)) / fabs(a - b);
        }
        n++;
    }
    if (s->made.cell.sweep > 0)
        front_hypervolume(mapped, n, m, reference, &volume, NULL);
    mem_free(mapped);
    return volume;
}

static void compare(const struct search *s, const struct insight *in, struct tally *tally)
{
    int n = s->history.n, m = s->problem.m;
    bool *raw = mem_zero((size_t)n, sizeof *raw), *right = mem_zero((size_t)n, sizeof *right);
    front_members(s->scores, n, m, raw, NULL);
    front_members(s->truth, n, m, right, NULL);
    for (int t = 0; t < n; t++) {
        int bin = (int)fmin(in->confidence[t] * BINS, BINS - 1);
        tally->claimed[bin] += in->confidence[t];
        tally->on_front[bin] += right[t];
        tally->n[bin]++;
        tally->raw_n += raw[t];
        tally->raw_right += raw[t] && right[t];
        tally->mean_n += in->front[t];
        tally->mean_right += in->front[t] && right[t];
    }
    double volume = volume_of(s, s->truth, in->front);
    tally->held += volume >= in->volume_low && volume <= in->volume_high;
    tally->true_volume += volume;
    tally->raw_volume += volume_of(s, s->scores, raw);
    tally->raw_true += volume_of(s, s->truth, raw);
    tally->mean_volume += in->volume;
    for (int j = 0; j < m; j++)
        tally->rms += in->fit_rms[j] / m;
    tally->searches++;
    mem_free(raw);
    mem_free(right);
}

static void run_cell(const char *cell, int seeds)
{
    struct tally tally = {0};
    for (int seed = 1; seed <= seeds; seed++) {
        struct search s;
        struct insight *in;
        struct err err = {0};
        struct opt_model *model = opt_model_create();
        search_init(&s, cell, (uint64_t)seed);
        search_run(&s, model);
        if (insight_make(&s.problem, &s.plan, &s.history, model, &in, &err))
            die("insight_make", &err);
        compare(&s, in, &tally);
        insight_destroy(in);
        opt_model_destroy(model);
        search_fini(&s);
    }
    for (int b = 0; b < BINS; b++)
        printf("%-14s %.1f-%.1f  claimed %.3f  true %.3f  of %.0f\n", cell, 1.0 * b / BINS, (b + 1.0) / BINS,
               tally.claimed[b] / tally.n[b], tally.on_front[b] / tally.n[b], tally.n[b]);
    printf("%-14s precision: raw front %.3f, posterior means %.3f; leave-one-out %.3f\n", cell,
           tally.raw_right / tally.raw_n, tally.mean_right / tally.mean_n, tally.rms / tally.searches);
    if (!isnan(tally.true_volume))
        printf(
            "%-14s volume claimed over true: raw front %.4f, posterior means %.4f; interval holds it %.2f\n",
            cell, tally.raw_volume / tally.true_volume, tally.mean_volume / tally.true_volume,
            tally.held / tally.searches);
}

int main(int argc, char **argv)
{
    int seeds = argc > 2 ? atoi(argv[1]) : 0;
    if (seeds < 1) {
        fprintf(stderr, "usage: calibration SEEDS CELL...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        run_cell(argv[i], seeds);
    return 0;
}
