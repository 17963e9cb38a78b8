/* Tasks that let the model write: texts judged by EM, F1 or BLEU, and replies judged by a reward model. */
#include "worker/tasks.h"

#include "proto/mem.h"
#include "worker/bleu.h"
#include "worker/generate.h"
#include "worker/likelihood.h"
#include "worker/metrics.h"

#include <string.h>

/* `samples` generations of every item, with room for what they make. Greedy when the task has no temperature. */
static struct generation *prepare(const struct task_run *run, const struct bundle_item **items, size_t n,
                                  int samples)
{
    const struct bundle_task *task = run->task;
    size_t total = n * (size_t)samples, most = (size_t)task->max_new_tokens;
    struct generation *all = mem_zero(total, sizeof *all);
    for (size_t i = 0; i < total; i++) {
        const struct bundle_item *item = items[i / (size_t)samples];
        all[i] = (struct generation){.prompt = item->prompt.id,
                                     .prompt_n = item->prompt.n,
                                     .max_new = task->max_new_tokens,
                                     .temperature = task->temperature};
        all[i].made = mem_zero(most, sizeof *all[i].made);
        /* The stream is the item's place in its file and the sample: every trial draws with the same numbers. */
        uint64_t place = (uint64_t)(item - task->items);
        rng_seed(&all[i].rng, run->seed ^ task->seed, place * (uint64_t)samples + i % (size_t)samples);
    }
    return all;
}

static int write_all(const struct task_run *run, struct generation *all, size_t n, struct err *err)
{
    const struct bundle_task *task = run->task;
    struct generation_rules rules = {run->bundle->vocab_n, task->stop_ids, task->stop_ids_n};
    return generate_run(run->model, all, n, &rules, run->stop, err);
}

static void discard(struct generation *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(all[i].made);
    mem_free(all);
}

int task_texts(const struct task_run *run, const struct bundle_item **items, size_t n, char **texts,
               struct err *err)
{
    struct generation *all = prepare(run, items, n, 1);
    int rc = write_all(run, all, n, err);
    for (size_t i = 0; i < n; i++)
        texts[i] = rc ? NULL : bundle_text(run->bundle, all[i].made, all[i].made_n);
    discard(all, n);
    return rc;
}

static void add_bleu(const struct task_run *run, const struct bundle_item **items, size_t n,
                     char *const *texts, struct scores *scores)
{
    struct bleu_counts *counts = mem_zero(n, sizeof *counts);
    for (size_t i = 0; i < n; i++)
        bleu_count(texts[i], items[i]->answers, items[i]->answers_n, &counts[i]);
    double *values = mem_zero(n, sizeof *values);
    double whole = bleu_jackknife(counts, n, values);
    task_add(run, METRIC_BLEU, values, n, scores)->mean = whole;
    mem_free(counts);
}

int task_generate(const struct task_run *run, struct scores *scores, struct err *err)
{
    size_t n;
    const struct bundle_item **items = task_items(run, &n);
    char **texts = mem_zero(n, sizeof *texts);
    int rc = task_texts(run, items, n, texts, err);
    for (int m = 0; m < run->task->metrics_n && !rc; m++) {
        enum metric metric = run->task->metrics[m];
        if (metric == METRIC_BLEU) {
            add_bleu(run, items, n, texts, scores);
            continue;
        }
        double *values = mem_zero(n, sizeof *values);
        for (size_t i = 0; i < n; i++)
            values[i] = (metric == METRIC_EM ? metrics_em : metrics_f1)(texts[i], items[i]->answers,
                                                                        items[i]->answers_n);
        task_add(run, metric, values, n, scores);
    }
    for (size_t i = 0; i < n; i++)
        mem_free(texts[i]);
    mem_free(texts);
    mem_free(items);
    return rc;
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

static int score_replies(const struct task_run *run, const struct generation *all, size_t n, double *out,
                         struct err *err)
{
    struct ids *sequences = mem_zero(n, sizeof *sequences);
    for (size_t i = 0; i < n; i++)
        sequences[i] = whole_sequence(&all[i], run->bundle->eos_id);
    int rc = sequence_scores(run->reward, sequences, n, out, run->stop, err);
    for (size_t i = 0; i < n; i++)
        mem_free(sequences[i].id);
    mem_free(sequences);
    return rc;
}

int task_reward(const struct task_run *run, struct scores *scores, struct err *err)
{
    const struct bundle_task *task = run->task;
    size_t n, samples = (size_t)task->samples;
    const struct bundle_item **items = task_items(run, &n);
    struct generation *all = prepare(run, items, n, task->samples);
    double *each = mem_zero(n * samples, sizeof *each);
    int rc = write_all(run, all, n * samples, err);
    if (!rc)
        rc = score_replies(run, all, n * samples, each, err);
    if (!rc) {
        double *values = mem_zero(n, sizeof *values);
        for (size_t i = 0; i < n; i++)
            values[i] = metrics_mean(each + i * samples, samples);
        task_add(run, METRIC_REWARD, values, n, scores);
    }
    mem_free(each);
    discard(all, n * samples);
    mem_free(items);
    return rc;
}
