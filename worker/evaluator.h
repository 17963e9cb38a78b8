/* WHAT   One evaluation: ratios in, scores out. Three kinds behind one door: native (C, in memory), command and resident
 *        (programs of the user's own).
 * WHO    worker/session (a thread a slot).
 * UNITS  Seconds. Scores as in docs/EVALUATORS.md.
 * MEMORY open/close; scores are the caller's after evaluator_run (scores_fini).
 * ERRORS ERR_CANCELLED (`cancel` became true), ERR_TIMEOUT, ERR_EVALUATOR and those of merge/.
 *        An error is a failure of the trial, never a score.
 * STATE  Keeps checkpoints, bundle, reward model and a resident program between trials of the same search. One thread,
 *        which must live until evaluator_close. */
#ifndef WORKER_EVALUATOR_H
#define WORKER_EVALUATOR_H

#include "proto/err.h"
#include "proto/search_spec.h"
#include "worker/shard.h"

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
    int slices,
        slices_done; /* fewer done than there are: the evaluation was ended, these are scores in part */
    int64_t items;   /* evaluated, of all tasks */
    int resumed; /* of slices_done: those that an earlier evaluation did; their items were not evaluated again … */
    int64_t resumed_items; /* … and are this many of `items` */
    char *state;           /* of an evaluation that was ended: JSON from which another goes on; NULL: none */
    char *written; /* of a whole one whose texts are wanted: JSON as proto/written.h has it; NULL: none */
};
void scores_fini(struct scores *scores);

struct evaluator;

int evaluator_open(const struct search_spec *spec, const char *scratch_directory, struct evaluator **out,
                   struct err *err);
void evaluator_close(struct evaluator *evaluator);

/* The groups that the ratios belong to, in their order: the plan's, or "group 1", … without models. They live as long as
 * the evaluator. Gives how many. */
int evaluator_names(const struct evaluator *evaluator, const char *names[SPEC_RATIOS_MAX]);

/* Who hears of an evaluation's slices. Called by the thread that evaluates. */
struct slice_hearer {
    void *ctx;
    /* Scores of all items so far, after every slice but the last; borrowed for the call, which must be short. */
    void (*hear)(void *ctx, const struct scores *scores);
    /* Shall the evaluation end with what it has? Waits wait_s at most for an answer that is on its way. */
    bool (*stop)(void *ctx, double wait_s);
    const atomic_bool
        *stopped; /* becomes true when it shall end within a slice, which is then lost; NULL: never */
};

/* What an earlier evaluation of the same trial left behind when it was ended. */
struct resume {
    int slices_done, slices; /* 0 of 0: there was none */
    int64_t items;           /* of the slices that are done */
    const char *state;       /* its scores' state */
};

struct evaluation {
    int64_t search;
    int trial;
    int attempt;
    const char *half; /* "search" or "heldout" */
    const double *ratios;
    int ratios_n;
    uint64_t seed;
    int repeat;         /* 0; 1 … when a trial is scored again, with a seed of its own */
    struct shard shard; /* of the items, that the trial evaluates; zero: all of them */
    int slices;         /* into how many it is cut; 0, 1: nothing is heard of it before its end */
    const struct slice_hearer *hearer; /* NULL: it is not cut */
    int stop_after; /* slices, fewer than all: the evaluation ends there, and nobody need be asked; 0: it is asked */
    struct resume
        resume; /* goes on from there, or, when it does not fit, begins anew and says so in the log */
    const atomic_bool *cancel; /* looked at at least once a second */
};
int evaluator_run(struct evaluator *evaluator, const struct evaluation *evaluation, struct scores *scores,
                  struct err *err);

/* Nobody has an evaluation at the moment; NULL is none. To be called every now and then: a program that has been idle for long is
 * ended, and the next evaluation starts it again. */
void evaluator_rest(struct evaluator *evaluator);

#endif
