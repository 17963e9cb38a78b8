/* WHAT   What every command works with: the daemon, the two streams, the terminal, and how a failure is told.
 * WHO    The commands; main.c fills it; tests fill it with a daemon of their own.
 * UNITS  *_us on the monotonic clock; terminal columns and rows.
 * MEMORY The caller's; client_close ends the connection.
 * ERRORS Functions give an exit code (enum client_exit) and have said the sentence when it is not CLIENT_OK.
 * STATE  One connection, opened at the first call; the flag that the handler of SIGINT sets. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "proto/json.h"
#include "wire/http_client.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum client_exit {
    CLIENT_OK = 0,
    CLIENT_REFUSED = 1,     /* the daemon or the files said no */
    CLIENT_USAGE = 2,       /* the command line is not one */
    CLIENT_UNREACHABLE = 3, /* no daemon there */
    CLIENT_ENDED = 4,       /* the search watched ended failed or cancelled */
    CLIENT_DETACHED = 130,  /* Ctrl-C */
};

#define CLIENT_BYTES_MAX (256u << 20) /* of one answer, or of one printed text */
#define CLIENT_ADDRESS_MAX 1024

struct client;

/* The world outside, so that tests bring their own. */
struct client_world {
    int (*call)(struct client *client, const struct http_request *request, struct http_response *response,
                struct err *err);
    int64_t (*now_us)(struct client *client);
    void (*pause_us)(struct client *client, int64_t us);
};

struct client {
    const struct client_world *world;
    void *ctx; /* the world's */
    char address[CLIENT_ADDRESS_MAX];
    struct http_client *http;
    FILE *out, *complaints; /* stdout, stderr */
    bool json;
    bool tty;                       /* `out` is a terminal that moves its cursor */
    bool colour;                    /* only on a tty, and not with NO_COLOR */
    const atomic_bool *interrupted; /* Ctrl-C; NULL: nobody asks */
};

/* The real world: curl, the monotonic clock, the process's streams and terminal. */
void client_open(struct client *client);
void client_close(struct client *client);

/* Sets address: `flag`, else $PARETOD_DAEMON, else the socket in $XDG_RUNTIME_DIR, else /run/paretod.sock. */
void client_set_address(struct client *client, const char *flag);

/* From here on Ctrl-C, and SIGTERM and SIGHUP where they are not ignored, set `interrupted` instead of ending the process;
 * a second one ends it. For commands that have something to say then. Changes nothing when `interrupted` is set already. */
void client_catch_interrupt(struct client *client);
bool client_is_interrupted(const struct client *client);

/* Columns and rows of the terminal now; 80 and 24 when it does not say. */
void client_size(const struct client *client, int *columns, int *rows);

/* One sentence on the complaints stream, cleaned of control characters: "paretoctl: …". */
void client_say(const struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says err's sentence and gives the exit code that goes with its code. */
int client_refuse(const struct client *client, const struct err *err);

/* Writes the text to `out` and flushes it. CLIENT_REFUSED when it was cut at the buffer's limit. */
int client_print(const struct client *client, const struct buf *text);
/* Prints a value on one line. */
int client_print_json(const struct client *client, const struct json *j);

/* One call. A daemon that is stopping (status 503) is ERR_UNREACHABLE as one that has stopped, so that whoever
 * tries again tries again. Always leaves `response` in a state that http_response_fini accepts. */
int client_call(struct client *client, const struct http_request *request, struct http_response *response,
                struct err *err);
/* One call with the answer parsed. A status of 400 or more is refused with the daemon's sentence. *out is
 * NULL on failure, else the caller's (json_free). */
int client_get(struct client *client, const char *path, struct json **out);
/* Of search `id`; part: "" for the search itself, "/plan", "/trials/7" … */
int client_get_search(struct client *client, int64_t id, const char *part, struct json **out);
int client_post(struct client *client, const char *path, const char *body, struct json **out);
/* Parses an answer's body; for callers that look at the status themselves. */
int client_parse(const struct client *client, const struct http_response *response, struct json **out);

#endif
