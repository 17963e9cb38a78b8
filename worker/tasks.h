/* WHAT   The tasks of a bundle: items and a model in, scores out, a slice after another.
 * WHO    worker/native.
 * UNITS  As docs/EVALUATORS.md says of each metric.
 * MEMORY task_open and task_close; task_scores appends to `scores`, which scores_fini frees.
 * ERRORS ERR_INVALID (no items in that half, none that a metric is about), ERR_CANCELLED, ERR_TIMEOUT, ERR_EVALUATOR (also
 *        a score that is not defined).
 * STATE  Uses the caches of the models passed in.
 *
 * (1) A score of the items so far is computed from their values in the bundle's order: it is what it would be if the
 *     bundle had no other items, and the score of all items does not depend on the number of slices.
 * (2) Continuations of all tasks are written together, and likelihoods of all tasks computed together: a slice of one
 *     task is too small to keep the matrix products efficient. Nothing depends on what is computed beside it.
 *     (TASK_RTUNING and TASK_IDENTIFY, which ask again after each answer, go task by task.) */
#ifndef WORKER_TASKS_H
#define WORKER_TASKS_H

#include "worker/bleu.h"
#include "worker/bundle.h"
#include "worker/evaluator.h"
#include "worker/forward.h"
#include "worker/shard.h"

struct task_run {
    const struct bundle *bundle;
    const struct bundle_task *task;
    bool held_out;
    struct forward *model;
    struct forward *reward; /* TASK_REWARD alone */
    uint64_t seed;
    const struct stop *stop;
    struct shard shard; /* the items that are evaluated; zero: all */
    unsigned needed;    /* bit m: some objective names metric m of the task */
    bool keeps_texts;   /* what the model writes is wanted */
};

/* The most that is kept of an item: TASK_RTUNING's facts. */
#define TASK_COLUMNS_MAX BUNDLE_METRICS_MAX

/* One task of an evaluation. What belongs to an item is there when its slice was evaluated. */
struct task {
    struct task_run run;
    const struct bundle_item **items; /* [n] of the half and shard, in the bundle's order */
    size_t n;
    uint8_t *slice;                   /* [n] of slices.h */
    int done;                         /* slices */
    int until;                        /* those under way end before this one */
    double *values[TASK_COLUMNS_MAX]; /* [n] of each column (see task_columns) but BLEU */
    struct bleu_counts *counts;       /* [n]; NULL without BLEU */
    char **texts;                     /* [n] what the model wrote: TASK_GENERATE alone */
    struct task_text *kept; /* [n] of task_texts.h; NULL: no texts are wanted, or none are written */
    double *sums;           /* log-likelihoods of all choices, of tasks whose items have some … */
    size_t *first;          /* … [n] where those of each item begin */
};

int task_open(const struct task_run *run, int slices, struct task *task, struct err *err);
void task_close(struct task *task); /* zero is fine */

/* Evaluates the next `slices` slices of all n tasks, which share model, bundle and stop. Several at once take less time than
 * one after another: see (2). */
int tasks_slices(struct task *tasks, int n, int slices, struct err *err);

/* How many items were evaluated. */
size_t task_items_done(const struct task *task);

/* Appends a score of the items so far for each metric of the task. One that is not defined (an accuracy when nothing was
 * answered) is left out, or, where an objective needs it, ERR_EVALUATOR with a sentence that says why. */
int task_scores(const struct task *task, struct scores *scores, struct err *err);

/* ---- what is kept of an item: everything that its scores depend on ---- */

/* How many numbers; BLEU counts as one. */
int task_columns(const struct task *task);
const char *task_column_name(const struct task *task, int column);
bool task_column_is_bleu(const struct task *task, int column);

/* ---- what tasks_slices is made of ---- */

/* Is item i part of the slices under way? */
static inline bool task_due(const struct task *task, size_t i)
{
    return task->slice[i] >= task->done && task->slice[i] < task->until;
}

int tasks_write(struct task *tasks, int n, struct err *err);    /* TASK_GENERATE, TASK_REWARD */
int tasks_choose(struct task *tasks, int n, struct err *err);   /* TASK_CHOICE, TASK_LOGLIK */
int tasks_rtuning(struct task *tasks, int n, struct err *err);  /* TASK_RTUNING */
int tasks_identify(struct task *tasks, int n, struct err *err); /* TASK_IDENTIFY */

/* What the model answers to a question. */
struct reply {
    int32_t *made;    /* owned; NULL where it chose */
    struct ids words; /* made, or the choice's */
    char *text;       /* owned; what it wrote, NULL where it chose */
    int chosen;       /* -1 where it wrote */
    double
        confidence; /* geometric mean of the tokens' probabilities, of the stop where it wrote nothing; or the choice's
                        * probability among the choices */
    bool right; /* false where the question cannot be answered */
};

/* Answers all items that are due, greedily; replies[n], zero for the others. Free them after a failure too. */
int task_answer(const struct task *task, struct reply *replies, struct err *err);
/* Keeps what item i was answered, where texts are wanted. */
void task_keep_reply(struct task *task, size_t i, const struct reply *reply);
void replies_free(struct reply *replies, size_t n);

/* Parts of tasks.c for TASK_RTUNING. */
#define RTUNING_COLUMNS                                                                                      \
    3 /* "right", "confidence", and "sure", or "willing" where refusals are known by their words */
const char *rtuning_column_name(const struct task *task, int column);
int rtuning_check(const struct task *task, struct err *err); /* are there items for the metrics needed? */
int rtuning_scores(const struct task *task, struct scores *scores, struct err *err);

/* Appends an empty score of metric m of the task. */
struct score *task_add_score(const struct task *task, int m, struct scores *scores);

#endif
