/* trials */
#include "client/commands.h"

#include "client/table.h"
#include "client/text.h"
#include "proto/mem.h"
#include "proto/search_spec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PAGE_TRIALS 500
#define RATIOS_SHOWN_MAX 8

/* Names the columns of the table after the objectives of the first trial that has them. A list that is longer than a
 * search can have is no list of ours, and would not fit the table. */
static const struct json *objectives_of(const struct json *const *trials, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct json *list = json_get(trials[i], "objectives");
        if (json_len(list) && json_len(list) <= SPEC_OBJECTIVES_MAX)
            return list;
    }
    return NULL;
}

/* True when one of them came out otherwise than asked for. */
static bool add_ratios(const struct json *t, struct table *table)
{
    const struct json *ratios = json_get(t, "ratios"), *effective = json_get(t, "effective");
    double values[SPEC_RATIOS_MAX], came_out[SPEC_RATIOS_MAX];
    size_t n = 0, effective_n = 0;
    struct buf text;
    buf_init(&text, 4096);
    for (const struct json *r = json_first(ratios); r && n < SPEC_RATIOS_MAX; r = json_next(r))
        values[n++] = json_number_or(r, NAN);
    for (const struct json *e = json_first(effective); e && effective_n < n; e = json_next(e))
        came_out[effective_n++] = json_number_or(e, NAN);
    bool strays =
        text_ratios(&text, values, n > 0 && effective_n == n ? came_out : NULL, n, RATIOS_SHOWN_MAX);
    table_cell(table, buf_str(&text));
    buf_fini(&text);
    return strays;
}

/* The name of who evaluates a trial now: the trial itself keeps who has. NULL when nobody does. */
static const char *lease_holder(const struct json *workers, int64_t id, double number)
{
    for (const struct json *w = json_first(workers); w; w = json_next(w))
        for (const struct json *l = json_first(json_get(w, "leases")); l; l = json_next(l))
            if (json_number_or(json_get(l, "search"), NAN) == (double)id &&
                json_number_or(json_get(l, "trial"), NAN) == number)
                return json_string_or(json_get(w, "name"), NULL);
    return NULL;
}

/* What a table of trials is made of. */
struct trials_view {
    int64_t id; /* of the search */
    const struct json *const *trials;
    size_t n;
    const struct json *names;   /* objectives */
    const struct json *workers; /* of the daemon now; NULL when nothing is leased */
    bool has_paths;             /* of a model */
};

/* "direct" goes without saying. NULL: so it does, or it is not known. */
static const char *path_of(const struct json *t)
{
    const char *path = json_string_or(json_get(t, "path"), NULL);
    return path && strcmp(path, "direct") != 0 ? path : NULL;
}

static bool has_paths(const struct json *const *trials, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (path_of(trials[i]))
            return true;
    return false;
}

/* How a model proposed it: "model", "design", "fill", "repeat of 12". */
static void add_path(const struct json *t, struct table *table)
{
    int64_t of;
    if (json_whole(json_get(t, "repeat_of"), 0, INT64_MAX / 2, &of))
        table_cellf(table, "repeat of %" PRId64, of);
    else
        table_cell(table, path_of(t) ? path_of(t) : "");
}

/* A trial that was given up with part of its items says how many. */
static void add_state(const struct json *t, struct table *table)
{
    const char *state = json_string_or(json_get(t, "state"), "?");
    double share = json_number_or(json_get(t, "share"), 0);
    if (share > 0 && share < 1)
        table_cellf(table, "%s %.0f %%", state, 100 * share);
    else
        table_cell(table, state);
}

static void add_trial(const struct trials_view *view, const struct json *t, bool *strays, struct table *table)
{
    char duration[TEXT_NUMBER_MAX];
    struct buf text;
    buf_init(&text, 4096);
    double number = json_number_or(json_get(t, "number"), 0),
           wall_s = json_number_or(json_get(t, "wall_s"), NAN);
    const char *worker = json_string_or(json_get(t, "worker"), NULL);
    table_cellf(table, "%.0f", number);
    table_cell(table, json_string_or(json_get(t, "kind"), "?"));
    if (view->has_paths)
        add_path(t, table);
    add_state(t, table);
    *strays |= add_ratios(t, table);
    const struct json *score = json_first(json_get(t, "objectives"));
    for (size_t k = 0; k < json_len(view->names); k++) {
        buf_clear(&text);
        text_score(&text, json_number_or(json_get(score, "mean"), NAN),
                   json_number_or(json_get(score, "stderr"), NAN));
        table_cell(table, buf_str(&text));
        score = score ? json_next(score) : NULL;
    }
    table_cellf(table, "%.0f", json_number_or(json_get(t, "attempts"), 0));
    text_duration(duration, wall_s > 0 ? wall_s : NAN); /* 0: it has not been done */
    table_cell(table, duration);
    table_cell(table, worker ? worker : lease_holder(view->workers, view->id, number));
    table_cell(table, json_string_or(json_get(t, "reason"), ""));
    buf_fini(&text);
}

