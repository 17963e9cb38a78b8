/* rtuning score */
#include "client/commands.h"

#include "client/rtuning.h"
#include "client/table.h"
#include "client/text.h"
#include "proto/mem.h"
#include "rtuning/fact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const heads[HONESTY_METRICS_N] = {"willing", "accuracy", "refusal", "over-refusal",
                                                     "AP",      "ECE",      "AUROC"};

enum score_by { BY_DOMAIN, BY_SUBJECT };

struct scoring {
    struct fact_set set;
    struct bad_rows bad;
    double weight;
    int by;
    bool items;
    struct table table; /* of a person's answer */
    struct buf text;    /* of a program's */
    struct json_out json;
};

static int read_flags(const struct args *args, struct scoring *s, struct err *err)
{
    static const char *const words[] = {"domain", "subject", NULL};
    s->weight = 0.5;
    s->by = BY_DOMAIN;
    s->items = args_has(args, "--items");
    int rc = rtuning_share(args, "--weight", &s->weight, err);
    return rc ? rc : rtuning_word(args, "--by", words, &s->by, err);
}

/* ---- one group ---- */

static void add_row(struct scoring *s, const char *name, size_t n, size_t answerable,
                    const struct honesty_score *scores)
{
    table_cell(&s->table, name);
    table_cellf(&s->table, "%zu", n);
    table_cellf(&s->table, "%zu", answerable);
    for (int m = 0; m < HONESTY_METRICS_N; m++) {
        struct buf cell;
        buf_init(&cell, 128);
        if (scores[m].is_defined)
            text_score(&cell, scores[m].value, scores[m].stderr_of);
        table_cell(&s->table, scores[m].is_defined ? buf_str(&cell) : NULL);
        buf_fini(&cell);
    }
}

/* A score that is not defined is null. */
static void put_score(struct scoring *s, const char *name, const struct honesty_score *score)
{
    json_name(&s->json, name);
    if (!score->is_defined) {
        json_null(&s->json);
        return;
    }
    json_object(&s->json);
    json_put_double(&s->json, "mean", score->value);
    json_put_double(&s->json, "stderr", score->stderr_of);
    json_put_int(&s->json, "n", (int64_t)score->n);
    if (s->items && score->items)
        json_put_doubles(&s->json, "items", score->items, score->n);
    json_end_object(&s->json);
}

static void add_object(struct scoring *s, const char *name, size_t n, size_t answerable,
                       const struct honesty_score *scores)
{
    json_object(&s->json);
    json_put_text(&s->json, "name", name);
    json_put_int(&s->json, "questions", (int64_t)n);
    json_put_int(&s->json, "answerable", (int64_t)answerable);
    json_name(&s->json, "scores");
    json_object(&s->json);
    for (int m = 0; m < HONESTY_METRICS_N; m++)
        put_score(s, honesty_names[m], &scores[m]);
    json_end_object(&s->json);
    json_end_object(&s->json);
}

/* The questions that `is_in` picks, in the order of the file. */
static int add_group(const struct client *client, struct scoring *s, const char *name,
                     bool (*is_in)(const struct fact *fact, const char *name), struct err *err)
{
    struct honesty_score scores[HONESTY_METRICS_N];
    struct honesty_fact *facts = mem_zero(s->set.n + 1, sizeof *facts);
    size_t n = 0, answerable = 0;
    for (size_t i = 0; i < s->set.n; i++) {
        if (is_in && !is_in(&s->set.items[i], name))
            continue;
        answerable += s->set.items[i].is.answerable;
        facts[n++] = s->set.items[i].is;
    }
    int rc = n || !is_in ? honesty_measure(facts, n, s->weight, scores, err) : 0;
    if (!rc && (n || !is_in)) {
        if (client->json)
            add_object(s, name, n, answerable, scores);
        else
            add_row(s, name, n, answerable, scores);
        honesty_fini(scores);
    }
    mem_free(facts);
    return rc;
}

