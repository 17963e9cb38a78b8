/* front */
#include "client/commands.h"

#include "client/front.h"
#include "client/front_fetch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An axis of the picture from its flag; *number stays when it was not given. */
static int read_axis(const struct client *client, const struct args *args, const char *flag,
                     const struct front *front, int *number)
{
    struct err err = {0};
    const char *name = args_value(args, flag);
    if (!name || front_objective(front, name, number, &err) == 0)
        return CLIENT_OK;
    client_say(client, "%s: %s", flag, err.text);
    return CLIENT_USAGE;
}

/* CLIENT_REFUSED where there is no front, nor will be. */
static int check_front(const struct client *client, const struct front *front)
{
    if (!front->note)
        return CLIENT_OK;
    client_say(client, "search %" PRId64 ": %s", front->id, front->note);
    return CLIENT_REFUSED;
}

/* The trial of a pick, or why there is none. */
static int find_pick(const struct client *client, const char *word, const struct front *front, int64_t *trial)
{
    int i = front_pick_find(word, strlen(word));
    if (i < 0) {
        client_say(client, "--pick: \"%.40s\" is none; there are knee, certain and least-tax", word);
        return CLIENT_USAGE;
    }
    *trial = front->picks[i];
    if (*trial < 0) {
        client_say(client,
                   "search %" PRId64 " has no trial that is its %s (yet); \"paretoctl front %" PRId64
                   "\" shows what there is",
                   front->id, front_pick_words[i], front->id);
        return CLIENT_REFUSED;
    }
    if (strcmp(front->state, "done") == 0 && front->insight.watermark < front->insight.events)
        client_say(client,
                   "the model knows %" PRId64 " of %" PRId64 " events: another trial may become the %s",
                   front->insight.watermark, front->insight.events, front_pick_words[i]);
    return CLIENT_OK;
}

int command_pick(struct client *client, int64_t id, const char *word, int64_t *trial)
{
    char path[96];
    struct json *j;
    struct front front;
    struct err err = {0};
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/front", id);
    int code = front_fetch(client, path, &j);
    if (code)
        return code;
    if (front_parse(j, &front, &err))
        code = client_refuse(client, &err);
    else {
        code = check_front(client, &front);
        if (!code)
            code = find_pick(client, word, &front, trial);
        front_fini(&front);
    }
    json_free(j);
    return code;
}

/* --pick: one number for a script, or {"trial": number}. */
static int print_pick(struct client *client, const char *word, const struct front *front)
{
    struct buf text;
    int64_t trial;
    int code = find_pick(client, word, front, &trial);
    if (code)
        return code;
    buf_init(&text, 64);
    buf_printf(&text, client->json ? "{\"trial\":%" PRId64 "}\n" : "%" PRId64 "\n", trial);
    code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

/* Those that are not there yet, and those that never will be. */
static int say_no_heldout(struct client *client, const struct front *front)
{
    struct json *j;
    int code = client_get_search(client, front->id, "", &j);
    if (code)
        return code;
    if (json_bool_or(json_get(json_get(j, "spec"), "held_out"), true))
        client_say(client, "search %" PRId64 " has no held-out scores (yet): it is %s", front->id,
                   front->state);
    else
        client_say(client,
                   "search %" PRId64 " was made without held-out scores; \"held_out\": true in search.json "
                   "makes a search with them",
                   front->id);
    json_free(j);
    return CLIENT_REFUSED;
}

static int print_front(struct client *client, const struct args *args, const struct front *front)
{
    struct front_view view = {.all = args_has(args, "--all"), .heldout = args_has(args, "--heldout")};
    struct buf text;
    if (check_front(client, front))
        return CLIENT_REFUSED;
    if (read_axis(client, args, "--x", front, &view.x) || read_axis(client, args, "--y", front, &view.y))
        return CLIENT_USAGE;
    if (args_value(args, "--pick"))
        return print_pick(client, args_value(args, "--pick"), front);
    if (view.heldout && !front_has_heldout(front))
        return say_no_heldout(client, front);
    buf_init(&text, CLIENT_BYTES_MAX);
    if (args_has(args, "--csv"))
        front_csv(front, &view, &text);
    else {
        int columns, rows;
        client_size(client, &columns, &rows);
        view.columns = client->tty ? columns : 0;
        front_table(front, &view, &text);
        front_headline(front, &text);
        buf_text(&text, "\n");
        front_says(front, &text);
        front_stalled(front, &text);
        front_warnings(front, &text);
        if (args_has(args, "--plot") || view.x || view.y)
            front_picture(front, &view, columns, rows < 30 ? rows - 1 : 30, client->colour, &text);
    }
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

/* The address with what the flags ask of it. */
static int front_path(const struct client *client, const struct args *args, int64_t id, char path[160])
{
    const char *tax = args_value(args, "--tax");
    int n = snprintf(path, 160, "/v1/searches/%" PRId64 "/front%s", id,
                     args_has(args, "--raw") ? "?front=raw" : "");
    if (!tax)
        return CLIENT_OK;
    char *end;
    double x = strspn(tax, "0123456789.") ? strtod(tax, &end) : -1;
    if (!(x >= 0 && x <= 1) || *end) {
        client_say(client,
                   "--tax \"%.40s\": give a share of what alignment costs at most, from 0 to 1, as 0.05",
                   tax);
        return CLIENT_USAGE;
    }
    snprintf(path + n, 160 - (size_t)n, "%stax=%.17g", args_has(args, "--raw") ? "&" : "?", x);
    return CLIENT_OK;
}

int command_front(struct client *client, const struct args *args)
{
    int64_t id;
    char path[160];
    struct json *j;
    struct front front;
    struct err err = {0};
    int code = command_search_id(client, args, &id);
    if (!code)
        code = front_path(client, args, id, path);
    if (code)
        return code;
    code = front_fetch(client, path, &j);
    if (code)
        return code;
    if (client->json && !args_value(args, "--pick"))
        code = client_print_json(client, j);
    else if (front_parse(j, &front, &err))
        code = client_refuse(client, &err);
    else {
        code = print_front(client, args, &front);
        front_fini(&front);
    }
    json_free(j);
    return code;
}
