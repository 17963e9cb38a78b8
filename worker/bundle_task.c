/* One task of a bundle: what it may hold, by its type. Its items are in bundle_items.c. */
#include "worker/bundle_internal.h"

#include "proto/mem.h"
#include "rtuning/certainty.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NEW_TOKENS_MAX (1 << 20)
#define SAMPLES_MAX 1024
#define TEMPERATURE_MIN 0.01
#define TEMPERATURE_MAX 100.0

static const char *const metric_names[METRICS_N] = {
    [METRIC_EM] = "em",
    [METRIC_F1] = "f1",
    [METRIC_BLEU] = "bleu",
    [METRIC_ACC] = "acc",
    [METRIC_ACC_NORM] = "acc_norm",
    [METRIC_REWARD] = "reward",
    [METRIC_LOGLIK] = "loglik",
    [METRIC_WILLING] = "willing",
    [METRIC_ACCURACY] = "accuracy",
    [METRIC_REFUSAL] = "refusal",
    [METRIC_OVER_REFUSAL] = "over_refusal",
    [METRIC_AP] = "ap",
    [METRIC_ECE] = "ece",
    [METRIC_AUROC] = "auroc",
    [METRIC_CERTAIN] = "certain",
    [METRIC_ENTROPY] = "entropy",
    [METRIC_CONFIDENCE] = "confidence",
};

const char *metric_name(enum metric metric)
{
    return metric_names[metric];
}

/* ---- keys ---- */

static int read_number(const struct fields *in, const char *key, double least, double most, double *out,
                       struct err *err)
{
    const struct json *number = json_get(in->object, key);
    if (!number)
        return 0;
    *out = json_number_or(number, NAN);
    if (!(*out >= least && *out <= most))
        return err_set(err, ERR_INVALID, "%s%s must be a number from %g to %g", in->where, key, least, most);
    return 0;
}

static int read_generation(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                           struct err *err)
{
    int64_t most = 0;
    int rc = fields_whole(in, "max_new_tokens", 1, NEW_TOKENS_MAX, &most, err);
    if (!rc)
        rc = fields_ids(in, "stop_ids", json_get(in->object, "stop_ids"), bundle->vocab_n, &task->stops, err);
    if (!rc && task->stops.n > BUNDLE_STOPS_MAX)
        rc = err_set(err, ERR_INVALID, "%sstop_ids has more than %d ids", in->where, BUNDLE_STOPS_MAX);
    task->max_new_tokens = (int)most;
    return rc;
}

/* How many samples, drawn how. The defaults are in the task. */
static int read_samples(const struct fields *in, int least, struct bundle_task *task, struct err *err)
{
    int64_t samples = task->samples, seed = 0;
    int rc = read_number(in, "temperature", TEMPERATURE_MIN, TEMPERATURE_MAX, &task->temperature, err);
    if (!rc && json_get(in->object, "samples"))
        rc = fields_whole(in, "samples", least, SAMPLES_MAX, &samples, err);
    if (!rc && json_get(in->object, "seed"))
        rc = fields_whole(in, "seed", 0, (int64_t)1 << 53, &seed, err);
    task->samples = (int)samples;
    task->seed = (uint64_t)seed;
    return rc;
}

static int read_reward(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                       struct err *err)
{
    const char *path = NULL;
    task->samples = 1;
    task->temperature = 1;
    int rc = read_generation(bundle, in, task, err);
    if (!rc)
        rc = fields_text(in, "reward_model", &path, err);
    if (!rc)
        rc = read_samples(in, 1, task, err);
    if (rc)
        return rc;
    const char *after = strncmp(path, "../", 3) == 0 ? path + 3 : path;
    if (*path == '/' || strstr(after, "..") || !*after)
        return err_set(err, ERR_INVALID,
                       "%sreward_model must be a folder in the bundle or beside it (\"../NAME\")", in->where);
    task->reward_model = mem_printf("%s/%s", bundle->directory, path);
    return 0;
}

/* Every token that has stop_text in its own text ends an answer. */
static int read_stop_text(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                          struct err *err)
{
    const char *text;
    if (!json_get(in->object, "stop_text"))
        return 0;
    int rc = fields_text(in, "stop_text", &text, err), given = task->stops.n;
    for (int id = 0; id < bundle->vocab_n && !rc; id++) {
        if (!strstr(bundle->vocab[id], text))
            continue;
        task->stops.id = mem_grow(task->stops.id, (size_t)task->stops.n + 1, sizeof *task->stops.id);
        task->stops.id[task->stops.n++] = id;
    }
    if (!rc && task->stops.n == given)
        rc = err_set(err, ERR_INVALID, "%sstop_text: no token of the vocabulary has \"%s\" in its text",
                     in->where, text);
    return rc;
}

/* How an open question is answered, and when rightly. */
static int read_answering(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                          struct err *err)
{
    static const char *const rules[] = {
        [MATCH_PAPER] = "paper", [MATCH_SENTENCE] = "sentence", [MATCH_CODE] = "code"};
    const struct json *match = json_get(in->object, "match");
    int rc = read_generation(bundle, in, task, err), m = 0;
    if (!rc)
        rc = read_stop_text(bundle, in, task, err);
    while (match && m <= MATCH_CODE && strcmp(rules[m], json_string_or(match, "")) != 0)
        m++;
    if (!rc && m > MATCH_CODE)
        rc = err_set(err, ERR_INVALID, "%smatch must be \"paper\", \"sentence\" or \"code\"", in->where);
    task->match = rc ? MATCH_PAPER : (enum match_rule)m;
    return rc;
}

