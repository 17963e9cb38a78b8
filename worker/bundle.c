#include "worker/bundle_internal.h"

#include "proto/mem.h"
#include "proto/search_spec.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FORMAT "paretod-bundle-1"
#define TASKS_MAX 64
#define NEW_TOKENS_MAX (1 << 20)

static const char *const metric_names[METRICS_N] = {"em",       "f1",     "bleu",  "acc",
                                                    "acc_norm", "reward", "loglik"};

/* What a task of each type may measure and hold. Keys beyond the common ones. */
static const struct {
    const char *name;
    unsigned metrics; /* bit 1 << enum metric */
    bool generates, rewards;
} types[TASK_TYPES_N] = {
    [TASK_GENERATE] = {"generate", 1u << METRIC_EM | 1u << METRIC_F1 | 1u << METRIC_BLEU, true, false},
    [TASK_CHOICE] = {"choice", 1u << METRIC_ACC | 1u << METRIC_ACC_NORM, false, false},
    [TASK_REWARD] = {"reward", 1u << METRIC_REWARD, true, true},
    [TASK_LOGLIK] = {"loglik", 1u << METRIC_LOGLIK, false, false},
};

static const char *const task_keys[] = {"name",           "type",     "file",         "metrics",
                                        "max_new_tokens", "stop_ids", "reward_model", "temperature",
                                        "samples",        "seed"};
enum { KEYS_COMMON = 4, KEYS_GENERATE = 6, KEYS_REWARD = 10 }; /* how many of task_keys a type has */

const char *metric_name(enum metric metric)
{
    return metric_names[metric];
}

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

/* ---- tasks ---- */

