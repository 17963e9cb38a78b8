/* Trials: pages, one with its items, CSV. */
#include "daemon/api.h"
#include "daemon/modeller.h"
#include "daemon/paretod.h"
#include "daemon/views.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 100
#define PAGE_MAX 1000
#define REPLAY_MAX 100

static bool exists(const struct search *search, int number)
{
    return search->trials[number].job[HALF_SEARCH].state != TRIAL_ABSENT;
}

static void send_or_fail(struct exchange *x, int rc, const struct err *err, struct buf *buf)
{
    if (!rc) {
        api_send(x, 200, buf);
        return;
    }
    api_error(x, rc, err);
    buf_fini(buf);
}

/* Writes the page after `after` and gives the last number on it when there are more, else -1. */
static int write_page(struct paretod *daemon, const struct search *search, const struct insight *insight,
                      int64_t after, int64_t limit, struct json_out *out, int *next, struct err *err)
{
    int written = 0, last = -1, rc = 0;
    *next = -1;
    for (int64_t i = after + 1; i < search->plan.trials && !rc; i++) {
        if (!exists(search, (int)i))
            continue;
        if (written == limit) {
            *next = last;
            break;
        }
        rc = view_trial(daemon->store, search, insight, &daemon->sched.leases, (int)i, false, out, err);
        last = (int)i;
        written++;
    }
    return rc;
}

/* A poll_view, as the next two. */
static bool send_page(struct paretod *daemon, struct exchange *x, int64_t id, bool may_wait)
{
    const struct search *search = sched_search(&daemon->sched, id);
    const struct insight *insight = modeller_look(daemon->modeller, search);
    int64_t after, limit;
    if (!api_query_whole(x, "after", -1, INT32_MAX, -1, &after) ||
        !api_query_whole(x, "limit", 1, PAGE_MAX, PAGE, &limit))
        return true;
    if (may_wait && modeller_owes(daemon->modeller, search, false))
        return false;
    struct buf buf;
    struct json_out out;
    struct err err = {0};
    int next;
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_name(&out, "trials");
    json_array(&out);
    int rc = write_page(daemon, search, insight, after, limit, &out, &next, &err);
    json_end_array(&out);
    json_name(&out, "next");
    if (next >= 0)
        json_int(&out, next);
    else
        json_null(&out);
    json_end_object(&out);
    send_or_fail(x, rc, &err, &buf);
    return true;
}

void api_trials_list(struct api_call *call)
{
    struct search *search = api_find_search(call);
    if (search)
        api_view(call, search, send_page, API_LAST_LOOK_S);
}

/* The trial of this number, -1 when there is none. */
static int trial_named(const char *text, const struct search *search)
{
    size_t digits = strspn(text, "0123456789");
    long number = strtol(text, NULL, 10);
    bool good = digits > 0 && !text[digits] && number < search->plan.trials && exists(search, (int)number);
    return good ? (int)number : -1;
}

/* The trial that the path ends with: what a view that waited knows. */
static int trial_of_path(const struct exchange *x, const struct search *search)
{
    return trial_named(strrchr(exchange_path(x), '/') + 1, search);
}

static bool send_trial(struct paretod *daemon, struct exchange *x, int64_t id, bool may_wait)
{
    const struct search *search = sched_search(&daemon->sched, id);
    const struct insight *insight = modeller_look(daemon->modeller, search);
    if (may_wait && modeller_owes(daemon->modeller, search, false))
        return false;
    struct buf buf;
    struct json_out out;
    struct err err = {0};
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    int rc = view_trial(daemon->store, search, insight, &daemon->sched.leases, trial_of_path(x, search), true,
                        &out, &err);
    send_or_fail(x, rc, &err, &buf);
    return true;
}

/* The trial of {number}; -1 after it answered 404. */
static int find_trial(struct api_call *call, const struct search *search)
{
    int trial = trial_named(call->param[1], search);
    if (trial < 0)
        http_error(call->x, 404, "not_found", "search %lld has no trial \"%s\" yet", (long long)search->id,
                   call->param[1]);
    return trial;
}

void api_trial_get(struct api_call *call)
{
    struct search *search = api_find_search(call);
    if (search && find_trial(call, search) >= 0)
        api_view(call, search, send_trial, API_LAST_LOOK_S);
}

static int put_texts(void *ctx, const struct store_written *row)
{
    struct json_out *out = ctx;
    json_name(out, row->half);
    json_raw(out, row->texts);
    return 0;
}

/* What its model wrote, by half; {} where nothing was kept, or not yet. */
void api_trial_written(struct api_call *call)
{
    struct search *search = api_find_search(call);
    int trial = search ? find_trial(call, search) : -1;
    if (trial < 0)
        return;
    struct buf buf;
    struct json_out out;
    struct err err = {0};
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_put_int(&out, "trial", trial);
    json_name(&out, "written");
    json_object(&out);
    int rc = store_written_each(call->daemon->store, search->id, trial, put_texts, &out, &err);
    json_end_object(&out);
    json_end_object(&out);
    send_or_fail(call->x, rc, &err, &buf);
}

static bool send_csv(struct paretod *daemon, struct exchange *x, int64_t id, bool may_wait)
{
    const struct search *search = sched_search(&daemon->sched, id);
    const struct insight *insight = modeller_look(daemon->modeller, search);
    if (may_wait && modeller_owes(daemon->modeller, search, false))
        return false;
    struct buf buf;
    buf_init(&buf, ANSWER_MAX);
    view_trials_csv(search, insight, &daemon->sched.leases, &buf);
    if (buf.full)
        http_error(x, 500, "too_large", "the table is over %zu MiB", ANSWER_MAX >> 20);
    else
        http_answer(
            x, &(struct answer){
                   .status = 200, .type = "text/csv; charset=utf-8", .bytes = buf_str(&buf), .len = buf.len});
    buf_fini(&buf);
    return true;
}

void api_trials_csv(struct api_call *call)
{
    struct search *search = api_find_search(call);
    if (search)
        api_view(call, search, send_csv, API_LAST_LOOK_S);
}

void api_search_replay(struct api_call *call)
{
    struct search *search = api_find_search(call);
    int64_t from, count;
    if (!search || !api_query_whole(call->x, "from", 0, INT32_MAX, 0, &from) ||
        !api_query_whole(call->x, "count", 1, REPLAY_MAX, REPLAY_MAX, &count))
        return;
    if (!modeller_replay(call->daemon->modeller, search, (int)from, (int)count, exchange_id(call->x)))
        http_error(call->x, 503, "not_ready", "too many replays wait for their turn; try again later");
}
