/* What the files of preflight share. Nobody else includes this. */
#ifndef MERGE_PREFLIGHT_INTERNAL_H
#define MERGE_PREFLIGHT_INTERNAL_H

#include "merge/merge.h"
#include "merge/preflight.h"

#define PREFLIGHT_SAME_MAX 20 /* findings of one kind; then one that says how many more there are */

struct preflight {
    struct merge_how how;
    int trials;
    struct checkpoint *base, *tuned; /* NULL: cannot be opened */
    struct plan *plan;               /* NULL: there is none */
    bool has_digests;
    struct digest base_digest, tuned_digest;
    struct preflight_finding *findings; /* [findings_n] */
    size_t findings_n;
};

void preflight_say(struct preflight *p, enum preflight_level level, const char *field, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

#endif
