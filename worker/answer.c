#include "worker/answer.h"

#include "proto/json.h"
#include "proto/log.h"
#include "proto/mem.h"
#include "proto/state_text.h"
#include "proto/written.h"
#include "worker/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define METRICS_MAX 1000

/* The last line with anything on it, without blanks around it. */
static const char *last_line(const char *text, size_t len, size_t *line_n)
{
    static const char blank[] = " \t\r\n";
    while (len > 0 && memchr(blank, text[len - 1], sizeof blank - 1))
        len--;
    size_t first = len;
    while (first > 0 && text[first - 1] != '\n')
        first--;
    while (first < len && memchr(blank, text[first], sizeof blank - 1))
        first++;
    *line_n = len - first;
    return text + first;
}

static int refuse_line(const char *which, const char *line, size_t n, const struct err *why, struct err *err)
{
    bool number = memmem(line, n, "NaN", 3) || memmem(line, n, "Infinity", 8);
    return err_set(
        err, ERR_EVALUATOR,
        "%s of the evaluator's standard output is not the JSON object {\"scores\":{…}} (%s)%s; it "
        "begins: %.*s",
        which, why->text,
        number ? ". NaN and Infinity are not JSON: what cannot be measured is a failure, so exit with a "
                 "status other than 0"
               : "",
        (int)(n < 60 ? n : 60), line);
}

static int read_items(const char *name, const struct json *list, struct score *score, struct err *err)
{
    if (!json_is(list, JSON_ARRAY))
        return err_set(err, ERR_EVALUATOR,
                       "the evaluator's answer: scores.%s.items must be an array of numbers", name);
    score->items = mem_zero(json_len(list), sizeof *score->items);
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        if (!json_is(c, JSON_NUMBER))
            return err_set(err, ERR_EVALUATOR,
                           "the evaluator's answer: scores.%s.items[%zu] must be a number, not %s", name,
                           score->items_n, json_type_name(json_type(c)));
        score->items[score->items_n++] = json_number_or(c, 0);
    }
    return 0;
}

/* "n" and "stderr", after the items. */
static int read_spread(const char *name, const struct json *object, struct score *score, struct err *err)
{
    const struct json *n = json_get(object, "n"), *error = json_get(object, "stderr");
    score->n = score->items ? (int64_t)score->items_n : 1;
    if (n && !json_whole(n, 0, INT64_MAX, &score->n))
        return err_set(err, ERR_EVALUATOR,
                       "the evaluator's answer: scores.%s.n must be a whole number above 0", name);
    if (score->n == 0)
        return err_set(
            err, ERR_EVALUATOR,
            "the evaluator's answer: scores.%s is the mean of no items; what was not measured is a "
            "failure, so exit with a status other than 0",
            name);
    if (score->items && score->n != (int64_t)score->items_n)
        return err_set(err, ERR_EVALUATOR,
                       "the evaluator's answer: scores.%s has n %lld but %zu items; print one value an item",
                       name, (long long)score->n, score->items_n);
    score->stderr_ = error ? NAN : metrics_stderr(score->items, score->items_n);
    if (!error || json_is(error, JSON_NULL))
        return 0;
    if (!json_is(error, JSON_NUMBER) || json_number_or(error, -1) < 0)
        return err_set(
            err, ERR_EVALUATOR,
            "the evaluator's answer: scores.%s.stderr must be a number, 0 or more, or null for unknown",
            name);
    score->stderr_ = json_number_or(error, 0);
    return 0;
}

static int read_object(const char *name, const struct json *object, struct score *score, struct err *err)
{
    static const char *const known[] = {"mean", "stderr", "n", "items"};
    for (const struct json *c = json_first(object); c; c = json_next(c)) {
        size_t i = 0;
        while (i < 4 && strcmp(known[i], json_key(c)) != 0)
            i++;
        if (i == 4)
            return err_set(
                err, ERR_EVALUATOR,
                "the evaluator's answer: scores.%s has the unknown member \"%s\"; known are mean, stderr, n "
                "and items",
                name, json_key(c));
    }
    const struct json *mean = json_get(object, "mean"), *items = json_get(object, "items");
    if (!json_is(mean, JSON_NUMBER))
        return err_set(err, ERR_EVALUATOR, "the evaluator's answer: scores.%s.mean must be a number%s%s",
                       name, mean ? ", not " : "; it is missing",
                       mean ? json_type_name(json_type(mean)) : "");
    score->mean = json_number_or(mean, 0) + 0.0; /* + 0.0: the store keeps no negative zero */
    int rc = items ? read_items(name, items, score, err) : 0;
    return rc ? rc : read_spread(name, object, score, err);
}

