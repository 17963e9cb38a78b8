#include "worker/tasks.h"

#include "proto/mem.h"
#include "worker/likelihood.h"
#include "worker/metrics.h"

#include <stdio.h>

const struct bundle_item **task_items(const struct task_run *run, size_t *n)
{
    const struct bundle_item **items = mem_zero(run->task->items_n, sizeof *items);
    *n = 0;
    for (size_t i = 0; i < run->task->items_n; i++) {
        if (run->task->items[i].held_out == run->held_out)
            items[(*n)++] = &run->task->items[i];
    }
    return items;
}

struct score *task_add(const struct task_run *run, enum metric metric, double *items, size_t n,
                       struct scores *scores)
{
    scores->item = mem_grow(scores->item, scores->n + 1, sizeof *scores->item);
    struct score *score = &scores->item[scores->n++];
    *score = (struct score){.mean = metrics_mean(items, n),
                            .stderr_ = metrics_stderr(items, n),
                            .n = (int64_t)n,
                            .items = items,
                            .items_n = n};
    snprintf(score->metric, sizeof score->metric, "%s.%s", run->task->name, metric_name(metric));
    return score;
}

int task_score(const struct task_run *run, struct scores *scores, struct err *err)
{
    static int (*const by_type[TASK_TYPES_N])(const struct task_run *, struct scores *, struct err *) = {
        [TASK_GENERATE] = task_generate,
        [TASK_CHOICE] = task_choice,
        [TASK_REWARD] = task_reward,
        [TASK_LOGLIK] = task_loglik,
    };
    size_t n;
    mem_free(task_items(run, &n));
    if (!n)
        return err_set(err, ERR_INVALID, "task %s has no %s items; add some or leave its metrics out",
                       run->task->name, run->held_out ? "heldout" : "search");
    int rc = by_type[run->task->type](run, scores, err);
    return rc ? err_prefix(err, rc, "task %s", run->task->name) : 0;
}

/* ---- choice and loglik ---- */

int task_sums(const struct task_run *run, const struct bundle_item **items, size_t n, double *sums,
              struct err *err)
{
    struct likelihood *asked = mem_zero(n, sizeof *asked);
    for (size_t i = 0; i < n; sums += items[i++]->choices_n)
        asked[i] = (struct likelihood){&items[i]->prompt, items[i]->choices, items[i]->choices_n, sums};
    int rc = likelihood_run(run->model, asked, n, run->stop, err);
    mem_free(asked);
    return rc;
}

/* 1 when the gold choice has the largest value, the first of ties. chars: divide by the choice's length. */
static double chosen_right(const struct bundle_item *item, const double *sums, bool chars)
{
    int best = 0;
    double most = 0;
    for (int c = 0; c < item->choices_n; c++) {
        double value = chars ? sums[c] / item->chars[c] : sums[c];
        if (c == 0 || value > most) {
            best = c;
            most = value;
        }
    }
    return best == item->gold;
}

int task_choice(const struct task_run *run, struct scores *scores, struct err *err)
{
    size_t n, choices_n = 0;
    const struct bundle_item **items = task_items(run, &n);
    for (size_t i = 0; i < n; i++)
        choices_n += (size_t)items[i]->choices_n;
    double *sums = mem_zero(choices_n, sizeof *sums);
    int rc = task_sums(run, items, n, sums, err);
    for (int m = 0; m < run->task->metrics_n && !rc; m++) {
        double *values = mem_zero(n, sizeof *values);
        const double *at = sums;
        for (size_t i = 0; i < n; at += items[i++]->choices_n)
            values[i] = chosen_right(items[i], at, run->task->metrics[m] == METRIC_ACC_NORM);
        task_add(run, run->task->metrics[m], values, n, scores);
    }
    mem_free(sums);
    mem_free(items);
    return rc;
}

int task_loglik(const struct task_run *run, struct scores *scores, struct err *err)
{
    size_t n;
    const struct bundle_item **items = task_items(run, &n);
    double *values = mem_zero(n, sizeof *values);
    int rc = task_sums(run, items, n, values, err);
    if (rc) {
        mem_free(values);
    } else {
        for (size_t i = 0; i < n; i++)
            values[i] /= items[i]->choices[0].n;
        task_add(run, METRIC_LOGLIK, values, n, scores);
    }
    mem_free(items);
    return rc;
}
