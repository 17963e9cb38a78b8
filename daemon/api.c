#include "daemon/api.h"

#include "daemon/paretod.h"
#include "daemon/views.h"
#include "proto/log.h"
#include "proto/search_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void healthz(struct api_call *call)
{
    http_answer(call->x, &(struct answer){.status = 200, .type = "text/plain", .bytes = "ok\n", .len = 3});
}

/* It listens only after everything is restored, so what can be missing is a disk that takes writes. */
static void readyz(struct api_call *call)
{
    if (call->daemon->disk_refuses)
        http_error(call->x, 503, "io", "the last write to the database failed; see the log");
    else
        healthz(call);
}

static void send_asset(struct exchange *x, const struct asset *asset)
{
    struct answer answer = {.status = 200,
                            .type = asset->type,
                            .bytes = asset->bytes,
                            .len = asset->len,
                            .borrowed = true,
                            .etag = asset->etag,
                            .cache = "no-cache"};
    if (exchange_has(x, asset->etag)) {
        answer.status = 304;
        answer.len = 0;
    }
    http_answer(x, &answer);
}

static void asset_named(struct api_call *call, const char *name)
{
    const struct asset *asset = assets_find(&call->daemon->assets, name);
    if (asset)
        send_asset(call->x, asset);
    else
        http_error(call->x, 404, "not_found", "there is no file \"%s\"; start paretod with --assets DIR",
                   name);
}

static void index_page(struct api_call *call)
{
    asset_named(call, "index.html");
}

static void asset_file(struct api_call *call)
{
    asset_named(call, call->param[0]);
}

struct route {
    const char *method;
    const char *pattern; /* {} stands for one segment */
    void (*handler)(struct api_call *call);
};

static const struct route routes[] = {
    {"GET", "/v1/searches", api_searches_list},
    {"POST", "/v1/searches", api_search_submit},
    {"GET", "/v1/searches/{}", api_search_get},
    {"POST", "/v1/searches/{}/pause", api_search_pause},
    {"POST", "/v1/searches/{}/resume", api_search_resume},
    {"POST", "/v1/searches/{}/cancel", api_search_cancel},
    {"POST", "/v1/searches/{}/ask", api_search_ask},
    {"POST", "/v1/searches/{}/tell", api_search_tell},
    {"GET", "/v1/searches/{}/front", api_search_front},
    {"GET", "/v1/searches/{}/plan", api_search_plan},
    {"GET", "/v1/searches/{}/preflight", api_search_preflight},
    {"GET", "/v1/searches/{}/digests", api_search_digests},
    {"GET", "/v1/searches/{}/replay", api_search_replay},
    {"GET", "/v1/searches/{}/trials", api_trials_list},
    {"GET", "/v1/searches/{}/trials.csv", api_trials_csv},
    {"GET", "/v1/searches/{}/trials/{}", api_trial_get},
    {"GET", "/v1/searches/{}/trials/{}/written", api_trial_written},
    {"GET", "/v1/workers", api_workers_list},
    {"POST", "/v1/workers", api_worker_register},
    {"POST", "/v1/workers/{}/leave", api_worker_leave},
    {"POST", "/v1/leases", api_lease_ask},
    {"POST", "/v1/leases/{}/heartbeat", api_lease_heartbeat},
    {"POST", "/v1/leases/{}/slice", api_lease_slice},
    {"POST", "/v1/leases/{}/result", api_lease_result},
    {"POST", "/v1/leases/{}/failure", api_lease_failure},
    {"POST", "/v1/leases/{}/release", api_lease_release},
    {"GET", "/healthz", healthz},
    {"GET", "/readyz", readyz},
    {"GET", "/", index_page},
    {"GET", "/assets/{}", asset_file},
};

/* Compares a path with a pattern and copies what stands for {}. */
static bool match(const char *pattern, const char *path, struct api_call *call)
{
    int params = 0;
    while (*pattern) {
        if (strncmp(pattern, "{}", 2)) {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t n = strcspn(path, "/");
        if (n == 0 || n >= API_PARAM_MAX)
            return false;
        memcpy(call->param[params], path, n);
        call->param[params++][n] = 0;
        pattern += 2;
        path += n;
    }
    return *path == 0;
}

#define QUERY_MAX 3

/* Routes whose query is read; the others take no parameter. */
static const struct {
    const char *pattern;
    const char *known[QUERY_MAX];
} queries[] = {
    {"/v1/searches/{}/front", {"wait", "front", "tax"}},
    {"/v1/searches/{}/trials", {"after", "limit"}},
    {"/v1/searches/{}/replay", {"from", "count"}},
};

static void refuse_query(struct exchange *x, const char *unknown, const char *const *known, size_t n)
{
    const char *near = spec_nearest(unknown, known, n);
    if (near)
        http_error(x, 400, "invalid", "there is no parameter \"%.40s\" here; did you mean \"%s\"?", unknown,
                   near);
    else if (n > 0)
        http_error(x, 400, "invalid", "there is no parameter \"%.40s\" here; it takes %s%s%s%s%s", unknown,
                   known[0], n > 2 ? ", " : "", n > 2 ? known[1] : "", n > 1 ? " and " : "",
                   n > 1 ? known[n - 1] : "");
    else
        http_error(x, 400, "invalid", "there is no parameter \"%.40s\": this address takes none", unknown);
}

/* A misspelt parameter would be left out without a word. False after it answered 400. Pages and probes may be asked with
 * what others add to addresses. */
static bool check_query(const struct route *route, struct exchange *x)
{
    const char *const *known = NULL;
    size_t n = 0;
    if (strncmp(route->pattern, "/v1/", 4))
        return true;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (!strcmp(queries[i].pattern, route->pattern))
            known = queries[i].known;
    while (known && n < QUERY_MAX && known[n])
        n++;
    const char *unknown = exchange_query_unknown(x, known, n);
    if (unknown)
        refuse_query(x, unknown, known, n);
    return !unknown;
}

void api_handle(void *ctx, struct exchange *x)
{
    struct api_call call = {.daemon = ctx, .x = x};
    const char *method = exchange_method(x), *path = exchange_path(x);
    char allow[64] = "";
    if (!strcmp(method, "HEAD"))
        method = "GET";
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!match(routes[i].pattern, path, &call))
            continue;
        if (!strcmp(routes[i].method, method)) {
            if (check_query(&routes[i], x))
                routes[i].handler(&call);
            return;
        }
        snprintf(allow + strlen(allow), sizeof allow - strlen(allow), "%s%s", *allow ? ", " : "",
                 routes[i].method);
    }
    if (!*allow) {
        http_error(x, 404, "not_found", "there is no %s; the routes are in proto/openapi.yaml", path);
        return;
    }
    struct buf buf;
    buf_init(&buf, 1024);
    buf_printf(&buf, "{\"error\":\"this address takes %s\",\"code\":\"unsupported\"}", allow);
    http_answer(x, &(struct answer){.status = 405, .bytes = buf_str(&buf), .len = buf.len, .allow = allow});
    buf_fini(&buf);
}

