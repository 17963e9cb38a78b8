/* What a bundle says, as one number: of two bundles with the same one every score is the same. */
#include "worker/bundle.h"

#include <string.h>

static void add_number(struct hash_stream *stream, int64_t number)
{
    hash_add(stream, &number, sizeof number);
}

/* With its length: nothing can be moved from one text to the next. */
static void add_text(struct hash_stream *stream, const char *text)
{
    size_t n = strlen(text);
    add_number(stream, (int64_t)n);
    hash_add(stream, text, n);
}

static void add_ids(struct hash_stream *stream, const struct ids *ids)
{
    add_number(stream, ids->n);
    hash_add(stream, ids->id, (size_t)ids->n * sizeof *ids->id);
}

static void add_item(struct hash_stream *stream, const struct bundle_task *task,
                     const struct bundle_item *item)
{
    add_text(stream, item->id);
    add_number(stream, item->held_out);
    add_ids(stream, &item->prompt);
    add_number(stream, item->answers_n);
    for (int a = 0; a < item->answers_n; a++)
        add_text(stream, item->answers[a]);
    add_number(stream, item->choices_n);
    for (int c = 0; c < item->choices_n; c++) {
        add_ids(stream, &item->choices[c]);
        add_number(stream, item->chars ? item->chars[c] : 0);
    }
    add_number(stream, item->gold);
    if (task->type != TASK_RTUNING)
        return;
    add_ids(stream, &item->probe);
    add_number(stream, item->answerable);
    add_number(stream, item->known);
}

static void add_task(struct hash_stream *stream, const struct bundle_task *task)
{
    add_text(stream, task->name);
    add_number(stream, task->type);
    add_number(stream, task->metrics_n);
    for (int m = 0; m < task->metrics_n; m++)
        add_number(stream, task->metrics[m]);
    add_number(stream, task->max_new_tokens);
    add_ids(stream, &task->stops);
    hash_add(stream, &task->temperature, sizeof task->temperature);
    add_number(stream, task->samples);
    add_number(stream, (int64_t)task->seed);
    add_number(stream, task->match);
    add_ids(stream, &task->sure);
    add_ids(stream, &task->unsure);
    hash_add(stream, &task->weight, sizeof task->weight);
    add_number(stream, (int64_t)task->items_n);
    for (size_t i = 0; i < task->items_n; i++)
        add_item(stream, task, &task->items[i]);
}

struct hash128 bundle_digest(const struct bundle *bundle)
{
    struct hash_stream *stream = hash_create();
    add_number(stream, bundle->vocab_n);
    for (int i = 0; i < bundle->vocab_n; i++)
        add_text(stream, bundle->vocab[i]);
    add_number(stream, bundle->eos_id);
    add_number(stream, bundle->tasks_n);
    for (int t = 0; t < bundle->tasks_n; t++)
        add_task(stream, &bundle->tasks[t]);
    struct hash128 digest = hash_value(stream);
    hash_destroy(stream);
    return digest;
}
