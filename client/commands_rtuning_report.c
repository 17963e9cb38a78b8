/* rtuning report */
#include "client/commands.h"

#include "client/rtuning.h"
#include "client/table.h"
#include "client/text.h"
#include "rtuning/report.h"

#include <math.h>

#define SHOWN_COLUMNS 100 /* of a question or an answer */

struct reporting {
    struct question_set set, other;
    struct bad_rows bad;
    struct report report;
    const char *name, *other_name; /* other_name: NULL when there is none */
};

/* ---- for people ---- */

static void add_counts(struct table *table, const char *name, const struct report_counts *c)
{
    size_t identified = c->certain_n + c->uncertain_n;
    table_cell(table, name);
    table_cellf(table, "%zu", c->n);
    table_cellf(table, "%zu", c->answerable_n);
    table_cellf(table, "%zu", c->certain_n);
    table_cellf(table, "%zu", c->uncertain_n);
    if (identified)
        table_cellf(table, "%.1f %%", 100 * (double)c->certain_n / (double)identified);
    else
        table_cell(table, NULL);
}

static void print_counts(const struct report *r, struct buf *out)
{
    static const char *const heads[] = {"answerable", "certain", "uncertain", "share certain"};
    struct table table;
    table_init(&table);
    table_column(&table, "", TABLE_LEFT);
    table_column(&table, "questions", TABLE_RIGHT);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        table_column(&table, heads[i], TABLE_RIGHT);
    add_counts(&table, "all", &r->all);
    for (int d = 0; d < 2; d++)
        if (r->domains[d].counts.n)
            add_counts(&table, d ? "out of domain" : "in domain", &r->domains[d].counts);
    for (size_t i = 0; i < r->subjects_n; i++)
        add_counts(&table, r->subjects[i].name, &r->subjects[i].counts);
    table_print(&table, out);
    table_fini(&table);
}

static void add_length(struct table *table, const char *name, const struct report_length *l)
{
    if (!l->n)
        return;
    table_cell(table, name);
    table_cellf(table, "%zu", l->n);
    table_cellf(table, "%zu", l->min);
    table_cellf(table, "%zu", l->median);
    table_cellf(table, "%.1f", l->mean);
    table_cellf(table, "%zu", l->max);
}

static void print_lengths(const struct report *r, struct buf *out)
{
    static const char *const heads[] = {"answers", "shortest", "median", "mean", "longest"};
    struct table table;
    if (!r->length.n)
        return;
    table_init(&table);
    table_column(&table, "characters of answers", TABLE_LEFT);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        table_column(&table, heads[i], TABLE_RIGHT);
    add_length(&table, "all", &r->length);
    add_length(&table, "certain", &r->certain_length);
    add_length(&table, "uncertain", &r->uncertain_length);
    buf_text(out, "\n");
    table_print(&table, out);
    table_fini(&table);
}

static void print_examples(const char *head, const struct question *const *examples, size_t n,
                           struct buf *out)
{
    if (!n)
        return;
    buf_printf(out, "\n%s, for example\n", head);
    for (size_t i = 0; i < n; i++) {
        const char *answer = question_answer(examples[i]);
        buf_text(out, "  ");
        text_cut(out, examples[i]->text, SHOWN_COLUMNS);
        buf_text(out, " -> ");
        text_cut(out, answer ? answer : "(none)", SHOWN_COLUMNS);
        if (examples[i]->answers_n > 1)
            buf_printf(out, " (or %zu more)", examples[i]->answers_n - 1);
        if (examples[i]->output) {
            buf_text(out, "; wrote: ");
            text_cut(out, examples[i]->output, SHOWN_COLUMNS);
        }
        buf_text(out, "\n");
    }
}

static void print_leaks(const struct reporting *r, struct buf *out)
{
    const struct report *report = &r->report;
    if (report->repeated_n)
        buf_printf(out, "\n%zu questions repeat one before them\n", report->repeated_n);
    if (!r->other_name)
        return;
    buf_printf(out, "\n%zu of %zu questions are in ", report->leaks_n, report->all.n);
    text_clean(out, r->other_name);
    buf_printf(out, " too, %zu of them with the same answer\n", report->label_leaks_n);
    for (size_t i = 0; i < report->leaks_n && i < REPORT_LEAKS_KEPT; i++) {
        const struct report_leak *leak = &report->leaks[i];
        buf_text(out, "  ");
        text_clean(out, leak->here->id);
        buf_text(out, " = ");
        text_clean(out, leak->there->id);
        buf_text(out, leak->answer_too ? ", and its answer: " : ": ");
        text_cut(out, leak->here->text, SHOWN_COLUMNS);
        buf_text(out, "\n");
    }
    if (report->leaks_n > REPORT_LEAKS_KEPT)
        buf_printf(out, "  … and %zu more\n", report->leaks_n - REPORT_LEAKS_KEPT);
}

static void print_report(const struct reporting *r, struct buf *out)
{
    print_counts(&r->report, out);
    print_lengths(&r->report, out);
    print_examples("certain", r->report.certain, r->report.certain_n, out);
    print_examples("uncertain", r->report.uncertain, r->report.uncertain_n, out);
    print_leaks(r, out);
}

