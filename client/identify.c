#include "client/identify.h"

#include "proto/bundle_metrics.h"
#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the bundle ---- */

static bool is_identify(const struct json *task)
{
    return strcmp(json_string_or(json_get(task, "type"), ""), "identify") == 0;
}

/* The task of that name, or the only one of the type. */
static int find_task(const struct json *root, const char *bundle, const char *name, const struct json **out,
                     struct err *err)
{
    size_t n = 0;
    for (const struct json *t = json_first(json_get(root, "tasks")); t; t = json_next(t)) {
        bool is_named = !name || strcmp(json_string_or(json_get(t, "name"), ""), name) == 0;
        if (!is_identify(t) || !is_named)
            continue;
        *out = t;
        n++;
    }
    if (n == 1)
        return 0;
    if (n > 1)
        return err_set(err, ERR_INVALID, "%s has %zu tasks of type \"identify\"; choose one with --task",
                       bundle, n);
    return err_set(err, ERR_INVALID,
                   "%s has no task %s%s%sof type \"identify\"; evaluators/rtuning/bundle.py makes one",
                   bundle, name ? "\"" : "", name ? name : "", name ? "\" " : "");
}

static int read_metrics(const struct json *task, struct identify *out, struct err *err)
{
    bool has_certain = false;
    for (const struct json *m = json_first(json_get(task, "metrics"));
         m && out->metrics_n < IDENTIFY_METRICS_MAX; m = json_next(m)) {
        const char *name = json_string_or(m, "");
        has_certain |= strcmp(name, "certain") == 0;
        out->has_entropy |= strcmp(name, "entropy") == 0;
        out->metrics[out->metrics_n++] = mem_printf("%s.%s", out->task, name);
    }
    return has_certain
               ? 0
               : err_set(err, ERR_INVALID, "task \"%s\" of the bundle has no metric \"certain\"", out->task);
}

static int read_item(const struct json *row, struct identify *out, struct err *err)
{
    const char *id = json_string_or(json_get(row, "id"), NULL);
    const char *half = json_string_or(json_get(row, "half"), "");
    bool held_out = strcmp(half, "heldout") == 0;
    if (!id || (!held_out && strcmp(half, "search") != 0))
        return err_set(err, ERR_INVALID, "an item needs an \"id\", and a \"half\" that is search or heldout");
    if (out->n == out->cap) {
        out->cap = out->cap ? 2 * out->cap : 64;
        out->items = mem_grow(out->items, out->cap, sizeof *out->items);
    }
    out->items[out->n++] = (struct identify_item){.id = mem_strdup(id),
                                                  .held_out = held_out,
                                                  .rank = out->half_n[held_out]++,
                                                  .certain = NAN,
                                                  .entropy = NAN};
    return 0;
}

/* One bad line and the ranks of all that come after it are wrong: so it is a failure, and no bad row. */
static int read_items(struct identify *out, struct err *err)
{
    struct bad_rows bad = {0};
    struct rows *rows;
    struct json *row;
    int rc = rows_open(out->file, NULL, &rows, err);
    if (rc)
        return rc;
    while (!rc && rows_next(rows, &bad, &row)) {
        rc = read_item(row, out, err);
        if (rc)
            err_prefix(err, rc, "%s:%zu", out->file, rows_line(rows));
        json_free(row);
    }
    if (!rc && bad.n)
        rc = err_set(err, ERR_INVALID, "%s", bad.first[0].text);
    if (!rc && !out->half_n[0])
        rc = err_set(err, ERR_INVALID,
                     "%s: has no item of the half \"search\"; make the bundle of questions without halves",
                     out->file);
    bad_rows_fini(&bad);
    rows_close(rows);
    return rc;
}

int identify_open(const char *bundle, const char *task, struct identify *out, struct err *err)
{
    struct bundle_metrics metrics = {0};
    const struct json *found = NULL;
    *out = (struct identify){0};
    int rc = bundle_metrics_read(bundle, &metrics, err);
    if (!rc)
        rc = find_task(metrics.root, bundle, task, &found, err);
    if (!rc) {
        out->task = mem_strdup(json_string_or(json_get(found, "name"), ""));
        out->file = mem_printf("%s/%s", bundle, json_string_or(json_get(found, "file"), ""));
        out->vocab = mem_printf("%s/%s", bundle, json_string_or(json_get(metrics.root, "vocab"), ""));
        rc = read_metrics(found, out, err);
    }
    if (!rc)
        rc = read_items(out, err);
    bundle_metrics_fini(&metrics);
    if (rc)
        identify_fini(out);
    return rc;
}

