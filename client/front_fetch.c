#include "client/front_fetch.h"

#include "client/front.h"

#include <stdio.h>
#include <string.h>

#define WAIT_S 5        /* the daemon answers at the latest after this */
#define PAUSE_US 100000 /* between two questions, whatever the daemon does */

/* One question. *out stays what it was when nothing is new. */
static int ask(struct client *client, const char *path, char etag[96], double timeout_s, struct json **out)
{
    struct err err = {0};
    struct json *j = NULL;
    struct http_response response = {0};
    struct http_request request = {.method = "GET",
                                   .path = path,
                                   .timeout_s = timeout_s,
                                   .if_none_match = *etag ? etag : NULL,
                                   .cancel = client->interrupted};
    int code = CLIENT_OK;
    if (client_call(client, &request, &response, &err)) {
        code = client_refuse(client, &err);
    } else if (response.status != 304) {
        code = client_parse(client, &response, &j);
        if (!code) {
            json_free(*out);
            *out = j;
        }
    }
    snprintf(etag, 96, "%s", response.etag);
    http_response_fini(&response);
    return code;
}

static void say_waiting(const struct client *client, const struct json *j)
{
    struct front front = {0};
    struct err err = {0};
    if (front_parse(j, &front, &err) == 0)
        client_say(
            client,
            "the search is over and its model not yet: it knows %lld of %lld events; waiting up to %d s",
            (long long)front.insight.watermark, (long long)front.insight.events, FRONT_FETCH_MAX_S);
    front_fini(&front);
}

int front_fetch(struct client *client, const char *path, struct json **out)
{
    char url[256], etag[96] = "";
    bool told = false;
    *out = NULL;
    int code = ask(client, path, etag, 0, out);
    int64_t since_us = client->world->now_us(client);
    snprintf(url, sizeof url, "%s%cwait=%d", path, strchr(path, '?') ? '&' : '?', WAIT_S);
    while (!code && front_is_early(*out) && !client_is_interrupted(client)) {
        int64_t waited_us = client->world->now_us(client) - since_us;
        if (waited_us >= FRONT_FETCH_MAX_S * 1000000)
            break;
        if (!told && waited_us >= FRONT_FETCH_SAY_S * 1000000) {
            say_waiting(client, *out);
            told = true;
        }
        client->world->pause_us(client, PAUSE_US);
        code = ask(client, url, etag, WAIT_S + 15, out);
    }
    if (code) {
        json_free(*out);
        *out = NULL;
    }
    return code;
}
