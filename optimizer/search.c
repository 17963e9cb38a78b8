#include "optimizer/algorithm.h"
#include "optimizer/nlopt_replay.h"
#include "optimizer/strategy.h"

#include "proto/rng.h"

#include <assert.h>
#include <string.h>

/* Runs that asked for nothing new before the rest of the quota is filled from the seeded series. */
#define BARREN_RUNS_MAX 8
/* Trials closer than this share of the widest range are one trial to any evaluation. */
#define TOLERANCE 1e-3
#define SERIES_MAX 1000000

struct asking {
    const struct space *space;
    struct record *record;
    double *ratios; /* of the proposal */
    bool found;
};

static enum replay_answer ask(void *arg, const double *z, double *value)
{
    struct asking *a = arg;
    double ratios[OPT_K_MAX];
    space_map(a->space, z, ratios);
    enum record_answer answer = record_ask(a->record, ratios, value);
    if (answer == RECORD_KNOWN)
        return REPLAY_GO_ON;
    if (answer == RECORD_NEW) {
        memcpy(a->ratios, ratios, sizeof *ratios * (size_t)a->space->k);
        a->found = true;
    }
    return REPLAY_STOP;
}

/* A quota is an int up to 100,000, and ORIG_DIRECT allocates for every call back it may make. */
static int calls_limit(int quota)
{
    return quota < 49750 ? 4 * quota + 1000 : 200000;
}

static uint64_t run_seed(uint64_t seed, int stream, int run)
{
    struct rng rng;
    rng_seed(&rng, seed, ((uint64_t)(unsigned)stream << 32) + (unsigned)run);
    return rng_u64(&rng);
}

static void fill_from_series(const struct space *space, uint64_t seed, int stream,
                             const struct record *record, double *ratios)
{
    /* The record has fewer points than the series has distinct ones; the bound is against a defect here. */
    for (uint64_t i = 0; i < SERIES_MAX; i++) {
        space_sample(space, seed, (uint64_t)stream, i, ratios);
        if (record_find(record, ratios) < 0)
            return;
    }
    assert(!"the seeded series has run out of new points");
}

/* A difference must fit into its coordinate's box to one side or the other. Where one range serves all groups it is left
 * as it is: searches of that kind are on record. */
static void set_differences(const struct space *space, double step, double *difference)
{
    for (int i = 0; i < space->d; i++) {
        double half = (space->z_upper[i] - space->z_lower[i]) / 2;
        difference[i] = space->plain || step < half ? step : half;
    }
}

void search_next(const struct opt_problem *problem, const struct opt_plan *plan, int stream,
                 const struct space *space, const double *start, double step, struct record *record,
                 double *ratios)
{
    struct algorithm algorithm;
    int rc = algorithm_find(problem->algorithm, space->d, &algorithm, NULL);
    assert(rc == 0 && "opt_plan_make has checked it");
    int quota = plan->streams[stream].quota;
    double tolerance = TOLERANCE * space->width, z[OPT_K_MAX], from[OPT_K_MAX], difference[OPT_K_MAX];
    set_differences(space, step / 10, difference);
    struct asking asking = {.space = space, .record = record, .ratios = ratios};
    struct replay_run run = {
        .algorithm = algorithm.name,
        .local = algorithm.local,
        .gradient = algorithm.gradient,
        .d = space->d,
        .lower = space->z_lower,
        .upper = space->z_upper,
        .start = z,
        .step = step,
        .tolerance = tolerance < step / 20 ? tolerance : step / 20,
        .difference = difference,
        .population = algorithm_population(&algorithm, space->d, quota),
        .calls_max = calls_limit(quota),
        .ask = ask,
        .arg = &asking,
    };
    memcpy(from, start, sizeof *from * (size_t)space->k);
    for (int r = 0, barren = 0; barren < BARREN_RUNS_MAX; r++) {
        int before = record->cursor;
        if (r > 0)
            space_sample(space, problem->seed, (uint64_t)stream, (uint64_t)r, from);
        space_inverse(space, from, z);
        run.seed = run_seed(problem->seed, stream, r);
        nlopt_replay(&run);
        if (asking.found)
            return;
        barren += record->cursor == before;
    }
    fill_from_series(space, problem->seed, stream, record, ratios);
}
