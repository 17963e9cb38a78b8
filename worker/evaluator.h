/* WHAT   One evaluation: ratios in, scores out. Two kinds behind one door: native (C, in memory) and command.
 * WHO    worker/session (a thread a slot).
 * UNITS  Seconds. Scores as in docs/EVALUATORS.md.
 * MEMORY open/close; scores are the caller's after evaluator_run (scores_fini).
 * ERRORS ERR_CANCELLED (`cancel` became true), ERR_TIMEOUT, ERR_EVALUATOR and those of merge/.
 *        An error is a failure of the trial, never a score.
 * STATE  Keeps checkpoints, bundle and reward model open between trials of the same search. One thread at a
 *        time. */
#ifndef WORKER_EVALUATOR_H
#define WORKER_EVALUATOR_H

#include "proto/err.h"
#include "proto/search_spec.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct score {
    char metric[128]; /* "facts.em" */
    double mean;
    double stderr_; /* NaN: not known */
    int64_t n;
    double *items; /* [items_n], in the bundle's order; NULL when there are none */
    size_t items_n;
};

struct scores {
    size_t n;
    struct score *item;
    double merge_s, evaluate_s;
    size_t
        effective_n; /* 0, or one a ratio: what was really applied (merge.h); NaN where there is no update */
    double effective[SPEC_RATIOS_MAX];
};
void scores_fini(struct scores *scores);

struct evaluator;

int evaluator_open(const struct search_spec *spec, const char *scratch_directory, struct evaluator **out,
                   struct err *err);
void evaluator_close(struct evaluator *evaluator);

/* The groups that the ratios belong to, in their order: the plan's, or "group 1", … without models. They live as long as
 * the evaluator. Gives how many. */
int evaluator_names(const struct evaluator *evaluator, const char *names[SPEC_RATIOS_MAX]);

struct evaluation {
    int64_t search;
    int trial;
    int attempt;
    const char *half; /* "search" or "heldout" */
    const double *ratios;
    int ratios_n;
    uint64_t seed;
    const atomic_bool *cancel; /* looked at at least once a second */
};
int evaluator_run(struct evaluator *evaluator, const struct evaluation *evaluation, struct scores *scores,
                  struct err *err);

#endif
