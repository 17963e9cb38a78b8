#include "worker/bundle_internal.h"

#include "proto/mem.h"
#include "proto/search_spec.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FORMAT "paretod-bundle-1"
#define TASKS_MAX 64

/* ---- fields ---- */

int fields_whole(const struct fields *in, const char *key, int64_t least, int64_t most, int64_t *out,
                 struct err *err)
{
    if (!json_whole(json_get(in->object, key), least, most, out))
        return err_set(err, ERR_INVALID, "%s%s must be a whole number from %lld to %lld", in->where, key,
                       (long long)least, (long long)most);
    return 0;
}

int fields_text(const struct fields *in, const char *key, const char **out, struct err *err)
{
    *out = json_string_or(json_get(in->object, key), "");
    if (!**out)
        return err_set(err, ERR_INVALID, "%s%s must be a text that is not empty", in->where, key);
    return 0;
}

int fields_ids(const struct fields *in, const char *key, const struct json *array, int vocab_n,
               struct ids *out, struct err *err)
{
    size_t n = json_len(array);
    if (!json_is(array, JSON_ARRAY) || n == 0 || n > INT_MAX / 4)
        return err_set(err, ERR_INVALID, "%s%s must be an array of at least one token id", in->where, key);
    out->id = mem_zero(n, sizeof *out->id);
    for (const struct json *j = json_first(array); j; j = json_next(j)) {
        int64_t id;
        if (!json_whole(j, 0, vocab_n - 1, &id))
            return err_set(err, ERR_INVALID,
                           "%s%s[%d] must be a token id from 0 to %d, as the vocabulary has", in->where, key,
                           out->n, vocab_n - 1);
        out->id[out->n++] = (int32_t)id;
    }
    return 0;
}

