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

/* Writes the page after `after` and gives the last number on it when there are more, else -1. */
static int write_page(struct store *store, const struct search *search, const struct insight *insight,
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
        rc = view_trial(store, search, insight, (int)i, false, out, err);
        last = (int)i;
        written++;
    }
    return rc;
}

void api_trials_list(struct api_call *call)
{
    struct search *search = api_find_search(call);
    int64_t after, limit;
    if (!search || !api_query_whole(call->x, "after", -1, INT32_MAX, -1, &after) ||
        !api_query_whole(call->x, "limit", 1, PAGE_MAX, PAGE, &limit))
        return;
    struct buf buf;
    struct json_out out;
    struct err err = {0};
    int next;
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_name(&out, "trials");
    json_array(&out);
    int rc = write_page(call->daemon->store, search, modeller_look(call->daemon->modeller, search), after,
                        limit, &out, &next, &err);
    json_end_array(&out);
    json_name(&out, "next");
    if (next >= 0)
        json_int(&out, next);
    else
        json_null(&out);
    json_end_object(&out);
    if (!rc) {
        api_send(call->x, 200, &buf);
        return;
    }
    api_error(call->x, rc, &err);
    buf_fini(&buf);
}

void api_trial_get(struct api_call *call)
{
    struct search *search = api_find_search(call);
    if (!search)
        return;
    const char *text = call->param[1];
    size_t digits = strspn(text, "0123456789");
    long number = strtol(text, NULL, 10);
    if (digits == 0 || text[digits] || number >= search->plan.trials || !exists(search, (int)number)) {
        http_error(call->x, 404, "not_found", "search %lld has no trial \"%s\" yet", (long long)search->id,
                   text);
        return;
    }
    struct buf buf;
    struct json_out out;
    struct err err = {0};
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    int rc = view_trial(call->daemon->store, search, modeller_look(call->daemon->modeller, search),
                        (int)number, true, &out, &err);
    if (!rc) {
        api_send(call->x, 200, &buf);
        return;
    }
    api_error(call->x, rc, &err);
    buf_fini(&buf);
}

void api_trials_csv(struct api_call *call)
{
    struct search *search = api_find_search(call);
    if (!search)
        return;
    struct buf buf;
    buf_init(&buf, ANSWER_MAX);
    view_trials_csv(search, modeller_look(call->daemon->modeller, search), &buf);
    if (buf.full)
        http_error(call->x, 500, "too_large", "the table is over %zu MiB", ANSWER_MAX >> 20);
    else
        http_answer(call->x, &(struct answer){.status = 200,
                                              .type = "text/csv; charset=utf-8",
                                              .bytes = buf_str(&buf),
                                              .len = buf.len});
    buf_fini(&buf);
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
