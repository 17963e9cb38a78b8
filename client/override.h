/* WHAT   Sets one member of a JSON value by its path: "budget.trials=60".
 * WHO    submit --set, plan --set.
 * UNITS  None.
 * MEMORY A new tree; the old one stays the caller's.
 * ERRORS ERR_INVALID: the sentence names the path.
 * STATE  None. */
#ifndef CLIENT_OVERRIDE_H
#define CLIENT_OVERRIDE_H

#include "proto/json.h"

/* assignment: "name.name=value", "objectives[1].goal=min". The value is JSON, or else taken as text. Members
 * that are not there are added, array elements are not. */
int override_apply(const struct json *root, const char *assignment, struct json **out, struct err *err);
/* ERR_INVALID when the assignment is not written as one. */
int override_check(const char *assignment, struct err *err);

#endif
