#include "optimizer/strategy.h"

#include "optimizer/acquisition/maximise.h"
#include "optimizer/model/gain.h"
#include "optimizer/model/repeat.h"
#include "proto/mem.h"

#include <math.h>
#include <string.h>

#define CANDIDATES 128
/* A call takes as long as the square of the rows. */
#define MANY_ROWS 300
#define STARTS 24
#define STARTS_MANY 4
#define CALLS_MAX 60
#define CALLS_MAX_MANY 20

static int ask_model(const struct opt_problem *problem, const struct surrogate *surrogate,
                     const struct known *known, struct opt_proposal *out, struct err *err)
{
    struct gain gain;
    int rc = gain_make(problem, surrogate, known, out->trial, &gain, err);
    if (rc)
        return rc;
    bool many = surrogate->rows > MANY_ROWS;
    struct maximise_run run = {
        .space = known->space,
        .seed = problem->seed,
        .stream = (uint64_t)out->trial,
        .candidates = CANDIDATES,
        .starts = many ? STARTS_MANY : STARTS,
        .calls_max = many ? CALLS_MAX_MANY : CALLS_MAX,
        .good = gain.front,
        .good_n = gain.front_n,
        .value = gain_value,
        .values = gain_values,
        .taken = gain_taken,
        .arg = &gain,
    };
    double value = maximise(&run, out->ratios);
    if (isfinite(value)) {
        out->path = OPT_PATH_MODEL;
        out->gain = gain_volume(&gain, value);
    }
    gain_fini(&gain);
    return 0;
}

/* What the model says: a doubtful trial once more, or the point of greatest gain. */
static int follow_model(const struct opt_problem *problem, const struct opt_plan *plan,
                        const struct opt_history *history, const struct surrogate *surrogate,
                        const struct known *known, struct opt_proposal *out, struct err *err)
{
    size_t k = (size_t)problem->k;
    int again = repeat_choose(problem, plan, surrogate, known, out->trial);
    if (again < 0)
        return ask_model(problem, surrogate, known, out, err);
    out->path = OPT_PATH_REPEAT;
    out->repeat_of = again;
    memcpy(out->ratios, &history->ratios[(size_t)again * k], sizeof *out->ratios * k);
    return 0;
}

int bayes_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                  const struct opt_history *history, int stream, struct opt_model *model,
                  struct opt_proposal *out, struct err *err)
{
    struct opt_model *own = model ? NULL : opt_model_create();
    const struct surrogate *surrogate;
    struct space space;
    struct known known;
    strategy_space(&space, problem);
    known_make(problem, history, &space, out->trial, &known);
    out->path = OPT_PATH_FILL;
    int rc = surrogate_get(problem, plan, history, model ? model : own, &surrogate, err);
    if (!rc)
        rc = follow_model(problem, plan, history, surrogate, &known, out, err);
    if (rc == ERR_NOT_READY)
        rc = 0;
    if (!rc && out->path == OPT_PATH_FILL)
        known_fill(&known, problem->seed, stream, out->ratios);
    known_fini(&known);
    opt_model_destroy(own);
    return rc;
}
