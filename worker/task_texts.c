#include "worker/task_texts.h"

#include "proto/json.h"
#include "proto/limits.h"
#include "proto/mem.h"
#include "proto/written.h"
#include "rtuning/question.h"

void task_texts_free(struct task_text *all, size_t n)
{
    for (size_t i = 0; all && i < n; i++) {
        for (size_t s = 0; s < all[i].samples_n; s++)
            mem_free(all[i].samples[s]);
        mem_free(all[i].samples);
        mem_free(all[i].output);
    }
    mem_free(all);
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

static void write_task(const struct task *task, struct json_out *out)
{
    json_name(out, task->run.task->name);
    json_array(out);
    for (size_t i = 0; i < task->n; i++) {
        if (task->slice[i] < task->done)
            write_item(task->items[i], &task->kept[i], out);
    }
    json_end_array(out);
}

char *task_texts_write(const struct task *tasks, int n, bool *too_large)
{
    struct json_out out;
    struct buf buf;
    int written = 0;
    buf_init(&buf, LIMIT_WRITTEN_BYTES);
    json_begin(&out, &buf);
    json_object(&out);
    for (int t = 0; t < n; t++) {
        if (tasks[t].kept) {
            write_task(&tasks[t], &out);
            written++;
        }
    }
    json_end_object(&out);
    *too_large = buf.full;
    if (written && !buf.full)
        return buf_take(&buf);
    buf_fini(&buf);
    return NULL;
}
