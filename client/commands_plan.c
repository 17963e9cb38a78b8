/* plan */
#include "client/commands.h"

#include "client/pair.h"
#include "client/spec_file.h"
#include "client/table.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <string.h>

/* The daemon's plan as plan_print shows a local one: groups, then tensors. */
static void print_plan(const struct json *plan, struct buf *out)
{
    struct table groups, tensors;
    table_init(&groups);
    table_column(&groups, "group", TABLE_LEFT);
    table_column(&groups, "tensors", TABLE_RIGHT);
    table_column(&groups, "parameters", TABLE_RIGHT);
    for (const struct json *g = json_first(json_get(plan, "groups")); g; g = json_next(g)) {
        table_cell(&groups, json_string_or(json_get(g, "name"), "?"));
        table_cellf(&groups, "%.0f", json_number_or(json_get(g, "tensors"), 0));
        table_cellf(&groups, "%.0f", json_number_or(json_get(g, "parameters"), 0));
    }
    table_init(&tensors);
    table_column(&tensors, "group", TABLE_LEFT);
    table_column(&tensors, "place", TABLE_LEFT);
    table_column(&tensors, "dtype", TABLE_LEFT);
    table_column(&tensors, "parameters", TABLE_RIGHT);
    table_column(&tensors, "tensor", TABLE_LEFT);
    for (const struct json *t = json_first(json_get(plan, "tensors")); t; t = json_next(t)) {
        table_cell(&tensors, json_string_or(json_get(t, "group"), "?"));
        table_cell(&tensors, json_string_or(json_get(t, "place"), "?"));
        table_cell(&tensors, json_string_or(json_get(t, "dtype"), "?"));
        table_cellf(&tensors, "%.0f", json_number_or(json_get(t, "parameters"), 0));
        table_cell(&tensors, json_string_or(json_get(t, "name"), "?"));
    }
    table_print(&groups, out);
    buf_text(out, "\n");
    table_print(&tensors, out);
    table_fini(&groups);
    table_fini(&tensors);
}

static int plan_of_daemon(struct client *client, const struct args *args)
{
    int64_t id;
    char path[96];
    struct json *j;
    struct buf text;
    int code = command_search_id(client, args, &id);
    if (code)
        return code;
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/plan", id);
    code = client_get(client, path, &j);
    if (code)
        return code;
    buf_init(&text, CLIENT_BYTES_MAX);
    print_plan(j, &text);
    code = client->json ? client_print_json(client, j) : client_print(client, &text);
    buf_fini(&text);
    json_free(j);
    return code;
}

static int plan_of_file(struct client *client, const struct args *args)
{
    struct err err = {0};
    struct pair pair = {0};
    struct buf text;
    struct json_out json;
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    buf_init(&text, CLIENT_BYTES_MAX);
    int code = spec_file_load(client, args, args->words[0], spec);
    if (!code && pair_open(spec, &pair, &err))
        code = client_refuse(client, &err);
    if (!code) {
        json_begin(&json, &text);
        if (client->json) {
            plan_write(pair.plan, &json);
            buf_text(&text, "\n");
        } else
            plan_print(pair.plan, &text);
        code = client_print(client, &text);
    }
    pair_close(&pair);
    buf_fini(&text);
    search_spec_fini(spec);
    mem_free(spec);
    return code;
}

int command_plan(struct client *client, const struct args *args)
{
    const char *word = args->words[0];
    bool is_number = *word && !word[strspn(word, "0123456789")];
    return is_number ? plan_of_daemon(client, args) : plan_of_file(client, args);
}
