/* WHAT   The front of a search, of its final model when the search is over: the daemon's model comes after the last score.
 * WHO    front, export (of a pick).
 * UNITS  None.
 * MEMORY *out is the caller's (json_free).
 * ERRORS Exit codes (client.h); what is wrong was said.
 * STATE  None. */
#ifndef CLIENT_FRONT_FETCH_H
#define CLIENT_FRONT_FETCH_H

#include "client/client.h"

#define FRONT_FETCH_MAX_S 60 /* how long the model of a search that is over is waited for */
#define FRONT_FETCH_SAY_S 2  /* and after how long that is said */

/* path: "/v1/searches/3/front", with a query or without. When the model does not come in time, what there is: front_lag says
 * so. *out is NULL on failure. */
int front_fetch(struct client *client, const char *path, struct json **out);

#endif
