/* front */
#include "client/commands.h"

#include "client/front.h"

#include <inttypes.h>

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

/* Those that are not there yet, and those that never will be. */
static int say_no_heldout(struct client *client, const struct front *front)
{
    char path[96];
    struct json *j;
    snprintf(path, sizeof path, "/v1/searches/%" PRId64, front->id);
    int code = client_get(client, path, &j);
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
    if (read_axis(client, args, "--x", front, &view.x) || read_axis(client, args, "--y", front, &view.y))
        return CLIENT_USAGE;
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
        front_stalled(front, &text);
        front_warnings(front, &text);
        if (args_has(args, "--plot") || view.x || view.y)
            front_picture(front, &view, columns, rows < 30 ? rows - 1 : 30, client->colour, &text);
    }
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

int command_front(struct client *client, const struct args *args)
{
    int64_t id;
    char path[96];
    struct json *j;
    struct front front;
    struct err err = {0};
    int code = command_search_id(client, args, &id);
    if (code)
        return code;
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/front", id);
    code = client_get(client, path, &j);
    if (code)
        return code;
    if (client->json)
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
