/* WHAT   A light look at the files that a bundle names: what can be known at submit without a tokenizer or a model.
 * WHO    daemon/submission. The strict reader is the worker's (worker/bundle.h): it says what is left.
 * UNITS  Bytes.
 * MEMORY Borrows; one line of an item file at a time.
 * ERRORS Sentences, one a task at most, each told through `complain`.
 * STATE  None. */
#ifndef DAEMON_BUNDLE_CHECK_H
#define DAEMON_BUNDLE_CHECK_H

#include "proto/json.h"

#define BUNDLE_CHECK_MAX                                                                                     \
    ((size_t)64 << 20) /* bytes of item files that are read; the rest is taken on trust */

/* tasks: the array of bundle.json. Reward models must be folders with a config.json; item files regular and not empty,
 * a JSON object a line with "half" search or heldout. */
void bundle_check(const char *directory, const struct json *tasks,
                  void (*complain)(void *ctx, const char *sentence), void *ctx);

#endif
