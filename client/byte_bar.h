/* WHAT   A bar on a terminal while bytes are read or written.
 * WHO    export, verify, preflight.
 * UNITS  Bytes.
 * MEMORY The caller's struct.
 * ERRORS None.
 * STATE  What was drawn last; nothing is drawn into a pipe, nor with --json. */
#ifndef CLIENT_BYTE_BAR_H
#define CLIENT_BYTE_BAR_H

#include "client/client.h"

struct byte_bar {
    const struct client *client;
    const char *verb; /* "writing" */
    bool shown;
    int64_t permille; /* drawn last: a bar for every block would slow the terminal down */
};

/* Ctrl-C is caught from here on. */
void byte_bar_begin(struct byte_bar *bar, struct client *client, const char *verb);
/* A tick of merge/: non-zero after Ctrl-C. */
int byte_bar_tick(void *bar, uint64_t done_bytes, uint64_t total_bytes);
/* Wipes the bar. */
void byte_bar_end(const struct byte_bar *bar);

#endif
