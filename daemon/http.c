#include "daemon/http.h"

#include "daemon/listen.h"
#include "proto/json.h"
#include "proto/limits.h"
#include "proto/log.h"
#include "proto/mem.h"

#include <assert.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SERVERS_MAX 8
#define CONNECTIONS_MAX 1000
#define IDLE_TIMEOUT_S 120 /* of a connection that says nothing; one that waits for us is exempt */
#define AGAIN_MS 500       /* of a listening socket that was full, at most, until it accepts again */
#define HEADERS_MAX ((size_t)32 << 10)

struct server {
    struct http *http;
    struct listener listener;
    struct MHD_Daemon *mhd;
    uv_poll_t poll; /* on MHD's epoll descriptor */
};

struct http {
    uv_loop_t *loop;
    http_handler *handler;
    http_lost *lost;
    void *ctx;
    struct server servers[SERVERS_MAX];
    int servers_n;
    uv_prepare_t prepare;
    uv_timer_t timer;
    uv_timer_t again;           /* see on_again */
    struct exchange *exchanges; /* doubly linked */
    uint64_t next_id;
    int handles; /* that still have to close */
    bool closing;
    bool resumed; /* a parked exchange was answered: MHD must run, and nothing else would tell it */
};

enum exchange_state { COLLECTING, HANDLED, PARKED, ANSWERED, SENT };

struct exchange {
    struct server *server;
    struct MHD_Connection *connection;
    struct exchange *next, *prev;
    uint64_t id;
    char method[16];
    char *path;
    struct buf body;
    bool too_large;
    enum exchange_state state;
    int status;
    struct MHD_Response *response;
    char *receipt; /* or NULL */
};

static void on_timer(uv_timer_t *timer);

/* ---- answers ---- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value)
        MHD_add_response_header(response, name, value);
}

void http_answer(struct exchange *x, const struct answer *answer)
{
    assert(x->state == HANDLED || x->state == PARKED || x->state == COLLECTING);
    union {
        const char *in;
        void *out; /* MHD's signature lacks a const; it only reads */
    } bytes = {answer->bytes ? answer->bytes : ""};
    x->response = MHD_create_response_from_buffer(
        answer->len, bytes.out, answer->borrowed ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
    if (!x->response)
        abort(); /* out of memory, as mem.h has it */
    x->status = answer->status;
    if (answer->status != 204 && answer->status != 304)
        add_header(x->response, "Content-Type", answer->type ? answer->type : "application/json");
    add_header(x->response, "Cache-Control", answer->cache ? answer->cache : "no-store");
    add_header(x->response, "X-Content-Type-Options", "nosniff");
    add_header(x->response, "X-Frame-Options", "DENY"); /* nobody else frames our buttons */
    add_header(x->response, "Allow", answer->allow);
    if (answer->etag) {
        char tag[128];
        snprintf(tag, sizeof tag, "\"%s\"", answer->etag);
        add_header(x->response, "ETag", tag);
    }
    x->receipt = answer->receipt ? mem_strdup(answer->receipt) : NULL;
    bool parked = x->state == PARKED;
    x->state = ANSWERED;
    if (!parked)
        return;
    struct http *http = x->server->http;
    MHD_resume_connection(x->connection); /* MHD_run then calls on_request again, which sends it */
    http->resumed = true;
    uv_timer_start(&http->timer, on_timer, 0, 0);
}

void http_error(struct exchange *x, int status, const char *code, const char *format, ...)
{
    char text[640];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct buf buf;
    struct json_out out;
    buf_init(&buf, 8192);
    json_begin(&out, &buf);
    json_object(&out);
    json_put_text(&out, "error", text);
    json_put_text(&out, "code", code);
    json_end_object(&out);
    http_answer(x, &(struct answer){.status = status, .bytes = buf_str(&buf), .len = buf.len});
    buf_fini(&buf);
}

