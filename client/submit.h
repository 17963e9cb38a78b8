/* WHAT   Sending a search to the daemon, so that it is made once, and telling what came of it.
 * WHO    submit, rtuning identify.
 * UNITS  None.
 * MEMORY The caller's response (http_response_fini), also after a failure.
 * ERRORS Exit codes; what went wrong has been said.
 * STATE  None. */
#ifndef CLIENT_SUBMIT_H
#define CLIENT_SUBMIT_H

#include "client/client.h"

#define SUBMIT_KEY_MAX 64

/* 128 random bits as text: what a lost answer is asked for again with. */
void submit_key(char key[SUBMIT_KEY_MAX]);

/* reads: the search has models, which the daemon reads to their end. CLIENT_OK: there is an answer, whatever its status. */
int submit_post(struct client *client, const char *body, const char *key, bool reads,
                struct http_response *response);

/* A 422 names every wrong field: says each as the file's own errors are said. CLIENT_REFUSED. */
int submit_say_fields(const struct client *client, const char *path, const struct http_response *response);

/* What the preflight warned of: the search runs, but somebody should know. j: the search. */
void submit_say_warnings(const struct client *client, const struct json *j);

#endif
