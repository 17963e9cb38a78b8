/* workers */
#include "client/commands.h"

#include "client/table.h"
#include "client/text.h"

#include <math.h>

/* "1/7, 1/9 held-out": search/trial of each lease. */
static void add_leases(const struct json *leases, struct table *table)
{
    struct buf text;
    buf_init(&text, 8192);
    for (const struct json *l = json_first(leases); l; l = json_next(l)) {
        const char *half = json_string_or(json_get(l, "half"), "search");
        buf_printf(&text, "%s%.0f/%.0f%s", text.len ? ", " : "", json_number_or(json_get(l, "search"), 0),
                   json_number_or(json_get(l, "trial"), 0), half[0] == 'h' ? " held-out" : "");
    }
    table_cell(table, text.len ? buf_str(&text) : "-");
    buf_fini(&text);
}

/* Under the table: which searches a worker does nothing for, and why. */
static void add_refusals(const struct json *worker, struct buf *out)
{
    const struct json *refused = json_get(worker, "refused");
    for (const struct json *r = json_first(refused); r; r = json_next(r)) {
        text_clean(out, json_string_or(json_get(worker, "name"), "?"));
        buf_printf(out, " refuses search %.0f: ", json_number_or(json_get(r, "search"), 0));
        text_clean(out, json_string_or(json_get(r, "reason"), "?"));
        buf_text(out, "\n");
    }
}

static void print_workers(const struct json *list, struct buf *out)
{
    struct table table;
    char seen[TEXT_NUMBER_MAX];
    table_init(&table);
    table_column(&table, "worker", TABLE_LEFT);
    table_column(&table, "name", TABLE_LEFT);
    table_column(&table, "state", TABLE_LEFT);
    table_column(&table, "slots", TABLE_RIGHT);
    table_column(&table, "done", TABLE_RIGHT);
    table_column(&table, "failed", TABLE_RIGHT);
    table_column(&table, "seen", TABLE_RIGHT);
    table_column(&table, "search/trial", TABLE_LEFT);
    for (const struct json *w = json_first(list); w; w = json_next(w)) {
        table_cell(&table, json_string_or(json_get(w, "worker"), "?"));
        table_cell(&table, json_string_or(json_get(w, "name"), "?"));
        table_cell(&table, json_string_or(json_get(w, "state"), "?"));
        table_cellf(&table, "%.0f", json_number_or(json_get(w, "slots"), 0));
        table_cellf(&table, "%.0f", json_number_or(json_get(w, "done"), 0));
        table_cellf(&table, "%.0f", json_number_or(json_get(w, "failed"), 0));
        text_duration(seen, json_number_or(json_get(w, "last_seen_s"), NAN));
        table_cellf(&table, "%s ago", seen);
        add_leases(json_get(w, "leases"), &table);
    }
    table_print(&table, out);
    table_fini(&table);
    for (const struct json *w = json_first(list); w; w = json_next(w))
        add_refusals(w, out);
}

int command_workers(struct client *client, const struct args *args)
{
    struct json *j;
    (void)args;
    int code = client_get(client, "/v1/workers", &j);
    if (code)
        return code;
    struct buf text;
    buf_init(&text, CLIENT_BYTES_MAX);
    if (json_len(json_get(j, "workers")))
        print_workers(json_get(j, "workers"), &text);
    else
        buf_printf(&text, "no workers: start one with \"pareto-worker --daemon %s\"\n", client->address);
    code = client->json ? client_print_json(client, j) : client_print(client, &text);
    buf_fini(&text);
    json_free(j);
    return code;
}
