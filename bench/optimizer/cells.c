/* Ours on the cells of problems.c; ours.py runs it, bench/optimizer.sh prints what comes of it.
 *
 *   cells run CELL SEED [STRATEGY]     one JSON object: the true hypervolume after every evaluation, and the rest
 *   cells proposal N K [REPEATS]       one JSON object: a proposal with N recorded scores of K ratios, and memory */
#include "bench/optimizer/run.h"

#include "optimizer/front.h"
#include "optimizer/insight/insight.h"
#include "optimizer/order.h"
#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static double volume_of(const struct run *run, const double *points, int n)
{
    struct err err = {0};
    double volume = 0;
    if (n > 0 && front_hypervolume(points, n, run->search.m, run->problem.cell.reference, &volume, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return volume;
}

static struct insight *look(const struct run *run)
{
    struct insight *insight = NULL;
    struct err err = {0};
    if (insight_make(&run->search, &run->plan, &run->history, run->model, &insight, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return insight;
}

/* True hypervolume of the trials that ours calls the front. */
static double answer_volume(const struct run *run)
{
    struct insight *insight = look(run);
    size_t m = (size_t)run->search.m;
    double *points = mem_zero((size_t)run->told * m, sizeof *points);
    int n = 0;
    for (int t = 0; t < run->told; t++)
        if (insight->front[t])
            memcpy(&points[(size_t)n++ * m], &run->truth[(size_t)t * m], m * sizeof *points);
    double volume = volume_of(run, points, n);
    mem_free(points);
    insight_destroy(insight);
    return volume;
}

/* The farthest that a trial is outside its ranges, or off the mean if there is one. */
static double violation(const struct run *run)
{
    double worst = 0;
    int d = run->search.k;
    for (int t = 0; t < run->told; t++) {
        const double *x = &run->ratios[(size_t)t * (size_t)d];
        double sum = 0;
        for (int i = 0; i < d; i++) {
            sum += x[i];
            worst = fmax(worst, fmax(-x[i], x[i] - 1));
        }
        if (run->search.has_mean)
            worst = fmax(worst, fabs(sum / d - run->search.mean));
    }
    return worst;
}

static enum opt_kind kind_of(const char *strategy)
{
    static const char *const names[] = {"sweep", "hma", "scalarize", "sobol", "quadratic", "bayes"};
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(names[i], strategy) == 0)
            return (enum opt_kind)i;
    fprintf(stderr, "no strategy is called '%s'\n", strategy);
    exit(2);
}

static void run_cell(const char *cell, uint64_t seed, const char *strategy)
{
    struct run run;
    run_start(&run, cell, kind_of(strategy), seed);
    run_all(&run);
    const struct cell *c = &run.problem.cell;
    printf("{\"cell\":\"%s\",\"optimizer\":\"paretod/%s\",\"seed\":%llu,\"design\":%d,\"evaluations\":%d,"
           "\"hypervolume\":[",
           cell, strategy, (unsigned long long)seed, c->design, c->evaluations);
    for (int n = c->design; n <= c->evaluations; n++)
        printf("%s%.5g", n > c->design ? "," : "", volume_of(&run, run.truth, n));
    printf("],\"answer_hypervolume\":%.5g,\"seconds_per_proposal\":%.5g,\"violation\":%.5g}\n",
           answer_volume(&run), run.seconds / (c->evaluations - c->design), violation(&run));
    run_fini(&run);
}

static long rss_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Scores of an hma problem at Sobol points, then `repeats` proposals without a cache, and as many with one, each after
 * the score of the one before. */
static void proposal(int n, int k, int repeats)
{
    struct run run = {0};
    struct problem *p = &run.problem;
    *p = (struct problem){.cell = {"hma", k, 2, n, 0, n + repeats + 2, 1, {0.02, 0.02}, {0.1, 1.1}, -1}};
    problem_make_hma(p, k, 1);
    run_begin(&run, OPT_BAYES);
    double *cold = mem_zero((size_t)repeats, sizeof *cold), *warm = mem_zero((size_t)repeats, sizeof *warm);
    struct opt_model *model = run.model;
    run.model = NULL;
    struct opt_proposal unused;
    for (int i = 0; i < repeats; i++) {
        double start = cpu_seconds();
        run_peek(&run, &unused);
        cold[i] = cpu_seconds() - start;
    }
    run.model = model;
    run_ask(&run); /* fills the cache */
    double first = run.seconds;
    for (int i = 0; i < repeats; i++) {
        run_tell(&run);
        double start = cpu_seconds();
        run_ask(&run);
        warm[i] = cpu_seconds() - start;
    }
    qsort(cold, (size_t)repeats, sizeof *cold, order_doubles);
    qsort(warm, (size_t)repeats, sizeof *warm, order_doubles);
    printf("{\"n\":%d,\"k\":%d,\"cold_ms\":%.4g,\"first_ms\":%.4g,\"warm_ms\":%.4g,\"warm_max_ms\":%.4g,"
           "\"memory_mib\":%.4g}\n",
           n, k, cold[repeats / 2] * 1e3, first * 1e3, warm[repeats / 2] * 1e3, warm[repeats - 1] * 1e3,
           (double)rss_kib() / 1024);
    mem_free(cold);
    mem_free(warm);
    run_fini(&run);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "run") == 0 && argc > 3) {
        run_cell(argv[2], strtoull(argv[3], NULL, 10), argc > 4 ? argv[4] : "bayes");
    } else if (strcmp(what, "proposal") == 0 && argc > 3) {
        proposal((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10),
                 argc > 4 ? (int)strtol(argv[4], NULL, 10) : 5);
    } else {
        fprintf(stderr, "usage: cells run CELL SEED [STRATEGY] | proposal N K [REPEATS]\n");
        return 2;
    }
    return 0;
}
