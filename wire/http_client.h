/* WHAT   The client side of the protocol: one HTTP/1.1 request, one answer. libcurl is behind this door.
 * WHO    worker and client.
 * UNITS  Seconds.
 * MEMORY open/close; a response owns its body until http_response_fini.
 * ERRORS ERR_UNREACHABLE (no daemon there), ERR_TIMEOUT, ERR_CANCELLED, ERR_TOO_LARGE, ERR_INVALID (an address that
 *        cannot be one). Any HTTP status is a success here.
 * STATE  One connection kept alive; one thread at a time. */
#ifndef WIRE_HTTP_CLIENT_H
#define WIRE_HTTP_CLIENT_H

#include "proto/err.h"
#include "proto/json.h"

#include <stdatomic.h>
#include <stdbool.h>

struct http_client;

/* address: "unix:/path/to/socket", "127.0.0.1:7878" or "http://host:port". */
int http_client_open(const char *address, struct http_client **out, struct err *err);
void http_client_close(struct http_client *client);

struct http_request {
    const char *method;          /* "GET", "POST" */
    const char *path;            /* "/v1/searches" */
    const char *body;            /* JSON or NULL */
    const char *idempotency_key; /* or NULL */
    const char *if_none_match;   /* or NULL */
    double timeout_s;            /* of the whole call; 0 = 30 */
    const atomic_bool *cancel;   /* looked at about once a second; may be NULL */
    void (*waits)(void *ctx);    /* called once when there is no answer after waits_s; may be NULL */
    void *waits_ctx;
    double waits_s;
};

struct http_response {
    int status;
    char etag[96];
    struct buf body;
};

/* Always leaves `response` in a state that http_response_fini accepts. */
int http_call(struct http_client *client, const struct http_request *request, struct http_response *response,
              struct err *err);
void http_response_fini(struct http_response *response);

/* Turns an answer of 400 or more into an error: code by status, sentence from the body's "error" member (the first of
 * its "fields" appended). A redirect is ERR_UNREACHABLE, for no daemon sends one. 0 for other smaller statuses. */
int http_response_error(const struct http_response *response, struct err *err);

#endif