/* ---- for programs ---- */

static void put_counts(struct json_out *json, const char *name, const struct report_counts *c)
{
    size_t identified = c->certain_n + c->uncertain_n;
    json_object(json);
    json_put_text(json, "name", name);
    json_put_int(json, "questions", (int64_t)c->n);
    json_put_int(json, "answerable", (int64_t)c->answerable_n);
    json_put_int(json, "certain", (int64_t)c->certain_n);
    json_put_int(json, "uncertain", (int64_t)c->uncertain_n);
    json_put_double(json, "share_certain", identified ? (double)c->certain_n / (double)identified : NAN);
    json_end_object(json);
}

static void put_length(struct json_out *json, const char *name, const struct report_length *l)
{
    json_name(json, name);
    if (!l->n) {
        json_null(json);
        return;
    }
    json_object(json);
    json_put_int(json, "n", (int64_t)l->n);
    json_put_int(json, "min", (int64_t)l->min);
    json_put_int(json, "median", (int64_t)l->median);
    json_put_double(json, "mean", l->mean);
    json_put_int(json, "max", (int64_t)l->max);
    json_end_object(json);
}

static void put_examples(struct json_out *json, const char *name, const struct question *const *examples,
                         size_t n)
{
    json_name(json, name);
    json_array(json);
    for (size_t i = 0; i < n; i++)
        question_write(examples[i], json);
    json_end_array(json);
}

static void put_leaks(struct json_out *json, const struct reporting *r)
{
    json_name(json, "leaks");
    json_object(json);
    json_put_text(json, "file", r->other_name);
    json_put_int(json, "questions", (int64_t)r->report.leaks_n);
    json_put_int(json, "with_answer", (int64_t)r->report.label_leaks_n);
    json_name(json, "first");
    json_array(json);
    for (size_t i = 0; i < r->report.leaks_n && i < REPORT_LEAKS_KEPT; i++) {
        const struct report_leak *leak = &r->report.leaks[i];
        json_object(json);
        json_put_text(json, "here", leak->here->id);
        json_put_text(json, "there", leak->there->id);
        json_put_bool(json, "answer_too", leak->answer_too);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
}

static void write_report(const struct reporting *r, struct buf *out)
{
    const struct report *report = &r->report;
    struct json_out json;
    json_begin(&json, out);
    json_object(&json);
    json_put_text(&json, "file", r->name);
    json_put_int(&json, "bad", (int64_t)r->bad.n);
    json_name(&json, "groups");
    json_array(&json);
    put_counts(&json, "all", &report->all);
    for (int d = 0; d < 2; d++)
        if (report->domains[d].counts.n)
            put_counts(&json, report->domains[d].name, &report->domains[d].counts);
    json_end_array(&json);
    json_name(&json, "subjects");
    json_array(&json);
    for (size_t i = 0; i < report->subjects_n; i++)
        put_counts(&json, report->subjects[i].name, &report->subjects[i].counts);
    json_end_array(&json);
    json_name(&json, "answer_characters");
    json_object(&json);
    put_length(&json, "all", &report->length);
    put_length(&json, "certain", &report->certain_length);
    put_length(&json, "uncertain", &report->uncertain_length);
    json_end_object(&json);
    put_examples(&json, "certain", report->certain, report->certain_n);
    put_examples(&json, "uncertain", report->uncertain, report->uncertain_n);
    json_put_int(&json, "repeated", (int64_t)report->repeated_n);
    if (r->other_name)
        put_leaks(&json, r);
    json_end_object(&json);
    buf_text(out, "\n");
}

static int show(struct client *client, const struct reporting *r)
{
    struct buf text;
    buf_init(&text, CLIENT_BYTES_MAX);
    if (client->json)
        write_report(r, &text);
    else
        print_report(r, &text);
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

int command_rtuning_report(struct client *client, const struct args *args)
{
    struct err err = {0};
    struct reporting r = {.name = args->words[0], .other_name = args->words_n > 1 ? args->words[1] : NULL};
    int64_t examples = 5, seed = 1;
    if (rtuning_whole(args, "--examples", 0, &examples, &err) ||
        rtuning_whole(args, "--seed", 0, &seed, &err)) {
        client_say(client, "%s", err.text);
        return CLIENT_USAGE;
    }
    int rc = question_set_read(&r.set, r.name, &r.bad, &err);
    size_t good = r.set.n;
    if (!rc && r.other_name)
        rc = question_set_read(&r.other, r.other_name, &r.bad, &err);
    int code = rc ? client_refuse(client, &err) : rtuning_tell_bad(client, args, &r.bad, good + r.other.n);
    if (!code) {
        report_make(&r.set, r.other_name ? &r.other : NULL, (size_t)examples, (uint64_t)seed, &r.report);
        code = show(client, &r);
        report_fini(&r.report);
    }
    question_set_fini(&r.set);
    question_set_fini(&r.other);
    bad_rows_fini(&r.bad);
    return code;
}
