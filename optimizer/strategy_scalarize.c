#include "optimizer/strategy.h"

#include "optimizer/front.h"
#include "optimizer/order.h"
#include "optimizer/sobol.h"
#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The smallest weight before the weights are made to sum to 1: an objective without one is not asked
 * about. */
#define WEIGHT_MIN 0.02

/* Two objectives: i / (n + 1). More: the centre, then gaps between sorted coordinates of a Sobol point, which
 * are uniform on the simplex (Devroye, "Non-Uniform Random Variate Generation", 1986, ch. V.4). */
void scalarize_weights(const struct opt_problem *problem, int index, int n, double *weights)
{
    int m = problem->m;
    if (m == 2) {
        weights[0] = (index + 1.0) / (n + 1);
        weights[1] = 1 - weights[0];
        return;
    }
    double cut[OPT_M_MAX + 1] = {0}, sum = 0;
    if (index == 0 || m == 1) {
        for (int j = 0; j < m; j++)
            weights[j] = 1.0 / m;
        return;
    }
    sobol_point(m - 1, (uint64_t)index, problem->seed, UINT64_C(0x77656967687473), cut + 1);
    cut[m] = 1;
    qsort(cut, (size_t)m + 1, sizeof *cut, order_doubles);
    for (int j = 0; j < m; j++) {
        weights[j] = fmax(cut[j + 1] - cut[j], WEIGHT_MIN);
        sum += weights[j];
    }
    for (int j = 0; j < m; j++)
        weights[j] /= sum;
}

struct scalarization {
    int m;
    const double *weights;
    double rho;
    double ideal[OPT_M_MAX], range[OPT_M_MAX];
};

/* Augmented Tchebycheff: max_j w_j u_j + rho * sum_j w_j u_j, u_j = (f_j - ideal_j) / (nadir_j - ideal_j).
 * Steuer and Choo 1983; rho > 0 keeps weakly efficient points out. */
static double tchebycheff(const void *arg, const double *scores)
{
    const struct scalarization *s = arg;
    double most = -INFINITY, sum = 0;
    for (int j = 0; j < s->m; j++) {
        double u = s->weights[j] * ((scores[j] - s->ideal[j]) / s->range[j]);
        most = fmax(most, u);
        sum += u;
    }
    return most + s->rho * sum;
}

/* Ideal and nadir of the front of the n done sweep points ([n][m]). Where they coincide the whole sweep's
 * range counts, and where that is nothing too (or nothing is known) the objective keeps its own unit. */
static void set_ranges(struct scalarization *s, const double *points, int n)
{
    bool *member = mem_zero((size_t)n + 1, sizeof *member);
    if (front_members(points, n, s->m, member, NULL))
        n = 0;
    for (int j = 0; j < s->m; j++) {
        double ideal = INFINITY, nadir = -INFINITY, worst = -INFINITY;
        for (int i = 0; i < n; i++) {
            double f = points[i * s->m + j];
            ideal = fmin(ideal, f);
            worst = fmax(worst, f);
            if (member[i])
                nadir = fmax(nadir, f);
        }
        double range = nadir > ideal ? nadir - ideal : worst - ideal;
        s->ideal[j] = isfinite(ideal) ? ideal : 0;
        s->range[j] = isfinite(range) && range > 0 ? range : 1;
    }
    mem_free(member);
}

static void learn_ranges(struct scalarization *s, const struct opt_plan *plan,
                         const struct opt_history *history)
{
    size_t row = sizeof(double) * (size_t)s->m;
    double *points = mem_zero((size_t)history->n + 1, row);
    int n = 0;
    for (int i = 0; i < plan->streams_n; i++) {
        const struct opt_stream *st = &plan->streams[i];
        for (int t = st->first; st->phase == 0 && t < st->first + st->quota; t++)
            if (history->state[t] == OPT_DONE)
                memcpy(&points[n++ * s->m], &history->scores[(size_t)t * (size_t)s->m], row);
    }
    set_ranges(s, points, n);
    mem_free(points);
}

/* The best sweep point by this scalarisation. With one objective every stream has the same weights, so all
 * but the first start elsewhere. */
static void choose_start(const struct opt_problem *problem, const struct opt_plan *plan,
                         const struct opt_history *history, const struct space *space, int stream,
                         const struct scalarization *s, double *start)
{
    int best = -1, index = 0;
    double least = INFINITY;
    for (int i = 0; i < plan->streams_n; i++) {
        const struct opt_stream *st = &plan->streams[i];
        index += st->phase == 1 && i < stream;
        for (int t = st->first; st->phase == 0 && t < st->first + st->quota; t++) {
            double value = history->state[t] == OPT_DONE
                               ? tchebycheff(s, &history->scores[(size_t)t * (size_t)s->m])
                               : INFINITY;
            if (value < least) {
                least = value;
                best = t;
            }
        }
    }
    if (best >= 0 && (problem->m > 1 || index == 0))
        memcpy(start, &history->ratios[(size_t)best * (size_t)problem->k],
               sizeof *start * (size_t)problem->k);
    else
        space_sample(space, problem->seed, (uint64_t)stream, 0, start);
}

int scalarize_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                      const struct opt_history *history, int stream, double *ratios, struct err *err)
{
    struct scalarization s = {.m = problem->m, .weights = plan->streams[stream].weights, .rho = problem->rho};
    learn_ranges(&s, plan, history);
    struct record record;
    int rc = record_init(&record, problem, plan, history, stream, tchebycheff, &s, err);
    if (rc)
        return rc;
    struct space space;
    space_box(&space, problem);
    double start[OPT_K_MAX], turn;
    choose_start(problem, plan, history, &space, stream, &s, start);
    /* Streams that start at one point must not all try the same first neighbours: streams do not see each
     * other, so the step differs by a factor of 0.75 … 1.25 (van der Corput's sequence). */
    sobol_plain(1, (uint64_t)stream, &turn);
    double step = problem->initial_step * space.width * (0.75 + 0.5 * turn);
    search_next(problem, plan, stream, &space, start, step, &record, ratios);
    record_fini(&record);
    return 0;
}
