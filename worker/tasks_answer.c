/* What the model answers to a question: written greedily, or the choice that it finds likeliest. */
#include "worker/tasks.h"

#include "proto/mem.h"
#include "worker/generate.h"
#include "worker/likelihood.h"
#include "worker/task_texts.h"

#include <assert.h>
#include <math.h>

static bool is_open(const struct task *task, size_t i)
{
    return !task->items[i]->choices_n;
}

void replies_free(struct reply *replies, size_t n)
{
    for (size_t i = 0; replies && i < n; i++) {
        mem_free(replies[i].made);
        mem_free(replies[i].text);
    }
    mem_free(replies);
}

/* ---- open questions ---- */

/* The reply of item i from what was written. Takes what was made. */
static void settle_text(const struct task *task, size_t i, const struct generation *g, struct reply *reply)
{
    const struct bundle_item *item = task->items[i];
    reply->made = g->made;
    reply->words = (struct ids){g->made, g->made_n};
    reply->chosen = -1;
    reply->text = bundle_text(task->run.bundle, g->made, g->made_n);
    reply->confidence = fmin(1, exp(g->logp / (g->made_n ? g->made_n : 1)));
    reply->right = match_open(task->run.task->match, reply->text, item->answers, (size_t)item->answers_n);
}

static int write_answers(const struct task *task, struct reply *replies, struct err *err)
{
    const struct bundle_task *about = task->run.task;
    const struct generation_rules rules = {task->run.bundle->vocab_n, about->stops.id, about->stops.n};
    struct generation *all = mem_zero(task->n, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < task->n; i++) {
        if (!task_due(task, i) || !is_open(task, i))
            continue;
        int32_t *made = mem_zero((size_t)about->max_new_tokens, sizeof *made);
        all[n++] = (struct generation){.rules = &rules,
                                       .prompt = task->items[i]->prompt.id,
                                       .prompt_n = task->items[i]->prompt.n,
                                       .max_new = about->max_new_tokens,
                                       .made = made,
                                       .weighs = true};
    }
    int rc = n ? generate_run(task->run.model, all, n, task->run.stop, err) : 0;
    for (size_t i = 0, at = 0; i < task->n; i++) {
        if (task_due(task, i) && is_open(task, i))
            settle_text(task, i, &all[at++], &replies[i]); /* after a failure too: it frees them */
    }
    mem_free(all);
    return rc;
}

/* ---- choices ---- */

/* Softmax over the sums of the choices: with one token each, that of their logits. */
static int settle_choice(const struct task *task, size_t i, struct reply *reply, struct err *err)
{
    const struct bundle_item *item = task->items[i];
    const double *sums = task->sums + task->first[i];
    double total = 0;
    int rc = match_choice(sums, (size_t)item->choices_n, &reply->chosen, err);
    if (rc)
        return rc;
    for (int c = 0; c < item->choices_n; c++)
        total += exp(sums[c] - sums[reply->chosen]);
    reply->words = item->choices[reply->chosen];
    reply->confidence = 1 / total;
    reply->right = reply->chosen == item->gold;
    return 0;
}

static int choose_answers(const struct task *task, struct reply *replies, struct err *err)
{
    struct likelihood *all = mem_zero(task->n, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < task->n; i++) {
        const struct bundle_item *item = task->items[i];
        if (task_due(task, i) && !is_open(task, i))
            all[n++] = (struct likelihood){&item->prompt, item->choices, item->choices_n,
                                           task->sums + task->first[i]};
    }
    int rc = n ? likelihood_run(task->run.model, all, n, task->run.stop, err) : 0;
    for (size_t i = 0; i < task->n && !rc; i++) {
        if (task_due(task, i) && !is_open(task, i))
            rc = settle_choice(task, i, &replies[i], err);
    }
    mem_free(all);
    return rc;
}

void task_keep_reply(struct task *task, size_t i, const struct reply *reply)
{
    if (reply->text)
        task_keep_output(task, i, reply->text);
    else
        task_keep_choice(task, i, reply->chosen);
}

int task_answer(const struct task *task, struct reply *replies, struct err *err)
{
    int rc = write_answers(task, replies, err);
    return rc ? rc : choose_answers(task, replies, err);
}
