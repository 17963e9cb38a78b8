/* WHAT   The tasks of a bundle: items and a model in, scores out, a slice after another.
 * WHO    worker/native.
 * UNITS  As docs/EVALUATORS.md says of each metric.
 * MEMORY task_open and task_close; task_scores appends to `scores`, which scores_fini frees.
 * ERRORS ERR_INVALID (no items in that half), ERR_CANCELLED, ERR_TIMEOUT, ERR_EVALUATOR.
 * STATE  Uses the caches of the models passed in.
 *
 * (1) A score of the items so far is computed from their values in the bundle's order: it is what it would be if the
 *     bundle had no other items, and the score of all items does not depend on the number of slices.
 * (2) Continuations of all tasks are written together, and likelihoods of all tasks computed together: a slice of one
 *     task is too small to keep the matrix products efficient. Nothing depends on what is computed beside it. */
#ifndef WORKER_TASKS_H
#define WORKER_TASKS_H

#include "worker/bleu.h"
#include "worker/bundle.h"
#include "worker/evaluator.h"
#include "worker/forward.h"

struct task_run {
    const struct bundle *bundle;
    const struct bundle_task *task;
    bool held_out;
    struct forward *model;
    struct forward *reward; /* TASK_REWARD alone */
    uint64_t seed;
    const struct stop *stop;
};

/* One task of an evaluation. What belongs to an item is there when its slice was evaluated. */
struct task {
    struct task_run run;
    const struct bundle_item **items; /* [n] of the half, in the bundle's order */
    size_t n;
    uint8_t *slice;                     /* [n] of slices.h */
    int done;                           /* slices */
    int until;                          /* those under way end before this one */
    double *values[BUNDLE_METRICS_MAX]; /* [n] of each metric of the bundle's task but BLEU */
    struct bleu_counts *counts;         /* [n]; NULL without BLEU */
    char **texts;                       /* [n] what the model wrote: TASK_GENERATE alone */
    double *sums;  /* log-likelihoods of all choices: TASK_CHOICE and TASK_LOGLIK alone … */
    size_t *first; /* … [n] where those of each item begin */
};

int task_open(const struct task_run *run, int slices, struct task *task, struct err *err);
void task_close(struct task *task); /* zero is fine */

/* Evaluates the next `slices` slices of all n tasks, which share model, bundle and stop. Several at once take less time than
 * one after another: see (2). */
int tasks_slices(struct task *tasks, int n, int slices, struct err *err);

/* How many items were evaluated. */
size_t task_items_done(const struct task *task);

/* Appends a score of the items so far for each metric of the task. */
void task_scores(const struct task *task, struct scores *scores);

/* ---- what tasks_slices is made of ---- */

/* Is item i part of the slices under way? */
static inline bool task_due(const struct task *task, size_t i)
{
    return task->slice[i] >= task->done && task->slice[i] < task->until;
}

int tasks_write(struct task *tasks, int n, struct err *err);  /* TASK_GENERATE, TASK_REWARD */
int tasks_choose(struct task *tasks, int n, struct err *err); /* TASK_CHOICE, TASK_LOGLIK */

#endif