int fields_known(const struct fields *in, const char *const *allowed, size_t n, struct err *err)
{
    for (const struct json *j = json_first(in->object); j; j = json_next(j)) {
        size_t i = 0;
        while (i < n && strcmp(allowed[i], json_key(j)) != 0)
            i++;
        if (i < n)
            continue;
        const char *near = spec_nearest(json_key(j), allowed, n);
        return err_set(err, ERR_INVALID, "%s%s is not a known key here%s%s%s", in->where, json_key(j),
                       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return 0;
}

int fields_path(const struct bundle *bundle, const struct fields *in, const char *key, const char **name,
                char **out, struct err *err)
{
    int rc = fields_text(in, key, name, err);
    if (rc)
        return rc;
    if (strchr(*name, '/') || strcmp(*name, "..") == 0 || strcmp(*name, ".") == 0)
        return err_set(err, ERR_INVALID, "%s%s must be the name of a file in the bundle's own folder",
                       in->where, key);
    *out = mem_printf("%s/%s", bundle->directory, *name);
    return 0;
}

/* ---- bundle ---- */

static int read_tasks(struct bundle *bundle, const struct json *tasks, struct err *err)
{
    size_t n = json_len(tasks);
    if (!json_is(tasks, JSON_ARRAY) || n == 0 || n > TASKS_MAX)
        return err_set(err, ERR_INVALID, "bundle.json: tasks must be an array of 1 to %d tasks", TASKS_MAX);
    bundle->tasks = mem_zero(n, sizeof *bundle->tasks);
    for (const struct json *j = json_first(tasks); j; j = json_next(j)) {
        char where[64];
        snprintf(where, sizeof where, "bundle.json: tasks[%d].", bundle->tasks_n);
        struct bundle_task *task = &bundle->tasks[bundle->tasks_n];
        int rc = bundle_task_read(bundle, &(struct fields){j, where}, task, err);
        bundle->tasks_n++;
        if (rc)
            return rc;
    }
    return 0;
}

static int read_vocab(struct bundle *bundle, const struct fields *in, struct err *err)
{
    const char *name;
    char *path = NULL;
    struct json *vocab = NULL;
    int rc = fields_path(bundle, in, "vocab", &name, &path, err);
    if (!rc)
        rc = json_parse_file(path, BUNDLE_FILE_MAX, &vocab, err);
    mem_free(path);
    if (rc)
        return rc;
    size_t n = json_len(vocab);
    if (!json_is(vocab, JSON_ARRAY) || n == 0 || n > INT_MAX / 4)
        rc = err_set(err, ERR_INVALID, "%s: must be an array with the text of each token", name);
    bundle->vocab = mem_zero(n, sizeof *bundle->vocab);
    for (const struct json *j = json_first(vocab); j && !rc; j = json_next(j)) {
        if (json_is(j, JSON_STRING))
            bundle->vocab[bundle->vocab_n++] = mem_strdup(json_string_or(j, ""));
        else
            rc = err_set(err, ERR_INVALID, "%s: entry %d must be a text", name, bundle->vocab_n);
    }
    json_free(vocab);
    return rc;
}

static int read_bundle(struct bundle *bundle, const struct json *root, struct err *err)
{
    static const char *const keys[] = {"format", "name", "vocab", "eos_id", "pad_id", "tasks"};
    const struct fields in = {root, "bundle.json: "};
    const char *name;
    int64_t eos, pad;
    if (strcmp(json_string_or(json_get(root, "format"), ""), FORMAT) != 0)
        return err_set(err, ERR_INVALID, "bundle.json: format must be \"" FORMAT "\"");
    int rc = fields_known(&in, keys, sizeof keys / sizeof *keys, err);
    if (!rc)
        rc = fields_text(&in, "name", &name, err);
    if (!rc)
        rc = read_vocab(bundle, &in, err);
    if (!rc)
        rc = fields_whole(&in, "eos_id", 0, bundle->vocab_n - 1, &eos, err);
    if (!rc)
        rc = fields_whole(&in, "pad_id", 0, bundle->vocab_n - 1, &pad, err);
    if (rc)
        return rc;
    bundle->name = mem_strdup(name);
    bundle->eos_id = (int32_t)eos;
    bundle->pad_id = (int32_t)pad;
    return read_tasks(bundle, json_get(root, "tasks"), err);
}

int bundle_open(const char *directory, struct bundle **out, struct err *err)
{
    *out = NULL;
    struct bundle *bundle = mem_zero(1, sizeof *bundle);
    bundle->directory = mem_strdup(directory);
    char *path = mem_printf("%s/bundle.json", directory);
    struct json *root = NULL;
    int rc = json_parse_file(path, BUNDLE_FILE_MAX, &root, err);
    mem_free(path);
    if (!rc && (rc = read_bundle(bundle, root, err)))
        err_prefix(err, rc, "bundle %s", directory);
    json_free(root);
    if (rc) {
        bundle_close(bundle);
        return rc;
    }
    *out = bundle;
    return 0;
}

void bundle_close(struct bundle *bundle)
{
    if (!bundle)
        return;
    for (int i = 0; i < bundle->tasks_n; i++)
        bundle_task_free(&bundle->tasks[i]);
    for (int i = 0; i < bundle->vocab_n; i++)
        mem_free(bundle->vocab[i]);
    mem_free(bundle->tasks);
    mem_free(bundle->vocab);
    mem_free(bundle->name);
    mem_free(bundle->directory);
    mem_free(bundle);
}

char *bundle_text(const struct bundle *bundle, const int32_t *ids, int n)
{
    size_t length = 0;
    for (int i = 0; i < n; i++)
        length += strlen(bundle->vocab[ids[i]]);
    char *text = mem_zero(length + 1, 1), *end = text;
    for (int i = 0; i < n; i++)
        end = stpcpy(end, bundle->vocab[ids[i]]);
    char *start = text;
    while (isspace((unsigned char)*start))
        start++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    memmove(text, start, (size_t)(end - start));
    text[end - start] = 0;
    return text;
}
