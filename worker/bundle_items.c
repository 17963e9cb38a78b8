/* The items of one task: a JSONL file, an object a line. */
#include "worker/bundle_internal.h"

#include "proto/mem.h"
#include "rtuning/question.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_MAX 1024

/* The keys of each type's items; the first three are common. */
static const char *const keys[TASK_TYPES_N][9] = {
    [TASK_GENERATE] = {"id", "half", "prompt", "answers"},
    [TASK_CHOICE] = {"id", "half", "prompt", "choices", "chars", "gold"},
    [TASK_REWARD] = {"id", "half", "prompt"},
    [TASK_LOGLIK] = {"id", "half", "prompt", "answer"},
    [TASK_RTUNING] = {"id", "half", "prompt", "answers", "choices", "gold", "probe", "answerable", "known"},
    [TASK_IDENTIFY] = {"id", "half", "prompt", "answers", "choices", "gold"},
};
static const size_t keys_n[TASK_TYPES_N] = {4, 6, 3, 4, 9, 6};

static int read_answers(const struct fields *in, struct bundle_item *item, struct err *err)
{
    const struct json *answers = json_get(in->object, "answers");
    size_t n = json_len(answers);
    if (!json_is(answers, JSON_ARRAY) || n == 0 || n > INT_MAX / 4)
        return err_set(err, ERR_INVALID, "%sanswers must be an array of at least one text", in->where);
    item->answers = mem_zero(n, sizeof *item->answers);
    for (const struct json *j = json_first(answers); j; j = json_next(j)) {
        if (!json_is(j, JSON_STRING))
            return err_set(err, ERR_INVALID, "%sanswers[%d] must be a text", in->where, item->answers_n);
        item->answers[item->answers_n++] = mem_strdup(json_string_or(j, ""));
    }
    return 0;
}

