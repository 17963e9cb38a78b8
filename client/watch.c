#include "client/watch.h"

#include "client/front_fetch.h"
#include "client/progress.h"
#include "client/watch_view.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define WAIT_S 20              /* the daemon answers at the latest after this */
#define ANSWER_S (WAIT_S + 15) /* and is lost when it did not after this */
#define REDRAW_US 100000       /* no more often than this */
#define RETRY_US 1000000       /* while the daemon is away */
#define RETRIES_MAX 60         /* a restart takes seconds, not minutes */
#define STILL_S 5              /* without a result for so long it is asked whether a worker is there */

struct watch {
    struct client *client;
    int64_t id;
    bool is_quiet;                         /* nothing is shown */
    char etag[96];                         /* of the front shown */
    bool seen;                             /* the daemon has answered once */
    int retries;                           /* since the last answer */
    int drawn_lines;                       /* of the frame on the terminal; the cursor is below it */
    struct front_counts progress, confirm; /* of the last line in a pipe */
    char state[16];
    bool is_stalled;        /* every worker refuses the search */
    int64_t moved_us;       /* when the last news came */
    bool is_over;           /* done, and its model does not know all of it yet */
    int64_t over_us;        /* since then */
    bool is_said;           /* that we wait for it */
    bool is_asked, is_told; /* whether a worker is there was asked; that none is was said */
    struct progress_speed speed;
};

/* Where the search stands after an answer. */
enum watch_step { WATCH_ON, WATCH_OVER };

static void detach(const struct watch *watch)
{
    client_say(watch->client,
               "no longer watching; search %" PRId64 " goes on (\"paretoctl watch %" PRId64
               "\" looks again, \"paretoctl cancel %" PRId64 "\" ends it)",
               watch->id, watch->id, watch->id);
}

static int lines_of(const struct buf *text)
{
    int n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += text->data[i] == '\n';
    return n;
}

/* Draws over the frame before. Lines are not wrapped while it is drawn (DECAWM off), so that a line that is
 * too long for the terminal is cut and one line stays one line. */
static int draw(struct watch *watch, const struct front *front, double per_s)
{
    struct buf frame, out;
    int columns, rows;
    client_size(watch->client, &columns, &rows);
    buf_init(&frame, CLIENT_BYTES_MAX);
    buf_init(&out, CLIENT_BYTES_MAX);
    watch_frame(front, per_s, columns, rows, watch->client->colour, &frame);
    if (watch->drawn_lines)
        buf_printf(&out, "\033[%dA\r", watch->drawn_lines);
    buf_text(&out, "\033[?7l\033[J");
    buf_text(&out, buf_str(&frame));
    buf_text(&out, "\033[?7h");
    watch->drawn_lines = lines_of(&frame);
    int code = client_print(watch->client, &out);
    buf_fini(&frame);
    buf_fini(&out);
    return code;
}

/* A trial that starts is no news: in a pipe a line is a result. */
static bool is_moved(const struct front_counts *before, const struct front_counts *now)
{
    return before->total != now->total || before->done != now->done || before->failed != now->failed;
}

static bool is_news(struct watch *watch, const struct front *front)
{
    if (!is_moved(&watch->progress, &front->progress) && !is_moved(&watch->confirm, &front->confirm) &&
        strcmp(watch->state, front->state) == 0 && watch->is_stalled == (front->stalled != NULL))
        return false;
    watch->progress = front->progress;
    watch->confirm = front->confirm;
    watch->is_stalled = front->stalled != NULL;
    memcpy(watch->state, front->state, sizeof watch->state);
    return true;
}

/* Trials of both halves, so that the speed goes on while held-out scores are made. */
static double evaluated(const struct front *front)
{
    return (double)(front->progress.done + front->progress.failed + front->confirm.done +
                    front->confirm.failed);
}

