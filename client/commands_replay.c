/* replay */
#include "client/commands.h"

#include "client/progress.h"
#include "client/text.h"
#include "proto/mem.h"
#include "proto/search_spec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PAGE_TRIALS 10 /* of a model with thousands of trials a proposal takes a second */
#define PAGE_S 600
#define RATIOS_SHOWN_MAX 8

struct replay {
    struct client *client;
    int64_t id, total; /* trials that there may be, for the bar */
    int64_t same_n, other_n;
    struct buf out; /* the trials that are not the same as lines, or all as JSON */
};

static void draw_bar(const struct replay *replay)
{
    struct buf line;
    int64_t n = replay->same_n + replay->other_n;
    if (!replay->client->tty || replay->client->json)
        return;
    buf_init(&line, 4096);
    buf_text(&line, "\r\033[Kderiving again ");
    progress_bar(&line, (double)n, (double)replay->total, 40);
    buf_printf(&line, " %" PRId64 " of %" PRId64, n, replay->total);
    client_print(replay->client, &line);
    buf_fini(&line);
}

static void wipe_bar(const struct replay *replay)
{
    if (replay->client->tty && !replay->client->json)
        fputs("\r\033[K", replay->client->out);
}

static void add_ratios(struct buf *out, const struct json *list)
{
    size_t n = 0;
    for (const struct json *r = json_first(list); r && n < RATIOS_SHOWN_MAX; r = json_next(r), n++)
        buf_printf(out, " %.17g", json_number_or(r, NAN));
    if (json_len(list) > RATIOS_SHOWN_MAX)
        buf_printf(out, " … of %zu", json_len(list));
}

static bool has_same_ratios(const struct json *t)
{
    const struct json *a = json_first(json_get(t, "ratios")), *b = json_first(json_get(t, "again"));
    while (a && b && json_number_or(a, 0) == json_number_or(b, 1)) {
        a = json_next(a);
        b = json_next(b);
    }
    return !a && !b;
}

/* What became of a trial that is not the same. */
static void add_other(struct buf *out, const struct json *t)
{
    const char *reason = json_string_or(json_get(t, "reason"), NULL);
    buf_printf(out, "trial %.0f (", json_number_or(json_get(t, "trial"), 0));
    text_clean(out, json_string_or(json_get(t, "path"), "?"));
    buf_printf(out, ", after %.0f events)", json_number_or(json_get(t, "watermark"), 0));
    if (reason) {
        buf_text(out, " does not come out again: ");
        text_clean(out, reason);
    } else if (has_same_ratios(t)) {
        buf_text(out, " has the same ratios, but came about in another way");
    } else {
        buf_text(out, " was");
        add_ratios(out, json_get(t, "ratios"));
        buf_text(out, ", is now");
        add_ratios(out, json_get(t, "again"));
    }
    buf_text(out, "\n");
}

static void note_trial(struct replay *replay, const struct json *t)
{
    bool same = json_bool_or(json_get(t, "same"), false);
    int64_t before = replay->same_n + replay->other_n;
    replay->same_n += same;
    replay->other_n += !same;
    if (replay->client->json) {
        buf_text(&replay->out, before ? "," : "");
        json_write(&replay->out, t);
    } else if (!same) {
        add_other(&replay->out, t);
    }
}

/* One page from trial `from` on; *next is -1 after the last. */
static int read_page(struct replay *replay, int64_t from, int64_t *next)
{
    char path[128];
    struct err err = {0};
    struct json *page = NULL;
    struct http_response response = {0};
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/replay?from=%" PRId64 "&count=%d", replay->id, from,
             PAGE_TRIALS);
    struct http_request request = {
        .method = "GET", .path = path, .timeout_s = PAGE_S, .cancel = replay->client->interrupted};
    int rc = client_call(replay->client, &request, &response, &err);
    int code = rc ? client_refuse(replay->client, &err) : client_parse(replay->client, &response, &page);
    http_response_fini(&response);
    if (code)
        return code;
    for (const struct json *t = json_first(json_get(page, "trials")); t; t = json_next(t))
        note_trial(replay, t);
    *next = -1;
    json_whole(json_get(page, "next"), 0, INT64_MAX / 2, next);
    json_free(page);
    if (*next < 0 || *next > from)
        return CLIENT_OK;
    client_say(replay->client, "the daemon's pages of trials go round in a circle at %" PRId64, *next);
    return CLIENT_REFUSED;
}

static int read_total(struct replay *replay)
{
    struct json *j;
    int code = client_get_search(replay->client, replay->id, "", &j);
    if (code)
        return code;
    json_whole(json_get(json_get(j, "progress"), "total"), 0, INT64_MAX / 2, &replay->total);
    json_free(j);
    return CLIENT_OK;
}

static int read_all(struct replay *replay)
{
    int64_t next = 0;
    int code = read_total(replay);
    while (!code && next >= 0) {
        draw_bar(replay);
        code = read_page(replay, next, &next);
    }
    wipe_bar(replay);
    return code;
}

static int print(struct replay *replay)
{
    struct buf text;
    buf_init(&text, CLIENT_BYTES_MAX);
    if (replay->client->json) {
        buf_printf(&text, "{\"trials\":[%s],\"next\":null}\n", buf_str(&replay->out));
    } else {
        buf_text(&text, buf_str(&replay->out));
        buf_printf(&text, "%" PRId64 " trial%s derived again: ", replay->same_n + replay->other_n,
                   replay->same_n + replay->other_n == 1 ? "" : "s");
        if (replay->other_n)
            buf_printf(&text, "%" PRId64 " not the same\n", replay->other_n);
        else
            buf_text(&text, "all the same\n");
    }
    int code = client_print(replay->client, &text);
    buf_fini(&text);
    return code ? code : replay->other_n ? CLIENT_REFUSED : CLIENT_OK;
}

int command_replay(struct client *client, const struct args *args)
{
    struct replay replay = {.client = client};
    int code = command_search_id(client, args, &replay.id);
    if (code)
        return code;
    client_catch_interrupt(client);
    buf_init(&replay.out, CLIENT_BYTES_MAX);
    code = read_all(&replay);
    if (!code)
        code = print(&replay);
    buf_fini(&replay.out);
    return code;
}
