/* Searches: list, submit, look, steer, front, plan. */
#include "daemon/api.h"
#include "daemon/hash.h"
#include "daemon/modeller.h"
#include "daemon/paretod.h"
#include "daemon/submit.h"
#include "daemon/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX_S 60
#define TAX 0.05

/* Refusals are warnings of searches; and a search stalls without a change of its own, when the last worker that would
 * do it is lost. */
static void list_etag(const struct sched *sched, int64_t now_us, char etag[32])
{
    uint64_t h = 0;
    for (int i = 0; i < sched->search_n; i++) {
        const struct search *search = sched->search[i];
        int64_t facts[3] = {search->id, search->revision, sched_stalled(sched, search, now_us) != NULL};
        h = hash_fnv(h, facts, sizeof facts);
    }
    for (int i = 0; i < sched->fleet.n; i++)
        for (int r = 0; r < sched->fleet.worker[i]->refused_n; r++) {
            const struct refusal *refusal = &sched->fleet.worker[i]->refused[r];
            h = hash_fnv(h, &refusal->search, sizeof refusal->search);
            h = hash_fnv(h, refusal->reason, strlen(refusal->reason));
        }
    snprintf(etag, 32, "list-%016llx", (unsigned long long)h);
}

void api_searches_list(struct api_call *call)
{
    struct sched *sched = &call->daemon->sched;
    char etag[32];
    list_etag(sched, paretod_now().us, etag);
    if (exchange_has(call->x, etag)) {
        http_answer(call->x, &(struct answer){.status = 304, .etag = etag, .cache = "no-cache"});
        return;
    }
    struct buf buf;
    struct json_out out;
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_name(&out, "searches");
    json_array(&out);
    for (int i = sched->search_n - 1; i >= 0; i--) {
        json_object(&out);
        api_put_summary(call->daemon, sched->search[i], &out);
        json_end_object(&out);
    }
    json_end_array(&out);
    json_end_object(&out);
    http_answer(
        call->x,
        &(struct answer){
            .status = 200, .bytes = buf_str(&buf), .len = buf.len, .etag = etag, .cache = "no-cache"});
    buf_fini(&buf);
}

void api_search_submit(struct api_call *call)
{
    submit(call->daemon, call->x);
}

void api_search_get(struct api_call *call)
{
    struct search *search = api_find_search(call);
    if (!search)
        return;
    struct buf buf;
    struct json_out out;
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    api_put_summary(call->daemon, search, &out);
    json_name(&out, "spec");
    search_spec_write_brief(&search->spec, &out);
    json_end_object(&out);
    api_send(call->x, 200, &buf);
}

static void steer(struct api_call *call,
                  int (*verb)(struct sched *sched, int64_t id, struct now now, struct err *err))
{
    struct search *search = api_find_search(call);
    struct err err = {0};
    if (!search)
        return;
    int rc = verb(&call->daemon->sched, search->id, paretod_now(), &err);
    if (rc)
        api_error(call->x, rc, &err);
    else
        api_summary(call->daemon, call->x, 200, search->id);
}

void api_search_pause(struct api_call *call)
{
    steer(call, sched_pause);
}

void api_search_resume(struct api_call *call)
{
    steer(call, sched_resume);
}

void api_search_cancel(struct api_call *call)
{
    steer(call, sched_cancel);
}

/* ?front= and ?tax=. False after it answered 400. */
static bool read_look(struct exchange *x, const struct search *search, struct view_look *look)
{
    const char *front = exchange_query(x, "front"), *tax = exchange_query(x, "tax");
    char *end = NULL;
    look->posterior = front ? !strcmp(front, "posterior")
                            : search->problem.kind == OPT_BAYES || search->problem.kind == OPT_QUADRATIC;
    look->tax = tax ? strtod(tax, &end) : TAX;
    if (front && strcmp(front, "posterior") && strcmp(front, "raw"))
        http_error(x, 400, "invalid", "front=%.40s: use \"raw\" or \"posterior\"", front);
    else if (tax && (end == tax || *end || !(look->tax >= 0 && look->tax <= 1)))
        http_error(x, 400, "invalid", "tax=%.40s: use a share from 0 to 1, such as 0.05", tax);
    else
        return true;
    return false;
}

