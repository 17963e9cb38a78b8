/* WHAT   A preflight report as people read it: the two models, the groups, what ratios come out as, findings, needs.
 * WHO    commands_preflight.
 * UNITS  Columns of a terminal; 0: a pipe, where every finding is one line.
 * MEMORY Appends to the caller's buffer.
 * ERRORS None: what a report lacks is shown as "-".
 * STATE  None. */
#ifndef CLIENT_PREFLIGHT_VIEW_H
#define CLIENT_PREFLIGHT_VIEW_H

#include "proto/buf.h"
#include "proto/json.h"

#include <stdbool.h>

/* Of a file that may yet be submitted, or of a search that was. */
enum preflight_view_of { PREFLIGHT_OF_FILE, PREFLIGHT_OF_SEARCH };

/* report: preflight_write's JSON. */
void preflight_view(const struct json *report, enum preflight_view_of of, int columns, bool colour,
                    struct buf *out);

#endif