struct json *api_body(struct exchange *x)
{
    struct json *root;
    struct err err = {0};
    const struct buf *body = exchange_body(x);
    if (json_parse(buf_str(body), body->len, &root, &err)) {
        http_error(x, 400, "invalid", "the body is not JSON: %s", err.text);
        return NULL;
    }
    if (json_is(root, JSON_OBJECT))
        return root;
    http_error(x, 400, "invalid", "the body must be a JSON object, not %s", json_type_name(json_type(root)));
    json_free(root);
    return NULL;
}

struct search *api_find_search(struct api_call *call)
{
    const char *text = call->param[0];
    size_t digits = strspn(text, "0123456789");
    struct search *search = NULL;
    if (digits > 0 && digits < 19 && !text[digits])
        search = sched_search(&call->daemon->sched, strtoll(text, NULL, 10));
    if (!search)
        http_error(call->x, 404, "not_found", "there is no search \"%s\"", text);
    return search;
}

static int status_of(int rc)
{
    switch (rc) {
    case ERR_INVALID:
        return 422;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_CONFLICT:
        return 409;
    case ERR_TOO_LARGE:
        return 413;
    default:
        return 500;
    }
}

void api_error(struct exchange *x, int rc, const struct err *err)
{
    int status = status_of(rc);
    if (status == 500)
        log_event(LOG_ERROR, "request_failed", "path=%s reason=%s", LOG_QUOTE(exchange_path(x)),
                  LOG_QUOTE(err->text));
    http_error(x, status, err_name(rc), "%s", err->text);
}

void api_lease_answer(struct exchange *x, int rc, const struct err *err, const char *json)
{
    if (rc == ERR_NOT_FOUND)
        http_error(x, 410, "not_found", "%s", err->text);
    else if (rc)
        api_error(x, rc, err);
    else
        http_answer(x, &(struct answer){.status = 200, .bytes = json, .len = strlen(json)});
}

void api_view(struct api_call *call, const struct search *search, poll_view *view, int64_t wait_s)
{
    if (!view(call->daemon, call->x, search->id, wait_s > 0))
        polls_add_view(call->daemon, exchange_id(call->x), search->id, view,
                       paretod_now().us + wait_s * 1000000);
}

void api_send(struct exchange *x, int status, struct buf *buf)
{
    if (buf->full)
        http_error(x, 500, "too_large", "the answer is over %zu MiB", buf->max >> 20);
    else
        http_answer(x, &(struct answer){.status = status, .bytes = buf_str(buf), .len = buf->len});
    buf_fini(buf);
}

void api_put_summary(struct paretod *daemon, struct search *search, struct json_out *out)
{
    struct now now = paretod_now();
    view_summary(search, sched_stalled(&daemon->sched, search, now.us), now.wall_us, out);
    view_facts(facts_find(&daemon->facts, search->id), &daemon->sched, search, now.us, out);
}

void api_summary(struct paretod *daemon, struct exchange *x, int status, int64_t id)
{
    struct buf buf;
    struct json_out out;
    struct search *search = sched_search(&daemon->sched, id);
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    api_put_summary(daemon, search, &out);
    json_end_object(&out);
    api_send(x, status, &buf);
}

bool api_query_whole(struct exchange *x, const char *name, int64_t min, int64_t max, int64_t otherwise,
                     int64_t *out)
{
    const char *text = exchange_query(x, name);
    *out = otherwise;
    if (!text)
        return true;
    char *end;
    long long n = strtoll(text, &end, 10);
    if (strspn(text, "-0123456789") == 0 || end == text || *end || n < min || n > max) {
        http_error(x, 400, "invalid", "%s=%.40s: use a whole number from %lld to %lld", name, text,
                   (long long)min, (long long)max);
        return false;
    }
    *out = n;
    return true;
}
