/* Figures of the strategies without a model, and of the hypervolume; bench/optimizer.sh builds and runs it.
 *
 *   direct quality [k] [noise]   lines "name k noise mean se": hypervolume at 60 trials of an hma problem (problems.c)
 *   direct ask [k]               lines "algorithm k milliseconds": one opt_propose with 400 recorded scores
 *   direct volume                one line "milliseconds volume": n = 1000, m = 3, all on the front
 *   direct points                the 1000 points of `volume`, for another library
 *
 * Times are the least of many runs: what else the machine does can only add to them. */
#include "bench/optimizer/problems.h"
#include "optimizer/front.h"
#include "optimizer/optimizer.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUPS 3
#define TRIALS 60
#define SEEDS 40 /* as many as the peers get */

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* An hma problem with noise from one stream, in the order of the scores. */
struct synthetic {
    int k;
    struct problem problem;
    double noise; /* standard deviation of both scores */
    struct rng rng;
};

static void synthetic_init(struct synthetic *s, int k, double noise, uint64_t seed)
{
    *s = (struct synthetic){.k = k, .noise = noise};
    problem_make_hma(&s->problem, k, seed);
    rng_seed(&s->rng, seed, 3);
}

static double gauss(struct rng *rng)
{
    return sqrt(-2 * log(1 - rng_uniform(rng))) * cos(2 * M_PI * rng_uniform(rng));
}

