/* plan */
#include "client/commands.h"

#include "client/pair.h"
#include "client/spec_file.h"
#include "client/table.h"
#include "proto/mem.h"
#include "proto/spec_space.h"

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

/* What the search says about the ratios: where each may lie. */
struct ranges {
    int k; /* 0: not known */
    double low[SPEC_RATIOS_MAX], high[SPEC_RATIOS_MAX];
    int tie[SPEC_RATIOS_MAX];
};

static int make_ranges(const struct search_spec *spec, const struct json *plan, struct ranges *ranges,
                       struct err *err)
{
    const char *names[SPEC_RATIOS_MAX];
    int k = 0;
    for (const struct json *n = json_first(json_get(plan, "ratios")); n && k < SPEC_RATIOS_MAX;
         n = json_next(n))
        names[k++] = json_string_or(n, "?");
    ranges->k = 0;
    int rc = search_spec_space(spec, names, k, ranges->low, ranges->high, ranges->tie, err);
    if (!rc)
        ranges->k = k;
    return rc;
}

/* "0 to 1", "fixed at 0.5", "as layers 0-2". i: the group's place in the plan; those after the ratios have none. */
static void add_range(const struct ranges *ranges, int i, const struct json *plan, const char *name,
                      struct table *table)
{
    const struct json *of = json_first(json_get(plan, "ratios"));
    if (i >= ranges->k) {
        table_cell(table, strcmp(name, "base") == 0    ? "0"
                          : strcmp(name, "tuned") == 0 ? "1"
                                                       : "the groups' mean");
        return;
    }
    for (int n = 0; n < ranges->tie[i]; n++)
        of = json_next(of);
    if (ranges->tie[i] != i)
        table_cellf(table, "as %s", json_string_or(of, "?"));
    else if (ranges->low[i] == ranges->high[i])
        table_cellf(table, "fixed at %g", ranges->low[i]);
    else
        table_cellf(table, "%g to %g", ranges->low[i], ranges->high[i]);
}

static void print_groups(const struct json *plan, const struct ranges *ranges, struct buf *out)
{
    struct table table;
    int i = 0;
    table_init(&table);
    table_column(&table, "group", TABLE_LEFT);
    table_column(&table, "layers", TABLE_LEFT);
    table_column(&table, "tensors", TABLE_RIGHT);
    table_column(&table, "parameters", TABLE_RIGHT);
    if (ranges->k)
        table_column(&table, "ratio", TABLE_LEFT);
    for (const struct json *g = json_first(json_get(plan, "groups")); g; g = json_next(g), i++) {
        const char *name = json_string_or(json_get(g, "name"), "?");
        table_cell(&table, name);
        add_layers(json_get(plan, "tensors"), name, &table);
        table_cellf(&table, "%.0f", json_number_or(json_get(g, "tensors"), 0));
        table_cellf(&table, "%.0f", json_number_or(json_get(g, "parameters"), 0));
        if (ranges->k)
            add_range(ranges, i, plan, name, &table);
    }
    table_print(&table, out);
    table_fini(&table);
}

static void print_tensors(const struct json *plan, struct buf *out)
{
    struct table table;
    table_init(&table);
    table_column(&table, "group", TABLE_LEFT);
    table_column(&table, "place", TABLE_LEFT);
    table_column(&table, "kind", TABLE_LEFT);
    table_column(&table, "dtype", TABLE_LEFT);
    table_column(&table, "parameters", TABLE_RIGHT);
    table_column(&table, "tensor", TABLE_LEFT);
    for (const struct json *t = json_first(json_get(plan, "tensors")); t; t = json_next(t)) {
        table_cell(&table, json_string_or(json_get(t, "group"), "?"));
        table_cell(&table, json_string_or(json_get(t, "place"), "?"));
        table_cell(&table, json_string_or(json_get(t, "kind"), NULL)); /* older plans have none */
        table_cell(&table, json_string_or(json_get(t, "dtype"), "?"));
        table_cellf(&table, "%.0f", json_number_or(json_get(t, "parameters"), 0));
        table_cell(&table, json_string_or(json_get(t, "name"), "?"));
    }
    table_print(&table, out);
    table_fini(&table);
}

/* What a merged checkpoint does without, when there is anything. */
static void print_dropped(const struct json *plan, struct buf *out)
{
    struct table table;
    const struct json *dropped = json_get(plan, "dropped");
    if (!json_len(dropped))
        return;
    table_init(&table);
    table_column(&table, "left out", TABLE_LEFT);
    table_column(&table, "why", TABLE_LEFT);
    for (const struct json *t = json_first(dropped); t; t = json_next(t)) {
        table_cell(&table, json_string_or(json_get(t, "name"), "?"));
        table_cell(&table, json_string_or(json_get(t, "why"), "?"));
    }
    buf_text(out, "\n");
    table_print(&table, out);
    table_fini(&table);
}

/* A plan as plan_write gives it, made here or kept by the daemon. */
static int show_plan(struct client *client, const struct json *plan, const struct ranges *ranges)
{
    struct buf text;
    if (client->json)
        return client_print_json(client, plan);
    buf_init(&text, CLIENT_BYTES_MAX);
    print_groups(plan, ranges, &text);
    buf_text(&text, "\n");
    print_tensors(plan, &text);
    print_dropped(plan, &text);
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

/* The ranges are in the search, not in its plan. */
static int ranges_of_daemon(struct client *client, int64_t id, const struct json *plan, struct ranges *ranges)
{
    struct json *j;
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    struct spec_errors errors = {0};
    int code = client_get_search(client, id, "", &j);
    if (!code) {
        /* a daemon of another version may know keys that we do not: then the plan is shown without them */
        if (!search_spec_parse(json_get(j, "spec"), spec, &errors))
            make_ranges(spec, plan, ranges, NULL);
        json_free(j);
    }
    search_spec_fini(spec);
    mem_free(spec);
    return code;
}

static int plan_of_daemon(struct client *client, const struct args *args)
{
    int64_t id;
    struct json *j;
    struct ranges ranges = {0};
    int code = command_search_id(client, args, &id);
    if (code)
        return code;
    code = client_get_search(client, id, "/plan", &j);
    if (code)
        return code;
    if (!client->json)
        code = ranges_of_daemon(client, id, j, &ranges);
    if (!code)
        code = show_plan(client, j, &ranges);
    json_free(j);
    return code;
}

/* By the way of JSON, so that both plans look alike. */
static int show_pair(struct client *client, const struct search_spec *spec, const struct pair *pair)
{
    struct err err = {0};
    struct buf text;
    struct json_out json;
    struct json *j = NULL;
    struct ranges ranges = {0};
    buf_init(&text, CLIENT_BYTES_MAX);
    json_begin(&json, &text);
    plan_write(pair->plan, &json);
    int rc = json_parse(buf_str(&text), text.len, &j, &err);
    buf_fini(&text);
    if (!rc)
        rc = make_ranges(spec, j, &ranges, &err);
    int code = rc ? client_refuse(client, &err) : show_plan(client, j, &ranges);
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
        code = show_pair(client, spec, &pair);
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
