#include "daemon/score_reader.h"

#include "proto/mem.h"
#include "proto/written.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static int read_items(const struct json *items, size_t at, struct score *out, struct err *err)
{
    if (!items || json_is(items, JSON_NULL))
        return 0;
    if (!json_is(items, JSON_ARRAY))
        return err_set(err, ERR_INVALID, "scores[%zu].items: must be an array of numbers or null", at);
    double *values = mem_zero(json_len(items), sizeof *values);
    out->items = values;
    for (const struct json *item = json_first(items); item; item = json_next(item)) {
        if (!json_is(item, JSON_NUMBER))
            return err_set(err, ERR_INVALID, "scores[%zu].items[%zu]: must be a number", at, out->items_n);
        values[out->items_n++] = json_number_or(item, 0);
    }
    if (out->n != (int64_t)out->items_n)
        return err_set(err, ERR_INVALID,
                       "scores[%zu].n: %lld, but there are %zu items; send one value an item", at,
                       (long long)out->n, out->items_n);
    return 0;
}

static int read_score(const struct json *j, size_t at, struct score *out, struct err *err)
{
    const struct json *se = json_get(j, "stderr");
    out->metric = json_string_or(json_get(j, "metric"), "");
    if (!*out->metric || strlen(out->metric) > 127)
        return err_set(err, ERR_INVALID, "scores[%zu].metric: must be a name of 1 to 127 bytes", at);
    if (!json_is(json_get(j, "mean"), JSON_NUMBER))
        return err_set(err, ERR_INVALID, "scores[%zu].mean: must be a finite number (metric %s)", at,
                       out->metric);
    out->mean = json_number_or(json_get(j, "mean"), 0);
    if (se && !json_is(se, JSON_NULL) && !(json_number_or(se, -1) >= 0))
        return err_set(err, ERR_INVALID, "scores[%zu].stderr: must be a number of 0 or more, or null", at);
    out->stderr_ = json_number_or(se, NAN);
    if (!json_whole(json_get(j, "n"), 0, INT64_C(1) << 53, &out->n))
        return err_set(err, ERR_INVALID, "scores[%zu].n: must be the number of items", at);
    return read_items(json_get(j, "items"), at, out, err);
}

static int refuse_twins(const struct result *result, struct err *err)
{
    for (size_t i = 0; i < result->scores_n; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(result->scores[i].metric, result->scores[j].metric))
                return err_set(err, ERR_INVALID, "scores[%zu].metric: \"%s\" stands there twice", i,
                               result->scores[i].metric);
    return 0;
}

/* One number a ratio, null where there is no update; how many there must be is the search's. */
static int read_effective(const struct json *list, struct result *result, struct err *err)
{
    if (!list || json_is(list, JSON_NULL))
        return 0;
    if (!json_is(list, JSON_ARRAY) || json_len(list) == 0 || json_len(list) > OPT_K_MAX)
        return err_set(err, ERR_INVALID,
                       "effective: must be null or an array of 1 to %d numbers or nulls, one a ratio",
                       OPT_K_MAX);
    double *values = mem_zero(json_len(list), sizeof *values);
    result->effective = values;
    for (const struct json *j = json_first(list); j; j = json_next(j)) {
        if (!json_is(j, JSON_NUMBER) && !json_is(j, JSON_NULL))
            return err_set(err, ERR_INVALID, "effective[%zu]: must be a number, or null without an update",
                           result->effective_n);
        values[result->effective_n++] = json_number_or(j, NAN);
    }
    return 0;
}

/* How far the evaluation went. */
static int read_parts(const struct json *root, struct result *result, struct err *err)
{
    const struct json *done = json_get(root, "slices_done"), *slices = json_get(root, "slices");
    const struct json *items = json_get(root, "items");
    int64_t n = 0, of = 0;
    if (!done != !slices)
        return err_set(err, ERR_INVALID, "%s: is missing; \"slices_done\" and \"slices\" go together",
                       done ? "slices" : "slices_done");
    if (slices && !json_whole(slices, 1, SPEC_SLICES_MAX, &of))
        return err_set(err, ERR_INVALID, "slices: must be a whole number from 1 to %d", SPEC_SLICES_MAX);
    if (done && !json_whole(done, 1, of, &n))
        return err_set(err, ERR_INVALID, "slices_done: must be a whole number from 1 to %d, the \"slices\"",
                       (int)of);
    if (items && !json_whole(items, 1, INT64_C(1) << 53, &result->items))
        return err_set(err, ERR_INVALID, "items: must be the number of items that were scored");
    result->slices_done = (int)n;
    result->slices = (int)of;
    return 0;
}

