#include "rtuning/question.h"

#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"id",      "question", "answers", "kind",   "choices", "gold",
                                   "context", "subject",  "prompt",  "lead",   "domain",  "answerable",
                                   "half",    "certain",  "entropy", "output", "samples"};
static const char *const kinds[] = {"open", "choice", NULL};
static const char *const domains[] = {"", "in", "out", NULL};
static const char *const halves[] = {"", "search", "heldout", NULL};

/* ---- texts ---- */

static void texts_free(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(texts[i]);
    mem_free(texts);
}

void question_init(struct question *q)
{
    *q = (struct question){.gold = -1, .answerable = true, .entropy = NAN};
}

void question_forget_written(struct question *q)
{
    mem_free(q->output);
    texts_free(q->samples, q->samples_n);
    q->output = NULL;
    q->samples = NULL;
    q->samples_n = 0;
}

void question_fini(struct question *q)
{
    mem_free(q->id);
    mem_free(q->text);
    texts_free(q->answers, q->answers_n);
    texts_free(q->choices, q->choices_n);
    mem_free(q->context);
    mem_free(q->subject);
    mem_free(q->prompt);
    mem_free(q->lead);
    question_forget_written(q);
    *q = (struct question){0};
}

const char *question_letter(int choice)
{
    static const char letters[QUESTION_CHOICES_MAX][2] = {"A", "B", "C", "D", "E", "F", "G", "H", "I",
                                                          "J", "K", "L", "M", "N", "O", "P", "Q", "R",
                                                          "S", "T", "U", "V", "W", "X", "Y", "Z"};
    return letters[choice];
}

const char *question_answer(const struct question *q)
{
    if (!q->answerable)
        return NULL;
    return q->kind == QUESTION_CHOICE ? question_letter(q->gold) : q->answers[0];
}

/* ---- reading ---- */

static int read_text(const struct json *row, const char *key, bool needed, bool may_be_empty, char **out,
                     struct err *err)
{
    const struct json *j = json_get(row, key);
    const char *text = json_string_or(j, NULL);
    if (!j && !needed)
        return 0;
    if (!j)
        return err_set(err, ERR_INVALID, "\"%s\" is missing", key);
    if (!text || (!*text && !may_be_empty))
        return err_set(err, ERR_INVALID, "\"%s\" must be a text%s", key,
                       may_be_empty ? "" : " that is not empty");
    *out = mem_strdup(text);
    return 0;
}

static int read_texts(const struct json *row, const char *key, bool may_be_empty, char ***out, size_t *n,
                      struct err *err)
{
    const struct json *j = json_get(row, key);
    if (!j)
        return 0;
    if (!json_is(j, JSON_ARRAY))
        return err_set(err, ERR_INVALID, "\"%s\" must be an array of texts", key);
    *out = mem_zero(json_len(j) + 1, sizeof **out);
    for (const struct json *c = json_first(j); c; c = json_next(c)) {
        const char *text = json_string_or(c, NULL);
        if (!text || (!*text && !may_be_empty))
            return err_set(err, ERR_INVALID, "%s[%zu] must be a text%s", key, *n,
                           may_be_empty ? "" : " that is not empty");
        (*out)[(*n)++] = mem_strdup(text);
    }
    return 0;
}

static int read_word(const struct json *row, const char *key, const char *const *words, int *out,
                     struct err *err)
{
    const struct json *j = json_get(row, key);
    const char *text = json_string_or(j, NULL);
    if (!j)
        return 0;
    for (int i = 0; text && words[i]; i++)
        if (*words[i] && strcmp(words[i], text) == 0) {
            *out = i;
            return 0;
        }
    int first = *words[0] ? 0 : 1;
    return err_set(err, ERR_INVALID, "\"%s\" must be \"%s\" or \"%s\"", key, words[first], words[first + 1]);
}

static int read_flag(const struct json *row, const char *key, bool *out, struct err *err)
{
    const struct json *j = json_get(row, key);
    if (j && !json_is(j, JSON_BOOL))
        return err_set(err, ERR_INVALID, "\"%s\" must be true or false", key);
    *out = json_bool_or(j, *out);
    return 0;
}

