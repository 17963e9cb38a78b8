/* preflight */
#include "client/commands.h"

#include "client/byte_bar.h"
#include "client/preflight_view.h"
#include "client/spec_file.h"
#include "client/text.h"
#include "merge/preflight/preflight.h"
#include "proto/mem.h"

#include <stdio.h>
#include <string.h>

/* --- reading the pair --- */

static int run(struct client *client, const struct search_spec *spec, struct preflight **out)
{
    struct err err = {0};
    struct byte_bar bar;
    byte_bar_begin(&bar, client, "reading");
    struct digest_progress progress = {byte_bar_tick, &bar};
    int rc = preflight_run(spec, &progress, out, &err);
    byte_bar_end(&bar);
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
    struct json *report;
    int code = command_search_id(client, args, &id);
    if (code)
        return code;
    code = client_get_search(client, id, "/preflight", &report);
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
