#include "client/client.h"

#include "client/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void client_set_address(struct client *client, const char *flag)
{
    const char *daemon = getenv("PARETOD_DAEMON"), *run = getenv("XDG_RUNTIME_DIR");
    if (flag)
        snprintf(client->address, sizeof client->address, "%s", flag);
    else if (daemon && *daemon)
        snprintf(client->address, sizeof client->address, "%s", daemon);
    else
        snprintf(client->address, sizeof client->address, "unix:%s/paretod.sock", run && *run ? run : "/run");
}

bool client_is_interrupted(const struct client *client)
{
    return client->interrupted && atomic_load(client->interrupted);
}

void client_say(const struct client *client, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct buf line;
    buf_init(&line, sizeof text);
    text_clean(&line, text);
    fprintf(client->complaints, "paretoctl: %s\n", buf_str(&line));
    buf_fini(&line);
}

int client_refuse(const struct client *client, const struct err *err)
{
    if (err->code == ERR_CANCELLED && client_is_interrupted(client)) {
        client_say(client, "interrupted");
        return CLIENT_DETACHED;
    }
    if (err->code != ERR_UNREACHABLE) {
        client_say(client, "%s", err->text);
        return err->code == ERR_TIMEOUT ? CLIENT_UNREACHABLE : CLIENT_REFUSED;
    }
    client_say(client, "no daemon answers: %s", err->text);
    const char *listen = strncmp(client->address, "http://", 7) == 0 ? client->address + 7 : client->address;
    client_say(client, "start one with \"paretod --db DIR --listen %s\", or name another with --daemon ADDR",
               listen);
    return CLIENT_UNREACHABLE;
}

int client_print(const struct client *client, const struct buf *text)
{
    fwrite(buf_str(text), 1, text->len, client->out);
    fflush(client->out);
    if (!text->full)
        return CLIENT_OK;
    client_say(client, "what should be printed is larger than %zu bytes; ask for less", text->max);
    return CLIENT_REFUSED;
}

int client_print_json(const struct client *client, const struct json *j)
{
    struct buf text;
    buf_init(&text, CLIENT_BYTES_MAX);
    json_write(&text, j);
    buf_text(&text, "\n");
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

int client_parse(const struct client *client, const struct http_response *response, struct json **out)
{
    struct err err = {0};
    int rc = http_response_error(response, &err);
    *out = NULL;
    if (!rc) {
        rc = json_parse(buf_str(&response->body), response->body.len, out, &err);
        if (rc)
            err_prefix(&err, rc, "the daemon's answer cannot be read; is a paretod at %s?", client->address);
    }
    return rc ? client_refuse(client, &err) : CLIENT_OK;
}

int client_call(struct client *client, const struct http_request *request, struct http_response *response,
                struct err *err)
{
    int rc = client->world->call(client, request, response, err);
    if (rc || response->status != 503)
        return rc;
    http_response_error(response, err);
    return err->code = ERR_UNREACHABLE;
}

static int call(struct client *client, const struct http_request *request, struct json **out)
{
    struct err err = {0};
    struct http_response response = {0};
    *out = NULL;
    int rc = client_call(client, request, &response, &err);
    int code = rc ? client_refuse(client, &err) : client_parse(client, &response, out);
    http_response_fini(&response);
    return code;
}

int client_get(struct client *client, const char *path, struct json **out)
{
    struct http_request request = {.method = "GET", .path = path, .cancel = client->interrupted};
    return call(client, &request, out);
}

int client_get_search(struct client *client, int64_t id, const char *part, struct json **out)
{
    char path[96];
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "%s", id, part);
    return client_get(client, path, out);
}

int client_post(struct client *client, const char *path, const char *body, struct json **out)
{
    struct http_request request = {
        .method = "POST", .path = path, .body = body, .cancel = client->interrupted};
    return call(client, &request, out);
}
