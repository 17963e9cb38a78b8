/* WHAT   Reads the members of one JSON object by name and collects every wrong field in one list.
 * WHO    proto/search_spec.
 * UNITS  None.
 * MEMORY None of its own; strings are copied into the caller's arrays.
 * ERRORS Noted in struct spec_errors; readers go on with the default, so that one pass finds all.
 * STATE  None. */
#ifndef PROTO_SPEC_READER_H
#define PROTO_SPEC_READER_H

#include "proto/search_spec.h"

struct spec_object; /* proto/spec_words.h */

struct reader {
    const struct json *object; /* NULL: absent, every member takes its default */
    char path[96];             /* "" or "budget"; fields are named PATH.KEY */
    struct spec_errors *errors;
};

void reader_error(const struct reader *r, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A reader of a member that must be an object. Absent: inner->object is NULL. */
void reader_inner(const struct reader *r, const char *key, struct reader *inner);
/* A reader of the i-th element of an array, named PATH[i]. */
void reader_element(const struct reader *r, const char *key, size_t i, const struct json *element,
                    struct reader *inner);

/* Names every key that `object` does not have, and what to write instead: the nearest one, or all of them.
 * `types`, `types_n`: the words of its "type"; `type`: the one it has. NULL, 0, 0 for an object without types. */
void reader_known(const struct reader *r, const struct spec_object *object, const char *const *types,
                  size_t types_n, size_t type);

/* false: absent or wrong (noted when wrong, or when `required`). */
bool reader_text(const struct reader *r, const char *key, bool required, char *out, size_t size);
bool reader_number(const struct reader *r, const char *key, double min, double max, double *out);
bool reader_whole(const struct reader *r, const char *key, int64_t min, int64_t max, int64_t *out);
bool reader_bool(const struct reader *r, const char *key, bool *out);
bool reader_choice(const struct reader *r, const char *key, const char *const *words, size_t n, size_t *out);

#endif
