/* WHAT   Which metrics a bundle offers, and whether a search names others.
 * WHO    daemon/submission, merge/preflight/preflight (paretoctl preflight). The strict reader is the worker's (worker/bundle.h).
 * UNITS  Names as objectives give them: "task.metric".
 * MEMORY bundle_metrics_read allocates, also when it fails; bundle_metrics_fini.
 * ERRORS ERR_NOT_FOUND (no directory), ERR_INVALID (bundle.json); sentences name the file.
 * STATE  Immutable after reading. */
#ifndef PROTO_BUNDLE_METRICS_H
#define PROTO_BUNDLE_METRICS_H

#include "proto/json.h"
#include "proto/search_spec.h"

#define BUNDLE_METRICS_MAX 256

struct bundle_metrics {
    struct json *root; /* bundle.json */
    int n;
    char *name[BUNDLE_METRICS_MAX];
};

int bundle_metrics_read(const char *directory, struct bundle_metrics *out, struct err *err);
void bundle_metrics_fini(struct bundle_metrics *metrics);

/* Tells every metric of the objectives that the bundle lacks, by its field of the search. */
void bundle_metrics_check(const struct bundle_metrics *metrics, const struct search_spec *spec,
                          void (*complain)(void *ctx, const char *field, const char *sentence), void *ctx);

#endif
