/* WHAT   The state of an evaluation that was ended early, whatever it is, as text that every message has room for.
 * WHO    worker (what its evaluator left), daemon (what it keeps with the trial).
 * UNITS  LIMIT_STATE_BYTES, LIMIT_STATE_DEPTH.
 * MEMORY The text is the caller's, mem_free.
 * ERRORS ERR_TOO_LARGE: it is left out then, and the evaluation begins anew some day; never a reason to refuse a result.
 * STATE  None. */
#ifndef PROTO_STATE_TEXT_H
#define PROTO_STATE_TEXT_H

#include "proto/json.h"

/* *out is NULL on failure. */
int state_text(const struct json *state, char **out, struct err *err);

#endif
