#include "daemon/core/tally.h"

#include "daemon/core/search.h"
#include "optimizer/front.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define VOLUME_OBJECTIVES_MAX 4 /* front.h */
#define REFERENCE 0.1           /* a tenth of the endpoint range beyond the worse end, minimised */

/* Maps an objective to [0 = worse end, -1 = better end] of the sweep, minimised. */
struct scale {
    double sign[OPT_M_MAX];
    double worse[OPT_M_MAX]; /* minimised */
    double span[OPT_M_MAX];
    double reference[OPT_M_MAX]; /* in the mapped unit */
};

void tally_init(struct tally *tally)
{
    *tally = (struct tally){.revision = -1};
}

void tally_fini(struct tally *tally)
{
    mem_free(tally->front);
    mem_free(tally->history);
    mem_free(tally->history_front);
    *tally = (struct tally){0};
}

static double minimised(const struct search *search, enum half half, int number, int objective)
{
    double x = search_means(search, half, number)[objective];
    return search->spec.objectives[objective].minimise ? x : -x;
}

/* 1: a dominates b, -1: b dominates a, 0: neither. */
static int compare(const struct search *search, int a, int b)
{
    bool a_better = false, b_better = false;
    for (int j = 0; j < search->m; j++) {
        double x = minimised(search, HALF_SEARCH, a, j), y = minimised(search, HALF_SEARCH, b, j);
        a_better |= x < y;
        b_better |= y < x;
    }
    return a_better == b_better ? 0 : a_better ? 1 : -1;
}

/* Adds a point to a non-dominated set; false when the set already dominates it. front has room for one more.
 */
static bool front_add(const struct search *search, int *front, int *front_n, int number)
{
    int kept = 0;
    for (int i = 0; i < *front_n; i++) {
        int order = compare(search, front[i], number);
        if (order > 0) {
            assert(kept == i); /* a set that dominates the point loses nobody to it */
            return false;
        }
        if (order == 0)
            front[kept++] = front[i];
    }
    front[kept++] = number;
    *front_n = kept;
    return true;
}

void tally_add(struct search *search, int number)
{
    struct tally *tally = &search->tally;
    if (tally->front_n == tally->front_cap) {
        tally->front_cap = tally->front_cap ? 2 * tally->front_cap : 16;
        tally->front = mem_grow(tally->front, (size_t)tally->front_cap, sizeof *tally->front);
    }
    front_add(search, tally->front, &tally->front_n, number);
}

bool tally_on_front(const struct search *search, int number)
{
    for (int i = 0; i < search->tally.front_n; i++)
        if (search->tally.front[i] == number)
            return true;
    return false;
}

/* The end of the sweep with the ratios `end`; -1 when there is none or its half is not done. */
static int endpoint(const struct search *search, enum half half, const double *end)
{
    int number = search_sweep_trial(search, end);
    return number >= 0 && search->trials[number].job[half].state == TRIAL_DONE ? number : -1;
}

static bool scale_make(const struct search *search, enum half half, struct scale *scale)
{
    int low = endpoint(search, half, search->problem.low),
        high = endpoint(search, half, search->problem.high);
    if (low < 0 || high < 0 || search->m > VOLUME_OBJECTIVES_MAX)
        return false;
    for (int j = 0; j < search->m; j++) {
        const struct spec_objective *o = &search->spec.objectives[j];
        double a = minimised(search, half, low, j), b = minimised(search, half, high, j);
        scale->sign[j] = o->minimise ? 1 : -1;
        scale->worse[j] = fmax(a, b);
        scale->span[j] = a == b ? 1 : fabs(a - b);
        scale->reference[j] =
            o->has_reference ? (scale->sign[j] * o->reference - scale->worse[j]) / scale->span[j] : REFERENCE;
    }
    return true;
}

/* Hypervolume of the trials numbers[n]; NaN when the numbers do not allow one. */
static double volume(const struct search *search, enum half half, const struct scale *scale,
                     const int *numbers, int n)
{
    if (n == 0)
        return 0;
    int m = search->m;
    double *points = mem_zero((size_t)(n * m), sizeof *points); /* [n][m] */
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            points[i * m + j] = (minimised(search, half, numbers[i], j) - scale->worse[j]) / scale->span[j];
    double out = NAN;
    if (front_hypervolume(points, n, m, scale->reference, &out, NULL))
        out = NAN;
    mem_free(points);
    return out;
}

/* Numbers of the trials whose half is done, of the sweep alone or of all; into numbers [plan.trials]. */
static int collect(const struct search *search, enum half half, bool sweep_only, int *numbers)
{
    int n = 0;
    for (int s = 0; s < search->plan.streams_n; s++) {
        const struct opt_stream *stream = &search->plan.streams[s];
        if (sweep_only && stream->kind != OPT_SWEEP)
            continue;
        for (int i = 0; i < search->streams[s].proposed; i++)
            if (search->trials[stream->first + i].job[half].state == TRIAL_DONE)
                numbers[n++] = stream->first + i;
    }
    return n;
}

static bool has_sweep(const struct search *search)
{
    return search->problem.sweep_points > 0;
}

const struct tally_numbers *tally_numbers(struct search *search)
{
    struct tally *tally = &search->tally;
    if (tally->revision == search->revision)
        return &tally->numbers;
    /* while points are still being scored, the volume of those that are would be taken for the front's */
    bool has_heldout = search->state == SEARCH_DONE && search->count[HALF_HELDOUT][TRIAL_DONE] > 0;
    struct tally_numbers out = {NAN, NAN, NAN, NAN, has_heldout};
    int *numbers = mem_zero((size_t)search->plan.trials + 1, sizeof *numbers);
    struct scale scale;
    if (scale_make(search, HALF_SEARCH, &scale)) {
        out.hypervolume = volume(search, HALF_SEARCH, &scale, tally->front, tally->front_n);
        int n = collect(search, HALF_SEARCH, true, numbers);
        if (has_sweep(search))
            out.sweep_hypervolume = volume(search, HALF_SEARCH, &scale, numbers, n);
    }
    if (out.has_heldout && scale_make(search, HALF_HELDOUT, &scale)) {
        int n = collect(search, HALF_HELDOUT, false, numbers);
        out.heldout_hypervolume = volume(search, HALF_HELDOUT, &scale, numbers, n);
        n = collect(search, HALF_HELDOUT, true, numbers);
        if (has_sweep(search))
            out.heldout_sweep_hypervolume = volume(search, HALF_HELDOUT, &scale, numbers, n);
    }
    mem_free(numbers);
    tally->numbers = out;
    tally->revision = search->revision;
    return &tally->numbers;
}

const double *tally_history(struct search *search, int *n)
{
    struct tally *tally = &search->tally;
    int done = search->count[HALF_SEARCH][TRIAL_DONE];
    struct scale scale;
    *n = 0;
    if (done == 0 || !scale_make(search, HALF_SEARCH, &scale))
        return NULL;
    if (!tally->history) { /* once: a search has at most plan.trials of them */
        tally->history = mem_zero((size_t)search->plan.trials, sizeof *tally->history);
        tally->history_front = mem_zero((size_t)search->plan.trials, sizeof *tally->history_front);
    }
    for (; tally->history_n < done; tally->history_n++) {
        int i = tally->history_n;
        bool grew = front_add(search, tally->history_front, &tally->history_front_n, search->done_order[i]);
        tally->history[i] =
            grew || i == 0 ? volume(search, HALF_SEARCH, &scale, tally->history_front, tally->history_front_n)
                           : tally->history[i - 1];
    }
    *n = done;
    return tally->history;
}
