#include "worker/tasks.h"

#include "proto/mem.h"
#include "worker/metrics.h"
#include "worker/slices.h"
#include "worker/task_texts.h"

#include <assert.h>
#include <stdio.h>

static void choose_items(struct task *task)
{
    const struct bundle_task *all = task->run.task;
    size_t place = 0; /* in the half: a file whose halves take turns has no empty shards */
    task->items = mem_zero(all->items_n, sizeof *task->items);
    for (size_t i = 0; i < all->items_n; i++) {
        if (all->items[i].held_out == task->run.held_out && shard_has(&task->run.shard, place++))
            task->items[task->n++] = &all->items[i];
    }
}

static bool is_writing(enum task_type type)
{
    return type == TASK_GENERATE || type == TASK_REWARD || type == TASK_RTUNING || type == TASK_IDENTIFY;
}

static void make_room(struct task *task)
{
    size_t choices_n = 0;
    for (int c = 0; c < task_columns(task); c++) {
        if (task_column_is_bleu(task, c))
            task->counts = mem_zero(task->n, sizeof *task->counts);
        else
            task->values[c] = mem_zero(task->n, sizeof *task->values[c]);
    }
    if (task->run.task->type == TASK_GENERATE)
        task->texts = mem_zero(task->n, sizeof *task->texts);
    if (task->run.keeps_texts && is_writing(task->run.task->type))
        task->kept = mem_zero(task->n, sizeof *task->kept);
    task->first = mem_zero(task->n, sizeof *task->first);
    for (size_t i = 0; i < task->n; choices_n += (size_t)task->items[i++]->choices_n)
        task->first[i] = choices_n;
    if (choices_n)
        task->sums = mem_zero(choices_n, sizeof *task->sums);
}

static int refuse_empty(const struct task_run *run, struct err *err)
{
    const char *half = run->held_out ? "heldout" : "search";
    if (run->shard.of > 1)
        return err_set(err, ERR_INVALID, "task %s has no %s items in shard %d of %d; use fewer shards",
                       run->task->name, half, run->shard.index, run->shard.of);
    return err_set(err, ERR_INVALID, "task %s has no %s items; add some or leave its metrics out",
                   run->task->name, half);
}

int task_open(const struct task_run *run, int slices, struct task *task, struct err *err)
{
    *task = (struct task){.run = *run};
    choose_items(task);
    if (!task->n)
        return refuse_empty(run, err);
    task->slice = mem_zero(task->n, sizeof *task->slice);
    slices_deal(task->n, slices, task->slice);
    make_room(task);
    return run->task->type == TASK_RTUNING ? rtuning_check(task, err) : 0;
}

void task_close(struct task *task)
{
    for (size_t i = 0; task->texts && i < task->n; i++)
        mem_free(task->texts[i]);
    for (int c = 0; c < TASK_COLUMNS_MAX; c++)
        mem_free(task->values[c]);
    task_texts_free(task->kept, task->n);
    mem_free(task->texts);
    mem_free(task->counts);
    mem_free(task->sums);
    mem_free(task->first);
    mem_free(task->slice);
    mem_free(task->items);
    *task = (struct task){0};
}

int tasks_slices(struct task *tasks, int n, int slices, struct err *err)
{
    for (int t = 0; t < n; t++)
        tasks[t].until = tasks[t].done + slices;
    int rc = tasks_write(tasks, n, err);
    if (!rc)
        rc = tasks_choose(tasks, n, err);
    if (!rc)
        rc = tasks_rtuning(tasks, n, err);
    if (!rc)
        rc = tasks_identify(tasks, n, err);
    for (int t = 0; t < n && !rc; t++)
        tasks[t].done = tasks[t].until;
    return rc;
}

/* ---- columns ---- */

int task_columns(const struct task *task)
{
    return task->run.task->type == TASK_RTUNING ? RTUNING_COLUMNS : task->run.task->metrics_n;
}

const char *task_column_name(const struct task *task, int column)
{
    return task->run.task->type == TASK_RTUNING ? rtuning_column_name(task, column)
                                                : metric_name(task->run.task->metrics[column]);
}

bool task_column_is_bleu(const struct task *task, int column)
{
    return task->run.task->type != TASK_RTUNING && task->run.task->metrics[column] == METRIC_BLEU;
}

/* ---- scores ---- */

size_t task_items_done(const struct task *task)
{
    size_t n = 0;
    for (size_t i = 0; i < task->n; i++)
        n += task->slice[i] < task->done;
    return n;
}

/* Corpus BLEU of the items so far; values[n] become its pseudo-values. */
static double score_bleu(const struct task *task, double *values, size_t n)
{
    struct bleu_counts *counts = mem_zero(n, sizeof *counts);
    for (size_t i = 0, at = 0; i < task->n; i++) {
        if (task->slice[i] < task->done)
            counts[at++] = task->counts[i];
    }
    double whole = bleu_jackknife(counts, n, values);
    mem_free(counts);
    return whole;
}

static double score_mean(const struct task *task, int metric, double *values, size_t n)
{
    for (size_t i = 0, at = 0; i < task->n; i++) {
        if (task->slice[i] < task->done)
            values[at++] = task->values[metric][i];
    }
    return metrics_mean(values, n);
}

struct score *task_add_score(const struct task *task, int m, struct scores *scores)
{
    const struct bundle_task *about = task->run.task;
    scores->item = mem_grow(scores->item, scores->n + 1, sizeof *scores->item);
    struct score *score = &scores->item[scores->n++];
    *score = (struct score){0};
    snprintf(score->metric, sizeof score->metric, "%s.%s", about->name, metric_name(about->metrics[m]));
    return score;
}

int task_scores(const struct task *task, struct scores *scores, struct err *err)
{
    size_t n = task_items_done(task);
    assert(n > 0);
    if (task->run.task->type == TASK_RTUNING)
        return rtuning_scores(task, scores, err);
    for (int m = 0; m < task->run.task->metrics_n; m++) {
        struct score *score = task_add_score(task, m, scores);
        double *values = mem_zero(n, sizeof *values);
        score->mean =
            task_column_is_bleu(task, m) ? score_bleu(task, values, n) : score_mean(task, m, values, n);
        score->stderr_ = metrics_stderr(values, n);
        score->n = (int64_t)n;
        score->items = values;
        score->items_n = n;
    }
    return 0;
}
