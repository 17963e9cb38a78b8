/* WHAT   A search file from the command line: read, changed by --set and --given, checked, its paths made absolute.
 * WHO    submit, plan, preflight.
 * UNITS  None.
 * MEMORY The caller's spec (search_spec_fini).
 * ERRORS An exit code; every wrong field has been said on a line of its own.
 * STATE  None. */
#ifndef CLIENT_SPEC_FILE_H
#define CLIENT_SPEC_FILE_H

#include "client/args.h"
#include "client/client.h"
#include "proto/search_spec.h"

/* Paths in the file are relative to the directory of the file. `spec` is zero on failure. */
int spec_file_load(const struct client *client, const struct args *args, const char *path,
                   struct search_spec *spec);

/* Says a wrong field as `search.json: objectives[1].goal: sentence`. */
void spec_file_say(const struct client *client, const char *path, const char *field, const char *sentence);
/* The last line, after all fields. */
void spec_file_total(const struct client *client, const char *path, size_t fields_n);

#endif
