#include "worker/task_state.h"

#include "proto/json.h"
#include "proto/mem.h"
#include "worker/task_texts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define FORMAT "paretod-state-1"
#define COUNTS_N (2 * BLEU_ORDER + 2) /* numbers of an item's struct bleu_counts */

static void counts_out(const struct bleu_counts *counts, int64_t out[COUNTS_N])
{
    memcpy(out, counts->correct, sizeof counts->correct);
    memcpy(out + BLEU_ORDER, counts->total, sizeof counts->total);
    out[2 * BLEU_ORDER] = counts->hypothesis_n;
    out[2 * BLEU_ORDER + 1] = counts->reference_n;
}

static void counts_in(const int64_t in[COUNTS_N], struct bleu_counts *counts)
{
    memcpy(counts->correct, in, sizeof counts->correct);
    memcpy(counts->total, in + BLEU_ORDER, sizeof counts->total);
    counts->hypothesis_n = in[2 * BLEU_ORDER];
    counts->reference_n = in[2 * BLEU_ORDER + 1];
}

/* ---- whose it is, and that nothing of it was changed ---- */

static void add_column(struct hash_stream *stream, const struct task *task, int m, int done)
{
    const char *name = task_column_name(task, m);
    hash_add(stream, name, strlen(name) + 1);
    for (size_t i = 0; i < task->n; i++) {
        int64_t counts[COUNTS_N];
        if (task->slice[i] >= done)
            continue;
        if (task_column_is_bleu(task, m)) {
            counts_out(&task->counts[i], counts);
            hash_add(stream, counts, sizeof counts);
        } else {
            hash_add(stream, &task->values[m][i], sizeof task->values[m][i]);
        }
    }
}

/* texts: they are part of it. */
static struct hash128 check_of(const struct state_owner *owner, const struct task *tasks, int n, int done,
                               bool texts)
{
    static const char version[] = FORMAT " " PARETOD_VERSION;
    struct hash_stream *stream = hash_create();
    hash_add(stream, version, sizeof version);
    hash_add(stream, &owner->bundle, sizeof owner->bundle);
    hash_add(stream, &owner->slices, sizeof owner->slices);
    hash_add(stream, &done, sizeof done);
    hash_add(stream, &owner->ratios_n, sizeof owner->ratios_n);
    hash_add(stream, owner->ratios, (size_t)owner->ratios_n * sizeof *owner->ratios);
    for (int t = 0; t < n; t++) {
        hash_add(stream, &tasks[t].run.held_out, sizeof tasks[t].run.held_out);
        hash_add(stream, &tasks[t].run.shard, sizeof tasks[t].run.shard);
        hash_add(stream, &tasks[t].run.seed, sizeof tasks[t].run.seed);
        hash_add(stream, tasks[t].run.task->name, strlen(tasks[t].run.task->name) + 1);
        for (int m = 0; m < task_columns(&tasks[t]); m++)
            add_column(stream, &tasks[t], m, done);
        if (texts && tasks[t].kept)
            task_texts_hash(&tasks[t], done, stream);
    }
    struct hash128 check = hash_value(stream);
    hash_destroy(stream);
    return check;
}

/* ---- write ---- */

static void write_counts(const struct bleu_counts *counts, struct json_out *out)
{
    int64_t all[COUNTS_N];
    counts_out(counts, all);
    json_array(out);
    for (int c = 0; c < COUNTS_N; c++)
        json_int(out, all[c]);
    json_end_array(out);
}

static void write_task(const struct task *task, struct json_out *out)
{
    json_name(out, task->run.task->name);
    json_object(out);
    for (int m = 0; m < task_columns(task); m++) {
        json_name(out, task_column_name(task, m));
        json_array(out);
        for (size_t i = 0; i < task->n; i++) {
            if (task->slice[i] >= task->done)
                continue;
            if (task_column_is_bleu(task, m))
                write_counts(&task->counts[i], out);
            else
                json_double(out, task->values[m][i]);
        }
        json_end_array(out);
    }
    json_end_object(out);
}

static void write_texts(const struct task *tasks, int n, struct json_out *out)
{
    json_name(out, "written");
    json_object(out);
    for (int t = 0; t < n; t++) {
        if (!tasks[t].kept)
            continue;
        json_name(out, tasks[t].run.task->name);
        task_texts_put(&tasks[t], out);
    }
    json_end_object(out);
}

