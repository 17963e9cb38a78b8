/* WHAT   Regular expressions that users write, for names of tensors. PCRE2 stands behind pattern.c alone.
 * WHO    merge/plan/naming (layer_pattern), merge/plan/plan (names[].tensors).
 * UNITS  Bytes.
 * MEMORY pattern_compile allocates; pattern_free. Matches borrow from the subject.
 * ERRORS ERR_INVALID: a pattern that is wrong, with the place where it is; one that would take too long on a name. The
 *        sentence begins with the field.
 * STATE  Immutable, but a pattern has room for one match at a time: one thread.
 *
 * Time and memory are bounded, whatever the pattern: a match that takes more than PATTERN_STEPS steps of backtracking
 * is an error, never an answer. */
#ifndef MERGE_PATTERN_H
#define MERGE_PATTERN_H

#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_STEPS 20000

struct pattern;

/* field: for sentences, "groups.layer_pattern"; must outlive the pattern. whole: the pattern has to match the whole
 * subject, not a part of it. */
int pattern_compile(const char *field, const char *text, bool whole, struct pattern **out, struct err *err);
void pattern_free(struct pattern *pattern);

/* Capturing parentheses. */
unsigned pattern_groups(const struct pattern *pattern);

struct pattern_match {
    bool found;
    const char *group; /* what the first parentheses hold; NULL when they took no part */
    size_t group_n;
};

/* subject: valid UTF-8. */
int pattern_match(struct pattern *pattern, const char *subject, struct pattern_match *match, struct err *err);

#endif
