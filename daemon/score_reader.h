/* WHAT   The scores in a worker's result or slice, checked.
 * WHO    daemon/api_worker.c.
 * UNITS  As the worker measured.
 * MEMORY score_reader_read allocates; names borrow from the JSON tree; score_reader_free.
 * ERRORS ERR_INVALID names the member.
 * STATE  None. */
#ifndef DAEMON_SCORE_READER_H
#define DAEMON_SCORE_READER_H

#include "daemon/core/sched.h"
#include "proto/json.h"

/* slices_done and slices stand there together or not at all; then they are 0. Leaves `result` fit for score_reader_free in any case. */
int score_reader_read(const struct json *root, struct result *result, struct err *err);
/* What the model wrote, of a result that was read: *out is JSON, the caller's, NULL when there is none. ERR_INVALID too when it
 * does not go with the scores: of other tasks, of fewer items than they are, of more than were scored, of a part. */
int score_reader_written(const struct json *root, const struct result *result, char **out, struct err *err);
void score_reader_free(struct result *result);

#endif