static void write_state(const struct state_owner *owner, const struct task *tasks, int n, bool texts,
                        struct buf *buf)
{
    struct json_out out;
    char check[HASH_TEXT_MAX];
    hash_print(check_of(owner, tasks, n, tasks[0].done, texts), check);
    json_begin(&out, buf);
    json_object(&out);
    json_put_text(&out, "format", FORMAT);
    json_put_text(&out, "check", check);
    json_name(&out, "tasks");
    json_object(&out);
    for (int t = 0; t < n; t++) {
        assert(tasks[t].done == tasks[0].done);
        write_task(&tasks[t], &out);
    }
    json_end_object(&out);
    if (texts)
        write_texts(tasks, n, &out);
    json_end_object(&out);
}

/* Does any task keep texts, and those of all items so far? */
static bool has_texts(const struct task *tasks, int n)
{
    bool kept = false;
    for (int t = 0; t < n; t++) {
        if (tasks[t].kept && !task_texts_are_whole(&tasks[t]))
            return false;
        kept = kept || tasks[t].kept;
    }
    return kept;
}

void task_state_write(const struct state_owner *owner, const struct task *tasks, int n, struct buf *buf)
{
    bool texts = has_texts(tasks, n);
    write_state(owner, tasks, n, texts, buf);
    if (!texts || !buf->full)
        return;
    buf_clear(buf);
    write_state(owner, tasks, n, false, buf);
}

/* ---- read ---- */

static bool read_counts(const struct json *list, struct bleu_counts *counts)
{
    int64_t all[COUNTS_N];
    int at = 0;
    if (!json_is(list, JSON_ARRAY) || json_len(list) != COUNTS_N)
        return false;
    for (const struct json *c = json_first(list); c; c = json_next(c))
        if (!json_whole(c, 0, INT64_C(1) << 53, &all[at++]))
            return false;
    counts_in(all, counts);
    return true;
}

static bool read_value(const struct json *number, double *value)
{
    *value = json_number_or(number, NAN);
    return json_is(number, JSON_NUMBER);
}

/* Exactly one value for each item of the first `done` slices. */
static bool read_column(const struct json *list, int done, struct task *task, int m)
{
    const struct json *c = json_is(list, JSON_ARRAY) ? json_first(list) : NULL;
    for (size_t i = 0; i < task->n; i++) {
        if (task->slice[i] >= done)
            continue;
        if (!c || !(task_column_is_bleu(task, m) ? read_counts(c, &task->counts[i])
                                                 : read_value(c, &task->values[m][i])))
            return false;
        c = json_next(c);
    }
    return !c;
}

static bool read_tasks(const struct json *root, int done, struct task *tasks, int n)
{
    const struct json *all = json_get(root, "tasks");
    for (int t = 0; t < n; t++) {
        const struct json *values = json_get(all, tasks[t].run.task->name);
        for (int m = 0; m < task_columns(&tasks[t]); m++)
            if (!read_column(json_get(values, task_column_name(&tasks[t], m)), done, &tasks[t], m))
                return false;
    }
    return true;
}

static bool read_texts(const struct json *written, int done, struct task *tasks, int n)
{
    for (int t = 0; written && t < n; t++)
        if (tasks[t].kept && !task_texts_take(&tasks[t], done, json_get(written, tasks[t].run.task->name)))
            return false;
    return true;
}

int task_state_read(const char *text, const struct state_owner *owner, int done, struct task *tasks, int n,
                    struct err *err)
{
    struct json *root;
    struct hash128 check;
    if (done < 1 || done >= owner->slices)
        return err_set(err, ERR_INVALID, "%d of %d slices are no part of an evaluation", done, owner->slices);
    int rc = json_parse(text, strlen(text), &root, err);
    if (rc)
        return rc;
    const struct json *written = json_get(root, "written");
    if (strcmp(json_string_or(json_get(root, "format"), ""), FORMAT) != 0)
        rc = err_set(err, ERR_INVALID, "its format is not \"" FORMAT "\"");
    else if (!hash_read(json_string_or(json_get(root, "check"), ""), &check) ||
             !read_tasks(root, done, tasks, n) || !read_texts(written, done, tasks, n))
        rc = err_set(err, ERR_INVALID, "it has other tasks, metrics or items than this evaluation");
    else if (!hash_equal(check, check_of(owner, tasks, n, done, written != NULL)))
        rc = err_set(err, ERR_INVALID,
                     "it is of other slices, ratios, seed, bundle or version of pareto-worker, or damaged");
    for (int t = 0; t < n && !rc; t++)
        tasks[t].done = done;
    for (int t = 0; t < n && rc; t++)
        task_texts_forget(&tasks[t]);
    json_free(root);
    return rc;
}