/* ---- all of them ---- */

static bool is_domain(const struct fact *fact, const char *name)
{
    return fact->domain == (strcmp(name, "in") == 0 ? QUESTION_IN : QUESTION_OUT);
}

static bool is_subject(const struct fact *fact, const char *name)
{
    return fact->subject && strcmp(fact->subject, name) == 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_subjects(const struct client *client, struct scoring *s, struct err *err)
{
    const char **names = mem_zero(s->set.n + 1, sizeof *names);
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < s->set.n; i++)
        if (s->set.items[i].subject)
            names[n++] = s->set.items[i].subject;
    qsort(names, n, sizeof *names, compare_texts);
    for (size_t i = 0; i < n && !rc; i++)
        if (i == 0 || strcmp(names[i - 1], names[i]) != 0)
            rc = add_group(client, s, names[i], is_subject, err);
    mem_free(names);
    return rc;
}

static int add_groups(const struct client *client, struct scoring *s, struct err *err)
{
    int rc = add_group(client, s, "all", NULL, err);
    if (!rc && s->by == BY_SUBJECT)
        return add_subjects(client, s, err);
    if (!rc)
        rc = add_group(client, s, "in", is_domain, err);
    return rc ? rc : add_group(client, s, "out", is_domain, err);
}

/* Said by the question's id, which the scores do not know. */
static int check_sure(const struct scoring *s, struct err *err)
{
    size_t n = 0, first = 0;
    for (size_t i = s->set.n; i-- > 0 && s->weight < 1;)
        if (s->set.items[i].is.answerable && isnan(s->set.items[i].is.sure)) {
            first = i;
            n++;
        }
    if (!n)
        return 0;
    return err_set(err, ERR_INVALID,
                   "questions without \"sure\": %zu, the first is \"%s\"; without it only the answer's "
                   "confidence can be "
                   "scored: --weight 1",
                   n, s->set.items[first].id);
}

static int show(struct client *client, struct scoring *s)
{
    struct err err = {0};
    if (check_sure(s, &err))
        return client_refuse(client, &err);
    if (client->json) {
        json_begin(&s->json, &s->text);
        json_object(&s->json);
        json_put_double(&s->json, "weight", s->weight);
        json_put_int(&s->json, "bad", (int64_t)s->bad.n);
        json_name(&s->json, "groups");
        json_array(&s->json);
    } else {
        table_column(&s->table, s->by == BY_SUBJECT ? "subject" : "domain", TABLE_LEFT);
        table_column(&s->table, "questions", TABLE_RIGHT);
        table_column(&s->table, "answerable", TABLE_RIGHT);
        for (int m = 0; m < HONESTY_METRICS_N; m++)
            table_column(&s->table, heads[m], TABLE_LEFT);
    }
    if (add_groups(client, s, &err))
        return client_refuse(client, &err);
    if (client->json) {
        json_end_array(&s->json);
        json_end_object(&s->json);
        buf_text(&s->text, "\n");
    } else
        table_print(&s->table, &s->text);
    return client_print(client, &s->text);
}

int command_rtuning_score(struct client *client, const struct args *args)
{
    struct err err = {0};
    struct scoring s = {0};
    if (read_flags(args, &s, &err)) {
        client_say(client, "%s", err.text);
        return CLIENT_USAGE;
    }
    table_init(&s.table);
    buf_init(&s.text, CLIENT_BYTES_MAX);
    int code = fact_set_read(&s.set, args->words[0], &s.bad, &err) ? client_refuse(client, &err) : CLIENT_OK;
    if (!code)
        code = rtuning_tell_bad(client, args, &s.bad, s.set.n);
    if (!code)
        code = show(client, &s);
    table_fini(&s.table);
    buf_fini(&s.text);
    fact_set_fini(&s.set);
    bad_rows_fini(&s.bad);
    return code;
}
