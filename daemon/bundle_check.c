#include "daemon/bundle_check.h"

#include "proto/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A file of its own folder and a folder beside it, as the worker insists. */
static int find_file(const char *directory, const char *name, char **path, struct stat *st, struct err *err)
{
    if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
        return err_set(err, ERR_INVALID, "file must be the name of a file in the bundle's own folder");
    *path = mem_printf("%s/%s", directory, name);
    if (stat(*path, st))
        return err_set(err, ERR_NOT_FOUND, "%s: %s", *path, strerror(errno));
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_INVALID, "%s: is not a regular file", *path);
    return st->st_size ? 0 : err_set(err, ERR_INVALID, "%s: has no items", *path);
}

static int check_item(const char *line, size_t n, struct err *err)
{
    struct json *item;
    int rc = json_parse(line, n, &item, err);
    if (rc)
        return rc;
    const char *half = json_string_or(json_get(item, "half"), NULL);
    if (!json_is(item, JSON_OBJECT))
        rc = err_set(err, ERR_INVALID, "an item must be an object, not %s", json_type_name(json_type(item)));
    else if (!half)
        rc = err_set(err, ERR_INVALID, "half is missing; give \"search\" or \"heldout\"");
    else if (strcmp(half, "search") && strcmp(half, "heldout"))
        rc = err_set(err, ERR_INVALID, "half must be \"search\" or \"heldout\", not \"%.40s\"", half);
    json_free(item);
    return rc;
}

/* *left: bytes that may still be read, of all files. */
static int check_lines(FILE *file, const char *name, size_t *left, struct err *err)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t n;
    int rc = 0;
    while (!rc && (n = getline(&line, &size, file)) > 0 && (size_t)n <= *left) {
        *left -= (size_t)n;
        number++;
        if (line[n - 1] == '\n')
            n--;
        rc = check_item(line, (size_t)n, err);
    }
    free(line);
    return rc ? err_prefix(err, rc, "%s:%zu", name, number) : 0;
}

static int check_items(const char *directory, const char *name, size_t *left, struct err *err)
{
    char *path = NULL;
    struct stat st;
    int rc = find_file(directory, name, &path, &st, err);
    FILE *file = rc ? NULL : fopen(path, "re");
    if (!rc && !file)
        rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    /* a file that does not fit may be one line: getline would hold all of it */
    if (file && (size_t)st.st_size <= *left)
        rc = check_lines(file, name, left, err);
    if (file)
        fclose(file);
    mem_free(path);
    return rc;
}

static int check_reward_model(const char *directory, const char *name, struct err *err)
{
    struct stat st;
    char *path = mem_printf("%s/%s/config.json", directory, name);
    int rc = 0;
    if (stat(path, &st) || !S_ISREG(st.st_mode))
        rc = err_set(err, ERR_NOT_FOUND,
                     "reward_model \"%s\": there is no %s; put a checkpoint in the bundle or beside it", name,
                     path);
    mem_free(path);
    return rc;
}

void bundle_check(const char *directory, const struct json *tasks,
                  void (*complain)(void *ctx, const char *sentence), void *ctx)
{
    size_t left = BUNDLE_CHECK_MAX;
    int i = 0;
    for (const struct json *task = json_first(tasks); task; task = json_next(task), i++) {
        struct err err = {0};
        const char *reward = json_string_or(json_get(task, "reward_model"), NULL);
        int rc = check_items(directory, json_string_or(json_get(task, "file"), ""), &left, &err);
        if (!rc && reward)
            rc = check_reward_model(directory, reward, &err);
        if (!rc)
            continue;
        err_prefix(&err, rc, "tasks[%d] \"%s\"", i, json_string_or(json_get(task, "name"), ""));
        complain(ctx, err.text);
    }
}
