#include "wire/http_client.h"

#include "proto/mem.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <time.h>

#define BODY_MAX ((size_t)256 << 20)
#define TIMEOUT_DEFAULT_S 30.0
#define SOCKET_PATH_MAX (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)

struct http_client {
    CURL *curl;
    char *address; /* as the caller gave it, for sentences */
    char *socket;  /* path of a Unix socket, or NULL */
    char *base;    /* "http://127.0.0.1:7878" */
};

int http_client_open(const char *address, struct http_client **out, struct err *err)
{
    *out = NULL;
    if (!*address || strcmp(address, "unix:") == 0)
        return err_set(err, ERR_INVALID, "\"%s\" is no address; write unix:/path/to/socket or HOST:PORT",
                       address);
    if (strncmp(address, "unix:", 5) == 0 && strlen(address + 5) > SOCKET_PATH_MAX)
        return err_set(err, ERR_INVALID, "%.120s…: the path of a Unix socket has at most %zu bytes, not %zu",
                       address, SOCKET_PATH_MAX, strlen(address + 5));
    struct http_client *client = mem_zero(1, sizeof *client);
    client->address = mem_strdup(address);
    if (strncmp(address, "unix:", 5) == 0) {
        client->socket = mem_strdup(address + 5);
        client->base = mem_strdup("http://localhost");
    } else if (strstr(address, "://")) {
        client->base = mem_strndup(address, strlen(address) - (address[strlen(address) - 1] == '/'));
    } else {
        client->base = mem_printf("http://%s", address);
    }
    client->curl = curl_easy_init();
    if (!client->curl) {
        http_client_close(client);
        return err_set(err, ERR_IO, "libcurl could not be set up");
    }
    *out = client;
    return 0;
}

void http_client_close(struct http_client *client)
{
    if (!client)
        return;
    if (client->curl)
        curl_easy_cleanup(client->curl);
    mem_free(client->address);
    mem_free(client->socket);
    mem_free(client->base);
    mem_free(client);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct http_response *response = ctx;
    return buf_add(&response->body, bytes, size * n) ? 0 : size * n;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct http_response *response = ctx;
    size_t len = size * n;
    if (len > 5 && strncasecmp(line, "ETag:", 5) == 0) {
        const char *from = line + 5, *to = line + len;
        while (from < to && *from == ' ')
            from++;
        while (to > from && (to[-1] == '\r' || to[-1] == '\n' || to[-1] == ' '))
            to--;
        size_t count = (size_t)(to - from);
        if (count < sizeof response->etag) {
            memcpy(response->etag, from, count);
            response->etag[count] = 0;
        }
    }
    return len;
}

/* A call under way. */
struct call {
    const struct http_request *request;
    double start_s;
    bool told; /* that it takes long */
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int on_progress(void *ctx, curl_off_t dt, curl_off_t dn, curl_off_t ut, curl_off_t un)
{
    struct call *call = ctx;
    const struct http_request *request = call->request;
    (void)dt, (void)dn, (void)ut, (void)un;
    if (request->waits && !call->told && now_s() - call->start_s >= request->waits_s) {
        call->told = true;
        request->waits(request->waits_ctx);
    }
    return request->cancel && atomic_load(request->cancel);
}

static struct curl_slist *request_headers(const struct http_request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (request->body)
        list = curl_slist_append(list, "Content-Type: application/json");
    if (request->idempotency_key) {
        char *line = mem_printf("Idempotency-Key: %s", request->idempotency_key);
        list = curl_slist_append(list, line);
        mem_free(line);
    }
    if (request->if_none_match && *request->if_none_match) {
        char *line = mem_printf("If-None-Match: %s", request->if_none_match);
        list = curl_slist_append(list, line);
        mem_free(line);
    }
    return list;
}

static void set_options(struct http_client *client, struct call *call, struct http_response *response,
                        const char *url, struct curl_slist *headers)
{
    const struct http_request *request = call->request;
    CURL *curl = client->curl;
    double timeout_ms = 1000 * (request->timeout_s > 0 ? request->timeout_s : TIMEOUT_DEFAULT_S);
    curl_easy_reset(curl); /* keeps the connection */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (client->socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    /* to curl 0 means no limit at all */
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                     timeout_ms < 1     ? 1L
                     : timeout_ms > 1e9 ? 1000000000L
                                        : (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, response);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, response);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, call);
    if (strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, request->body ? (long)strlen(request->body) : 0L);
    }
}

static int code_of(CURLcode result)
{
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_ABORTED_BY_CALLBACK:
        return ERR_CANCELLED;
    case CURLE_URL_MALFORMAT: /* no waiting would mend these two */
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ERR_INVALID;
    default:
        return ERR_UNREACHABLE;
    }
}

int http_call(struct http_client *client, const struct http_request *request, struct http_response *response,
              struct err *err)
{
    *response = (struct http_response){0};
    buf_init(&response->body, BODY_MAX);
    char *url = mem_printf("%s%s", client->base, request->path);
    struct curl_slist *headers = request_headers(request);
    struct call call = {.request = request, .start_s = now_s()};
    set_options(client, &call, response, url, headers);
    CURLcode result = curl_easy_perform(client->curl);
    long status = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    curl_slist_free_all(headers);
    mem_free(url);
    if (result == CURLE_OK)
        return 0;
    if (response->body.full)
        return err_set(err, ERR_TOO_LARGE, "%s: the answer to %s is larger than %zu MiB", client->address,
                       request->path, BODY_MAX >> 20);
    return err_set(err, code_of(result), "%s: %s", client->address, curl_easy_strerror(result));
}

void http_response_fini(struct http_response *response)
{
    if (response)
        buf_fini(&response->body);
}

static int code_of_status(int status)
{
    switch (status) {
    case 404:
    case 410:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 413:
        return ERR_TOO_LARGE;
    case 503:
        return ERR_NOT_READY;
    default:
        return status >= 500 ? ERR_IO : ERR_INVALID;
    }
}

/* A redirect is not followed, and whoever sends one is no daemon: taken for a success, it would swallow a result. */
static bool is_redirect(int status)
{
    return status >= 300 && status < 400 && status != 304;
}

int http_response_error(const struct http_response *response, struct err *err)
{
    if (is_redirect(response->status))
        return err_set(
            err, ERR_UNREACHABLE,
            "the answer is a redirect (status %d), so a proxy stands at this address; give the daemon's own",
            response->status);
    if (response->status < 400)
        return 0;
    int code = code_of_status(response->status);
    struct json *root;
    if (json_parse(buf_str(&response->body), response->body.len, &root, NULL))
        return err_set(err, code, "the daemon answered with status %d", response->status);
    const struct json *field = json_first(json_get(root, "fields"));
    err_set(err, code, "%s%s%s%s%s", json_string_or(json_get(root, "error"), "the daemon refused"),
            field ? " " : "", json_string_or(json_get(field, "field"), ""), field ? ": " : "",
            json_string_or(json_get(field, "error"), ""));
    json_free(root);
    return code;
}