/* A file of the bundle, in its own folder: no '/', no "..". Allocates. */
static int own_path(const struct bundle *bundle, const struct fields *in, const char *key, const char **name,
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

static int read_type(const struct fields *in, struct bundle_task *task, struct err *err)
{
    const char *type;
    int rc = fields_text(in, "type", &type, err);
    if (rc)
        return rc;
    int t = 0;
    while (t < TASK_TYPES_N && strcmp(types[t].name, type) != 0)
        t++;
    if (t == TASK_TYPES_N)
        return err_set(err, ERR_INVALID, "%stype must be generate, choice, reward or loglik, not \"%s\"",
                       in->where, type);
    task->type = (enum task_type)t;
    size_t keys = types[t].rewards ? KEYS_REWARD : types[t].generates ? KEYS_GENERATE : KEYS_COMMON;
    return fields_known(in, task_keys, keys, err);
}

static int read_metrics(const struct fields *in, struct bundle_task *task, struct err *err)
{
    const struct json *metrics = json_get(in->object, "metrics");
    for (const struct json *j = json_first(metrics); j; j = json_next(j)) {
        int m = 0;
        while (m < METRICS_N && strcmp(metric_names[m], json_string_or(j, "")) != 0)
            m++;
        if (m == METRICS_N || !(types[task->type].metrics >> m & 1))
            return err_set(err, ERR_INVALID, "%smetrics[%d]: \"%s\" is not a metric of a %s task", in->where,
                           task->metrics_n, json_string_or(j, ""), types[task->type].name);
        for (int i = 0; i < task->metrics_n; i++) {
            if (task->metrics[i] == (enum metric)m)
                return err_set(err, ERR_INVALID, "%smetrics names \"%s\" twice", in->where, metric_names[m]);
        }
        task->metrics[task->metrics_n++] = (enum metric)m; /* at most as many as the type has */
    }
    if (!task->metrics_n)
        return err_set(err, ERR_INVALID, "%smetrics must be an array of at least one metric", in->where);
    return 0;
}

static int read_generation(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                           struct err *err)
{
    int64_t most;
    struct ids stops = {0};
    int rc = fields_whole(in, "max_new_tokens", 1, NEW_TOKENS_MAX, &most, err);
    if (!rc)
        rc = fields_ids(in, "stop_ids", json_get(in->object, "stop_ids"), bundle->vocab_n, &stops, err);
    if (!rc && stops.n > BUNDLE_STOPS_MAX)
        rc = err_set(err, ERR_INVALID, "%sstop_ids has more than %d ids", in->where, BUNDLE_STOPS_MAX);
    if (!rc) {
        task->max_new_tokens = (int)most;
        task->stop_ids_n = stops.n;
        memcpy(task->stop_ids, stops.id, (size_t)stops.n * sizeof *stops.id);
    }
    mem_free(stops.id);
    return rc;
}

static int read_reward(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                       struct err *err)
{
    const char *path;
    int64_t samples = 1, seed = 0;
    int rc = fields_text(in, "reward_model", &path, err);
    if (!rc && json_get(in->object, "samples"))
        rc = fields_whole(in, "samples", 1, 1024, &samples, err);
    if (!rc && json_get(in->object, "seed"))
        rc = fields_whole(in, "seed", 0, (int64_t)1 << 53, &seed, err);
    if (rc)
        return rc;
    const char *after = strncmp(path, "../", 3) == 0 ? path + 3 : path;
    if (*path == '/' || strstr(after, "..") || !*after)
        return err_set(err, ERR_INVALID,
                       "%sreward_model must be a folder in the bundle or beside it (\"../NAME\")", in->where);
    const struct json *temperature = json_get(in->object, "temperature");
    task->temperature = json_number_or(temperature, temperature ? 0 : 1);
    if (!(task->temperature >= 0.01 && task->temperature <= 100))
        return err_set(err, ERR_INVALID, "%stemperature must be a number from 0.01 to 100", in->where);
    task->reward_model = mem_printf("%s/%s", bundle->directory, path);
    task->samples = (int)samples;
    task->seed = (uint64_t)seed;
    return 0;
}

static int read_name(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                     struct err *err)
{
    const char *name;
    int rc = fields_text(in, "name", &name, err);
    if (rc)
        return rc;
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("_-", *c))
            return err_set(err, ERR_INVALID, "%sname may have letters, digits, _ and - alone", in->where);
    }
    if (strlen(name) >= sizeof task->name)
        return err_set(err, ERR_INVALID, "%sname is longer than %zu", in->where, sizeof task->name - 1);
    for (int i = 0; i < bundle->tasks_n; i++) {
        if (strcmp(bundle->tasks[i].name, name) == 0)
            return err_set(err, ERR_INVALID, "%sname \"%s\" is used twice", in->where, name);
    }
    snprintf(task->name, sizeof task->name, "%s", name);
    return 0;
}

static int read_task(struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                     struct err *err)
{
    char *path = NULL;
    const char *file;
    int rc;
    if (!json_is(in->object, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "%sname is missing: a task must be an object", in->where);
    if ((rc = read_name(bundle, in, task, err)) || (rc = read_type(in, task, err)) ||
        (rc = read_metrics(in, task, err)))
        return rc;
    if (types[task->type].generates && (rc = read_generation(bundle, in, task, err)))
        return rc;
    if (types[task->type].rewards && (rc = read_reward(bundle, in, task, err)))
        return rc;
    rc = own_path(bundle, in, "file", &file, &path, err);
    if (!rc)
        rc = bundle_items_read(bundle, task, path, file, err);
    mem_free(path);
    return rc;
}

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
        int rc = read_task(bundle, &(struct fields){j, where}, task, err);
        bundle->tasks_n++;
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- bundle ---- */

static int read_vocab(struct bundle *bundle, const struct fields *in, struct err *err)
{
    const char *name;
    char *path = NULL;
    struct json *vocab = NULL;
    int rc = own_path(bundle, in, "vocab", &name, &path, err);
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
    for (int i = 0; i < bundle->tasks_n; i++) {
        bundle_items_free(&bundle->tasks[i]);
        mem_free(bundle->tasks[i].reward_model);
    }
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
