#include "rtuning/convert_internal.h"

#include "proto/mem.h"
#include "proto/rng.h"
#include "proto/search_spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct convert_format convert_formats[] = {
    {"pararel", "[question, answer, relation]", NULL, convert_pararel},
    {"mmlu", "{subject: [[question, A, B, C, D, letter], …]}", "*", convert_mmlu},
    {"wice", "{claim, evidence: […], label}", NULL, convert_wice},
    {"hotpotqa", "{_id, question, answer, context: [[title, [sentence, …]], …]}", NULL, convert_hotpotqa},
    {"fever", "{claim, evidence: […], label}", NULL, convert_fever},
    {"halueval", "{knowledge, question, right_answer}", NULL, convert_halueval},
    {"selfaware", "{question_id, question, answer: […], answerable, source}", "example", convert_selfaware},
    {"falseqa", "CSV of question,answer,label, or {prompt, label}", NULL, convert_falseqa},
    {"nec", "{prompt, label, category}", NULL, convert_nec},
};
const size_t convert_formats_n = sizeof convert_formats / sizeof *convert_formats;

const struct convert_format *convert_find(const char *name, struct err *err)
{
    const char *names[sizeof convert_formats / sizeof *convert_formats];
    for (size_t i = 0; i < convert_formats_n; i++) {
        names[i] = convert_formats[i].name;
        if (strcmp(names[i], name) == 0)
            return &convert_formats[i];
    }
    const char *near = spec_nearest(name, names, convert_formats_n);
    if (near)
        err_set(err, ERR_INVALID, "there is no format \"%s\"; did you mean \"%s\"?", name, near);
    else
        err_set(err, ERR_INVALID,
                "there is no format \"%s\": it is pararel, mmlu, wice, hotpotqa, fever, halueval, selfaware, "
                "falseqa or nec",
                name);
    return NULL;
}

/* ---- what converters share ---- */

int convert_text(const struct json *row, const char *key, const char **out, struct err *err)
{
    const struct json *j = json_get(row, key);
    *out = json_string_or(j, "");
    if (!j)
        return err_set(err, ERR_INVALID, "\"%s\" is missing", key);
    if (!(*out)[strspn(*out, " \t\r\n")])
        return err_set(err, ERR_INVALID, "\"%s\" must be a text that is not empty", key);
    return 0;
}

char *convert_id(const struct json *row, const char *key)
{
    const struct json *j = json_get(row, key);
    int64_t number;
    const char *text = json_string_or(j, "");
    if (json_whole(j, INT64_MIN / 2, INT64_MAX / 2, &number))
        return mem_printf("%" PRId64, number);
    return *text ? mem_strdup(text) : NULL;
}

int convert_joined(const struct json *array, const char *name, const char *with, char **out, struct err *err)
{
    struct buf text;
    *out = NULL;
    if (!json_is(array, JSON_ARRAY))
        return err_set(err, ERR_INVALID, "\"%s\" must be an array of texts", name);
    buf_init(&text, CONVERT_TEXT_MAX);
    for (const struct json *c = json_first(array); c; c = json_next(c)) {
        const char *piece = json_string_or(c, NULL);
        if (!piece) {
            buf_fini(&text);
            return err_set(err, ERR_INVALID, "\"%s\" must hold texts, not %s", name,
                           json_type_name(json_type(c)));
        }
        buf_printf(&text, "%s%s", c == json_first(array) ? "" : with, piece);
    }
    *out = text.data ? buf_take(&text) : mem_strdup("");
    buf_fini(&text);
    return 0;
}

const char *convert_element(const struct json *array, size_t i)
{
    const struct json *c = json_first(array);
    for (; c && i; i--)
        c = json_next(c);
    return json_string_or(c, "");
}

void convert_add_answer(struct question *q, const char *answer)
{
    q->answers = mem_grow(q->answers, q->answers_n + 1, sizeof *q->answers);
    q->answers[q->answers_n++] = mem_strdup(answer);
}

void convert_add_choice(struct question *q, const char *choice)
{
    q->choices = mem_grow(q->choices, q->choices_n + 1, sizeof *q->choices);
    q->choices[q->choices_n++] = mem_strdup(choice);
}