static int show(struct watch *watch, const struct json *j, const struct front *front)
{
    int64_t now_us = watch->client->world->now_us(watch->client);
    progress_note(&watch->speed, now_us, evaluated(front));
    double per_s = progress_per_s(&watch->speed);
    bool news = is_news(watch, front);
    if (news)
        watch->moved_us = now_us;
    if (watch->is_quiet)
        return CLIENT_OK;
    if (watch->client->json)
        return news ? client_print_json(watch->client, j) : CLIENT_OK;
    if (watch->client->tty)
        return draw(watch, front, per_s);
    if (!news)
        return CLIENT_OK;
    struct buf line;
    buf_init(&line, 4096);
    watch_line(front, per_s, &line);
    int code = client_print(watch->client, &line);
    buf_fini(&line);
    return code;
}

/* The search's own reason, in full; without one only how it ended. */
static int say_ended(const struct watch *watch, const char *state)
{
    struct json *j;
    /* a failure is said, and changes nothing of how the search ended */
    client_get_search(watch->client, watch->id, "", &j);
    const char *reason = json_string_or(json_get(j, "reason"), "");
    client_say(watch->client, "search %" PRId64 " ended %s%s%s", watch->id, state, *reason ? ": " : "",
               reason);
    json_free(j);
    return CLIENT_ENDED;
}

/* CLIENT_OK with *step = WATCH_OVER at the end of the search, or the exit code. */
static int finish(const struct watch *watch, const struct front *front, enum watch_step *step)
{
    static const char *const bad[] = {"failed", "cancelled"};
    *step = WATCH_OVER;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (strcmp(front->state, bad[i]) == 0)
            return say_ended(watch, bad[i]);
    if (strcmp(front->state, "done") != 0)
        *step = WATCH_ON;
    return CLIENT_OK;
}

/* Under the last line or frame. */
static int warn(const struct watch *watch, const struct front *front)
{
    struct buf text;
    buf_init(&text, CLIENT_BYTES_MAX);
    front_warnings(front, &text);
    front_lag(front, &text);
    int code = watch->client->json || watch->is_quiet ? CLIENT_OK : client_print(watch->client, &text);
    buf_fini(&text);
    return code;
}

/* At the end the model is still to come: what is shown last is what it says then. False when it was waited for long enough. */
static bool waits_for_model(struct watch *watch, const struct front *front)
{
    struct client *client = watch->client;
    int64_t now_us = client->world->now_us(client);
    if (!watch->is_over)
        watch->over_us = now_us;
    watch->is_over = true;
    if (now_us - watch->over_us >= FRONT_FETCH_MAX_S * 1000000)
        return false;
    if (!watch->is_said && now_us - watch->over_us >= FRONT_FETCH_SAY_S * 1000000) {
        client_say(client,
                   "the search is over and its model not yet: it knows %" PRId64 " of %" PRId64
                   " events; waiting up to %d s",
                   front->insight.watermark, front->insight.events, FRONT_FETCH_MAX_S);
        watch->is_said = true;
        watch->drawn_lines = 0; /* the sentence stands below the frame: draw a new one */
    }
    return true;
}

static int read_front(struct watch *watch, const struct http_response *response, enum watch_step *step)
{
    struct json *j;
    struct front front;
    struct err err = {0};
    int code = client_parse(watch->client, response, &j);
    if (code)
        return code;
    if (front_parse(j, &front, &err))
        code = client_refuse(watch->client, &err);
    else if (front_is_early(j) && waits_for_model(watch, &front)) {
        front_fini(&front);
    } else {
        code = show(watch, j, &front);
        if (!code)
            code = finish(watch, &front, step);
        if (!code && *step == WATCH_OVER)
            code = warn(watch, &front);
        front_fini(&front);
    }
    json_free(j);
    return code;
}

/* The daemon was here and is away: a restart loses nothing, so wait for it. */
static int wait_for_daemon(struct watch *watch, const struct err *err)
{
    bool away = err->code == ERR_UNREACHABLE || err->code == ERR_TIMEOUT;
    if (!watch->seen || !away || watch->retries >= RETRIES_MAX)
        return client_refuse(watch->client, err);
    if (watch->retries++ == 0) {
        client_say(watch->client, "the daemon does not answer; trying again for %d s", RETRIES_MAX);
        watch->drawn_lines = 0;                    /* the sentence stands below the frame: draw a new one */
        watch->speed = (struct progress_speed){0}; /* what was done meanwhile comes at once */
    }
    watch->client->world->pause_us(watch->client, RETRY_US);
    return CLIENT_OK;
}

