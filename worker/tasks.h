/* WHAT   The tasks of a bundle: items and a model in, scores out. A file a type of task.
 * WHO    worker/native.
 * UNITS  As docs/EVALUATORS.md says of each metric.
 * MEMORY Appends to `scores`; scores_fini frees.
 * ERRORS ERR_INVALID (no items in that half), ERR_CANCELLED, ERR_TIMEOUT, ERR_EVALUATOR.
 * STATE  Uses the caches of the models passed in. */
#ifndef WORKER_TASKS_H
#define WORKER_TASKS_H

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

/* Appends a score for each metric of the task; items in the bundle's order. */
int task_score(const struct task_run *run, struct scores *scores, struct err *err);

/* What task_score is made of. */
int task_generate(const struct task_run *run, struct scores *scores, struct err *err);
int task_choice(const struct task_run *run, struct scores *scores, struct err *err);
int task_loglik(const struct task_run *run, struct scores *scores, struct err *err);
int task_reward(const struct task_run *run, struct scores *scores, struct err *err);

/* The task's items of the half, and how many. The array is the caller's (mem_free). */
const struct bundle_item **task_items(const struct task_run *run, size_t *n);

/* Appends "task.metric" with items[n] (taken) and their mean and standard error; returns it until the next call. */
struct score *task_add(const struct task_run *run, enum metric metric, double *items, size_t n,
                       struct scores *scores);

/* For tests: greedy continuations of a task's items as task_generate makes them. texts: [n], each the caller's. */
int task_texts(const struct task_run *run, const struct bundle_item **items, size_t n, char **texts,
               struct err *err);
/* For tests: summed log-likelihoods of all choices, item after item. sums: [sum of choices_n]. */
int task_sums(const struct task_run *run, const struct bundle_item **items, size_t n, double *sums,
              struct err *err);

#endif
