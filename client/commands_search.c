/* submit, searches, pause, resume, cancel, watch */
#include "client/commands.h"

#include "client/spec_file.h"
#include "client/table.h"
#include "client/text.h"
#include "proto/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>

#define SUBMIT_TRIES 3
#define SUBMIT_PAUSE_US 200000 /* doubled after each try */
#define SUBMIT_S 7200          /* the daemon reads both checkpoints to their end: 140 GB from a slow disk */
#define SUBMIT_QUIET_S 3       /* until it is said what takes so long */

/* 128 random bits as text: what a lost answer is asked for again with. */
static void make_key(char key[64])
{
    unsigned char bits[16];
    size_t n = (size_t)snprintf(key, 64, "paretoctl-");
    ssize_t got = getrandom(bits, sizeof bits, 0);
    assert(got == (ssize_t)sizeof bits); /* getrandom(2): up to 256 bytes never fail and are never cut */
    for (size_t i = 0; i < sizeof bits; i++)
        n += (size_t)snprintf(key + n, 64 - n, "%02x", bits[i]);
}

static void say_reading(void *ctx)
{
    client_say(
        ctx, "the daemon is reading both checkpoints to check the search; for large ones this takes minutes");
}

/* reads: the search has models, which the daemon reads to their end. */
static int post_search(struct client *client, const char *body, const char *key, bool reads,
                       struct http_response *response)
{
    struct http_request request = {.method = "POST",
                                   .path = "/v1/searches",
                                   .body = body,
                                   .idempotency_key = key,
                                   .timeout_s = reads ? SUBMIT_S : 0,
                                   .cancel = client->interrupted,
                                   .waits = reads ? say_reading : NULL,
                                   .waits_ctx = client,
                                   .waits_s = SUBMIT_QUIET_S};
    struct err err = {0};
    int64_t pause_us = SUBMIT_PAUSE_US;
    for (int try = 1;; try++) {
        int rc = client_call(client, &request, response, &err);
        bool lost = rc == ERR_UNREACHABLE || rc == ERR_TIMEOUT;
        if (!rc)
            return CLIENT_OK;
        if (lost && try < SUBMIT_TRIES) {
            http_response_fini(response);
            client->world->pause_us(client, pause_us);
            pause_us *= 2;
            continue;
        }
        int code = client_refuse(client, &err);
        if (rc == ERR_TIMEOUT || rc == ERR_CANCELLED)
            client_say(client, "the search may be made all the same: submit again with --key %s to see", key);
        return code;
    }
}

/* A 422 names every wrong field: say each as the file's own errors are said. */
static int say_fields(const struct client *client, const char *path, const struct http_response *response)
{
    struct json *j;
    if (json_parse(buf_str(&response->body), response->body.len, &j, NULL))
        return client_parse(client, response, &j);
    const struct json *fields = json_get(j, "fields");
    for (const struct json *f = json_first(fields); f; f = json_next(f))
        spec_file_say(client, path, json_string_or(json_get(f, "field"), ""),
                      json_string_or(json_get(f, "error"), "is refused"));
    if (json_len(fields))
        spec_file_total(client, path, json_len(fields));
    else
        client_say(client, "%s", json_string_or(json_get(j, "error"), "the daemon refused the search"));
    json_free(j);
    return CLIENT_REFUSED;
}

/* What the preflight warned of: the search runs, but somebody should know. */
static void say_warnings(const struct client *client, const struct json *j)
{
    const struct json *warnings = json_get(j, "warnings");
    for (const struct json *w = json_first(warnings); w; w = json_next(w))
        client_say(client, "warning: %s: %s", json_string_or(json_get(w, "field"), "?"),
                   json_string_or(json_get(w, "text"), "?"));
}

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
    say_warnings(client, j);
    return code;
}

int command_submit(struct client *client, const struct args *args)
{
    char made[64];
    const char *key = args_value(args, "--key"), *path = args->words[0];
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    struct buf body;
    struct json_out json;
    struct json *answer = NULL;
    struct http_response response = {0};
    int64_t id = 0;
    buf_init(&body, CLIENT_BYTES_MAX);
    if (!key) {
        make_key(made);
        key = made;
    }
    int code = spec_file_load(client, args, path, spec);
    if (!code) {
        client_catch_interrupt(client);
        json_begin(&json, &body);
        search_spec_write(spec, &json);
        code = post_search(client, buf_str(&body), key, spec->has_models, &response);
    }
    if (!code)
        code = response.status == 422 ? say_fields(client, path, &response)
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
