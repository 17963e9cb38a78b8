/* Tasks that ask how likely given continuations are: choices, and answers of another model. */
#include "worker/tasks.h"

#include "proto/mem.h"
#include "worker/likelihood.h"

static bool is_asked(const struct task *task)
{
    return task->run.task->type == TASK_CHOICE || task->run.task->type == TASK_LOGLIK;
}

/* What the slice asks of the model, task after task; the array is the caller's. */
static struct likelihood *gather(struct task *tasks, int n, size_t *asked_n)
{
    size_t most = 0;
    for (int t = 0; t < n; t++)
        most += is_asked(&tasks[t]) ? tasks[t].n : 0;
    struct likelihood *asked = mem_zero(most, sizeof *asked);
    *asked_n = 0;
    for (int t = 0; t < n; t++) {
        for (size_t i = 0; is_asked(&tasks[t]) && i < tasks[t].n; i++) {
            const struct bundle_item *item = tasks[t].items[i];
            if (task_due(&tasks[t], i))
                asked[(*asked_n)++] = (struct likelihood){&item->prompt, item->choices, item->choices_n,
                                                          tasks[t].sums + tasks[t].first[i]};
        }
    }
    return asked;
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

static void judge(struct task *task, size_t i)
{
    const struct bundle_item *item = task->items[i];
    const double *sums = task->sums + task->first[i];
    for (int m = 0; m < task->run.task->metrics_n; m++)
        task->values[m][i] = task->run.task->metrics[m] == METRIC_LOGLIK
                                 ? sums[0] / item->choices[0].n
                                 : chosen_right(item, sums, task->run.task->metrics[m] == METRIC_ACC_NORM);
}

int tasks_choose(struct task *tasks, int n, struct err *err)
{
    size_t asked_n;
    struct likelihood *asked = gather(tasks, n, &asked_n);
    int rc = asked_n ? likelihood_run(tasks[0].run.model, asked, asked_n, tasks[0].run.stop, err) : 0;
    for (int t = 0; t < n && !rc; t++) {
        for (size_t i = 0; is_asked(&tasks[t]) && i < tasks[t].n; i++) {
            if (task_due(&tasks[t], i))
                judge(&tasks[t], i);
        }
    }
    mem_free(asked);
    return rc;
}
