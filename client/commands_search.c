/* submit, searches, pause, resume, cancel, watch */
#include "client/commands.h"

#include "client/spec_file.h"
#include "client/submit.h"
#include "client/table.h"
#include "client/text.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static int say_submitted(struct client *client, const struct json *j, bool is_new)
{
    if (client->json)
        return client_print_json(client, j);
    struct buf text;
    int64_t id = 0;
    json_whole(json_get(j, "id"), 1, INT64_MAX / 2, &id);
    buf_init(&text, 4096);
    buf_printf(&text, "search %" PRId64 " \"", id);
    text_clean(&text, json_string_or(json_get(j, "name"), ""));
    buf_printf(&text, "\" %s\n", is_new ? "submitted" : "was submitted before with this key");
    int code = client_print(client, &text);
    buf_fini(&text);
    submit_say_warnings(client, j);
    return code;
}

int command_submit(struct client *client, const struct args *args)
{
    char made[SUBMIT_KEY_MAX];
    const char *key = args_value(args, "--key"), *path = args->words[0];
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    struct buf body;
    struct json_out json;
    struct json *answer = NULL;
    struct http_response response = {0};
    int64_t id = 0;
    buf_init(&body, CLIENT_BYTES_MAX);
    if (!key) {
        submit_key(made);
        key = made;
    }
    int code = spec_file_load(client, args, path, spec);
    if (!code) {
        client_catch_interrupt(client);
        json_begin(&json, &body);
        search_spec_write(spec, &json);
        code = submit_post(client, buf_str(&body), key, spec->has_models, &response);
    }
    if (!code)
        code = response.status == 422 ? submit_say_fields(client, path, &response)
                                      : client_parse(client, &response, &answer);
    if (!code)
        code = say_submitted(client, answer, response.status == 201);
    if (!code && args_has(args, "--watch") && json_whole(json_get(answer, "id"), 1, INT64_MAX / 2, &id))
        code = watch_search(client, id);
    json_free(answer);
    http_response_fini(&response);
    buf_fini(&body);
    search_spec_fini(spec);
    mem_free(spec);
    return code;
}

static void add_search(const struct json *s, struct table *table)
{
    char text[TEXT_NUMBER_MAX];
    const struct json *progress = json_get(s, "progress");
    double hypervolume = json_number_or(json_get(s, "hypervolume"), NAN);
    table_cellf(table, "%.0f", json_number_or(json_get(s, "id"), 0));
    table_cell(table, json_string_or(json_get(s, "name"), ""));
    table_cell(table, json_string_or(json_get(s, "state"), "?"));
    table_cell(table, json_string_or(json_get(s, "strategy"), "?"));
    table_cellf(table, "%.0f/%.0f", json_number_or(json_get(progress, "done"), 0),
                json_number_or(json_get(progress, "total"), 0));
    table_cellf(table, "%.0f", json_number_or(json_get(progress, "failed"), 0));
    text_duration(text, json_number_or(json_get(s, "eta_s"), NAN));
    table_cell(table, text);
    table_cellf(table, isnan(hypervolume) ? "-" : "%.4f", hypervolume);
    table_cell(table, json_string_or(json_get(s, "created"), "-"));
}

/* Under the table, one line for each search that has something to say; "watch" says it in full. */
static void add_reasons(const struct json *list, size_t columns, struct buf *out)
{
    for (const struct json *s = json_first(list); s; s = json_next(s)) {
        const char *reason = json_string_or(json_get(s, "reason"), NULL);
        const char *stalled = json_string_or(json_get(s, "stalled"), NULL);
        if (stalled) { /* whole: what to do is said at its end */
            buf_printf(out, "! nobody works on search %.0f: ", json_number_or(json_get(s, "id"), 0));
            text_clean(out, stalled);
            buf_text(out, " (paretoctl workers)\n");
        }
        if (!reason || !*reason)
            continue;
        char *line = mem_printf("search %.0f %s: %s", json_number_or(json_get(s, "id"), 0),
                                json_string_or(json_get(s, "state"), "?"), reason);
        text_cut(out, line, columns);
        buf_text(out, "\n");
        mem_free(line);
    }
}

int command_searches(struct client *client, const struct args *args)
{
    static const char *const heads[] = {"id",     "name", "state",       "strategy", "done",
                                        "failed", "ETA",  "hypervolume", "created"};
    static const char is_right[] = "100011110";
    struct json *j;
    (void)args;
    int code = client_get(client, "/v1/searches", &j);
    if (code)
        return code;
    const struct json *list = json_get(j, "searches");
    struct buf text;
    struct table table;
    buf_init(&text, CLIENT_BYTES_MAX);
    table_init(&table);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_column(&table, heads[i], is_right[i] == '1' ? TABLE_RIGHT : TABLE_LEFT);
    for (const struct json *s = json_first(list); s; s = json_next(s))
        add_search(s, &table);
    if (json_len(list)) {
        int columns, rows;
        client_size(client, &columns, &rows);
        table_print(&table, &text);
        add_reasons(list, (size_t)columns, &text);
    } else
        buf_text(&text, "no searches yet: \"paretoctl submit search.json\" makes one\n");
    code = client->json ? client_print_json(client, j) : client_print(client, &text);
    table_fini(&table);
    buf_fini(&text);
    json_free(j);
    return code;
}

static int change_state(struct client *client, const struct args *args, const char *verb)
{
    int64_t id;
    char path[96];
    struct json *j;
    int code = command_search_id(client, args, &id);
    if (code)
        return code;
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/%s", id, verb);
    code = client_post(client, path, "{}", &j);
    if (code)
        return code;
    if (client->json)
        code = client_print_json(client, j);
    else {
        struct buf text;
        buf_init(&text, 4096);
        buf_printf(&text, "search %" PRId64 " is ", id);
        text_clean(&text, json_string_or(json_get(j, "state"), "?"));
        buf_text(&text, "\n");
        code = client_print(client, &text);
        buf_fini(&text);
    }
    json_free(j);
    return code;
}

int command_pause(struct client *client, const struct args *args)
{
    return change_state(client, args, "pause");
}

int command_resume(struct client *client, const struct args *args)
{
    return change_state(client, args, "resume");
}

int command_cancel(struct client *client, const struct args *args)
{
    return change_state(client, args, "cancel");
}

int command_watch(struct client *client, const struct args *args)
{
    int64_t id;
    int code = command_search_id(client, args, &id);
    return code ? code : watch_search(client, id);
}
