/* WHAT   Is this search possible? Its pair, plan, bundle and strategy, without the loop. Reads both checkpoints to their
 *        end: minutes, for large ones.
 * WHO    daemon/submit, in a thread of the pool.
 * UNITS  None.
 * MEMORY The caller's struct; submission_fini.
 * ERRORS Collected by field in `errors`; errors.n == 0 means `search` is made. ERR_CANCELLED from submission_check: the
 *        daemon stops, nothing is made.
 * STATE  None. */
#ifndef DAEMON_SUBMISSION_H
#define DAEMON_SUBMISSION_H

#include "daemon/core/search.h"
#include "proto/search_spec.h"

#include <stdatomic.h>

struct submission {
    struct search_spec spec; /* taken over by `search` */
    struct spec_errors errors;
    struct buf plan, preflight, digests; /* JSON; empty without models */
    int k;
    char *names[OPT_K_MAX + 1];
    struct search *search; /* id 0 */
    char *spec_text;       /* canonical */
};

/* 0 also with errors. cancel: looked at while the checkpoints are read. */
int submission_check(struct submission *s, const atomic_bool *cancel);
void submission_fini(struct submission *s);
void submission_error(struct submission *s, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What is wrong, in one sentence: the first fields by name, how many more there are, and what to do. mem_free. */
char *submission_sentence(const struct spec_errors *errors);

#endif
