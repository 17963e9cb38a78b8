#include "client/override.h"

#include "proto/mem.h"

#include <stdlib.h>
#include <string.h>

#define OVERRIDE_BYTES_MAX (4u << 20)

/* Where in the path we are, and what goes there in the end. */
struct change {
    const char *assignment; /* for sentences */
    const char *value;      /* JSON */
    struct err *err;
};

/* Splits the first step off a path: "a.b" -> "a", "b"; "a[1].b" -> "a", "[1].b"; "[1].b" -> "[1]", "b".
 * The step is the caller's, mem_free. */
static char *split(const char *path, const char **rest)
{
    size_t len = path[0] == '[' ? strcspn(path, "]") + 1 : strcspn(path, ".[");
    if (len > strlen(path))
        len = strlen(path);
    *rest = path + len;
    if (**rest == '.')
        (*rest)++;
    return mem_strndup(path, len);
}

static int write_changed(const struct change *change, const struct json *j, const char *path,
                         struct json_out *out);

static int write_object(const struct change *change, const struct json *j, const char *step, const char *rest,
                        struct json_out *out)
{
    int rc = 0;
    bool found = false;
    json_object(out);
    for (const struct json *c = json_first(j); c && !rc; c = json_next(c)) {
        bool here = strcmp(json_key(c), step) == 0;
        found |= here;
        json_name(out, json_key(c));
        rc = write_changed(change, c, here ? rest : NULL, out);
    }
    if (!found && !rc) {
        json_name(out, step);
        rc = write_changed(change, NULL, rest, out);
    }
    json_end_object(out);
    return rc;
}

static int write_array(const struct change *change, const struct json *j, const char *step, const char *rest,
                       struct json_out *out)
{
    char *end;
    unsigned long index = strtoul(step + 1, &end, 10);
    if (end == step + 1 || strcmp(end, "]") != 0 || index >= json_len(j))
        return err_set(change->err, ERR_INVALID, "--set %s: there is no element %s in an array of %zu",
                       change->assignment, step, json_len(j));
    int rc = 0;
    unsigned long i = 0;
    json_array(out);
    for (const struct json *c = json_first(j); c && !rc; c = json_next(c))
        rc = write_changed(change, c, i++ == index ? rest : NULL, out);
    json_end_array(out);
    return rc;
}

/* Copies `j` (NULL: nothing there yet); path: what to change under it, "" for itself, NULL for nothing. */
static int write_changed(const struct change *change, const struct json *j, const char *path,
                         struct json_out *out)
{
    if (!path) {
        struct buf copy;
        buf_init(&copy, OVERRIDE_BYTES_MAX);
        int rc = json_write(&copy, j);
        json_raw(out, buf_str(&copy));
        buf_fini(&copy);
        return rc;
    }
    if (!*path) {
        json_raw(out, change->value);
        return 0;
    }
    const char *rest;
    char *step = split(path, &rest);
    int rc;
    if (step[0] == '[' && json_is(j, JSON_ARRAY))
        rc = write_array(change, j, step, rest, out);
    else if (step[0] && step[0] != '[' && (!j || json_is(j, JSON_OBJECT)))
        rc = write_object(change, j, step, rest, out);
    else
        rc = err_set(change->err, ERR_INVALID, "--set %s: \"%s\" does not lead anywhere in the file",
                     change->assignment, path);
    mem_free(step);
    return rc;
}

/* The value as JSON text: as it stands when it is JSON, else as a string. */
static void write_value(const char *text, struct buf *out)
{
    struct json *j;
    struct json_out json;
    if (json_parse(text, strlen(text), &j, NULL) == 0) {
        json_write(out, j);
        json_free(j);
        return;
    }
    json_begin(&json, out);
    json_text(&json, text);
}

int override_check(const char *assignment, struct err *err)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return err_set(err, ERR_INVALID, "--set %s: write it as budget.trials=60", assignment);
    return 0;
}

int override_apply(const struct json *root, const char *assignment, struct json **out, struct err *err)
{
    const char *equals = strchr(assignment, '=');
    *out = NULL;
    if (override_check(assignment, err))
        return err->code;
    struct buf value, text;
    struct json_out json;
    buf_init(&value, OVERRIDE_BYTES_MAX);
    buf_init(&text, OVERRIDE_BYTES_MAX);
    write_value(equals + 1, &value);
    char *path = mem_strndup(assignment, (size_t)(equals - assignment));
    struct change change = {assignment, buf_str(&value), err};
    json_begin(&json, &text);
    int rc = write_changed(&change, root, path, &json);
    if (!rc)
        rc = text.full ? err_set(err, ERR_TOO_LARGE, "--set %s: the search becomes too large", assignment)
                       : json_parse(buf_str(&text), text.len, out, err);
    mem_free(path);
    buf_fini(&value);
    buf_fini(&text);
    return rc;
}