int score_reader_read(const struct json *root, struct result *result, struct err *err)
{
    const struct json *scores = json_get(root, "scores");
    *result = (struct result){0};
    if (!json_is(scores, JSON_ARRAY) || json_len(scores) == 0 || json_len(scores) > SCORES_MAX)
        return err_set(err, ERR_INVALID, "scores: must be an array of 1 to %d scores", SCORES_MAX);
    struct score *list = mem_zero(json_len(scores), sizeof *list);
    result->scores = list;
    for (const struct json *j = json_first(scores); j; j = json_next(j)) {
        size_t at = result->scores_n++;
        int rc = read_score(j, at, &list[at], err);
        if (rc)
            return rc;
    }
    result->merge_s = json_number_or(json_get(root, "merge_s"), 0);
    result->evaluate_s = json_number_or(json_get(root, "evaluate_s"), 0);
    int rc = read_effective(json_get(root, "effective"), result, err);
    if (!rc)
        rc = read_parts(root, result, err);
    return rc ? rc : refuse_twins(result, err);
}

/* ---- what the model wrote ---- */

static bool is_of_task(const char *metric, const char *task)
{
    size_t n = strlen(task);
    return strncmp(metric, task, n) == 0 && metric[n] == '.' && !strchr(metric + n + 1, '.');
}

/* Scores of a task may be of some of its items, never of more than there are. */
static int check_task(const struct json *texts, const struct result *result, struct err *err)
{
    const char *task = json_key(texts);
    int64_t items = (int64_t)json_len(texts);
    bool known = false;
    for (size_t i = 0; i < result->scores_n; i++) {
        if (!is_of_task(result->scores[i].metric, task))
            continue;
        known = true;
        if (result->scores[i].n > items)
            return err_set(err, ERR_INVALID,
                           "written.%s: has %lld items, but scores[%zu] is of %lld; send one an item", task,
                           (long long)items, i, (long long)result->scores[i].n);
    }
    return known ? 0 : err_set(err, ERR_INVALID, "written.%s: there is no score of such a task", task);
}

static int check_written(const struct json *written, const struct result *result, struct err *err)
{
    int64_t n = 0;
    int rc = 0;
    if (result->slices_done < result->slices)
        return err_set(err, ERR_INVALID, "written: is of whole evaluations; leave it out of scores in part");
    for (const struct json *t = json_first(written); t && !rc; t = json_next(t)) {
        n += (int64_t)json_len(t);
        rc = check_task(t, result, err);
    }
    if (!rc && result->items > 0 && n > result->items)
        rc = err_set(err, ERR_INVALID, "written: has %lld items, but %lld were scored", (long long)n,
                     (long long)result->items);
    return rc;
}

int score_reader_written(const struct json *root, const struct result *result, char **out, struct err *err)
{
    const struct json *written = json_get(root, "written");
    *out = NULL;
    if (!written || json_is(written, JSON_NULL))
        return 0;
    int rc = written_text(written, out, err);
    if (!rc)
        rc = check_written(written, result, err);
    if (rc) {
        mem_free(*out);
        *out = NULL;
    }
    return rc ? ERR_INVALID : 0; /* too large, too: nothing of the result is kept then */
}

void score_reader_free(struct result *result)
{
    struct score *scores = (struct score *)(uintptr_t)result->scores;
    for (size_t i = 0; i < result->scores_n; i++)
        mem_free((void *)(uintptr_t)scores[i].items);
    mem_free(scores);
    mem_free((void *)(uintptr_t)result->effective);
    *result = (struct result){0};
}
