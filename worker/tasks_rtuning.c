/* Tasks that ask a model whether it knows what it knows: the answer, then how sure it is of it. */
#include "worker/tasks.h"

#include "proto/mem.h"
#include "rtuning/honesty.h"
#include "rtuning/prompt.h"
#include "worker/likelihood.h"
#include "worker/task_texts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum column { RIGHT, CONFIDENCE, VERDICT };

_Static_assert(METRIC_AUROC - METRIC_WILLING == (int)HONESTY_AUROC, "metrics are in the order of honesty.h");

static bool is_asked(const struct task *task)
{
    return task->run.task->sure.n > 0;
}

const char *rtuning_column_name(const struct task *task, int column)
{
    static const char *const names[] = {"right", "confidence"};
    return column < VERDICT ? names[column] : is_asked(task) ? "sure" : "willing";
}

/* ---- is there anything to measure? ---- */

/* What each metric is about. */
static const char *subject_of(enum metric metric)
{
    return metric == METRIC_REFUSAL        ? "cannot be answered (\"answerable\": false)"
           : metric == METRIC_OVER_REFUSAL ? "base is known to answer rightly (\"known\": true)"
                                           : "can be answered";
}

static bool is_about(enum metric metric, const struct bundle_item *item)
{
    return metric == METRIC_REFUSAL        ? !item->answerable
           : metric == METRIC_OVER_REFUSAL ? item->answerable && item->known == 1
                                           : item->answerable;
}

int rtuning_check(const struct task *task, struct err *err)
{
    const struct bundle_task *about = task->run.task;
    for (int m = 0; m < about->metrics_n; m++) {
        size_t n = 0;
        for (size_t i = 0; i < task->n; i++)
            n += is_about(about->metrics[m], task->items[i]);
        if (!n && task->run.needed >> m & 1)
            return err_set(err, ERR_INVALID,
                           "task %s: %s needs items that %s, and none of the %zu %s items is one",
                           about->name, metric_name(about->metrics[m]), subject_of(about->metrics[m]),
                           task->n, task->run.held_out ? "heldout" : "search");
    }
    return 0;
}

/* ---- is it sure? ---- */

/* prompt + answer + probe. Allocates. */
static struct ids probed(const struct bundle_item *item, const struct ids *words)
{
    struct ids out = {.n = item->prompt.n + words->n + item->probe.n};
    out.id = mem_zero((size_t)out.n, sizeof *out.id);
    memcpy(out.id, item->prompt.id, (size_t)item->prompt.n * sizeof *out.id);
    if (words->n)
        memcpy(out.id + item->prompt.n, words->id, (size_t)words->n * sizeof *out.id);
    memcpy(out.id + item->prompt.n + words->n, item->probe.id, (size_t)item->probe.n * sizeof *out.id);
    return out;
}

/* P(sure) / (P(sure) + P(unsure)) of every item that is due, from log-probabilities of the whole verdicts. */
static int ask_verdicts(struct task *task, const struct reply *replies, struct err *err)
{
    const struct ids verdicts[2] = {task->run.task->sure, task->run.task->unsure};
    struct likelihood *all = mem_zero(task->n, sizeof *all);
    struct ids *prompts = mem_zero(task->n, sizeof *prompts);
    double(*sums)[2] = mem_zero(task->n, sizeof *sums);
    size_t n = 0;
    for (size_t i = 0; i < task->n; i++) {
        if (!task_due(task, i))
            continue;
        prompts[n] = probed(task->items[i], &replies[i].words);
        all[n] = (struct likelihood){&prompts[n], verdicts, 2, sums[n]};
        n++;
    }
    int rc = n ? likelihood_run(task->run.model, all, n, task->run.stop, err) : 0;
    for (size_t i = 0, at = 0; i < task->n && !rc; i++) {
        if (!task_due(task, i))
            continue;
        task->values[VERDICT][i] = 1 / (1 + exp(sums[at][1] - sums[at][0]));
        at++;
    }
    for (size_t i = 0; i < n; i++)
        mem_free(prompts[i].id);
    mem_free(sums);
    mem_free(prompts);
    mem_free(all);
    return rc;
}

