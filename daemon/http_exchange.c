/* One request as it came, and its answer. */
#include "daemon/http_internal.h"

#include "proto/json.h"
#include "proto/limits.h"
#include "proto/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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
    MHD_resume_connection(x->connection); /* MHD_run then calls on_request again, which sends it */
    http_run_soon(x->server->http);
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

/* ---- the request ---- */

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

/* ---- refusals ---- */

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

bool exchange_refuse_early(struct exchange *x)
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