/* ---- files ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void name_question(const struct convert_format *format, struct question_set *set, struct question *q)
{
    char *id =
        q->id ? mem_printf("%s-%s", format->name, q->id) : mem_printf("%s-%zu", format->name, set->n + 1);
    mem_free(q->id);
    q->id = id;
}

/* An id that stands twice gets its place in the set behind it: the same file may be given twice. */
static void make_unique(struct question_set *set)
{
    const char **ids = mem_zero(set->n + 1, sizeof *ids);
    bool *again = mem_zero(set->n + 1, sizeof *again);
    for (size_t i = 0; i < set->n; i++)
        ids[i] = set->items[i].id;
    qsort(ids, set->n, sizeof *ids, compare_texts);
    for (size_t i = 0; i < set->n; i++) {
        const char **hit = bsearch(&set->items[i].id, ids, set->n, sizeof *ids, compare_texts);
        size_t at = (size_t)(hit - ids);
        again[i] =
            (at > 0 && strcmp(ids[at - 1], *hit) == 0) || (at + 1 < set->n && strcmp(ids[at + 1], *hit) == 0);
    }
    mem_free(ids);
    for (size_t i = 0; i < set->n; i++) {
        if (!again[i])
            continue;
        char *id = mem_printf("%s#%zu", set->items[i].id, i + 1);
        mem_free(set->items[i].id);
        set->items[i].id = id;
    }
    mem_free(again);
}

int convert_file(const struct convert_format *format, const char *path, const struct convert_options *options,
                 struct question_set *set, struct bad_rows *bad, struct err *err)
{
    struct rows *rows;
    struct json *row;
    int rc = rows_open(path, format->under, &rows, err);
    if (rc)
        return rc;
    while (rows_next(rows, bad, &row)) {
        struct question q;
        struct err why = {0};
        question_init(&q);
        if (format->row(row, rows_key(rows), options->compat_code, options->shots, &q, &why)) {
            rows_bad(rows, bad, why.text);
            question_fini(&q);
        } else {
            name_question(format, set, &q);
            question_set_take(set, &q);
        }
        json_free(row);
    }
    rows_close(rows);
    make_unique(set);
    return 0;
}

/* ---- domains, samples, halves ---- */

/* 0 for the first subject that comes, 1 for the next new one …; questions without a subject are their own. */
static size_t place_of_subject(const char **seen, size_t *seen_n, const char *subject)
{
    for (size_t i = 0; i < *seen_n; i++)
        if (strcmp(seen[i], subject) == 0)
            return i;
    seen[*seen_n] = subject;
    return (*seen_n)++;
}

static void set_domains(struct question_set *set, const struct convert_choice *choice)
{
    const char **seen = mem_zero(set->n + 1, sizeof *seen);
    size_t seen_n = 0;
    for (size_t i = 0; i < set->n; i++) {
        struct question *q = &set->items[i];
        q->domain = choice->domain;
        if (choice->domain != QUESTION_NO_DOMAIN || !choice->in_subjects)
            continue;
        size_t place = place_of_subject(seen, &seen_n, q->subject ? q->subject : "");
        q->domain = place < choice->in_subjects ? QUESTION_IN : QUESTION_OUT;
    }
    mem_free(seen);
}

/* Marks k of n, drawn without replacement in one pass (Knuth, TAOCP 2, 3.4.2, algorithm S). */
static void draw(size_t n, size_t k, uint64_t seed, uint64_t stream, bool *drawn)
{
    struct rng rng;
    rng_seed(&rng, seed, stream);
    for (size_t i = 0; i < n; i++) {
        drawn[i] = rng_uniform(&rng) * (double)(n - i) < (double)k;
        k -= drawn[i];
    }
}

void convert_choose(struct question_set *set, const struct convert_choice *choice)
{
    bool *drawn = mem_zero(set->n + 1, sizeof *drawn);
    set_domains(set, choice);
    if (choice->sample_n && choice->sample_n < set->n) {
        size_t kept = 0;
        draw(set->n, choice->sample_n, choice->seed, 0, drawn);
        for (size_t i = 0; i < set->n; i++) {
            if (drawn[i])
                set->items[kept++] = set->items[i];
            else
                question_fini(&set->items[i]);
        }
        set->n = kept;
    }
    if (choice->heldout > 0) {
        draw(set->n, (size_t)(choice->heldout * (double)set->n + 0.5), choice->seed, 1, drawn);
        for (size_t i = 0; i < set->n; i++)
            set->items[i].half = drawn[i] ? QUESTION_HELDOUT : QUESTION_SEARCH;
    }
    mem_free(drawn);
}