static int read_choices(const struct fields *in, int vocab_n, size_t most, struct bundle_item *item,
                        struct err *err)
{
    const struct json *choices = json_get(in->object, "choices");
    size_t n = json_len(choices);
    if (!json_is(choices, JSON_ARRAY) || n < 2 || n > most)
        return err_set(err, ERR_INVALID, "%schoices must be an array of 2 to %zu arrays of token ids",
                       in->where, most);
    item->choices = mem_zero(n, sizeof *item->choices);
    for (const struct json *j = json_first(choices); j; j = json_next(j)) {
        char key[32];
        snprintf(key, sizeof key, "choices[%d]", item->choices_n);
        int rc = fields_ids(in, key, j, vocab_n, &item->choices[item->choices_n++], err);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_gold(const struct fields *in, struct bundle_item *item, struct err *err)
{
    int64_t gold;
    int rc = fields_whole(in, "gold", 0, item->choices_n - 1, &gold, err);
    item->gold = rc ? 0 : (int)gold;
    return rc;
}

static int read_chars(const struct fields *in, struct bundle_item *item, struct err *err)
{
    const struct json *chars = json_get(in->object, "chars");
    size_t n = (size_t)item->choices_n, i = 0;
    item->chars = mem_zero(n, sizeof *item->chars);
    if (!json_is(chars, JSON_ARRAY) || json_len(chars) != n)
        return err_set(err, ERR_INVALID, "%schars must have a number for each of the %zu choices", in->where,
                       n);
    for (const struct json *j = json_first(chars); j; j = json_next(j)) {
        int64_t length;
        if (!json_whole(j, 1, INT_MAX, &length))
            return err_set(err, ERR_INVALID, "%schars[%zu] must be a whole number above 0", in->where, i);
        item->chars[i++] = (int)length;
    }
    return 0;
}

static int read_choice(const struct fields *in, int vocab_n, struct bundle_item *item, struct err *err)
{
    int rc = read_choices(in, vocab_n, CHOICES_MAX, item, err);
    if (!rc)
        rc = read_chars(in, item, err);
    return rc ? rc : read_gold(in, item, err);
}

static int read_answer(const struct fields *in, int vocab_n, struct bundle_item *item, struct err *err)
{
    item->choices = mem_zero(1, sizeof *item->choices);
    item->choices_n = 1;
    return fields_ids(in, "answer", json_get(in->object, "answer"), vocab_n, item->choices, err);
}

/* An open question with its answers, or one with choices. What cannot be answered has no right answer. */
static int read_question(const struct fields *in, int vocab_n, struct bundle_item *item, struct err *err)
{
    bool open = json_get(in->object, "answers"), gold = json_get(in->object, "gold");
    int rc = 0;
    if (json_get(in->object, "choices"))
        rc = read_choices(in, vocab_n, QUESTION_CHOICES_MAX, item, err);
    else if (gold)
        rc = err_set(err, ERR_INVALID, "%sgold has no choices to count", in->where);
    if (rc)
        return rc;
    if (open && item->choices_n)
        return err_set(err, ERR_INVALID, "%sanswers and choices exclude each other", in->where);
    if (!item->answerable) {
        item->gold = -1;
        return open || gold
                   ? err_set(err, ERR_INVALID, "%s%s must be left out of an item that is not answerable",
                             in->where, open ? "answers" : "gold")
                   : 0;
    }
    return item->choices_n ? read_gold(in, item, err) : read_answers(in, item, err);
}

/* A key that is true or false, or absent. */
static int read_flag(const struct fields *in, const char *key, bool *out, struct err *err)
{
    const struct json *flag = json_get(in->object, key);
    if (!flag)
        return 0;
    if (!json_is(flag, JSON_BOOL))
        return err_set(err, ERR_INVALID, "%s%s must be true or false", in->where, key);
    *out = json_bool_or(flag, false);
    return 0;
}

static int read_rtuning(const struct fields *in, int vocab_n, const struct bundle_task *task,
                        struct bundle_item *item, struct err *err)
{
    bool known = false, asked = task->sure.n > 0;
    const struct json *probe = json_get(in->object, "probe");
    int rc = read_flag(in, "answerable", &item->answerable, err);
    if (!rc)
        rc = read_flag(in, "known", &known, err);
    item->known = json_get(in->object, "known") ? known : -1;
    if (!rc && item->known >= 0 && !item->answerable)
        rc = err_set(err, ERR_INVALID, "%sknown must be left out of an item that is not answerable",
                     in->where);
    if (!rc && probe && !asked)
        rc = err_set(err, ERR_INVALID, "%sprobe is of no use: the task has no sure and unsure", in->where);
    if (!rc && asked)
        rc = fields_ids(in, "probe", probe, vocab_n, &item->probe, err);
    return rc ? rc : read_question(in, vocab_n, item, err);
}

static int read_item(const struct bundle *bundle, const struct bundle_task *task, const struct fields *in,
                     struct bundle_item *item, struct err *err)
{
    const char *id, *half;
    int rc;
    if (!json_is(in->object, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "%san item must be an object", in->where);
    if ((rc = fields_known(in, keys[task->type], keys_n[task->type], err)) ||
        (rc = fields_text(in, "id", &id, err)) || (rc = fields_text(in, "half", &half, err)))
        return rc;
    item->id = mem_strdup(id);
    item->answerable = true;
    item->held_out = strcmp(half, "heldout") == 0;
    if (!item->held_out && strcmp(half, "search") != 0)
        return err_set(err, ERR_INVALID, "%shalf must be \"search\" or \"heldout\"", in->where);
    rc = fields_ids(in, "prompt", json_get(in->object, "prompt"), bundle->vocab_n, &item->prompt, err);
    if (rc)
        return rc;
    switch (task->type) {
    case TASK_GENERATE:
        return read_answers(in, item, err);
    case TASK_CHOICE:
        return read_choice(in, bundle->vocab_n, item, err);
    case TASK_LOGLIK:
        return read_answer(in, bundle->vocab_n, item, err);
    case TASK_RTUNING:
        return read_rtuning(in, bundle->vocab_n, task, item, err);
    case TASK_IDENTIFY:
        return read_question(in, bundle->vocab_n, item, err);
    default:
        return 0;
    }
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_ids(const struct bundle_task *task, const char *name, struct err *err)
{
    char **sorted = mem_zero(task->items_n, sizeof *sorted);
    for (size_t i = 0; i < task->items_n; i++)
        sorted[i] = task->items[i].id;
    qsort(sorted, task->items_n, sizeof *sorted, compare_ids);
    int rc = 0;
    for (size_t i = 1; i < task->items_n && !rc; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            rc = err_set(err, ERR_INVALID, "%s: id \"%s\" is used twice", name, sorted[i]);
    }
    mem_free(sorted);
    return rc;
}

/* Most tokens of one sequence: prompt with what may be written or with all choices side by side, and what is asked after
 * that. */
static int longest(const struct bundle_task *task)
{
    int64_t most = 0;
    for (size_t i = 0; i < task->items_n; i++) {
        const struct bundle_item *item = &task->items[i];
        int64_t n = item->prompt.n;
        n += (item->choices_n ? 0 : task->max_new_tokens) + 1; /* + the eos that a reward model reads */
        for (int c = 0; c < item->choices_n; c++)
            n += item->choices[c].n;
        n += item->probe.n + task->sure.n + task->unsure.n;
        most = n > most ? n : most;
    }
    return most < INT_MAX ? (int)most : INT_MAX; /* longer than any model reads either way */
}

static int read_lines(const struct bundle *bundle, struct bundle_task *task, FILE *file, const char *name,
                      struct err *err)
{
    char *line = NULL, where[128];
    size_t cap = 0, room = 0;
    int rc = 0;
    ssize_t length;
    for (int number = 1; !rc && (length = getline(&line, &cap, file)) > 0; number++) {
        struct json *root = NULL;
        snprintf(where, sizeof where, "%s:%d: ", name, number);
        if ((rc = json_parse(line, (size_t)length, &root, err))) {
            err_prefix(err, rc, "%s:%d", name, number);
            break;
        }
        if (task->items_n == room) {
            room = room ? 2 * room : 64;
            task->items = mem_grow(task->items, room, sizeof *task->items);
        }
        struct bundle_item *item = &task->items[task->items_n++];
        *item = (struct bundle_item){0};
        rc = read_item(bundle, task, &(struct fields){root, where}, item, err);
        json_free(root);
    }
    if (!rc && ferror(file))
        rc = err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
    free(line);
    return rc;
}

int bundle_items_read(const struct bundle *bundle, struct bundle_task *task, const char *path,
                      const char *name, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", name, strerror(errno));
    int rc = read_lines(bundle, task, file, name, err);
    fclose(file);
    if (!rc && task->items_n == 0)
        rc = err_set(err, ERR_INVALID, "%s: has no items", name);
    if (!rc)
        rc = check_ids(task, name, err);
    if (!rc)
        task->longest = longest(task);
    return rc;
}

void bundle_items_free(struct bundle_task *task)
{
    for (size_t i = 0; i < task->items_n; i++) {
        struct bundle_item *item = &task->items[i];
        for (int a = 0; a < item->answers_n; a++)
            mem_free(item->answers[a]);
        for (int c = 0; c < item->choices_n; c++)
            mem_free(item->choices[c].id);
        mem_free(item->answers);
        mem_free(item->choices);
        mem_free(item->chars);
        mem_free(item->prompt.id);
        mem_free(item->probe.id);
        mem_free(item->id);
    }
    mem_free(task->items);
}