static int read_identified(const struct json *row, struct question *q, struct err *err)
{
    const struct json *entropy = json_get(row, "entropy");
    bool certain = false;
    q->entropy = json_number_or(entropy, NAN);
    if (entropy && !(q->entropy >= 0))
        return err_set(err, ERR_INVALID, "\"entropy\" must be a number of 0 or more");
    int rc = read_flag(row, "certain", &certain, err);
    if (!rc && json_get(row, "certain"))
        q->certain = certain ? QUESTION_CERTAIN : QUESTION_UNCERTAIN;
    if (!rc)
        rc = read_text(row, "output", false, true, &q->output, err);
    if (!rc)
        rc = read_texts(row, "samples", true, &q->samples, &q->samples_n, err);
    return rc;
}

static int check_choice(const struct json *row, struct question *q, struct err *err)
{
    const struct json *gold = json_get(row, "gold");
    int64_t at = -1;
    q->gold = -1;
    if (q->choices_n < 2 || q->choices_n > QUESTION_CHOICES_MAX)
        return err_set(err, ERR_INVALID, "\"choices\" must be 2 to %d texts", QUESTION_CHOICES_MAX);
    if (q->answers_n)
        return err_set(err, ERR_INVALID, "\"answers\" belong to open questions; a choice has \"gold\"");
    if (!q->answerable && gold)
        return err_set(err, ERR_INVALID, "\"gold\" does not go with \"answerable\": false");
    if (q->answerable && !json_whole(gold, 0, (int64_t)q->choices_n - 1, &at))
        return err_set(err, ERR_INVALID, "\"gold\" must be the index of a choice, 0 to %zu",
                       q->choices_n - 1);
    q->gold = (int)at;
    return 0;
}

static int check_open(const struct json *row, struct question *q, struct err *err)
{
    q->gold = -1;
    if (q->choices_n || json_get(row, "gold"))
        return err_set(err, ERR_INVALID, "\"choices\" and \"gold\" need \"kind\": \"choice\"");
    if (q->answerable && !q->answers_n)
        return err_set(err, ERR_INVALID,
                       "\"answers\" is missing: an open question needs one, or \"answerable\": false");
    return 0;
}

static int read_fields(const struct json *row, struct question *q, struct err *err)
{
    int kind = QUESTION_OPEN, domain = QUESTION_NO_DOMAIN, half = QUESTION_NO_HALF, rc;
    q->answerable = true;
    if ((rc = row_check_keys(row, keys, sizeof keys / sizeof *keys, err)) ||
        (rc = read_text(row, "id", true, false, &q->id, err)) ||
        (rc = read_text(row, "question", true, false, &q->text, err)) ||
        (rc = read_word(row, "kind", kinds, &kind, err)) ||
        (rc = read_texts(row, "answers", false, &q->answers, &q->answers_n, err)) ||
        (rc = read_texts(row, "choices", false, &q->choices, &q->choices_n, err)) ||
        (rc = read_text(row, "context", false, false, &q->context, err)) ||
        (rc = read_text(row, "subject", false, false, &q->subject, err)) ||
        (rc = read_text(row, "prompt", false, false, &q->prompt, err)) ||
        (rc = read_text(row, "lead", false, true, &q->lead, err)) ||
        (rc = read_word(row, "domain", domains, &domain, err)) ||
        (rc = read_word(row, "half", halves, &half, err)) ||
        (rc = read_flag(row, "answerable", &q->answerable, err)) || (rc = read_identified(row, q, err)))
        return rc;
    q->kind = (enum question_kind)kind;
    q->domain = (enum question_domain)domain;
    q->half = (enum question_half)half;
    return q->kind == QUESTION_CHOICE ? check_choice(row, q, err) : check_open(row, q, err);
}

