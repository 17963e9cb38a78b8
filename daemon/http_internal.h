/* WHAT   What http.c (the servers on the loop) and http_exchange.c (one request and its answer) share.
 * WHO    These two.
 * UNITS  None.
 * MEMORY http.c makes and frees exchanges; http_exchange.c fills in their answers.
 * ERRORS None.
 * STATE  As http.h has it. */
#ifndef DAEMON_HTTP_INTERNAL_H
#define DAEMON_HTTP_INTERNAL_H

#include "daemon/http.h"
#include "daemon/listen.h"

#include <microhttpd.h>

#define SERVERS_MAX 8

struct server {
    struct http *http;
    struct listener listener;
    struct MHD_Daemon *mhd;
    uv_poll_t poll; /* on MHD's epoll descriptor */
};

struct http {
    uv_loop_t *loop;
    http_handler *handler;
    http_lost *lost;
    void *ctx;
    struct server servers[SERVERS_MAX];
    int servers_n;
    uv_prepare_t prepare;
    uv_timer_t timer;
    uv_timer_t again;           /* see on_again */
    struct exchange *exchanges; /* doubly linked */
    uint64_t next_id;
    int handles; /* that still have to close */
    bool closing;
    bool resumed; /* a parked exchange was answered: MHD must run, and nothing else would tell it */
};

enum exchange_state { COLLECTING, HANDLED, PARKED, ANSWERED, SENT };

struct exchange {
    struct server *server;
    struct MHD_Connection *connection;
    struct exchange *next, *prev;
    uint64_t id;
    char method[16];
    char *path;
    struct buf body;
    bool too_large;
    enum exchange_state state;
    int status;
    struct MHD_Response *response;
    char *receipt; /* or NULL */
};

/* A parked exchange was answered: MHD runs in the loop's next turn. */
void http_run_soon(struct http *http);
/* Answers a request that must not be read any further; the connection closes after it. */
bool exchange_refuse_early(struct exchange *x);

#endif
