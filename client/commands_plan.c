/* plan */
#include "client/commands.h"

#include "client/pair.h"
#include "client/spec_file.h"
#include "client/table.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <string.h>

/* "0-2", or "-" for a group of tensors that belong to no layer. */
static void add_layers(const struct json *tensors, const char *group, struct table *table)
{
    int64_t first = INT64_MAX, last = -1, layer;
    for (const struct json *t = json_first(tensors); t; t = json_next(t)) {
        if (strcmp(json_string_or(json_get(t, "group"), ""), group) != 0 ||
            !json_whole(json_get(t, "layer"), 0, INT64_MAX / 2, &layer))
            continue;
        first = layer < first ? layer : first;
        last = layer > last ? layer : last;
    }
    if (last < 0)
        table_cell(table, "-");
    else if (first == last)
        table_cellf(table, "%" PRId64, first);
    else
        table_cellf(table, "%" PRId64 "-%" PRId64, first, last);
}

/* A plan as plan_write gives it, made here or kept by the daemon: groups, then tensors. */
static void print_plan(const struct json *plan, struct buf *out)
{
    struct table groups, tensors;
    table_init(&groups);
    table_column(&groups, "group", TABLE_LEFT);
    table_column(&groups, "layers", TABLE_LEFT);
    table_column(&groups, "tensors", TABLE_RIGHT);
    table_column(&groups, "parameters", TABLE_RIGHT);
    for (const struct json *g = json_first(json_get(plan, "groups")); g; g = json_next(g)) {
        const char *name = json_string_or(json_get(g, "name"), "?");
        table_cell(&groups, name);
        add_layers(json_get(plan, "tensors"), name, &groups);
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

static int show_plan(struct client *client, const struct json *plan)
{
    struct buf text;
    if (client->json)
        return client_print_json(client, plan);
    buf_init(&text, CLIENT_BYTES_MAX);
    print_plan(plan, &text);
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

static int plan_of_daemon(struct client *client, const struct args *args)
{
    int64_t id;
    char path[96];
    struct json *j;
    int code = command_search_id(client, args, &id);
    if (code)
        return code;
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/plan", id);
    code = client_get(client, path, &j);
    if (code)
        return code;
    code = show_plan(client, j);
    json_free(j);
    return code;
}

/* By the way of JSON, so that both plans look alike. */
static int show_pair(struct client *client, const struct pair *pair)
{
    struct err err = {0};
    struct buf text;
    struct json_out json;
    struct json *j = NULL;
    buf_init(&text, CLIENT_BYTES_MAX);
    json_begin(&json, &text);
    plan_write(pair->plan, &json);
    int rc = json_parse(buf_str(&text), text.len, &j, &err);
    buf_fini(&text);
    if (rc)
        return client_refuse(client, &err);
    int code = show_plan(client, j);
    json_free(j);
    return code;
}

static int plan_of_file(struct client *client, const struct args *args)
{
    struct err err = {0};
    struct pair pair = {0};
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    int code = spec_file_load(client, args, args->words[0], spec);
    if (!code && pair_open(spec, &pair, &err))
        code = client_refuse(client, &err);
    if (!code)
        code = show_pair(client, &pair);
    pair_close(&pair);
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
