/* WHAT   HTTP/1.1 on the loop: whole requests come in, whole answers go out, now or later.
 * WHO    daemon: paretod.c starts it, api.c answers. libmicrohttpd is included by http.c and http_exchange.c alone.
 * UNITS  Bytes; microseconds in *_us.
 * MEMORY create/close. An exchange lives until its answer is sent or its client is gone; across callbacks hold its id.
 * ERRORS ERR_IO, ERR_CONFLICT (another daemon listens there), ERR_INVALID (the address).
 * STATE  An exchange: collecting -> handled -> (parked ->) answered -> sent.
 *
 * libmicrohttpd runs in external-epoll mode: its epoll descriptor is watched by a uv_poll, its timeouts by a uv_timer
 * that a uv_prepare sets before each sleep. It accepts ambiguous lengths, so these are refused here: Content-Length with
 * Transfer-Encoding, or more than one Content-Length, is a request that two readers could cut differently. */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

#include "proto/buf.h"
#include "proto/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct http;
struct exchange;

/* Called once a whole request is there. It answers now (http_answer…) or keeps exchange_id and answers later. */
typedef void http_handler(void *ctx, struct exchange *x);

/* An answer with a receipt could not be sent: its client was gone. The handler may not answer anybody from within. */
typedef void http_lost(void *ctx, const char *receipt);

/* lost may be NULL. */
struct http *http_create(uv_loop_t *loop, http_handler *handler, http_lost *lost, void *ctx);
/* "unix:PATH", "127.0.0.1:7878", "[::1]:0". address: the real one, with the port the system chose. */
int http_listen(struct http *http, const char *where, char address[160], struct err *err);
/* Answers whoever waits with 503, sends what is on its way (at most a second), frees everything. The loop must run
 * once more afterwards for the handles to close. */
void http_close(struct http *http);

const char *exchange_method(const struct exchange *x);
const char *exchange_path(const struct exchange *x);
const struct buf *exchange_body(const struct exchange *x);
const char *exchange_header(const struct exchange *x, const char *name); /* NULL when absent */
const char *exchange_query(const struct exchange *x, const char *name);  /* NULL when absent */
/* The first query parameter that is none of known [n]; NULL when all are. Borrows from the exchange. */
const char *exchange_query_unknown(const struct exchange *x, const char *const *known, size_t n);
uint64_t exchange_id(const struct exchange *x);
struct exchange *http_find(struct http *http, uint64_t id); /* NULL: gone, or answered already */
bool exchange_alive(const struct exchange *x); /* false: the client closed its end while it waited */

struct answer {
    int status;
    const char *type; /* static storage; NULL = application/json */
    const char *bytes;
    size_t len;
    bool borrowed;       /* bytes outlive the daemon's last answer: not copied */
    const char *etag;    /* without quotes; NULL = none */
    const char *allow;   /* for 405 */
    const char *cache;   /* Cache-Control; NULL = no-store */
    const char *receipt; /* copied; NULL = nobody minds when it is lost */
};
void http_answer(struct exchange *x, const struct answer *answer);
/* {"error":sentence,"code":code} */
void http_error(struct exchange *x, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Does If-None-Match name this tag? */
bool exchange_has(const struct exchange *x, const char *etag);

#endif