static int read_score(const struct json *value, struct score *score, struct err *err)
{
    const char *name = json_key(value);
    size_t n = strlen(name);
    if (n == 0 || n >= sizeof score->metric)
        return err_set(err, ERR_EVALUATOR,
                       "the evaluator's answer: the metric name \"%.40s\" must have 1 to %zu characters",
                       name, sizeof score->metric - 1);
    memcpy(score->metric, name, n + 1);
    score->n = 1;
    score->stderr_ = NAN;
    if (json_is(value, JSON_OBJECT))
        return read_object(name, value, score, err);
    if (!json_is(value, JSON_NUMBER))
        return err_set(
            err, ERR_EVALUATOR,
            "the evaluator's answer: scores.%s must be a number or an object with \"mean\", not %s", name,
            json_type_name(json_type(value)));
    score->mean = json_number_or(value, 0) + 0.0;
    return 0;
}

/* One number a ratio, null where base and tuned are equal; whether it is one a ratio is the caller's to see. */
static int read_effective(const struct json *list, struct scores *scores, struct err *err)
{
    if (!json_is(list, JSON_ARRAY) || json_len(list) == 0 || json_len(list) > SPEC_RATIOS_MAX)
        return err_set(
            err, ERR_EVALUATOR,
            "the evaluator's answer: effective must be an array with a number or null for each ratio");
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        if (!json_is(c, JSON_NUMBER) && !json_is(c, JSON_NULL))
            return err_set(err, ERR_EVALUATOR,
                           "the evaluator's answer: effective[%zu] must be a number or null, not %s",
                           scores->effective_n, json_type_name(json_type(c)));
        scores->effective[scores->effective_n++] = json_number_or(c, NAN);
    }
    return 0;
}

static int read_count(const struct json *count, struct scores *scores, struct err *err)
{
    return json_whole(count, 1, INT64_C(1) << 53, &scores->items)
               ? 0
               : err_set(err, ERR_EVALUATOR,
                         "the evaluator's answer: items must be the number of items that were evaluated");
}

static int read_written(const struct json *written, struct scores *scores, struct err *err)
{
    struct err why = {0};
    return written_text(written, &scores->written, &why)
               ? err_set(err, ERR_EVALUATOR, "the evaluator's answer: %s", why.text)
               : 0;
}

/* numbered: it has the number of its job. texts: what was written is wanted. */
static int read_members(const struct json *root, bool numbered, bool texts, struct scores *scores,
                        struct err *err)
{
    int rc = 0;
    for (const struct json *c = json_first(root); c && !rc; c = json_next(c)) {
        const char *key = json_key(c) ? json_key(c) : "[0]";
        if (strcmp(key, "effective") == 0)
            rc = read_effective(c, scores, err);
        else if (strcmp(key, "items") == 0)
            rc = read_count(c, scores, err);
        else if (strcmp(key, "written") == 0)
            rc = texts ? read_written(c, scores, err) : 0;
        else if (strcmp(key, "scores") != 0 && !(numbered && strcmp(key, "job") == 0))
            rc = err_set(
                err, ERR_EVALUATOR,
                "the evaluator's answer has the unknown member \"%s\"; it must be {\"scores\":{…}}, and may "
                "have \"effective\", \"items\" and \"written\"",
                key);
    }
    return rc;
}