static enum MHD_Result send_answer(struct exchange *x)
{
    x->state = SENT;
    enum MHD_Result ok = MHD_queue_response(x->connection, (unsigned)x->status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    return ok;
}

/* ---- requests ---- */

const char *exchange_method(const struct exchange *x)
{
    return x->method;
}

const char *exchange_path(const struct exchange *x)
{
    return x->path;
}

const struct buf *exchange_body(const struct exchange *x)
{
    return &x->body;
}

const char *exchange_header(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *exchange_query(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct unknown_query {
    const char *const *known;
    size_t n;
    const char *found;
};

static enum MHD_Result look_at_query(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct unknown_query *query = ctx;
    (void)kind;
    (void)value;
    for (size_t i = 0; i < query->n; i++)
        if (!strcmp(query->known[i], name))
            return MHD_YES;
    query->found = name;
    return MHD_NO;
}

const char *exchange_query_unknown(const struct exchange *x, const char *const *known, size_t n)
{
    struct unknown_query query = {known, n, NULL};
    MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, look_at_query, &query);
    return query.found;
}

uint64_t exchange_id(const struct exchange *x)
{
    return x->id;
}

struct exchange *http_find(struct http *http, uint64_t id)
{
    for (struct exchange *x = http->exchanges; x; x = x->next)
        if (x->id == id)
            return x->state == PARKED || x->state == HANDLED ? x : NULL;
    return NULL;
}

bool exchange_alive(const struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;
    return !info || recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

bool exchange_has(const struct exchange *x, const char *etag)
{
    const char *seen = exchange_header(x, "If-None-Match");
    if (!seen)
        return false;
    char quoted[128];
    snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    return strstr(seen, quoted) || !strcmp(seen, "*");
}

struct header_count {
    int lengths, encodings, hosts;
};

static enum MHD_Result count_header(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct header_count *count = ctx;
    (void)kind;
    (void)value;
    count->lengths += !strcasecmp(name, "Content-Length");
    count->encodings += !strcasecmp(name, "Transfer-Encoding");
    count->hosts += !strcasecmp(name, "Host");
    return MHD_YES;
}

/* A host that no page's owner can point at us by DNS: localhost or an address. */
static bool is_local_host(const char *host)
{
    size_t n = strcspn(host, ":");
    if (host[0] == '[')
        return true;
    return (n == 9 && !strncasecmp(host, "localhost", 9)) || (n > 0 && strspn(host, "0123456789.") == n);
}

/* A web page somewhere must not make its reader's browser speak with us, for searches run commands. A browser names the
 * page's origin, which must be ours; and it cannot send application/json to another origin without asking first.
 * 0, or the status of a refusal, answered. */
static int refuse_pages(struct exchange *x, bool has_body)
{
    const char *origin = exchange_header(x, "Origin"), *host = exchange_header(x, "Host");
    const char *type = exchange_header(x, "Content-Type"), *authority = origin ? strstr(origin, "://") : NULL;
    bool reads = !strcmp(x->method, "GET") || !strcmp(x->method, "HEAD");
    if (!*x->server->listener.unix_path && host && !is_local_host(host))
        http_error(x, 403, "invalid",
                   "the Host \"%.100s\" is neither localhost nor an address; use one of these, or the "
                   "Unix socket behind a proxy",
                   host);
    else if (origin && (!host || !authority || strcasecmp(authority + 3, host)))
        http_error(x, 403, "invalid", "a page of another origin may not do this");
    else if (!reads && (type ? strncasecmp(type, "application/json", 16) != 0 : has_body || origin))
        http_error(x, 415, "unsupported", "send a body of Content-Type: application/json");
    return x->state == ANSWERED ? x->status : 0;
}

/* Answers a request that must not be read any further; the connection closes after it. */
static bool refuse_early(struct exchange *x)
{
    struct header_count count = {0};
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_header, &count);
    const char *length = exchange_header(x, "Content-Length");
    if (count.lengths > 1 || (count.lengths && count.encodings) || count.encodings > 1)
        http_error(
            x, 400, "invalid",
            "the length of the request is ambiguous: send one Content-Length or one Transfer-Encoding");
    else if (count.hosts > 1)
        http_error(x, 400, "invalid", "the request has more than one Host header");
    else if (length && strtoull(length, NULL, 10) > LIMIT_BODY_BYTES)
        http_error(x, 413, "too_large", "the body is over the limit of %zu MiB", LIMIT_BODY_BYTES >> 20);
    else if (!refuse_pages(x, (length && strcmp(length, "0")) || count.encodings))
        return false;
    add_header(x->response, "Connection", "close");
    return true;
}

static struct exchange *exchange_create(struct server *server, struct MHD_Connection *connection,
                                        const char *path, const char *method)
{
    struct http *http = server->http;
    struct exchange *x = mem_zero(1, sizeof *x);
    x->server = server;
    x->connection = connection;
    x->id = ++http->next_id;
    snprintf(x->method, sizeof x->method, "%s", method);
    x->path = mem_strdup(path);
    buf_init(&x->body, LIMIT_BODY_BYTES);
    x->next = http->exchanges;
    if (x->next)
        x->next->prev = x;
    http->exchanges = x;
    return x;
}

static void exchange_free(struct exchange *x)
{
    if (x->prev)
        x->prev->next = x->next;
    else
        x->server->http->exchanges = x->next;
    if (x->next)
        x->next->prev = x->prev;
    if (x->response)
        MHD_destroy_response(x->response);
    buf_fini(&x->body);
    mem_free(x->receipt);
    mem_free(x->path);
    mem_free(x);
}

static void dispatch(struct exchange *x)
{
    struct http *http = x->server->http;
    x->state = HANDLED;
    if (x->too_large)
        http_error(x, 413, "too_large", "the body is over the limit of %zu MiB", LIMIT_BODY_BYTES >> 20);
    else if (http->closing)
        http_error(x, 503, "unreachable", "the daemon is stopping; try again");
    else
        http->handler(http->ctx, x);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *data_n,
                                  void **slot)
{
    struct exchange *x = *slot;
    (void)version;
    if (!x) {
        *slot = x = exchange_create(ctx, connection, path, method);
        return refuse_early(x) ? send_answer(x) : MHD_YES;
    }
    if (*data_n > 0) {
        if (buf_add(&x->body, data, *data_n))
            x->too_large = true;
        *data_n = 0;
        return MHD_YES;
    }
    if (x->state == COLLECTING)
        dispatch(x);
    if (x->state == ANSWERED)
        return send_answer(x);
    if (x->state == HANDLED) {
        x->state = PARKED;
        MHD_suspend_connection(connection);
    }
    return MHD_YES;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *slot;
    (void)ctx;
    (void)connection;
    *slot = NULL;
    if (!x)
        return;
    struct http *http = x->server->http;
    char *receipt = x->receipt;
    x->receipt = NULL;
    exchange_free(x);
    if (receipt && why != MHD_REQUEST_TERMINATED_COMPLETED_OK && http->lost)
        http->lost(http->ctx, receipt);
    mem_free(receipt);
}

static void on_mhd_log(void *ctx, const char *format, va_list args)
{
    char text[512];
    (void)ctx;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\r\n")] = 0;
    log_event(LOG_DEBUG, "http", "text=%s", LOG_QUOTE(text));
}

/* ---- the loop ---- */

static void run_all(struct http *http)
{
    http->resumed = false; /* first: a handler may resume another exchange */
    for (int i = 0; i < http->servers_n; i++)
        MHD_run(http->servers[i].mhd);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct server *server = poll->data;
    (void)status;
    (void)events;
    MHD_run(server->mhd);
}

static void on_timer(uv_timer_t *timer)
{
    run_all(timer->data);
}

/* At its limit of connections or files MHD takes the listening socket out of its epoll, and only the MHD_run after the
 * one that made room puts it back. When the last client is gone nothing would call that one. */
static void on_again(uv_timer_t *timer)
{
    run_all(timer->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct http *http = prepare->data;
    MHD_UNSIGNED_LONG_LONG least = 0, timeout;
    bool any = false;
    if (http->resumed)
        return; /* the timer is due already */
    for (int i = 0; i < http->servers_n; i++)
        if (MHD_get_timeout(http->servers[i].mhd, &timeout) == MHD_YES) {
            least = any && least < timeout ? least : timeout;
            any = true;
        }
    if (any)
        uv_timer_start(&http->timer, on_timer, least, 0);
    else
        uv_timer_stop(&http->timer);
}

struct http *http_create(uv_loop_t *loop, http_handler *handler, http_lost *lost, void *ctx)
{
    struct http *http = mem_zero(1, sizeof *http);
    http->loop = loop;
    http->handler = handler;
    http->lost = lost;
    http->ctx = ctx;
    uv_prepare_init(loop, &http->prepare);
    uv_timer_init(loop, &http->timer);
    uv_timer_init(loop, &http->again);
    http->prepare.data = http->timer.data = http->again.data = http;
    uv_prepare_start(&http->prepare, on_prepare);
    uv_timer_start(&http->again, on_again, AGAIN_MS, AGAIN_MS);
    http->handles = 3;
    return http;
}

int http_listen(struct http *http, const char *where, char address[160], struct err *err)
{
    if (http->servers_n == SERVERS_MAX)
        return err_set(err, ERR_INVALID, "--listen %s: at most %d addresses", where, SERVERS_MAX);
    struct server *server = &http->servers[http->servers_n];
    server->http = http;
    int rc = listener_open(where, &server->listener, err);
    if (rc)
        return rc;
    server->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, server,
        MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL, MHD_OPTION_LISTEN_SOCKET, server->listener.fd,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAX, MHD_OPTION_END);
    if (!server->mhd) {
        listener_close(&server->listener);
        return err_set(err, ERR_IO, "cannot serve HTTP on %s", where);
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    uv_poll_init(http->loop, &server->poll, info->epoll_fd);
    server->poll.data = server;
    uv_poll_start(&server->poll, UV_READABLE, on_poll);
    http->servers_n++;
    http->handles++;
    snprintf(address, 160, "%s", server->listener.address);
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    if (handle->type == UV_POLL)
        http = ((struct server *)handle->data)->http;
    if (--http->handles == 0)
        mem_free(http);
}

/* Sends what is on its way, at most a second long. */
static void drain(struct http *http)
{
    for (int i = 0; i < 100 && http->exchanges; i++) {
        run_all(http);
        struct pollfd fds[SERVERS_MAX];
        for (int s = 0; s < http->servers_n; s++) {
            const union MHD_DaemonInfo *info =
                MHD_get_daemon_info(http->servers[s].mhd, MHD_DAEMON_INFO_EPOLL_FD);
            fds[s] = (struct pollfd){.fd = info->epoll_fd, .events = POLLIN};
        }
        if (http->exchanges)
            poll(fds, (nfds_t)http->servers_n, 10);
    }
}

void http_close(struct http *http)
{
    if (!http)
        return;
    http->closing = true;
    for (struct exchange *x = http->exchanges; x; x = x->next)
        if (x->state == PARKED)
            http_error(x, 503, "unreachable", "the daemon is stopping; try again");
    for (int i = 0; i < http->servers_n; i++)
        MHD_quiesce_daemon(http->servers[i].mhd);
    run_all(http);
    drain(http);
    for (int i = 0; i < http->servers_n; i++) {
        uv_poll_stop(&http->servers[i].poll);
        MHD_stop_daemon(http->servers[i].mhd);
        listener_close(&http->servers[i].listener);
        uv_close((uv_handle_t *)&http->servers[i].poll, on_handle_closed);
    }
    uv_close((uv_handle_t *)&http->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&http->timer, on_handle_closed);
    uv_close((uv_handle_t *)&http->again, on_handle_closed);
}
