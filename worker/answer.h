/* WHAT   The answer of an evaluator program: the last line it printed, as scores.
 * WHO    worker/command.
 * UNITS  The program's own.
 * MEMORY scores are the caller's (scores_fini).
 * ERRORS ERR_EVALUATOR: the sentence names the field and what to print. *scores is then empty.
 * STATE  None.
 *
 * {"scores":{"task.metric":{"mean":x,"stderr":y,"n":N,"items":[…]},"other":0.93}}. Only the mean is needed. Without
 * "n", it is the number of items, else 1. Without "stderr", it is sd/sqrt(n) of the items, else unknown; null says
 * unknown. "effective", beside "scores", may say what came out for each ratio, null without an update. Anything else, NaN, null and the mean of no items included, is refused by name. */
#ifndef WORKER_ANSWER_H
#define WORKER_ANSWER_H

#include "worker/evaluator.h"

int answer_parse(const char *output, size_t len, struct scores *scores, struct err *err);

/* NULL when there is none of this name. */
const struct score *answer_find(const struct scores *scores, const char *metric);

#endif
