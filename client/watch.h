/* WHAT   Follows a search until it ends: a picture redrawn in place on a terminal, one line a change in a
 *        pipe.
 * WHO    watch, submit --watch, rtuning identify.
 * UNITS  None.
 * MEMORY None kept.
 * ERRORS Exit codes: CLIENT_ENDED when the search ended failed or cancelled, CLIENT_DETACHED after Ctrl-C.
 * STATE  None outside the call. */
#ifndef CLIENT_WATCH_H
#define CLIENT_WATCH_H

#include "client/client.h"

int watch_search(struct client *client, int64_t id);
/* Waits for the end and shows nothing. */
int watch_quietly(struct client *client, int64_t id);

#endif
