/* WHAT   The strategies as pure functions of the history: which trials a search has, and the ratios of the next one.
 * WHO    daemon (in a thread of its own); tests; bench.
 * UNITS  Ratios: weight of the tuned checkpoint. Scores: every objective MINIMISED (the caller flips signs).
 * MEMORY The caller's structs and arrays; nothing is kept between calls.
 * ERRORS ERR_INVALID (a bad setting, named), ERR_NOT_READY (see opt_propose), ERR_UNSUPPORTED (algorithm absent).
 * STATE  None: no clock, no I/O, no mutable global. Re-entrant. struct opt_model is a cache: with or without one, fresh or
 *        old, every answer has the same bits.
 *
 * A search is divided into streams with a fixed quota of trials each, so a trial's number is known from (stream, step)
 * whatever the workers' timing is: number = stream.first + step. Phase 0 is what was given and the sweep. Streams of phase 1
 * are of two kinds:
 *   direct    (hma, scalarize, sobol, identify) use the scores of phase 0 and their own, and nothing else. So the set of
 *             trials is the same however fast which worker answers, and after any crash.
 *   modelled  (quadratic, bayes) use everything that is known when they are asked. That is the first `events_n` events (the
 *             watermark) and the ratios of the trials with lower numbers; those of them that are not settled by these
 *             events are pending. The proposal is a function of (problem, trial number, events before the watermark), so who
 *             keeps the events in order and the watermark of each trial can derive every ratio again, bit for bit. */
#ifndef OPTIMIZER_OPTIMIZER_H
#define OPTIMIZER_OPTIMIZER_H

#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPT_K_MAX 64
#define OPT_M_MAX 8
#define OPT_STREAMS_MAX 64
#define OPT_MEANS_MAX 32

enum opt_kind {
    OPT_SWEEP,
    OPT_HMA,
    OPT_SCALARIZE,
    OPT_SOBOL,
    OPT_QUADRATIC,
    OPT_BAYES,
    OPT_IDENTIFY,
    OPT_GIVEN
};

struct opt_problem {
    int k; /* ratios, 1 … OPT_K_MAX */
    int m; /* objectives, 1 … OPT_M_MAX */
    /* Each [k]. low == high: frozen. tie: the least index of the ratios that are one with this one, itself included;
     * tied ratios have the same range. At least one ratio is not frozen, but for OPT_IDENTIFY. */
    double low[OPT_K_MAX], high[OPT_K_MAX];
    int tie[OPT_K_MAX];
    enum opt_kind kind;
    int trials;       /* budget, sweep points included; with OPT_SWEEP, the points of the grid */
    int sweep_points; /* 0, or 2 …: ratios as equal as their ranges allow, from all low to all high, both ends
                         included; shrinks with the budget */
    double means[OPT_MEANS_MAX]; /* hma: of all k ratios, frozen ones included */
    int means_n;
    int alignment;       /* objective that hma minimises (already sign-flipped) */
    int streams;         /* scalarize */
    double rho;          /* scalarize */
    double ratio;        /* identify: of every ratio that is not frozen */
    char algorithm[32];  /* "LN_COBYLA", with or without the NLOPT_ prefix */
    double initial_step; /* share of the widest range */
    int given; /* trials that came with the search, scored elsewhere: numbers 0 … given - 1, beside the budget */
    bool has_mean; /* quadratic, bayes: every trial but the sweep's has this mean of all k ratios */
    double mean;
    int design; /* quadratic, bayes: evenly spread trials before the model is asked; -1: as many as suit k */
    double repeats; /* bayes: largest share of the budget that scores doubtful trials again, 0 … 0.5 */
    bool has_reference[OPT_M_MAX];
    double reference
        [OPT_M_MAX]; /* of the hypervolume, minimised; without: a tenth of the ends' range beyond the worse */
    uint64_t seed;
};

struct opt_stream {
    enum opt_kind kind;
    int phase;                 /* 0 or 1 */
    int first;                 /* number of its first trial */
    int quota;                 /* trials it has */
    bool adaptive;             /* direct: a step needs the scores of the steps before it */
    bool modelled;             /* see above; never adaptive too */
    double mean;               /* hma */
    double weights[OPT_M_MAX]; /* scalarize */
};

struct opt_plan {
    int streams_n;
    struct opt_stream streams[OPT_STREAMS_MAX];
    int trials; /* sum of the quotas = problem.given + problem.trials */
};