static void forget_written(struct identify_item *item)
{
    for (size_t s = 0; s < item->samples_n; s++)
        mem_free(item->samples[s]);
    mem_free(item->samples);
    mem_free(item->output);
    item->output = NULL;
    item->samples = NULL;
    item->samples_n = 0;
}

void identify_fini(struct identify *identify)
{
    for (size_t i = 0; i < identify->n; i++) {
        forget_written(&identify->items[i]);
        mem_free(identify->items[i].id);
    }
    for (int i = 0; i < identify->metrics_n; i++)
        mem_free(identify->metrics[i]);
    mem_free(identify->items);
    mem_free(identify->task);
    mem_free(identify->file);
    mem_free(identify->vocab);
    *identify = (struct identify){0};
}

/* ---- its questions ---- */

struct named {
    const char *id;
    size_t at;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

int identify_join(struct identify *identify, const struct question_set *set, size_t *without, struct err *err)
{
    struct named *names = mem_zero(set->n + 1, sizeof *names);
    bool *has = mem_zero(set->n + 1, sizeof *has);
    int rc = 0;
    for (size_t i = 0; i < set->n; i++)
        names[i] = (struct named){set->items[i].id, i};
    qsort(names, set->n, sizeof *names, by_id);
    *without = set->n;
    for (size_t i = 0; i < identify->n && !rc; i++) {
        struct identify_item *item = &identify->items[i];
        const struct named key = {item->id, 0};
        const struct named *found = bsearch(&key, names, set->n, sizeof *names, by_id);
        if (!found || has[found->at]) {
            rc = err_set(err, ERR_INVALID, "item \"%.80s\" of %s %s; make the bundle of these questions",
                         item->id, identify->file, found ? "is there twice" : "is no question of yours");
            continue;
        }
        item->question = found->at;
        has[found->at] = true;
        (*without)--;
    }
    mem_free(names);
    mem_free(has);
    return rc;
}

size_t identify_shards_max(const struct identify *identify)
{
    size_t most = identify->half_n[0], other = identify->half_n[1];
    return other && other < most ? other : most;
}

/* ---- what was found ---- */

/* The items of a half that a trial has, by (1). */
static size_t share_of(const struct identify *identify, bool held_out, size_t shards, size_t trial)
{
    size_t n = identify->half_n[held_out];
    return n / shards + (trial < n % shards);
}

static const struct json *find_values(const struct identify *identify, const struct json *answer,
                                      const char *metric, bool held_out)
{
    for (const struct json *s = json_first(json_get(answer, "scores")); s; s = json_next(s)) {
        const char *name = json_string_or(json_get(s, "metric"), "");
        bool is_held_out = strcmp(json_string_or(json_get(s, "half"), ""), "heldout") == 0;
        size_t n = strlen(identify->task);
        if (is_held_out == held_out && strncmp(name, identify->task, n) == 0 && name[n] == '.' &&
            strcmp(name + n + 1, metric) == 0)
            return json_get(s, "items");
    }
    return NULL;
}

/* values[share_of …]. ERR_CORRUPT when the trial does not have one for each item, or one that a question cannot have. */
static int read_values(const struct identify *identify, const struct json *answer, const char *metric,
                       bool held_out, size_t n, double *values, struct err *err)
{
    const struct json *list = find_values(identify, answer, metric, held_out);
    bool is_certain = strcmp(metric, "certain") == 0;
    size_t i = 0;
    if (!json_is(list, JSON_ARRAY) || json_len(list) != n)
        return err_set(err, ERR_CORRUPT,
                       "the trial has %zu values of \"%s.%s\" for %zu questions of the half \"%s\"",
                       json_len(list), identify->task, metric, n, held_out ? "heldout" : "search");
    for (const struct json *j = json_first(list); j; j = json_next(j)) {
        double x = values[i++] = json_number_or(j, NAN);
        if (is_certain ? x != 0 && x != 1 : !(isfinite(x) && x >= 0))
            return err_set(err, ERR_CORRUPT, "value %zu of \"%s.%s\" must be %s", i - 1, identify->task,
                           metric, is_certain ? "0 or 1" : "a number of 0 or more");
    }
    return 0;
}

static int take_half(struct identify *identify, size_t shards, size_t trial, bool held_out,
                     const struct json *answer, struct err *err)
{
    size_t n = share_of(identify, held_out, shards, trial);
    double *certain = mem_zero(n + 1, sizeof *certain), *entropy = mem_zero(n + 1, sizeof *entropy);
    int rc = n ? read_values(identify, answer, "certain", held_out, n, certain, err) : 0;
    if (!rc && n && identify->has_entropy)
        rc = read_values(identify, answer, "entropy", held_out, n, entropy, err);
    for (size_t i = 0; i < identify->n && !rc; i++) {
        struct identify_item *item = &identify->items[i];
        if (item->held_out != held_out || item->rank % shards != trial)
            continue;
        item->certain = certain[item->rank / shards];
        item->entropy = identify->has_entropy ? entropy[item->rank / shards] : NAN;
    }
    mem_free(certain);
    mem_free(entropy);
    return rc;
}

int identify_take(struct identify *identify, size_t shards, size_t trial, const struct json *answer,
                  struct err *err)
{
    int rc = take_half(identify, shards, trial, false, answer, err);
    return rc ? rc : take_half(identify, shards, trial, true, answer, err);
}

/* ---- what was written ---- */

static int take_item(struct identify_item *item, const struct json *text, struct err *err)
{
    const struct json *samples = json_get(text, "samples");
    const char *id = json_string_or(json_get(text, "id"), ""),
               *output = json_string_or(json_get(text, "output"), NULL);
    if (strcmp(id, item->id) != 0)
        return err_set(err, ERR_CORRUPT, "what was written to \"%.80s\" stands where \"%.80s\" should", id,
                       item->id);
    if (!output)
        return err_set(err, ERR_CORRUPT, "what was written to \"%.80s\" has no \"output\"", id);
    forget_written(item);
    item->output = mem_strdup(output);
    item->samples = mem_zero(json_len(samples) + 1, sizeof *item->samples);
    for (const struct json *s = json_first(samples); s; s = json_next(s))
        item->samples[item->samples_n++] = mem_strdup(json_string_or(s, ""));
    return 0;
}

/* The items of a shard stand in the order of their ranks. */
static int take_texts(struct identify *identify, size_t shards, size_t trial, bool held_out,
                      const struct json *texts, size_t *cut_n, struct err *err)
{
    size_t n = share_of(identify, held_out, shards, trial);
    const struct json *text = json_first(texts);
    int rc = 0;
    if (!json_is(texts, JSON_ARRAY) || json_len(texts) != n)
        return err_set(err, ERR_CORRUPT,
                       "the trial has texts of %zu items for %zu questions of the half \"%s\"",
                       json_len(texts), n, held_out ? "heldout" : "search");
    for (size_t i = 0; i < identify->n && !rc; i++) {
        struct identify_item *item = &identify->items[i];
        if (item->held_out != held_out || item->rank % shards != trial)
            continue;
        rc = take_item(item, text, err);
        *cut_n += json_bool_or(json_get(text, "cut"), false);
        text = json_next(text);
    }
    return rc;
}

int identify_take_written(struct identify *identify, size_t shards, size_t trial, const struct json *answer,
                          bool *kept, size_t *cut_n, struct err *err)
{
    static const char *const halves[] = {"search", "heldout"};
    const struct json *written = json_get(answer, "written");
    int rc = 0;
    *kept = true;
    for (int half = 0; half < 2 && !rc; half++) {
        const struct json *texts = json_get(json_get(written, halves[half]), identify->task);
        if (texts)
            rc = take_texts(identify, shards, trial, half, texts, cut_n, err);
        else if (share_of(identify, half, shards, trial))
            *kept = false;
    }
    return rc;
}