/* Says that no worker is there. False when one is: an answer that fails says nothing. */
static bool say_idle(struct client *client)
{
    struct err err = {0};
    struct json *j = NULL;
    struct http_response response = {0};
    struct http_request request = {.method = "GET", .path = "/v1/workers", .cancel = client->interrupted};
    int rc = client_call(client, &request, &response, &err);
    if (!rc)
        rc = http_response_error(&response, &err);
    if (!rc)
        rc = json_parse(buf_str(&response.body), response.body.len, &j, &err);
    bool has = rc != 0;
    for (const struct json *w = json_first(json_get(j, "workers")); w && !has; w = json_next(w))
        has = strcmp(json_string_or(json_get(w, "state"), "?"), "lost") != 0;
    if (!has)
        client_say(client, "no worker is connected: start one with pareto-worker --daemon %s",
                   client->address);
    json_free(j);
    http_response_fini(&response);
    return !has;
}

/* A search without workers looks like a slow one: say once which it is. That all refuse it is in what is shown. */
static void look_for_worker(struct watch *watch)
{
    struct client *client = watch->client;
    bool works = strcmp(watch->state, "running") == 0 || strcmp(watch->state, "confirming") == 0;
    if (watch->is_told || watch->is_stalled || watch->is_over || !works ||
        client->world->now_us(client) - watch->moved_us < STILL_S * 1000000)
        return;
    watch->is_asked = true;
    if (!say_idle(client))
        return;
    watch->is_told = true;
    watch->drawn_lines = 0; /* the sentence stands below the frame: draw a new one */
}

/* One call and what follows from it. */
static int step_once(struct watch *watch, enum watch_step *step)
{
    char path[96];
    struct err err = {0};
    struct http_response response = {0};
    struct client *client = watch->client;
    int wait_s = !watch->etag[0]   ? 0
                 : watch->is_over  ? FRONT_FETCH_SAY_S
                 : watch->is_asked ? WAIT_S
                                   : STILL_S;
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/front?wait=%d", watch->id, wait_s);
    struct http_request request = {.method = "GET",
                                   .path = path,
                                   .timeout_s = ANSWER_S,
                                   .if_none_match = watch->etag[0] ? watch->etag : NULL,
                                   .cancel = client->interrupted};
    int code = CLIENT_OK;
    if (client_call(client, &request, &response, &err))
        code = client_is_interrupted(client) ? CLIENT_OK : wait_for_daemon(watch, &err);
    else {
        watch->seen = true;
        if (watch->retries)
            watch->moved_us = client->world->now_us(client); /* the workers come back after the daemon */
        watch->retries = 0;
        if (response.status != 304)
            code = read_front(watch, &response, step);
        memcpy(watch->etag, response.etag, sizeof watch->etag);
        if (watch->is_over && response.status == 304)
            watch->etag[0] = 0; /* how long it takes is looked at with the front in hand */
        if (*step == WATCH_ON && !code) {
            /* Without an ETag the daemon cannot wait for us. */
            client->world->pause_us(client, watch->etag[0] ? REDRAW_US : RETRY_US);
            look_for_worker(watch);
        }
    }
    http_response_fini(&response);
    return code;
}

static int follow(struct client *client, int64_t id, bool is_quiet)
{
    struct watch watch = {.client = client, .id = id, .is_quiet = is_quiet};
    enum watch_step step = WATCH_ON;
    client_catch_interrupt(client);
    while (step == WATCH_ON && !client_is_interrupted(client)) {
        int code = step_once(&watch, &step);
        if (code)
            return code;
    }
    if (step == WATCH_OVER)
        return CLIENT_OK;
    detach(&watch);
    return CLIENT_DETACHED;
}

int watch_search(struct client *client, int64_t id)
{
    return follow(client, id, false);
}

int watch_quietly(struct client *client, int64_t id)
{
    return follow(client, id, true);
}