/* A poll_view. It waits for the last insight into a search that is over, and with ?wait for another front than the client has. */
static bool send_front(struct paretod *daemon, struct exchange *x, int64_t id, bool may_wait)
{
    struct search *search = sched_search(&daemon->sched, id);
    struct view_look look = {0};
    char etag[VIEW_ETAG_MAX];
    if (!read_look(x, search, &look))
        return true;
    look.stalled = sched_stalled(&daemon->sched, search, paretod_now().us);
    look.insight = modeller_look(daemon->modeller, search);
    view_front_etag(search, &look, etag);
    if (may_wait && modeller_owes(daemon->modeller, search, look.posterior))
        return false;
    if (exchange_has(x, etag)) {
        if (may_wait && exchange_query(x, "wait"))
            return false;
        http_answer(x, &(struct answer){.status = 304, .etag = etag, .cache = "no-cache"});
        return true;
    }
    const struct buf *json = view_cache_front(&daemon->views, search, &look);
    if (json->full)
        http_error(x, 500, "too_large", "the front is over %zu MiB", json->max >> 20);
    else
        http_answer(
            x,
            &(struct answer){
                .status = 200, .bytes = buf_str(json), .len = json->len, .etag = etag, .cache = "no-cache"});
    return true;
}

void api_search_front(struct api_call *call)
{
    struct search *search = api_find_search(call);
    int64_t wait_s;
    if (!search || !api_query_whole(call->x, "wait", 0, 3600, 0, &wait_s))
        return;
    if (wait_s > WAIT_MAX_S)
        wait_s = WAIT_MAX_S;
    if (!exchange_query(call->x, "wait"))
        wait_s = API_LAST_LOOK_S;
    api_view(call, search, send_front, wait_s);
}

/* A column of the search's row, as it was stored. */
struct column {
    const char *(*of)(const struct store_search *row);
    struct buf buf;
};

static int copy_column(void *ctx, const struct store_search *row)
{
    struct column *column = ctx;
    const char *text = column->of(row);
    if (text)
        buf_text(&column->buf, text);
    return 0;
}

/* otherwise: what the sentence says of a search without it. */
static void send_column(struct api_call *call, const char *(*of)(const struct store_search *row),
                        const char *otherwise)
{
    struct search *search = api_find_search(call);
    if (!search)
        return;
    struct column column = {.of = of};
    struct err err = {0};
    buf_init(&column.buf, ANSWER_MAX);
    int rc = store_search_get(call->daemon->store, search->id, NULL, copy_column, &column, &err);
    if (!rc && column.buf.len > 0) {
        api_send(call->x, 200, &column.buf);
        return;
    }
    if (rc)
        api_error(call->x, rc, &err);
    else
        http_error(call->x, 404, "not_found", "search %lld %s", (long long)search->id, otherwise);
    buf_fini(&column.buf);
}

static const char *plan_of(const struct store_search *row)
{
    return row->plan;
}

static const char *preflight_of(const struct store_search *row)
{
    return row->preflight;
}

static const char *digests_of(const struct store_search *row)
{
    return row->digests;
}

void api_search_plan(struct api_call *call)
{
    send_column(call, plan_of, "merges nothing, so it has no plan");
}

void api_search_preflight(struct api_call *call)
{
    send_column(call, preflight_of,
                "has no preflight report: it merges nothing, or was submitted before there were reports");
}

void api_search_digests(struct api_call *call)
{
    send_column(call, digests_of,
                "has no digests: it merges nothing, or was submitted before there were digests");
}
