/* WHAT   The one door for JSON: a strict reader (cJSON behind it) and a writer that keeps doubles bit-exact.
 * WHO    Everybody who meets outside bytes. cJSON is included by json.c alone.
 * UNITS  Bytes.
 * MEMORY json_parse gives a tree to json_free; everything read from it borrows until then.
 * ERRORS ERR_INVALID with a sentence that names the byte offset or the field.
 * STATE  None.
 *
 * The reader refuses what cJSON would let through: bytes after the value, a byte order mark, bytes that are
 * not UTF-8, a key twice in an object (compared with case), nesting deeper than JSON_DEPTH_MAX, numbers that
 * are not JSON (leading zeros, "+1", "1.") or not finite, the escape \u0000. Look-ups are case-sensitive. */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include "proto/buf.h"
#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 64

struct json; /* one value of a parsed tree */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Parses exactly one value. *out is NULL on failure. */
int json_parse(const char *text, size_t len, struct json **out, struct err *err);
/* Reads a whole file of at most max bytes and parses it. Sentences begin with the path. */
int json_parse_file(const char *path, size_t max, struct json **out, struct err *err);
void json_free(struct json *root);

enum json_type json_type(const struct json *j);
const char *json_type_name(enum json_type type); /* "an object", "a number", … for sentences */

/* Members and elements. NULL when absent or when `j` is NULL or of another type. json_next walks both kinds:
 * for (const struct json *c = json_first(j); c; c = json_next(c)). json_key is NULL for array elements. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_first(const struct json *j);
const struct json *json_next(const struct json *j);
const char *json_key(const struct json *j);
size_t json_len(const struct json *j);

/* Values. The _or forms give the default when `j` is NULL or of another type. */
bool json_is(const struct json *j, enum json_type type); /* false for NULL */
const char *json_string_or(const struct json *j, const char *otherwise);
double json_number_or(const struct json *j, double otherwise);
bool json_bool_or(const struct json *j, bool otherwise);
/* True when `j` is a number that is a whole number in [min, max]. */
bool json_whole(const struct json *j, int64_t min, int64_t max, int64_t *out);

/* Writes a parsed value compactly, doubles as %.17g (shortest that reads back the same). */
int json_write(struct buf *buf, const struct json *j);

/* The writer: appends to a buffer and puts commas itself. Non-finite doubles are written as null (no reader
 * of ours takes null for a number). After the last call, out.buf->full tells whether everything fitted. */
struct json_out {
    struct buf *buf;
    bool comma; /* the next value or key needs a comma first */
};

void json_begin(struct json_out *out, struct buf *buf);
void json_object(struct json_out *out); /* { */
void json_end_object(struct json_out *out);
void json_array(struct json_out *out); /* [ */
void json_end_array(struct json_out *out);
void json_name(struct json_out *out, const char *key);
void json_text(struct json_out *out, const char *text); /* NULL writes null; invalid UTF-8 becomes U+FFFD */
void json_double(struct json_out *out, double x);
void json_int(struct json_out *out, int64_t x);
void json_bool(struct json_out *out, bool x);
void json_null(struct json_out *out);
void json_raw(struct json_out *out, const char *json); /* already JSON */
/* name + value in one call */
void json_put_text(struct json_out *out, const char *key, const char *text);
void json_put_double(struct json_out *out, const char *key, double x);
void json_put_int(struct json_out *out, const char *key, int64_t x);
void json_put_bool(struct json_out *out, const char *key, bool x);
void json_put_doubles(struct json_out *out, const char *key, const double *x, size_t n);

#endif
