#include "optimizer/model/known.h"

#include "optimizer/model/surrogate.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NEAR 1e-3
#define SERIES_NEAR 2000 /* points of the series that are looked at before mere newness is enough */
#define SERIES_MAX 1000000
/* "fill": apart from the series that the design takes its points from. */
#define STREAM_FILL UINT64_C(0x66696c6c)

void known_make(const struct opt_problem *problem, const struct opt_history *history,
                const struct space *space, int trial, struct known *out)
{
    struct rows rows;
    rows_make(problem, history, &rows);
    size_t most = (size_t)trial + 1;
    *out = (struct known){.d = space->n, .space = space};
    out->trial = mem_zero(most, sizeof *out->trial);
    out->pending = mem_zero(most, sizeof *out->pending);
    out->x = mem_zero(most * (size_t)space->n, sizeof *out->x);
    for (int t = 0; t < trial; t++) {
        if (history->state[t] == OPT_ABSENT)
            continue;
        out->trial[out->n] = t;
        out->pending[out->n] = rows.state[t] == ROW_PENDING;
        surrogate_x(space, &history->ratios[(size_t)t * (size_t)problem->k],
                    &out->x[(size_t)out->n * (size_t)space->n]);
        out->n++;
    }
    rows_fini(&rows);
}

void known_fini(struct known *known)
{
    if (!known)
        return;
    mem_free(known->trial);
    mem_free(known->pending);
    mem_free(known->x);
    *known = (struct known){0};
}

static bool within(const double *a, const double *b, int d, double distance)
{
    for (int i = 0; i < d; i++)
        if (fabs(a[i] - b[i]) > distance)
            return false;
    return true;
}

static bool any_within(const struct known *known, const double *x, double distance)
{
    for (int i = 0; i < known->n; i++)
        if (within(&known->x[(size_t)i * (size_t)known->d], x, known->d, distance))
            return true;
    return false;
}

bool known_near(const struct known *known, const double *x)
{
    return any_within(known, x, NEAR);
}

void known_fill(const struct known *known, uint64_t seed, int stream, double *ratios)
{
    double x[OPT_K_MAX];
    for (uint64_t i = 0; i < SERIES_MAX; i++) {
        space_sample(known->space, seed, STREAM_FILL + (uint64_t)stream, i, ratios);
        surrogate_x(known->space, ratios, x);
        if (!any_within(known, x, i < SERIES_NEAR ? NEAR : 0))
            return;
    }
    assert(!"the seeded series has run out of new points");
}
