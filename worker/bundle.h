/* WHAT   An evaluation bundle: a folder with items in token ids and how to score them. docs/EVALUATORS.md has
 *        the format ("paretod-bundle-1").
 * WHO    worker/native, worker/tasks.
 * UNITS  Tokens.
 * MEMORY bundle_open allocates everything; bundle_close.
 * ERRORS ERR_IO, ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_INVALID: the sentence names file, line and field.
 * STATE  Immutable after open. */
#ifndef WORKER_BUNDLE_H
#define WORKER_BUNDLE_H

#include "merge/files/hash.h"
#include "proto/err.h"
#include "rtuning/match.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE_METRICS_MAX 8
#define BUNDLE_STOPS_MAX 8
#define BUNDLE_NAME_MAX 48

enum task_type {
    TASK_GENERATE,
    TASK_CHOICE,
    TASK_REWARD,
    TASK_LOGLIK,
    TASK_RTUNING,  /* does the model know what it knows? */
    TASK_IDENTIFY, /* which questions does it answer rightly? */
    TASK_TYPES_N
};

enum metric {
    METRIC_EM,
    METRIC_F1,
    METRIC_BLEU,
    METRIC_ACC,
    METRIC_ACC_NORM,
    METRIC_REWARD,
    METRIC_LOGLIK,
    METRIC_WILLING, /* the seven of rtuning/honesty, in its order */
    METRIC_ACCURACY,
    METRIC_REFUSAL,
    METRIC_OVER_REFUSAL,
    METRIC_AP,
    METRIC_ECE,
    METRIC_AUROC,
    METRIC_CERTAIN,
    METRIC_ENTROPY,
    METRIC_CONFIDENCE,
    METRICS_N
};
const char *metric_name(enum metric metric);

struct ids {
    int32_t *id;
    int n;
};

struct bundle_item {
    char *id;
    bool held_out;
    struct ids prompt;
    char **answers; /* generate, open questions of rtuning and identify: accepted texts */
    int answers_n;
    struct ids *
        choices; /* choice, questions with choices of rtuning and identify: all of them; loglik: the one answer */
    int choices_n;
    int *chars; /* choice: [choices_n] length in code points */
    int gold;   /* of the choices; -1: the question cannot be answered */
    /* rtuning */
    struct ids
        probe; /* what follows the answer, before sure or unsure; none where the task asks for neither */
    bool answerable;
    int known; /* base answers it rightly: 1, 0; -1: not said */
};

struct bundle_task {
    char name[BUNDLE_NAME_MAX];
    enum task_type type;
    enum metric metrics[BUNDLE_METRICS_MAX];
    int metrics_n;
    int max_new_tokens; /* of whatever writes */
    struct ids
        stops; /* a text ends before the first of these: stop_ids, and all tokens with stop_text in them */
    char *reward_model;      /* reward: directory */
    double temperature;      /* reward, identify */
    int samples;             /* reward: replies an item; identify: sampled answers an item, may be 0 */
    uint64_t seed;           /* reward, identify */
    enum match_rule match;   /* rtuning, identify: when an open answer is right */
    struct ids sure, unsure; /* rtuning: verdicts, whole; none: refusals are known by their words */
    double weight;           /* rtuning: of the answer's confidence, beside that in being sure */
    struct bundle_item *items;
    size_t items_n;
    int longest; /* most tokens of one sequence of the task, generated and shared ones included */
};

struct bundle {
    char *directory;
    char *name;
    char **vocab; /* [vocab_n] text of each token */
    int vocab_n;
    int32_t eos_id, pad_id;
    struct bundle_task *tasks;
    int tasks_n;
};

int bundle_open(const char *directory, struct bundle **out, struct err *err);
void bundle_close(struct bundle *bundle);

/* Of everything that scores depend on; not of where the bundle or a reward model lies. */
struct hash128 bundle_digest(const struct bundle *bundle);

/* The text of ids: their pieces one after another, without blanks at both ends. The caller's, mem_free. */
char *bundle_text(const struct bundle *bundle, const int32_t *ids, int n);

#endif
