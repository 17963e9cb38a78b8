/* preflight */
#include "client/commands.h"

#include "client/preflight_view.h"
#include "client/progress.h"
#include "client/spec_file.h"
#include "client/text.h"
#include "merge/preflight/preflight.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- reading the pair --- */

struct bar {
    const struct client *client;
    bool drawn;
    int64_t permille; /* a bar for every block would slow the terminal down */
};

static void draw(struct bar *bar, uint64_t done_bytes, uint64_t total_bytes)
{
    char done[TEXT_NUMBER_MAX], total[TEXT_NUMBER_MAX];
    int64_t permille = total_bytes ? (int64_t)((double)done_bytes / (double)total_bytes * 1000) : 1000;
    struct buf line;
    if (permille == bar->permille)
        return;
    bar->permille = permille;
    buf_init(&line, 4096);
    text_bytes(done, (double)done_bytes);
    text_bytes(total, (double)total_bytes);
    buf_text(&line, "\r\033[Kreading ");
    progress_bar(&line, (double)done_bytes, (double)total_bytes, 40);
    buf_printf(&line, " %s of %s", done, total);
    client_print(bar->client, &line);
    buf_fini(&line);
}

static int tick(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
    struct bar *bar = ctx;
    if (bar->drawn)
        draw(bar, done_bytes, total_bytes);
    return client_is_interrupted(bar->client);
}

static int run(struct client *client, const struct search_spec *spec, struct preflight **out)
{
    struct err err = {0};
    struct bar bar = {client, client->tty && !client->json, -1};
    struct digest_progress progress = {tick, &bar};
    client_catch_interrupt(client);
    int rc = preflight_run(spec, &progress, out, &err);
    if (bar.permille >= 0) {
        fputs("\r\033[K", client->out);
        fflush(client->out);
    }
    if (rc)
        return client_refuse(client, &err);
    preflight_here(*out, spec, ".");
    return CLIENT_OK;
}

/* --- the report --- */

static int show(struct client *client, const struct json *report, enum preflight_view_of of)
{
    bool ok = json_bool_or(json_get(report, "ok"), false);
    int code, columns, rows;
    struct buf text;
    if (client->json)
        code = client_print_json(client, report);
    else {
        client_size(client, &columns, &rows);
        buf_init(&text, CLIENT_BYTES_MAX);
        preflight_view(report, of, client->tty ? columns : 0, client->colour, &text);
        code = client_print(client, &text);
        buf_fini(&text);
    }
    return code ? code : ok ? CLIENT_OK : CLIENT_REFUSED;
}

/* By the way of JSON, so that a report made here and one from the daemon look alike. */
static int show_run(struct client *client, const struct preflight *preflight)
{
    struct err err = {0};
    struct buf text;
    struct json_out json;
    struct json *report = NULL;
    buf_init(&text, CLIENT_BYTES_MAX);
    json_begin(&json, &text);
    preflight_write(preflight, &json);
    int rc = json_parse(buf_str(&text), text.len, &report, &err);
    buf_fini(&text);
    if (rc)
        return client_refuse(client, &err);
    int code = show(client, report, PREFLIGHT_OF_FILE);
    json_free(report);
    return code;
}

static int preflight_of_file(struct client *client, const struct args *args)
{
    struct preflight *preflight = NULL;
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    int code = spec_file_load(client, args, args->words[0], spec);
    if (!code && !spec->has_models) {
        client_say(client, "%s names no models: with evaluator.merge \"none\" there is nothing to look at",
                   args->words[0]);
        code = CLIENT_REFUSED;
    }
    if (!code)
        code = run(client, spec, &preflight);
    if (!code)
        code = show_run(client, preflight);
    preflight_free(preflight);
    search_spec_fini(spec);
    mem_free(spec);
    return code;
}

static int preflight_of_daemon(struct client *client, const struct args *args)
{
    int64_t id;
    char path[96];
    struct json *report;
    int code = command_search_id(client, args, &id);
    if (code)
        return code;
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/preflight", id);
    code = client_get(client, path, &report);
    if (code)
        return code;
    code = show(client, report, PREFLIGHT_OF_SEARCH);
    json_free(report);
    return code;
}

int command_preflight(struct client *client, const struct args *args)
{
    const char *word = args->words[0];
    bool is_number = *word && !word[strspn(word, "0123456789")];
    return is_number ? preflight_of_daemon(client, args) : preflight_of_file(client, args);
}