enum opt_state { OPT_ABSENT, OPT_PENDING, OPT_DONE, OPT_FAILED };

/* What became known of a trial, in the order in which it did. A trial is settled by DONE, STOPPED and FAILED, and pending
 * otherwise. */
enum opt_event_kind {
    OPT_EVENT_SLICE,    /* scored in part; it goes on */
    OPT_EVENT_DONE,     /* scored as a whole */
    OPT_EVENT_STOPPED,  /* scored in part and given up */
    OPT_EVENT_REOPENED, /* a stopped one goes on: pending again, and what is known of it stays known */
    OPT_EVENT_FAILED,   /* no score; its ratios are not proposed again */
};

struct opt_event {
    int trial;
    enum opt_event_kind kind;
    double share;        /* of the items that are scored: 1 when DONE; 0 < share < 1 with SLICE and STOPPED */
    const double *means; /* [m] minimised, finite, over the scored items; NULL with REOPENED and FAILED */
    const double *stderrs; /* [m] of these means, NaN = unknown; NULL as above */
};

/* What is known, an entry a trial number. */
struct opt_history {
    int n;                         /* = plan.trials */
    const enum opt_state *state;   /* [n] */
    const double *ratios;          /* [n][k], meaningful unless ABSENT */
    const double *scores;          /* [n][m], minimised, finite when DONE */
    int events_n;                  /* the watermark; direct strategies look at state and scores instead */
    const struct opt_event *event; /* [events_n] */
};

/* How a proposal came to be. */
enum opt_path {
    OPT_PATH_DIRECT, /* sweep, sobol, or replayed NLopt */
    OPT_PATH_DESIGN, /* spread evenly before a model is asked */
    OPT_PATH_MODEL,  /* the best of the acquisition function */
    OPT_PATH_REPEAT, /* a doubtful trial once more */
    OPT_PATH_FILL,   /* the model has nothing to say (too few scores) or nothing new */
};

struct opt_proposal {
    int trial;     /* its number */
    int watermark; /* events that it rests on; 0 for direct streams */
    enum opt_path path;
    int repeat_of; /* the trial whose ratios it has, -1 */
    double gain;   /* modelled: expected gain in hypervolume (insight.h's unit), NaN when not known */
    double ratios[OPT_K_MAX]; /* [k] */
};

/* Fits and factors of earlier calls. One caller at a time; one search each. NULL is allowed wherever one is taken. */
struct opt_model;
struct opt_model *opt_model_create(void);
void opt_model_destroy(struct opt_model *model);

/* Checks the problem and divides its budget: the sweep first, the rest over the streams as evenly as can be, earlier
 * ones with the extra trials; streams that would get none are left out. The sentence of an error names the field of
 * a search ("strategy.algorithm", …). */
int opt_plan_make(const struct opt_problem *problem, struct opt_plan *plan, struct err *err);

/* Where trials are scored in part at first, this one is scored as a whole all the same: the ends of the sweep, against which
 * everything is read, and a few more, by which partial scores are read (model/slices.h). A function of the plan alone. */
bool opt_plan_is_anchor(const struct opt_plan *plan, int trial);

/* The proposal for the first ABSENT step of a stream. Source: replay of NLopt against the recorded scores, Gaussian processes
 * (docs/OPTIMIZER.md). Always within the ranges, tied ones with the same bits, on the slice of an hma stream and of
 * problem.mean (the mean of all k within 1e-12). Direct: never a point of phase 0 or of the stream itself; modelled: never a
 * known or pending point, but for OPT_PATH_REPEAT. Identify: one point for all trials. The first two steps of a sweep are all
 * low and all high.
 * ERR_NOT_READY: phase 0 is not settled, an earlier step of an adaptive stream is not done, the design of a modelled stream's
 * search is not proposed yet, or the quota is used up.
 * Failed trials are shown to NLopt as the worst value known to the stream, to a model not at all; NaN never is.
 * model: may be NULL. */
int opt_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                const struct opt_history *history, int stream, struct opt_model *model,
                struct opt_proposal *proposal, struct err *err);

/* Every algorithm NLopt has, for help and errors. i = 0 …; NULL after the last. *usable: can run a search here. */
const char *opt_algorithm_name(int i, bool *usable, const char **why_not);

#endif