static int read_rtuning(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                        struct err *err)
{
    const struct json *sure = json_get(in->object, "sure"), *unsure = json_get(in->object, "unsure");
    int rc = read_answering(bundle, in, task, err);
    if (!rc && !sure != !unsure)
        rc = err_set(err, ERR_INVALID,
                     "%ssure and unsure must be there together, or neither: then refusals are known by their "
                     "words",
                     in->where);
    if (!rc && sure)
        rc = fields_ids(in, "sure", sure, bundle->vocab_n, &task->sure, err);
    if (!rc && unsure)
        rc = fields_ids(in, "unsure", unsure, bundle->vocab_n, &task->unsure, err);
    task->weight = sure ? 0.5 : 1;
    if (!rc)
        rc = read_number(in, "weight", 0, 1, &task->weight, err);
    if (!rc && !sure && task->weight < 1)
        rc = err_set(err, ERR_INVALID,
                     "%sweight must be 1 without sure and unsure: there is the answer's confidence alone",
                     in->where);
    return rc;
}

static int read_identify(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                         struct err *err)
{
    task->temperature = CERTAINTY_TEMPERATURE;
    int rc = read_answering(bundle, in, task, err);
    return rc ? rc : read_samples(in, 0, task, err);
}

/* ---- types ---- */

#define KEYS_COMMON_N 4
#define KEYS_OWN_MAX 7
static const char *const common_keys[KEYS_COMMON_N] = {"name", "type", "file", "metrics"};

#define BIT(metric) (1u << (metric))
#define BITS(first, last) (BIT((last) + 1) - BIT(first))

/* What a task of each type may measure, and its keys beyond the common ones. */
static const struct {
    const char *name;
    unsigned metrics; /* BIT(enum metric) */
    const char *keys[KEYS_OWN_MAX];
    int (*read)(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                struct err *err); /* of these keys; NULL: there are none */
} types[TASK_TYPES_N] = {
    [TASK_GENERATE] = {"generate",
                       BITS(METRIC_EM, METRIC_BLEU),
                       {"max_new_tokens", "stop_ids"},
                       read_generation},
    [TASK_CHOICE] = {"choice", BITS(METRIC_ACC, METRIC_ACC_NORM), {0}, NULL},
    [TASK_REWARD] = {"reward",
                     BIT(METRIC_REWARD),
                     {"max_new_tokens", "stop_ids", "reward_model", "temperature", "samples", "seed"},
                     read_reward},
    [TASK_LOGLIK] = {"loglik", BIT(METRIC_LOGLIK), {0}, NULL},
    [TASK_RTUNING] = {"rtuning",
                      BITS(METRIC_WILLING, METRIC_AUROC),
                      {"max_new_tokens", "stop_ids", "stop_text", "match", "sure", "unsure", "weight"},
                      read_rtuning},
    [TASK_IDENTIFY] = {"identify",
                       BITS(METRIC_CERTAIN, METRIC_CONFIDENCE),
                       {"max_new_tokens", "stop_ids", "stop_text", "match", "samples", "temperature", "seed"},
                       read_identify},
};

static int check_keys(const struct fields *in, const struct bundle_task *task, struct err *err)
{
    const char *keys[KEYS_COMMON_N + KEYS_OWN_MAX];
    size_t n = 0;
    for (; n < KEYS_COMMON_N; n++)
        keys[n] = common_keys[n];
    for (int k = 0; k < KEYS_OWN_MAX && types[task->type].keys[k]; k++)
        keys[n++] = types[task->type].keys[k];
    return fields_known(in, keys, n, err);
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
        return err_set(err, ERR_INVALID,
                       "%stype must be generate, choice, reward, loglik, rtuning or identify, not \"%s\"",
                       in->where, type);
    task->type = (enum task_type)t;
    return check_keys(in, task, err);
}

static int read_metrics(const struct fields *in, struct bundle_task *task, struct err *err)
{
    const struct json *metrics = json_get(in->object, "metrics");
    for (const struct json *j = json_first(metrics); j; j = json_next(j)) {
        int m = 0;
        while (m < METRICS_N && strcmp(metric_names[m], json_string_or(j, "")) != 0)
            m++;
        if (m == METRICS_N || !(types[task->type].metrics >> m & 1))
            return err_set(err, ERR_INVALID, "%smetrics[%d]: \"%s\" is no metric of type %s", in->where,
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

/* An entropy of no answers, or of one, says nothing. */
static int check_entropy(const struct fields *in, const struct bundle_task *task, struct err *err)
{
    for (int m = 0; m < task->metrics_n; m++) {
        if (task->metrics[m] == METRIC_ENTROPY && task->samples < 2)
            return err_set(err, ERR_INVALID, "%ssamples must be at least 2 for the metric entropy",
                           in->where);
    }
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

int bundle_task_read(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
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
    if (types[task->type].read && (rc = types[task->type].read(bundle, in, task, err)))
        return rc;
    rc = check_entropy(in, task, err);
    if (!rc)
        rc = fields_path(bundle, in, "file", &file, &path, err);
    if (!rc)
        rc = bundle_items_read(bundle, task, path, file, err);
    mem_free(path);
    return rc;
}

void bundle_task_free(struct bundle_task *task)
{
    bundle_items_free(task);
    mem_free(task->stops.id);
    mem_free(task->sure.id);
    mem_free(task->unsure.id);
    mem_free(task->reward_model);
}
