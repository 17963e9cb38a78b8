#include "client/submit.h"

#include "client/spec_file.h"

#include <assert.h>
#include <sys/random.h>

#define SUBMIT_TRIES 3
#define SUBMIT_PAUSE_US 200000 /* doubled after each try */
#define SUBMIT_S 7200          /* the daemon reads both checkpoints to their end: 140 GB from a slow disk */
#define SUBMIT_QUIET_S 3       /* until it is said what takes so long */

void submit_key(char key[SUBMIT_KEY_MAX])
{
    unsigned char bits[16];
    size_t n = (size_t)snprintf(key, SUBMIT_KEY_MAX, "paretoctl-");
    ssize_t got = getrandom(bits, sizeof bits, 0);
    assert(got == (ssize_t)sizeof bits); /* getrandom(2): up to 256 bytes never fail and are never cut */
    for (size_t i = 0; i < sizeof bits; i++)
        n += (size_t)snprintf(key + n, SUBMIT_KEY_MAX - n, "%02x", bits[i]);
}

static void say_reading(void *ctx)
{
    client_say(
        ctx, "the daemon is reading both checkpoints to check the search; for large ones this takes minutes");
}

int submit_post(struct client *client, const char *body, const char *key, bool reads,
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

int submit_say_fields(const struct client *client, const char *path, const struct http_response *response)
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

void submit_say_warnings(const struct client *client, const struct json *j)
{
    const struct json *warnings = json_get(j, "warnings");
    for (const struct json *w = json_first(warnings); w; w = json_next(w))
        client_say(client, "warning: %s: %s", json_string_or(json_get(w, "field"), "?"),
                   json_string_or(json_get(w, "text"), "?"));
}
