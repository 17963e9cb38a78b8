/* Tasks that look for the questions which a model answers rightly, and for how much its sampled answers differ. */
#include "worker/tasks.h"

#include "proto/mem.h"
#include "rtuning/certainty.h"
#include "rtuning/question.h"
#include "worker/generate.h"
#include "worker/task_texts.h"

#include <math.h>
#include <string.h>

/* The stream of a sample: that of its item's place in the file, whatever else is evaluated. */
static struct rng stream_of(const struct task *task, size_t i, int sample)
{
    const struct bundle_task *about = task->run.task;
    struct rng rng;
    uint64_t place = (uint64_t)(task->items[i] - about->items);
    rng_seed(&rng, task->run.seed ^ about->seed, place * (uint64_t)about->samples + (uint64_t)sample);
    return rng;
}

/* ---- open questions ---- */

/* Entropy of k texts, as far as the rule of a right answer looks; so far they are kept. */
static double entropy_of_texts(struct task *task, size_t i, const struct generation *made)
{
    size_t k = (size_t)task->run.task->samples;
    char **texts = mem_zero(k, sizeof *texts);
    for (size_t s = 0; s < k; s++) {
        texts[s] = bundle_text(task->run.bundle, made[s].made, made[s].made_n);
        texts[s][match_cut(task->run.task->match, texts[s])] = 0;
        task_keep_sample(task, i, texts[s]);
    }
    double entropy = certainty_entropy(texts, k);
    for (size_t s = 0; s < k; s++)
        mem_free(texts[s]);
    mem_free(texts);
    return entropy;
}

static bool is_written(const struct task *task, size_t i)
{
    return task_due(task, i) && !task->items[i]->choices_n;
}

static int sample_texts(struct task *task, double *entropy, struct err *err)
{
    const struct bundle_task *about = task->run.task;
    const struct generation_rules rules = {task->run.bundle->vocab_n, about->stops.id, about->stops.n};
    size_t k = (size_t)about->samples, n = 0;
    struct generation *all = mem_zero(task->n * k, sizeof *all);
    for (size_t i = 0; i < task->n; i++) {
        for (int s = 0; is_written(task, i) && s < about->samples; s++)
            all[n++] = (struct generation){.rules = &rules,
                                           .prompt = task->items[i]->prompt.id,
                                           .prompt_n = task->items[i]->prompt.n,
                                           .max_new = about->max_new_tokens,
                                           .temperature = about->temperature,
                                           .rng = stream_of(task, i, s),
                                           .made = mem_zero((size_t)about->max_new_tokens, sizeof(int32_t))};
    }
    int rc = n ? generate_run(task->run.model, all, n, task->run.stop, err) : 0;
    for (size_t i = 0, at = 0; i < task->n && !rc; i++) {
        if (!is_written(task, i))
            continue;
        entropy[i] = entropy_of_texts(task, i, &all[at]);
        at += k;
    }
    for (size_t i = 0; i < n; i++)
        mem_free(all[i].made);
    mem_free(all);
    return rc;
}

/* ---- choices ---- */

/* A choice, drawn with probabilities softmax(sums / temperature). */
static int draw_choice(const double *sums, int n, double most, double temperature, struct rng *rng)
{
    double total = 0, passed = 0;
    for (int c = 0; c < n; c++)
        total += exp((sums[c] - most) / temperature);
    double goal = rng_uniform(rng) * total;
    for (int c = 0; c < n; c++) {
        passed += exp((sums[c] - most) / temperature);
        if (passed > goal)
            return c;
    }
    return n - 1;
}

static double entropy_of_choices(struct task *task, size_t i, int chosen)
{
    const struct bundle_task *about = task->run.task;
    const double *sums = task->sums + task->first[i];
    size_t k = (size_t)about->samples;
    char **drawn = mem_zero(k, sizeof *drawn);
    for (size_t s = 0; s < k; s++) {
        struct rng rng = stream_of(task, i, (int)s);
        int choice = draw_choice(sums, task->items[i]->choices_n, sums[chosen], about->temperature, &rng);
        drawn[s] = mem_strdup(question_letter(choice));
        task_keep_sample(task, i, drawn[s]);
    }
    double entropy = certainty_entropy(drawn, k);
    for (size_t s = 0; s < k; s++)
        mem_free(drawn[s]);
    mem_free(drawn);
    return entropy;
}

/* ---- both ---- */

static void keep(struct task *task, size_t i, const struct reply *reply, double entropy)
{
    for (int m = 0; m < task->run.task->metrics_n; m++) {
        enum metric metric = task->run.task->metrics[m];
        task->values[m][i] = metric == METRIC_CERTAIN      ? reply->right
                             : metric == METRIC_CONFIDENCE ? reply->confidence
                                                           : entropy;
    }
}

static bool wants_entropy(const struct task *task)
{
    bool wanted = false;
    for (int m = 0; m < task->run.task->metrics_n; m++)
        wanted = wanted || task->run.task->metrics[m] == METRIC_ENTROPY;
    return wanted;
}

static int identify(struct task *task, struct err *err)
{
    struct reply *replies = mem_zero(task->n, sizeof *replies);
    double *entropy = mem_zero(task->n, sizeof *entropy);
    bool sampled = wants_entropy(task);
    int rc = task_answer(task, replies, err);
    if (!rc && sampled)
        rc = sample_texts(task, entropy, err);
    for (size_t i = 0; i < task->n && !rc; i++) {
        if (!task_due(task, i))
            continue;
        if (sampled && task->items[i]->choices_n)
            entropy[i] = entropy_of_choices(task, i, replies[i].chosen);
        task_keep_reply(task, i, &replies[i]);
        keep(task, i, &replies[i], entropy[i]);
    }
    replies_free(replies, task->n);
    mem_free(entropy);
    return rc;
}

int tasks_identify(struct task *tasks, int n, struct err *err)
{
    int rc = 0;
    for (int t = 0; t < n && !rc; t++)
        rc = tasks[t].run.task->type == TASK_IDENTIFY ? identify(&tasks[t], err) : 0;
    return rc;
}
