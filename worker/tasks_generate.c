/* Tasks that let the model write: texts judged by EM, F1 or BLEU, and replies judged by a reward model. */
#include "worker/tasks.h"

#include "proto/mem.h"
#include "worker/generate.h"
#include "worker/likelihood.h"
#include "worker/metrics.h"
#include "worker/task_texts.h"

#include <string.h>

/* What one task adds to the continuations of a slice: all[first …], item after item, `samples` of each. */
struct part {
    struct task *task;
    struct generation_rules rules;
    size_t samples, first, n;
};

/* The tasks that write and have items in this slice, those of the longest texts first: the short ones then fill the seats
 * that become free. The array is the caller's. */
static struct part *divide(struct task *tasks, int n, int *parts_n)
{
    struct part *parts = mem_zero((size_t)n, sizeof *parts);
    *parts_n = 0;
    for (int t = 0; t < n; t++) {
        const struct bundle_task *about = tasks[t].run.task;
        struct part part = {.task = &tasks[t],
                            .rules = {tasks[t].run.bundle->vocab_n, about->stops.id, about->stops.n},
                            .samples = about->type == TASK_REWARD ? (size_t)about->samples : 1};
        if (about->type != TASK_GENERATE && about->type != TASK_REWARD)
            continue;
        for (size_t i = 0; i < tasks[t].n; i++)
            part.n += task_due(&tasks[t], i) ? part.samples : 0;
        int at = part.n ? (*parts_n)++ : 0;
        for (; part.n && at > 0 && parts[at - 1].task->run.task->max_new_tokens < about->max_new_tokens; at--)
            parts[at] = parts[at - 1];
        if (part.n)
            parts[at] = part;
    }
    return parts;
}

/* `samples` generations of every item of the slice, with room for what they make. Greedy when the task has no
 * temperature. */
static void prepare(const struct part *part, struct generation *out)
{
    const struct task *task = part->task;
    const struct bundle_task *about = task->run.task;
    size_t most = (size_t)about->max_new_tokens, samples = part->samples;
    for (size_t i = 0; i < task->n; i++) {
        const struct bundle_item *item = task->items[i];
        for (size_t s = 0; task_due(task, i) && s < samples; s++, out++) {
            *out = (struct generation){.rules = &part->rules,
                                       .prompt = item->prompt.id,
                                       .prompt_n = item->prompt.n,
                                       .max_new = about->max_new_tokens,
                                       .temperature = about->temperature,
                                       .made = mem_zero(most, sizeof *out->made)};
            /* The stream is the item's place in its file and the sample: every trial draws with the same numbers. */
            uint64_t place = (uint64_t)(item - about->items);
            rng_seed(&out->rng, task->run.seed ^ about->seed, place * (uint64_t)samples + s);
        }
    }
}

/* ---- texts ---- */

static void judge_text(struct task *task, size_t i, const struct generation *g)
{
    const struct bundle_item *item = task->items[i];
    task->texts[i] = bundle_text(task->run.bundle, g->made, g->made_n);
    task_keep_output(task, i, task->texts[i]);
    for (int m = 0; m < task->run.task->metrics_n; m++) {
        enum metric metric = task->run.task->metrics[m];
        if (metric == METRIC_BLEU)
            bleu_count(task->texts[i], item->answers, item->answers_n, &task->counts[i]);
        else
            task->values[m][i] = (metric == METRIC_EM ? metrics_em : metrics_f1)(
                task->texts[i], item->answers, item->answers_n);
    }
}

/* ---- reward ---- */

/* prompt + reply + eos. Allocates. */
static struct ids whole_sequence(const struct generation *g, int32_t eos_id)
{
    struct ids out = {.n = g->prompt_n + g->made_n + 1};
    out.id = mem_zero((size_t)out.n, sizeof *out.id);
    memcpy(out.id, g->prompt, (size_t)g->prompt_n * sizeof *out.id);
    memcpy(out.id + g->prompt_n, g->made, (size_t)g->made_n * sizeof *out.id);
    out.id[out.n - 1] = eos_id;
    return out;
}

static int score_replies(const struct part *part, const struct generation *made, double *out, struct err *err)
{
    const struct task_run *run = &part->task->run;
    struct ids *sequences = mem_zero(part->n, sizeof *sequences);
    for (size_t i = 0; i < part->n; i++)
        sequences[i] = whole_sequence(&made[i], run->bundle->eos_id);
    int rc = sequence_scores(run->reward, sequences, part->n, out, run->stop, err);
    for (size_t i = 0; i < part->n; i++)
        mem_free(sequences[i].id);
    mem_free(sequences);
    return rc ? err_prefix(err, rc, "task %s", run->task->name) : 0;
}

/* The first of the replies, and all of them where there are several. */
static void keep_replies(struct task *task, size_t i, const struct generation *made, size_t samples)
{
    for (size_t s = 0; task->kept && s < samples; s++) {
        char *text = bundle_text(task->run.bundle, made[s].made, made[s].made_n);
        if (s == 0)
            task_keep_output(task, i, text);
        if (samples > 1)
            task_keep_sample(task, i, text);
        mem_free(text);
    }
}

/* ---- both ---- */

static int judge(const struct part *part, const struct generation *made, struct err *err)
{
    struct task *task = part->task;
    bool reward = task->run.task->type == TASK_REWARD;
    double *each = mem_zero(part->n, sizeof *each);
    int rc = reward ? score_replies(part, made, each, err) : 0;
    for (size_t i = 0, at = 0; i < task->n && !rc; i++) {
        if (!task_due(task, i))
            continue;
        if (reward) {
            task->values[0][i] = metrics_mean(each + at, part->samples);
            keep_replies(task, i, &made[at], part->samples);
        } else {
            judge_text(task, i, &made[at]);
        }
        at += part->samples;
    }
    mem_free(each);
    return rc;
}

int tasks_write(struct task *tasks, int n, struct err *err)
{
    int parts_n;
    size_t total = 0;
    struct part *parts = divide(tasks, n, &parts_n);
    for (int p = 0; p < parts_n; p++) {
        parts[p].first = total;
        total += parts[p].n;
    }
    struct generation *all = mem_zero(total, sizeof *all);
    for (int p = 0; p < parts_n; p++)
        prepare(&parts[p], all + parts[p].first);
    int rc = total ? generate_run(tasks[0].run.model, all, total, tasks[0].run.stop, err) : 0;
    for (int p = 0; p < parts_n && !rc; p++)
        rc = judge(&parts[p], all + parts[p].first, err);
    for (size_t i = 0; i < total; i++)
        mem_free(all[i].made);
    mem_free(all);
    mem_free(parts);
    return rc;
}
