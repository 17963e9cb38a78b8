/* WHAT   The halves of search_spec_parse that have files of their own.
 * WHO    proto/search_spec*.c alone.
 * UNITS  Ratios are weights of the tuned checkpoint.
 * MEMORY None.
 * ERRORS Noted in the reader's struct spec_errors; parsing goes on.
 * STATE  None. */
#ifndef PROTO_SEARCH_SPEC_INTERNAL_H
#define PROTO_SEARCH_SPEC_INTERNAL_H

#include "proto/spec_reader.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* "groups" but freeze, bounds and tie. r: the search; spec->has_models is set. */
void spec_parse_groups(const struct reader *r, struct search_spec *spec);

/* groups.freeze, groups.bounds and groups.tie. extrapolate: they may lie outside [0, 1]. */
void spec_parse_ranges(const struct reader *r, bool extrapolate, struct search_spec *spec);

void spec_write_groups(const struct search_spec *spec, struct json_out *out);

/* "given", once the objectives are known. k: how many ratios a row has, 0 where only the checkpoints say: then as many as
 * the first row that has some. */
void spec_parse_given(const struct reader *r, size_t k, struct search_spec *spec);
/* Nothing when there is none. */
void spec_write_given(const struct search_spec *spec, struct json_out *out);
void spec_given_free(struct spec_given *given);

/* What sentences say of a key that only searches with models have. */
const char *spec_unused(const struct search_spec *spec);

/* Whether any ratio, a group's own included, may lie outside [0, 1]. */
bool spec_extrapolates(const struct search_spec *spec);

#endif
