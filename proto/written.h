/* WHAT   What a model wrote to each item of an evaluation, as a result brings it and the store keeps it.
 * WHO    worker (native makes it, programs print it), daemon (checks and keeps it), client (reads it).
 * UNITS  LIMIT_WRITTEN_BYTES, LIMIT_WRITTEN_TEXT_BYTES.
 * MEMORY The text is the caller's, mem_free.
 * ERRORS ERR_INVALID, ERR_TOO_LARGE: the sentence begins with the member that is wrong.
 * STATE  None.
 *
 *   {"questions":[{"id":"q1","output":"Rome"},{"id":"q2","output":"B","samples":["B","A"],"cut":true},…],…}
 *
 * A member a task; items in the bundle's order, of the half and shard of the evaluation, with their ids. A choice is its
 * letter. "samples": sampled answers, in the order they were drawn. "cut": a text of the item was longer. It is of whole
 * evaluations: a part of one has none. */
#ifndef PROTO_WRITTEN_H
#define PROTO_WRITTEN_H

#include "proto/json.h"

/* Checks the shape and the limits, and gives it compactly. *out is NULL on failure. */
int written_text(const struct json *written, char **out, struct err *err);

/* How many bytes of a text in UTF-8 are kept: all, or as many whole characters as LIMIT_WRITTEN_TEXT_BYTES holds. */
size_t written_keep(const char *text);

#endif
