/* WHAT   The strategies as pure functions of the history: which trials a search has, and the ratios of the next one.
 * WHO    daemon (in a thread-pool thread); tests; bench.
 * UNITS  Ratios: weight of the tuned checkpoint. Scores: every objective MINIMISED (the caller flips signs).
 * MEMORY The caller's structs and arrays; nothing is kept between calls.
 * ERRORS ERR_INVALID (a bad setting, named), ERR_NOT_READY (see opt_propose), ERR_UNSUPPORTED (algorithm absent).
 * STATE  None: no clock, no I/O, no mutable global. Re-entrant.
 *
 * A search is divided into streams with a fixed quota of trials each, so a trial's number is known from (stream, step)
 * whatever the workers' timing is: number = stream.first + step. Phase 0 is the sweep; streams of phase 1 may use
 * the scores of phase 0 and their own, and nothing else. So the set of trials is the same however fast which
 * worker answers, and after any crash. */
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

enum opt_kind { OPT_SWEEP, OPT_HMA, OPT_SCALARIZE, OPT_SOBOL };

struct opt_problem {
    int k; /* ratios, 1 … OPT_K_MAX */
    int m; /* objectives, 1 … OPT_M_MAX */
    /* Each [k]. low == high: frozen. tie: the least index of the ratios that are one with this one, itself included;
     * tied ratios have the same range. At least one ratio is not frozen. */
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
    char algorithm[32];  /* "LN_COBYLA", with or without the NLOPT_ prefix */
    double initial_step; /* share of the widest range */
    uint64_t seed;
};

struct opt_stream {
    enum opt_kind kind;
    int phase;                 /* 0 or 1 */
    int first;                 /* number of its first trial */
    int quota;                 /* trials it has */
    bool adaptive;             /* a step needs the scores of the steps before it */
    double mean;               /* hma */
    double weights[OPT_M_MAX]; /* scalarize */
};

struct opt_plan {
    int streams_n;
    struct opt_stream streams[OPT_STREAMS_MAX];
    int trials; /* sum of the quotas = problem.trials */
};

enum opt_state { OPT_ABSENT, OPT_PENDING, OPT_DONE, OPT_FAILED };

/* What is known, an entry a trial number. */
struct opt_history {
    int n;                       /* = plan.trials */
    const enum opt_state *state; /* [n] */
    const double *ratios;        /* [n][k], meaningful unless ABSENT */
    const double *scores;        /* [n][m], minimised, finite when DONE */
};

/* Checks the problem and divides its budget: the sweep first, the rest over the streams as evenly as can be, earlier
 * ones with the extra trials; streams that would get none are left out. The sentence of an error names the field of
 * a search ("strategy.algorithm", …). */
int opt_plan_make(const struct opt_problem *problem, struct opt_plan *plan, struct err *err);

/* The ratios of the first ABSENT step of a stream. Source: replay of NLopt against the recorded scores (docs/OPTIMIZER.md).
 * Always within the ranges, tied ones with the same bits, on the slice of an hma stream (the mean of all k within 1e-12),
 * and never a point of phase 0 or of the stream itself. The first two steps of a sweep are all low and all high.
 * ERR_NOT_READY: phase 0 is not complete, an earlier step of an adaptive stream is not done, or the quota is used up.
 * Failed trials are shown to NLopt as the worst value known to the stream; NaN never is. ratios: [k]. */
int opt_propose(const struct opt_problem *problem, const struct opt_plan *plan,
                const struct opt_history *history, int stream, double *ratios, struct err *err);

/* Every algorithm NLopt has, for help and errors. i = 0 …; NULL after the last. *usable: can run a search here. */
const char *opt_algorithm_name(int i, bool *usable, const char **why_not);

#endif