static int read_scores(const struct json *root, struct scores *scores, struct err *err)
{
    const struct json *list = json_get(root, "scores");
    int rc = 0;
    size_t n = json_len(list);
    if (!json_is(list, JSON_OBJECT) || n == 0 || n > METRICS_MAX)
        return err_set(
            err, ERR_EVALUATOR,
            "the evaluator's answer must be {\"scores\":{\"task.metric\":number, …}} with 1 to %d metrics",
            METRICS_MAX);
    scores->item = mem_zero(n, sizeof *scores->item);
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        rc = read_score(c, &scores->item[scores->n++], err);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_answer(const struct json *root, bool numbered, bool texts, struct scores *scores,
                       struct err *err)
{
    int rc = read_members(root, numbered, texts, scores, err);
    return rc ? rc : read_scores(root, scores, err);
}

int answer_parse(const char *output, size_t len, bool texts, struct scores *scores, struct err *err)
{
    struct json *root;
    struct err why = {0};
    size_t n;
    *scores = (struct scores){0};
    const char *line = last_line(output, len, &n);
    if (n == 0)
        return err_set(
            err, ERR_EVALUATOR,
            "the evaluator printed nothing on its standard output; its last line must be {\"scores\":{…}}");
    if (json_parse(line, n, &root, &why) != 0)
        return refuse_line("the last line", line, n, &why, err);
    int rc = read_answer(root, false, texts, scores, err);
    json_free(root);
    if (rc)
        scores_fini(scores);
    return rc;
}

/* ---- slices ---- */

static int check_slice_members(const struct json *root, bool numbered, struct err *err)
{
    static const char *const known[] = {"slice", "of", "items", "scores", "state", "job"};
    const size_t known_n = numbered ? 6 : 5;
    for (const struct json *c = json_first(root); c; c = json_next(c)) {
        size_t i = 0;
        while (i < known_n && strcmp(known[i], json_key(c)) != 0)
            i++;
        if (i == known_n)
            return err_set(
                err, ERR_EVALUATOR,
                "the evaluator's slice has the unknown member \"%s\"; known are slice, of, items, scores and "
                "state",
                json_key(c));
    }
    return 0;
}

/* One that is too large costs the next evaluation its start, and is no failure of this one. */
static void read_state(const struct json *state, struct scores *scores)
{
    struct err err = {0};
    if (state && !json_is(state, JSON_NULL) && state_text(state, &scores->state, &err))
        log_event(LOG_WARN, "state_left_out", "reason=%s", LOG_QUOTE(err.text));
}

static int read_slice(const struct json *root, bool numbered, int of, int *slice, struct scores *scores,
                      struct err *err)
{
    int64_t number, all;
    int rc = check_slice_members(root, numbered, err);
    if (rc)
        return rc;
    if (!json_whole(json_get(root, "of"), 1, INT32_MAX, &all) || all != of)
        return err_set(err, ERR_EVALUATOR, "the evaluator's slice: of must be %d, the job's slices", of);
    if (!json_whole(json_get(root, "slice"), 1, of, &number))
        return err_set(err, ERR_EVALUATOR,
                       "the evaluator's slice: slice must be a whole number from 1 to %d, its slices so far",
                       of);
    if ((rc = read_count(json_get(root, "items"), scores, err)) || (rc = read_scores(root, scores, err)))
        return err_prefix(err, rc, "slice %d of %d", (int)number, of);
    *slice = (int)number;
    read_state(json_get(root, "state"), scores);
    return 0;
}

int answer_parse_slice(const char *line, size_t len, int of, int *slice, struct scores *scores,
                       struct err *err)
{
    struct json *root;
    struct err why = {0};
    *slice = 0;
    *scores = (struct scores){0};
    line = last_line(line, len, &len); /* without blanks around it */
    if (len == 0 || *line != '{' || !memmem(line, len, "\"slice\"", 7))
        return 0;
    if (json_parse(line, len, &root, &why) != 0)
        return err_set(err, ERR_EVALUATOR,
                       "a slice that the evaluator printed is no JSON (%s); NaN and Infinity are none, and a "
                       "line is one object; it begins: %.*s",
                       why.text, (int)(len < 60 ? len : 60), line);
    int rc = json_get(root, "slice") ? read_slice(root, false, of, slice, scores, err) : 0;
    json_free(root);
    if (rc)
        scores_fini(scores);
    return rc;
}

/* ---- lines of a program that gets many jobs ---- */

static bool speaks_of_scores(const char *line, size_t len)
{
    return memmem(line, len, "\"scores\"", 8) || memmem(line, len, "\"job\"", 5);
}

/* *mine: it is about this job. */
static int read_number(const struct json *root, int64_t job, bool *mine, struct err *err)
{
    int64_t number;
    const struct json *given = json_get(root, "job");
    *mine = false;
    if (!given && !json_get(root, "scores") && !json_get(root, "slice") && !json_get(root, "error"))
        return 0;
    if (!json_whole(given, 1, INT64_MAX, &number))
        return err_set(
            err, ERR_EVALUATOR,
            "the evaluator printed a line that does not say which job it is about; give it \"job\": "
            "%lld, as the job had it",
            (long long)job);
    if (number > job)
        return err_set(err, ERR_EVALUATOR, "the evaluator answered job %lld, but the newest one is %lld",
                       (long long)number, (long long)job);
    if (number < job)
        log_event(LOG_WARN, "late_answer", "job=%lld newest=%lld", (long long)number, (long long)job);
    *mine = number == job;
    return 0;
}

static int read_numbered(const struct json *root, int of, bool texts, struct answer_line *said,
                         struct scores *scores, struct err *err)
{
    const char *error = json_string_or(json_get(root, "error"), NULL);
    if (error) {
        said->kind = ANSWER_ERROR;
        snprintf(said->error, sizeof said->error, "%s", error);
        return 0;
    }
    if (json_bool_or(json_get(root, "stopped"), false)) {
        said->kind = ANSWER_STOPPED;
        return 0;
    }
    if (!json_get(root, "slice")) {
        said->kind = ANSWER_SCORES;
        return read_answer(root, true, texts, scores, err);
    }
    said->kind = of > 1 ? ANSWER_SLICE : ANSWER_NONE;
    return of > 1 ? read_slice(root, true, of, &said->slice, scores, err) : 0;
}

int answer_parse_numbered(const char *line, size_t len, int64_t job, int of, bool texts,
                          struct answer_line *said, struct scores *scores, struct err *err)
{
    struct json *root;
    struct err why = {0};
    bool mine;
    *said = (struct answer_line){.kind = ANSWER_NONE};
    *scores = (struct scores){0};
    line = last_line(line, len, &len); /* without blanks around it */
    if (len == 0 || *line != '{')
        return 0;
    if (json_parse(line, len, &root, &why) != 0)
        return speaks_of_scores(line, len) ? refuse_line("a line", line, len, &why, err) : 0;
    int rc = read_number(root, job, &mine, err);
    if (!rc && mine)
        rc = read_numbered(root, of, texts, said, scores, err);
    json_free(root);
    if (rc)
        scores_fini(scores);
    return rc;
}

/* ---- what scores say ---- */

/* Is this the first score of its task? */
static bool first_of_task(const struct scores *scores, size_t at, size_t task_n)
{
    for (size_t i = 0; i < at; i++) {
        const char *dot = strrchr(scores->item[i].metric, '.');
        size_t n = dot ? (size_t)(dot - scores->item[i].metric) : strlen(scores->item[i].metric);
        if (n == task_n && memcmp(scores->item[i].metric, scores->item[at].metric, n) == 0)
            return false;
    }
    return true;
}

int64_t answer_items(const struct scores *scores)
{
    int64_t items = 0;
    for (size_t i = 0; i < scores->n; i++) {
        const char *dot = strrchr(scores->item[i].metric, '.');
        size_t n = dot ? (size_t)(dot - scores->item[i].metric) : strlen(scores->item[i].metric);
        if (first_of_task(scores, i, n))
            items += scores->item[i].n;
    }
    return items;
}

const struct score *answer_find(const struct scores *scores, const char *metric)
{
    for (size_t i = 0; i < scores->n; i++)
        if (strcmp(scores->item[i].metric, metric) == 0)
            return &scores->item[i];
    return NULL;
}