int question_read(const struct json *row, struct question *out, struct err *err)
{
    *out = (struct question){0};
    if (!json_is(row, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "a question is an object, not %s", json_type_name(json_type(row)));
    int rc = read_fields(row, out, err);
    if (rc)
        question_fini(out);
    return rc;
}

/* ---- writing ---- */

static void put_texts(struct json_out *out, const char *key, char *const *texts, size_t n)
{
    if (!n)
        return;
    json_name(out, key);
    json_array(out);
    for (size_t i = 0; i < n; i++)
        json_text(out, texts[i]);
    json_end_array(out);
}

static void put_text(struct json_out *out, const char *key, const char *text)
{
    if (text)
        json_put_text(out, key, text);
}

void question_write(const struct question *q, struct json_out *out)
{
    json_object(out);
    json_put_text(out, "id", q->id);
    json_put_text(out, "kind", kinds[q->kind]);
    put_text(out, "subject", q->subject);
    put_text(out, "context", q->context);
    json_put_text(out, "question", q->text);
    put_texts(out, "choices", q->choices, q->choices_n);
    if (q->gold >= 0)
        json_put_int(out, "gold", q->gold);
    put_texts(out, "answers", q->answers, q->answers_n);
    if (!q->answerable)
        json_put_bool(out, "answerable", false);
    put_text(out, "prompt", q->prompt);
    put_text(out, "lead", q->lead);
    if (q->domain)
        json_put_text(out, "domain", domains[q->domain]);
    if (q->half)
        json_put_text(out, "half", halves[q->half]);
    if (q->certain)
        json_put_bool(out, "certain", q->certain == QUESTION_CERTAIN);
    if (!isnan(q->entropy))
        json_put_double(out, "entropy", q->entropy);
    put_text(out, "output", q->output);
    put_texts(out, "samples", q->samples, q->samples_n);
    json_end_object(out);
}

/* ---- sets ---- */

void question_set_fini(struct question_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        question_fini(&set->items[i]);
    mem_free(set->items);
    *set = (struct question_set){0};
}

void question_set_take(struct question_set *set, struct question *q)
{
    if (set->n == set->cap) {
        set->cap = set->cap ? 2 * set->cap : 64;
        set->items = mem_grow(set->items, set->cap, sizeof *set->items);
    }
    set->items[set->n++] = *q;
    *q = (struct question){0};
}

struct named {
    const char *id;
    size_t i;
};

static int by_id(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x->i > y->i) - (x->i < y->i);
}

void question_twins(const char *const *ids, size_t n, bool *twin)
{
    struct named *names = mem_zero(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = (struct named){ids[i], i};
    qsort(names, n, sizeof *names, by_id);
    for (size_t i = 0; i < n; i++)
        twin[names[i].i] = i > 0 && strcmp(names[i - 1].id, names[i].id) == 0;
    mem_free(names);
}

/* Takes away questions from `first` on whose id stands before. */
static void drop_twins(struct question_set *set, size_t first, const char *file, struct bad_rows *bad)
{
    const char **ids = mem_zero(set->n + 1, sizeof *ids);
    bool *twin = mem_zero(set->n + 1, sizeof *twin);
    size_t kept = first;
    for (size_t i = 0; i < set->n; i++)
        ids[i] = set->items[i].id;
    question_twins(ids, set->n, twin);
    mem_free(ids);
    for (size_t i = first; i < set->n; i++) {
        if (!twin[i]) {
            set->items[kept++] = set->items[i];
            continue;
        }
        struct err err;
        err_set(&err, ERR_INVALID, "the id \"%s\" stands before; ids must be unique", set->items[i].id);
        bad_rows_add(bad, file, set->items[i].line, err.text);
        question_fini(&set->items[i]);
    }
    set->n = kept;
    mem_free(twin);
}

int question_set_read(struct question_set *set, const char *path, struct bad_rows *bad, struct err *err)
{
    struct rows *rows;
    struct json *row;
    size_t first = set->n;
    int rc = rows_open(path, NULL, &rows, err);
    if (rc)
        return rc;
    while (rows_next(rows, bad, &row)) {
        struct question q;
        struct err why = {0};
        if (question_read(row, &q, &why))
            rows_bad(rows, bad, why.text);
        else {
            q.line = rows_line(rows);
            question_set_take(set, &q);
        }
        json_free(row);
    }
    drop_twins(set, first, rows_name(rows), bad);
    rows_close(rows);
    return 0;
}