/* In units of the two ends, reference -0.1 in each: ends are (0, 1) and (1, 0) by construction. */
static double volume_of(const double *scores, int n)
{
    const double reference[2] = {0.1, 1.1};
    double volume = 0;
    struct err err = {0};
    if (front_hypervolume(scores, n, 2, reference, &volume, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return volume;
}

struct search {
    struct opt_problem problem;
    struct opt_plan plan;
    struct opt_history history;
    enum opt_state *state;
    double *ratios, *scores, *truth;
};

static void search_init(struct search *s, const struct opt_problem *problem)
{
    struct err err = {0};
    *s = (struct search){.problem = *problem};
    if (opt_plan_make(problem, &s->plan, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    size_t n = (size_t)s->plan.trials;
    s->state = mem_zero(n, sizeof *s->state);
    s->ratios = mem_zero(n * (size_t)problem->k, sizeof(double));
    s->scores = mem_zero(n * 2, sizeof(double));
    s->truth = mem_zero(n * 2, sizeof(double));
    s->history = (struct opt_history){
        .n = s->plan.trials, .state = s->state, .ratios = s->ratios, .scores = s->scores};
}

static void search_fini(struct search *s)
{
    mem_free(s->state);
    mem_free(s->ratios);
    mem_free(s->scores);
    mem_free(s->truth);
}

static void score_trial(struct search *s, struct synthetic *f, int number)
{
    double *truth = &s->truth[2 * number], *scores = &s->scores[2 * number];
    problem_truth(&f->problem, &s->ratios[(size_t)number * (size_t)f->k], truth);
    for (int j = 0; j < 2; j++)
        scores[j] = truth[j] + f->noise * gauss(&f->rng);
    s->state[number] = OPT_DONE;
}

/* Runs at most `limit` trials of each stream. */
static void search_run(struct search *s, struct synthetic *f, int limit)
{
    struct err err = {0};
    for (int i = 0; i < s->plan.streams_n; i++) {
        const struct opt_stream *stream = &s->plan.streams[i];
        for (int step = 0; step < stream->quota && step < limit; step++) {
            int number = stream->first + step;
            struct opt_proposal proposal;
            if (opt_propose(&s->problem, &s->plan, &s->history, i, NULL, &proposal, &err)) {
                fprintf(stderr, "%s\n", err.text);
                exit(1);
            }
            memcpy(&s->ratios[(size_t)number * (size_t)f->k], proposal.ratios, sizeof(double) * (size_t)f->k);
            score_trial(s, f, number);
        }
    }
}

static struct opt_problem problem_of(enum opt_kind kind, const char *algorithm, int k, int trials,
                                     uint64_t seed)
{
    struct opt_problem p = {.k = k,
                            .m = 2,
                            .kind = kind,
                            .trials = trials,
                            .sweep_points = 11,
                            .means_n = 9,
                            .streams = 4,
                            .rho = 0.05,
                            .initial_step = 0.25,
                            .seed = seed};
    for (int i = 0; i < k; i++) {
        p.high[i] = 1;
        p.tie[i] = i;
    }
    for (int i = 0; i < p.means_n; i++)
        p.means[i] = (i + 1) / 10.0;
    snprintf(p.algorithm, sizeof p.algorithm, "%s", algorithm);
    return p;
}

/* `random`: the sweep's 11 points and uniform ratio vectors for the rest; `bare`: no sweep at all. */
static double random_volume(struct synthetic *f, int trials, bool bare, uint64_t seed)
{
    double *truth = mem_zero((size_t)trials * 2, sizeof *truth);
    struct rng rng;
    rng_seed(&rng, seed, 99);
    for (int t = 0; t < trials; t++) {
        double r[OPT_K_MAX];
        for (int i = 0; i < f->k; i++)
            r[i] = !bare && t < 11 ? t / 10.0 : rng_uniform(&rng);
        problem_truth(&f->problem, r, &truth[2 * t]);
    }
    double volume = volume_of(truth, trials);
    mem_free(truth);
    return volume;
}

static double strategy_volume(enum opt_kind kind, const char *algorithm, struct synthetic *f, uint64_t seed)
{
    struct opt_problem p = problem_of(kind, algorithm, f->k, TRIALS, seed);
    struct search s;
    search_init(&s, &p);
    search_run(&s, f, TRIALS);
    double volume = volume_of(s.truth, TRIALS);
    search_fini(&s);
    return volume;
}

static void quality_line(const char *name, int kind, const char *algorithm, int k, double noise)
{
    double sum = 0, squares = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct synthetic f;
        synthetic_init(&f, k, noise, seed);
        double v = kind < 0 ? random_volume(&f, TRIALS, kind == -2, seed)
                            : strategy_volume((enum opt_kind)kind, algorithm, &f, seed);
        sum += v;
        squares += v * v;
    }
    double mean = sum / SEEDS;
    printf("%s %d %g %.5f %.5f\n", name, k, noise, mean,
           sqrt(fmax(0, squares / SEEDS - mean * mean) / SEEDS));
}

static void quality(int k, double noise)
{
    quality_line("random", -2, "", k, noise);
    quality_line("random+sweep", -1, "", k, noise);
    quality_line("sweep", OPT_SWEEP, "LN_COBYLA", k, noise);
    quality_line("sobol", OPT_SOBOL, "LN_COBYLA", k, noise);
    static const char *const names[] = {"LN_COBYLA",     "LN_BOBYQA",  "LN_SBPLX",
                                        "LN_NELDERMEAD", "GN_CRS2_LM", "GN_DIRECT_L"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "hma/%s", names[i]);
        quality_line(line, OPT_HMA, names[i], k, noise);
        snprintf(line, sizeof line, "scalarize/%s", names[i]);
        quality_line(line, OPT_SCALARIZE, names[i], k, noise);
    }
}

static void ask(const char *algorithm, int k)
{
    struct synthetic f;
    synthetic_init(&f, k, 0, 1);
    struct opt_problem p = problem_of(OPT_SCALARIZE, algorithm, k, 11 + 401, 1);
    p.streams = 1;
    struct search s;
    search_init(&s, &p);
    search_run(&s, &f, 400);
    struct opt_proposal proposal;
    double best = INFINITY;
    for (double end = now_ms() + 300; now_ms() < end;) {
        double start = now_ms();
        opt_propose(&s.problem, &s.plan, &s.history, 1, NULL, &proposal, NULL);
        best = fmin(best, now_ms() - start);
    }
    printf("%s %d %.4f\n", algorithm, k, best);
    search_fini(&s);
}

/* On the sphere in the positive octant, so that all are on the front. [1000][3] */
static void sphere(double *points)
{
    struct rng rng;
    rng_seed(&rng, 5, 5);
    for (int i = 0; i < 1000; i++) {
        double length = 0;
        for (int j = 0; j < 3; j++) {
            points[3 * i + j] = fabs(gauss(&rng));
            length += points[3 * i + j] * points[3 * i + j];
        }
        for (int j = 0; j < 3; j++)
            points[3 * i + j] = 1 - points[3 * i + j] / sqrt(length);
    }
}

static void volume(bool print_points)
{
    static double points[3000];
    const double reference[3] = {1.1, 1.1, 1.1};
    double v = 0;
    sphere(points);
    for (int i = 0; print_points && i < 1000; i++)
        printf("%.17g %.17g %.17g\n", points[3 * i], points[3 * i + 1], points[3 * i + 2]);
    if (print_points)
        return;
    double best = INFINITY;
    for (double end = now_ms() + 500; now_ms() < end;) {
        double start = now_ms();
        front_hypervolume(points, 1000, 3, reference, &v, NULL);
        best = fmin(best, now_ms() - start);
    }
    printf("%.5f %.15g\n", best, v);
}

static int number_or(int argc, char **argv, int i, int otherwise)
{
    return argc > i ? (int)strtol(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "quality") == 0) {
        quality(number_or(argc, argv, 2, GROUPS), argc > 3 ? strtod(argv[3], NULL) : 0);
    } else if (strcmp(what, "ask") == 0) {
        static const char *const names[] = {"LN_COBYLA", "LN_BOBYQA", "LN_SBPLX", "GN_CRS2_LM"};
        for (size_t i = 0; i < 4; i++)
            ask(names[i], number_or(argc, argv, 2, 8));
    } else if (strcmp(what, "volume") == 0) {
        volume(false);
    } else if (strcmp(what, "points") == 0) {
        volume(true);
    } else {
        fprintf(stderr, "usage: direct quality [k] [noise] | ask [k] | volume | points\n");
        return 2;
    }
    return 0;
}
