/* WHAT   Listening sockets: TCP and Unix, with the care a socket file needs.
 * WHO    daemon/http.
 * UNITS  None.
 * MEMORY None.
 * ERRORS ERR_INVALID (the address), ERR_CONFLICT (taken), ERR_IO.
 * STATE  None. */
#ifndef DAEMON_LISTEN_H
#define DAEMON_LISTEN_H

#include "proto/err.h"

#include <stdbool.h>

struct listener {
    int fd;
    char address[160];   /* as people type it, with the real port */
    char unix_path[108]; /* "" for TCP; removed at the end */
    bool loopback;       /* TCP, and only this machine can reach it */
};

/* A socket file whose daemon is dead is replaced; one that answers is refused; anything else is left alone. */
int listener_open(const char *where, struct listener *out, struct err *err);
/* Whether an address is one at all, without opening it. ERR_INVALID. */
int listener_check(const char *where, struct err *err);
void listener_close(struct listener *listener);
/* Can other machines reach an address as listener_open gave it: no Unix socket, not 127.0.0.0/8, not ::1? */
bool address_is_open(const char *address);

#endif
