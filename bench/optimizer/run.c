#include "bench/optimizer/run.h"

#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(int rc, const struct err *err)
{
    if (rc == 0)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

struct opt_problem run_search(const struct problem *problem, enum opt_kind kind, bool given)
{
    const struct cell *c = &problem->cell;
    struct opt_problem s = {.k = c->d,
                            .m = c->m,
                            .kind = kind,
                            .trials = given ? c->evaluations - c->design : c->evaluations,
                            .given = given ? c->design : 0,
                            .sweep_points = given ? 0 : c->sweep,
                            .design = given ? 0 : c->design - c->sweep,
                            .streams = 4,
                            .rho = 0.05,
                            .algorithm = "LN_COBYLA",
                            .initial_step = 0.25,
                            .has_mean = c->mean >= 0,
                            .mean = c->mean,
                            .seed = problem->seed};
    for (int i = 0; i < s.k; i++) {
        s.high[i] = 1;
        s.tie[i] = i;
    }
    for (int j = 0; j < s.m; j++) {
        s.has_reference[j] = true;
        s.reference[j] = c->reference[j];
    }
    return s;
}

void run_start(struct run *run, const char *cell, enum opt_kind kind, uint64_t seed)
{
    *run = (struct run){0};
    if (problem_make(&run->problem, cell, seed)) {
        fprintf(stderr, "no cell is called '%s'\n", cell);
        exit(2);
    }
    run_begin(run, kind);
}

void run_begin(struct run *run, enum opt_kind kind)
{
    struct err err = {0};
    const struct cell *c = &run->problem.cell;
    size_t n = (size_t)c->evaluations, d = (size_t)c->d, m = (size_t)c->m;
    run->search = run_search(&run->problem, kind, true);
    must(opt_plan_make(&run->search, &run->plan, &err), &err);
    run->model = opt_model_create();
    run->state = mem_zero(n, sizeof *run->state);
    run->ratios = mem_zero(n * d, sizeof(double));
    run->scores = mem_zero(n * m, sizeof(double));
    run->truth = mem_zero(n * m, sizeof(double));
    run->stderrs = mem_zero(m, sizeof(double));
    run->event = mem_zero(n, sizeof *run->event);
    for (size_t j = 0; j < m; j++)
        run->stderrs[j] = c->noise[j];
    run->history = (struct opt_history){.n = run->plan.trials,
                                        .state = run->state,
                                        .ratios = run->ratios,
                                        .scores = run->scores,
                                        .event = run->event};
    problem_design(&run->problem, run->ratios);
    run->asked = c->design;
    run_tell(run);
}

void run_fini(struct run *run)
{
    opt_model_destroy(run->model);
    mem_free(run->state);
    mem_free(run->ratios);
    mem_free(run->scores);
    mem_free(run->truth);
    mem_free(run->stderrs);
    mem_free(run->event);
}

/* The stream that has a trial, and so is asked for it. */
static int stream_of(const struct opt_plan *plan, int trial)
{
    for (int i = 0; i < plan->streams_n; i++)
        if (trial >= plan->streams[i].first && trial < plan->streams[i].first + plan->streams[i].quota)
            return i;
    fprintf(stderr, "trial %d has no stream\n", trial);
    exit(1);
}

void run_peek(const struct run *run, struct opt_proposal *proposal)
{
    struct err err = {0};
    int stream = stream_of(&run->plan, run->asked);
    must(opt_propose(&run->search, &run->plan, &run->history, stream, run->model, proposal, &err), &err);
}

void run_ask(struct run *run)
{
    struct opt_proposal proposal;
    int trial = run->asked;
    double start = cpu_seconds();
    run_peek(run, &proposal);
    run->seconds += cpu_seconds() - start;
    size_t d = (size_t)run->search.k;
    memcpy(&run->ratios[(size_t)trial * d], proposal.ratios, d * sizeof(double));
    run->state[trial] = OPT_PENDING;
    run->asked++;
}

void run_tell(struct run *run)
{
    for (; run->told < run->asked; run->told++) {
        int t = run->told;
        double *scores = &run->scores[(size_t)t * (size_t)run->search.m];
        const double *ratios = &run->ratios[(size_t)t * (size_t)run->search.k];
        problem_score(&run->problem, t, ratios, scores);
        problem_truth(&run->problem, ratios, &run->truth[(size_t)t * (size_t)run->search.m]);
        run->state[t] = OPT_DONE;
        run->event[t] = (struct opt_event){t, OPT_EVENT_DONE, 1, scores, run->stderrs};
    }
    run->history.events_n = run->told;
}

void run_all(struct run *run)
{
    const struct cell *c = &run->problem.cell;
    while (run->told < c->evaluations) {
        for (int i = 0; i < c->batch && run->asked < c->evaluations; i++)
            run_ask(run);
        run_tell(run);
    }
}
