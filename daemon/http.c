#include "daemon/http_internal.h"

#include "proto/limits.h"
#include "proto/log.h"
#include "proto/mem.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONNECTIONS_MAX 1000
#define IDLE_TIMEOUT_S 120 /* of a connection that says nothing; one that waits for us is exempt */
#define AGAIN_MS 500       /* of a listening socket that was full, at most, until it accepts again */
#define HEADERS_MAX ((size_t)32 << 10)

/* ---- requests ---- */

static enum MHD_Result send_answer(struct exchange *x)
{
    x->state = SENT;
    enum MHD_Result ok = MHD_queue_response(x->connection, (unsigned)x->status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    return ok;
}

struct exchange *http_find(struct http *http, uint64_t id)
{
    for (struct exchange *x = http->exchanges; x; x = x->next)
        if (x->id == id)
            return x->state == PARKED || x->state == HANDLED ? x : NULL;
    return NULL;
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
        return exchange_refuse_early(x) ? send_answer(x) : MHD_YES;
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

void http_run_soon(struct http *http)
{
    http->resumed = true;
    uv_timer_start(&http->timer, on_timer, 0, 0);
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