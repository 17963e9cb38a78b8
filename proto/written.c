#include "proto/written.h"

#include "proto/limits.h"

#include <string.h>

#define TASK_MAX 127

size_t written_keep(const char *text)
{
    size_t n = strlen(text);
    if (n <= LIMIT_WRITTEN_TEXT_BYTES)
        return n;
    n = LIMIT_WRITTEN_TEXT_BYTES;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) /* text[n] goes on with a character */
        n--;
    return n;
}

/* Where a text stands. */
struct place {
    const char *task;
    size_t item;
};

static int check_text(const struct place *at, const char *key, const struct json *text, struct err *err)
{
    if (!json_is(text, JSON_STRING))
        return err_set(err, ERR_INVALID, "written.%s[%zu].%s: must be a text%s", at->task, at->item, key,
                       text ? "" : "; it is missing");
    if (strlen(json_string_or(text, "")) > LIMIT_WRITTEN_TEXT_BYTES)
        return err_set(err, ERR_INVALID,
                       "written.%s[%zu].%s: is longer than %d bytes; cut it and say \"cut\": true", at->task,
                       at->item, key, LIMIT_WRITTEN_TEXT_BYTES);
    return 0;
}

static int check_samples(const struct place *at, const struct json *samples, struct err *err)
{
    int rc = 0;
    if (samples && !json_is(samples, JSON_ARRAY))
        return err_set(err, ERR_INVALID, "written.%s[%zu].samples: must be an array of texts", at->task,
                       at->item);
    for (const struct json *s = json_first(samples); s && !rc; s = json_next(s))
        rc = check_text(at, "samples[]", s, err);
    return rc;
}

static int check_keys(const struct place *at, const struct json *item, struct err *err)
{
    static const char *const known[] = {"id", "output", "samples", "cut"};
    if (!json_is(item, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "written.%s[%zu]: must be an object with \"id\" and \"output\"",
                       at->task, at->item);
    for (const struct json *c = json_first(item); c; c = json_next(c)) {
        size_t i = 0;
        while (i < 4 && strcmp(known[i], json_key(c)) != 0)
            i++;
        if (i == 4)
            return err_set(err, ERR_INVALID,
                           "written.%s[%zu]: has the unknown member \"%.40s\"; known are id, output, samples "
                           "and cut",
                           at->task, at->item, json_key(c));
    }
    return 0;
}

static int check_item(const struct place *at, const struct json *item, struct err *err)
{
    const struct json *cut = json_get(item, "cut");
    int rc = check_keys(at, item, err);
    if (!rc)
        rc = check_text(at, "id", json_get(item, "id"), err);
    if (!rc && !*json_string_or(json_get(item, "id"), ""))
        rc = err_set(err, ERR_INVALID, "written.%s[%zu].id: must not be empty", at->task, at->item);
    if (!rc)
        rc = check_text(at, "output", json_get(item, "output"), err);
    if (!rc)
        rc = check_samples(at, json_get(item, "samples"), err);
    if (!rc && cut && !json_is(cut, JSON_BOOL))
        rc = err_set(err, ERR_INVALID, "written.%s[%zu].cut: must be true or false", at->task, at->item);
    return rc;
}

static int check_task(const struct json *items, struct err *err)
{
    struct place at = {json_key(items), 0};
    int rc = 0;
    if (!*at.task || strlen(at.task) > TASK_MAX)
        return err_set(err, ERR_INVALID, "written: a task's name must have 1 to %d bytes", TASK_MAX);
    if (!json_is(items, JSON_ARRAY))
        return err_set(err, ERR_INVALID, "written.%s: must be an array with an object for each item",
                       at.task);
    for (const struct json *i = json_first(items); i && !rc; i = json_next(i), at.item++)
        rc = check_item(&at, i, err);
    return rc;
}

int written_text(const struct json *written, char **out, struct err *err)
{
    struct buf buf;
    int rc = 0;
    *out = NULL;
    if (!json_is(written, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "written: must be an object with an array of items for each task");
    for (const struct json *t = json_first(written); t && !rc; t = json_next(t))
        rc = check_task(t, err);
    if (rc)
        return rc;
    buf_init(&buf, LIMIT_WRITTEN_BYTES);
    if (json_write(&buf, written) || buf.full) {
        buf_fini(&buf);
        return err_set(err, ERR_TOO_LARGE, "written: is larger than %zu MiB; leave it out",
                       LIMIT_WRITTEN_BYTES >> 20);
    }
    *out = buf_take(&buf);
    return 0;
}
