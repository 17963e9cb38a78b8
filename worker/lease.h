/* WHAT   The messages between worker and daemon about one lease, read and written.
 * WHO    worker/session.
 * UNITS  Seconds in *_s.
 * MEMORY lease_parse fills a struct for lease_fini; writers append to the caller's buffer.
 * ERRORS ERR_INVALID: the daemon's message is not what proto/openapi.yaml says.
 * STATE  None. */
#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

#include "worker/evaluator.h"

#include "merge/files/hash.h"
#include "proto/buf.h"

struct lease {
    char token[80];
    int64_t search;
    int trial;
    char half[16];
    int attempt;
    uint64_t seed;
    int repeat; /* 0; 1 … when the trial is scored again */
    int ratios_n;
    double ratios[SPEC_GROUPS_MAX + 1];
    struct search_spec spec;
    char *spec_text;      /* canonical: equal text, equal evaluator */
    int stop_after;       /* slices after which it ends in any case; 0: its slices' answers say */
    struct resume resume; /* what an earlier evaluation of the trial left */
    char *state;          /* resume.state */
    char base_digest[HASH_TEXT_MAX],
        tuned_digest[HASH_TEXT_MAX]; /* of merge/files/digest.h; "": the daemon does not know */
};

/* lease_fini after a failure too: then nothing but token, search and trial may be set, each only if it was legible, so
 * that whoever has a token can tell the daemon what was wrong. */
int lease_parse(const char *body, size_t len, struct lease *lease, struct err *err);
void lease_fini(struct lease *lease);

/* A word that can stand in a path and in JSON as it is: letters, digits, '-', '_', '.', at least one. */
bool lease_word(const char *text);

/* The scores of some slices so far, without the items' values. */
void lease_write_slice(const struct scores *scores, struct buf *buf);
void lease_write_result(const struct scores *scores, struct buf *buf);
void lease_write_refusal(const char *reason, struct buf *buf);
void lease_write_failure(int code, const char *reason, struct buf *buf);

#endif
