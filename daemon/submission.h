/* WHAT   Is this search possible? Its checkpoints, plan, bundle and strategy, without the loop.
 * WHO    daemon/submit, in a thread of the pool.
 * UNITS  None.
 * MEMORY The caller's struct; submission_fini.
 * ERRORS Collected by field in `errors`; errors.n == 0 means `search` is made.
 * STATE  None. */
#ifndef DAEMON_SUBMISSION_H
#define DAEMON_SUBMISSION_H

#include "daemon/core/search.h"
#include "proto/search_spec.h"

struct submission {
    struct search_spec spec; /* taken over by `search` */
    struct spec_errors errors;
    struct buf plan; /* JSON; empty without models */
    int k;
    char *names[OPT_K_MAX + 1];
    struct search *search; /* id 0 */
    char *spec_text;       /* canonical */
};

void submission_check(struct submission *s);
void submission_fini(struct submission *s);
void submission_error(struct submission *s, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
