#include "worker/task_texts.h"

#include "proto/limits.h"
#include "proto/mem.h"
#include "proto/written.h"
#include "rtuning/question.h"

#include <string.h>

static void forget(struct task_text *text)
{
    for (size_t s = 0; s < text->samples_n; s++)
        mem_free(text->samples[s]);
    mem_free(text->samples);
    mem_free(text->output);
    *text = (struct task_text){0};
}

void task_texts_free(struct task_text *all, size_t n)
{
    for (size_t i = 0; all && i < n; i++)
        forget(&all[i]);
    mem_free(all);
}

void task_texts_forget(struct task *task)
{
    for (size_t i = 0; task->kept && i < task->n; i++)
        forget(&task->kept[i]);
}

static char *keep(struct task_text *of, const char *text)
{
    size_t n = written_keep(text);
    of->cut = of->cut || text[n];
    return mem_printf("%.*s", (int)n, text);
}

void task_keep_output(struct task *task, size_t i, const char *text)
{
    if (!task->kept)
        return;
    mem_free(task->kept[i].output);
    task->kept[i].output = keep(&task->kept[i], text);
}

void task_keep_choice(struct task *task, size_t i, int choice)
{
    task_keep_output(task, i, question_letter(choice));
}

void task_keep_sample(struct task *task, size_t i, const char *text)
{
    if (!task->kept)
        return;
    struct task_text *of = &task->kept[i];
    of->samples = mem_grow(of->samples, of->samples_n + 1, sizeof *of->samples);
    of->samples[of->samples_n++] = keep(of, text);
}

static void write_item(const struct bundle_item *item, const struct task_text *text, struct json_out *out)
{
    json_object(out);
    json_put_text(out, "id", item->id);
    json_put_text(out, "output", text->output);
    if (text->samples_n) {
        json_name(out, "samples");
        json_array(out);
        for (size_t s = 0; s < text->samples_n; s++)
            json_text(out, text->samples[s]);
        json_end_array(out);
    }
    if (text->cut)
        json_put_bool(out, "cut", true);
    json_end_object(out);
}

void task_texts_put(const struct task *task, struct json_out *out)
{
    json_array(out);
    for (size_t i = 0; i < task->n; i++) {
        if (task->slice[i] < task->done)
            write_item(task->items[i], &task->kept[i], out);
    }
    json_end_array(out);
}

static bool take_item(struct task *task, size_t i, const struct json *item)
{
    const char *output = json_string_or(json_get(item, "output"), NULL);
    forget(&task->kept[i]);
    if (!output || strcmp(json_string_or(json_get(item, "id"), ""), task->items[i]->id) != 0)
        return false;
    task_keep_output(task, i, output);
    for (const struct json *s = json_first(json_get(item, "samples")); s; s = json_next(s))
        task_keep_sample(task, i, json_string_or(s, ""));
    task->kept[i].cut = json_bool_or(json_get(item, "cut"), false);
    return true;
}

bool task_texts_take(struct task *task, int done, const struct json *list)
{
    const struct json *item = json_is(list, JSON_ARRAY) ? json_first(list) : NULL;
    for (size_t i = 0; i < task->n; i++) {
        if (task->slice[i] >= done)
            continue;
        if (!item || !take_item(task, i, item))
            return false;
        item = json_next(item);
    }
    return !item;
}

static void hash_text(struct hash_stream *stream, const char *text)
{
    hash_add(stream, text, strlen(text) + 1);
}

void task_texts_hash(const struct task *task, int done, struct hash_stream *stream)
{
    for (size_t i = 0; i < task->n; i++) {
        const struct task_text *text = &task->kept[i];
        if (task->slice[i] >= done)
            continue;
        hash_text(stream, text->output);
        hash_add(stream, &text->samples_n, sizeof text->samples_n);
        for (size_t s = 0; s < text->samples_n; s++)
            hash_text(stream, text->samples[s]);
        hash_add(stream, &text->cut, sizeof text->cut);
    }
}

bool task_texts_are_whole(const struct task *task)
{
    for (size_t i = 0; i < task->n; i++)
        if (task->slice[i] < task->done && !task->kept[i].output)
            return false;
    return true;
}

char *task_texts_write(const struct task *tasks, int n, bool *too_large)
{
    struct json_out out;
    struct buf buf;
    int written = 0;
    bool whole = true;
    buf_init(&buf, LIMIT_WRITTEN_BYTES);
    json_begin(&out, &buf);
    json_object(&out);
    for (int t = 0; t < n; t++) {
        if (!tasks[t].kept)
            continue;
        whole = whole && task_texts_are_whole(&tasks[t]);
        json_name(&out, tasks[t].run.task->name);
        task_texts_put(&tasks[t], &out);
        written++;
    }
    json_end_object(&out);
    *too_large = whole && buf.full;
    if (written && whole && !buf.full)
        return buf_take(&buf);
    buf_fini(&buf);
    return NULL;
}
