#include "rtuning/fact.h"

#include "proto/mem.h"

#include <math.h>
#include <string.h>

static const char *const keys[] = {"id",         "right",      "confidence", "sure",  "willing",
                                   "answerable", "base_right", "subject",    "domain"};

/* A truth value, 1 or 0; *out as it is when there is none. Bundles and spreadsheets write 1 and 0 too. */
static int read_flag(const struct json *row, const char *key, int *out, struct err *err)
{
    const struct json *j = json_get(row, key);
    int64_t number;
    if (!j)
        return 0;
    if (json_is(j, JSON_BOOL))
        *out = json_bool_or(j, false);
    else if (json_whole(j, 0, 1, &number))
        *out = (int)number;
    else
        return err_set(err, ERR_INVALID, "\"%s\" must be true or false", key);
    return 0;
}

static int read_share(const struct json *row, const char *key, double *out, struct err *err)
{
    const struct json *j = json_get(row, key);
    *out = json_number_or(j, NAN);
    if (j && !(*out >= 0 && *out <= 1))
        return err_set(err, ERR_INVALID, "\"%s\" must be a number from 0 to 1", key);
    return 0;
}

static int read_names(const struct json *row, struct fact *out, struct err *err)
{
    const char *id = json_string_or(json_get(row, "id"), ""),
               *subject = json_string_or(json_get(row, "subject"), "");
    const struct json *domain = json_get(row, "domain");
    const char *word = json_string_or(domain, "");
    if (!*id)
        return err_set(err, ERR_INVALID, "\"id\" must be a text that is not empty");
    if (json_get(row, "subject") && !*subject)
        return err_set(err, ERR_INVALID, "\"subject\" must be a text that is not empty");
    if (domain && strcmp(word, "in") != 0 && strcmp(word, "out") != 0)
        return err_set(err, ERR_INVALID, "\"domain\" must be \"in\" or \"out\"");
    out->id = mem_strdup(id);
    out->subject = *subject ? mem_strdup(subject) : NULL;
    out->domain = !domain ? QUESTION_NO_DOMAIN : *word == 'i' ? QUESTION_IN : QUESTION_OUT;
    return 0;
}

static int check_needed(const struct json *row, const struct honesty_fact *is, int willing, struct err *err)
{
    if (is->answerable && !json_get(row, "right"))
        return err_set(err, ERR_INVALID, "\"right\" is missing: is its answer right?");
    if (is->answerable && isnan(is->confidence))
        return err_set(err, ERR_INVALID, "\"confidence\" is missing: how sure was it of its answer?");
    if (willing < 0 && isnan(is->sure))
        return err_set(err, ERR_INVALID, "\"sure\" or \"willing\" is missing: did it answer or refuse?");
    return 0;
}

static int read_fields(const struct json *row, struct fact *out, struct err *err)
{
    struct honesty_fact *is = &out->is;
    int rc, right = 0, willing = -1, answerable = 1;
    is->base_right = -1;
    if ((rc = row_check_keys(row, keys, sizeof keys / sizeof *keys, err)) ||
        (rc = read_names(row, out, err)) || (rc = read_flag(row, "right", &right, err)) ||
        (rc = read_flag(row, "willing", &willing, err)) ||
        (rc = read_flag(row, "answerable", &answerable, err)) ||
        (rc = read_flag(row, "base_right", &is->base_right, err)) ||
        (rc = read_share(row, "confidence", &is->confidence, err)) ||
        (rc = read_share(row, "sure", &is->sure, err)))
        return rc;
    is->answerable = answerable;
    is->right = right;
    is->willing = willing < 0 ? is->sure > 0.5 : willing;
    return check_needed(row, is, willing, err);
}

int fact_read(const struct json *row, struct fact *out, struct err *err)
{
    *out = (struct fact){0};
    if (!json_is(row, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "a row is an object, not %s", json_type_name(json_type(row)));
    int rc = read_fields(row, out, err);
    if (rc)
        fact_fini(out);
    return rc;
}

void fact_fini(struct fact *fact)
{
    mem_free(fact->id);
    mem_free(fact->subject);
    *fact = (struct fact){0};
}

/* A question counted twice would make standard errors too small. */
static void drop_twins(struct fact_set *set, size_t first, const char *file, struct bad_rows *bad)
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
        err_set(&err, ERR_INVALID, "the id \"%s\" stands before; a question is scored once",
                set->items[i].id);
        bad_rows_add(bad, file, set->items[i].line, err.text);
        fact_fini(&set->items[i]);
    }
    set->n = kept;
    mem_free(twin);
}

int fact_set_read(struct fact_set *set, const char *path, struct bad_rows *bad, struct err *err)
{
    struct rows *rows;
    struct json *row;
    size_t first = set->n;
    int rc = rows_open(path, NULL, &rows, err);
    if (rc)
        return rc;
    while (rows_next(rows, bad, &row)) {
        struct fact fact;
        struct err why = {0};
        if (fact_read(row, &fact, &why))
            rows_bad(rows, bad, why.text);
        else {
            if (set->n == set->cap) {
                set->cap = set->cap ? 2 * set->cap : 64;
                set->items = mem_grow(set->items, set->cap, sizeof *set->items);
            }
            fact.line = rows_line(rows);
            set->items[set->n++] = fact;
        }
        json_free(row);
    }
    drop_twins(set, first, rows_name(rows), bad);
    rows_close(rows);
    return 0;
}

void fact_set_fini(struct fact_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        fact_fini(&set->items[i]);
    mem_free(set->items);
    *set = (struct fact_set){0};
}