static void print_trials(const struct trials_view *view, struct buf *out)
{
    struct table table;
    bool strays = false;
    table_init(&table);
    table_column(&table, "trial", TABLE_RIGHT);
    table_column(&table, "kind", TABLE_LEFT);
    if (view->has_paths)
        table_column(&table, "how", TABLE_LEFT);
    table_column(&table, "state", TABLE_LEFT);
    table_column(&table, "ratios", TABLE_LEFT);
    for (const struct json *o = json_first(view->names); o; o = json_next(o))
        table_column(&table, json_string_or(json_get(o, "name"), "?"), TABLE_LEFT);
    table_column(&table, "failed", TABLE_RIGHT);
    table_column(&table, "took", TABLE_RIGHT);
    table_column(&table, "worker", TABLE_LEFT);
    table_column(&table, "reason", TABLE_LEFT);
    for (size_t i = 0; i < view->n; i++)
        add_trial(view, view->trials[i], &strays, &table);
    table_print(&table, out);
    if (strays)
        text_ratios_note(out);
    table_fini(&table);
}

static void print_trials_json(const struct json *const *trials, size_t n, struct buf *out)
{
    buf_text(out, "{\"trials\":[");
    for (size_t i = 0; i < n; i++) {
        buf_text(out, i ? "," : "");
        json_write(out, trials[i]);
    }
    buf_text(out, "],\"next\":null}\n");
}

/* All pages of one search; trials borrow from the pages. */
struct pages {
    struct json **pages;
    size_t pages_n;
    const struct json **trials;
    size_t trials_n;
};

static void pages_fini(struct pages *pages)
{
    for (size_t i = 0; i < pages->pages_n; i++)
        json_free(pages->pages[i]);
    mem_free(pages->pages);
    mem_free(pages->trials);
}

static void keep_page(struct pages *pages, struct json *page)
{
    const struct json *list = json_get(page, "trials");
    pages->pages = mem_grow(pages->pages, pages->pages_n + 1, sizeof(struct json *));
    pages->pages[pages->pages_n++] = page;
    pages->trials = mem_grow(pages->trials, pages->trials_n + json_len(list) + 1, sizeof(struct json *));
    for (const struct json *t = json_first(list); t; t = json_next(t))
        pages->trials[pages->trials_n++] = t;
}

static int read_pages(struct client *client, int64_t id, struct pages *pages)
{
    char path[128];
    int64_t after = 0, next;
    bool first = true;
    for (;;) {
        struct json *page;
        int n = snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/trials?limit=%d", id, PAGE_TRIALS);
        if (!first)
            snprintf(path + n, sizeof path - (size_t)n, "&after=%" PRId64, after);
        int code = client_get(client, path, &page);
        if (code)
            return code;
        keep_page(pages, page);
        if (!json_whole(json_get(page, "next"), 0, INT64_MAX / 2, &next))
            return CLIENT_OK;
        if (!first && next <= after) {
            client_say(client, "the daemon's pages of trials go round in a circle at %" PRId64, next);
            return CLIENT_REFUSED;
        }
        after = next;
        first = false;
    }
}

static int show_trials(struct client *client, int64_t id, const struct pages *pages, struct buf *out)
{
    struct json *fleet = NULL;
    bool leased = false;
    for (size_t i = 0; i < pages->trials_n && !leased; i++)
        leased = strcmp(json_string_or(json_get(pages->trials[i], "state"), ""), "leased") == 0;
    int code = leased ? client_get(client, "/v1/workers", &fleet) : CLIENT_OK;
    if (code)
        return code;
    const struct trials_view view = {id,
                                     pages->trials,
                                     pages->trials_n,
                                     objectives_of(pages->trials, pages->trials_n),
                                     json_get(fleet, "workers"),
                                     has_paths(pages->trials, pages->trials_n)};
    print_trials(&view, out);
    json_free(fleet);
    return CLIENT_OK;
}

/* As the daemon writes it: it has more columns than we know of. */
static int copy_csv(struct client *client, int64_t id)
{
    char path[96];
    struct err err = {0};
    struct http_response response = {0};
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/trials.csv", id);
    struct http_request request = {.method = "GET", .path = path, .cancel = client->interrupted};
    int rc = client_call(client, &request, &response, &err);
    if (!rc)
        rc = http_response_error(&response, &err);
    int code = rc ? client_refuse(client, &err) : client_print(client, &response.body);
    http_response_fini(&response);
    return code;
}

int command_trials(struct client *client, const struct args *args)
{
    int64_t id;
    struct buf text;
    struct pages pages = {0};
    int code = command_search_id(client, args, &id);
    if (code)
        return code;
    if (args_has(args, "--csv") && !client->json)
        return copy_csv(client, id);
    buf_init(&text, CLIENT_BYTES_MAX);
    code = read_pages(client, id, &pages);
    if (!code) {
        if (client->json)
            print_trials_json(pages.trials, pages.trials_n, &text);
        else
            code = show_trials(client, id, &pages, &text);
    }
    if (!code)
        code = client_print(client, &text);
    pages_fini(&pages);
    buf_fini(&text);
    return code;
}