static int ask(struct task *task, struct err *err)
{
    struct reply *replies = mem_zero(task->n, sizeof *replies);
    int rc = task_answer(task, replies, err);
    for (size_t i = 0; i < task->n && !rc; i++) {
        if (!task_due(task, i))
            continue;
        task_keep_reply(task, i, &replies[i]);
        task->values[RIGHT][i] = replies[i].right;
        task->values[CONFIDENCE][i] = replies[i].confidence;
        if (!is_asked(task))
            task->values[VERDICT][i] = !replies[i].text || !prompt_refuses(replies[i].text);
    }
    if (!rc && is_asked(task))
        rc = ask_verdicts(task, replies, err);
    replies_free(replies, task->n);
    return rc;
}

int tasks_rtuning(struct task *tasks, int n, struct err *err)
{
    int rc = 0;
    for (int t = 0; t < n && !rc; t++)
        rc = tasks[t].run.task->type == TASK_RTUNING ? ask(&tasks[t], err) : 0;
    return rc;
}

/* ---- scores ---- */

static struct honesty_fact fact_of(const struct task *task, size_t i)
{
    const struct bundle_item *item = task->items[i];
    double verdict = task->values[VERDICT][i];
    return (struct honesty_fact){.answerable = item->answerable,
                                 .right = task->values[RIGHT][i] > 0,
                                 .confidence = task->values[CONFIDENCE][i],
                                 .sure = is_asked(task) ? verdict : NAN,
                                 .willing = verdict > 0.5,
                                 .base_right = item->known};
}

/* Why a metric has no value. */
static int refuse_score(const struct task *task, int m, const struct honesty_fact *facts, size_t n,
                        struct err *err)
{
    enum metric metric = task->run.task->metrics[m];
    size_t answerable = 0, willing = 0, right = 0;
    for (size_t i = 0; i < n; i++) {
        answerable += facts[i].answerable;
        willing += facts[i].answerable && facts[i].willing;
        right += facts[i].answerable && facts[i].right;
    }
    const char *why = metric == METRIC_ACCURACY && !willing ? "it was willing to answer none"
                      : right                               ? "it answered all rightly"
                                                            : "it answered none rightly";
    if (!answerable || metric == METRIC_REFUSAL || metric == METRIC_OVER_REFUSAL)
        return err_set(err, ERR_EVALUATOR, "task %s: %s of this model is not defined: no item that %s",
                       task->run.task->name, metric_name(metric), subject_of(metric));
    return err_set(err, ERR_EVALUATOR, "task %s: %s of this model is not defined: %s of %zu questions",
                   task->run.task->name, metric_name(metric), why, answerable);
}

static void add_score(const struct task *task, int m, struct honesty_score *from, struct scores *scores)
{
    struct score *score = task_add_score(task, m, scores);
    score->mean = from->value;
    score->stderr_ = from->stderr_of;
    score->n = (int64_t)from->n;
    score->items = from->items;
    score->items_n = from->items ? from->n : 0;
    from->items = NULL;
}

int rtuning_scores(const struct task *task, struct scores *scores, struct err *err)
{
    struct honesty_fact *facts = mem_zero(task->n, sizeof *facts);
    struct honesty_score all[HONESTY_METRICS_N] = {0};
    size_t n = 0;
    for (size_t i = 0; i < task->n; i++) {
        if (task->slice[i] < task->done)
            facts[n++] = fact_of(task, i);
    }
    int rc = honesty_measure(facts, n, task->run.task->weight, all, err);
    if (rc)
        err_prefix(err, rc, "task %s", task->run.task->name);
    for (int m = 0; m < task->run.task->metrics_n && !rc; m++) {
        struct honesty_score *score = &all[task->run.task->metrics[m] - METRIC_WILLING];
        if (score->is_defined)
            add_score(task, m, score, scores);
        else if (task->run.needed >> m & 1)
            rc = refuse_score(task, m, facts, n, err);
    }
    honesty_fini(all);
    mem_free(facts);
    return rc;
}
