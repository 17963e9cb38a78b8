/* WHAT   The one door for YAML: a strict reader of one document (libyaml behind it) and the quoting of text.
 * WHO    merge/recipe/recipe reads, merge/output/card and merge/recipe/mergekit_write quote. libyaml is included by yaml.c alone.
 * UNITS  Bytes; lines count from 1.
 * MEMORY yml_parse gives a tree to yml_free; everything read from it borrows until then. A tree is at most
 *        YML_NODES_MAX values.
 * ERRORS ERR_INVALID, ERR_UNSUPPORTED, ERR_TOO_LARGE; the sentence names the line.
 * STATE  None. The prefix is yml_ because libyaml has yaml_ for itself, yaml_free too.
 *
 * The reader refuses what two readers could understand differently, or what one line could make huge: anchors and
 * aliases, merge keys ("<<"), tags, a key twice, keys that are no plain text, several documents, nesting deeper than
 * YML_DEPTH_MAX. Scalars stay text: what a number or a truth value is, the caller asks for. */
#ifndef MERGE_YAML_H
#define MERGE_YAML_H

#include "proto/buf.h"
#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>

#define YML_BYTES_MAX (1u << 20)
#define YML_DEPTH_MAX 32
#define YML_NODES_MAX 50000

enum yml_type { YML_TEXT, YML_LIST, YML_MAP };

struct yml; /* one value of a tree */

/* Exactly one document. *out is NULL on failure, and when the document is empty ERR_INVALID. */
int yml_parse(const char *text, size_t len, struct yml **out, struct err *err);
void yml_free(struct yml *root);

enum yml_type yml_type(const struct yml *y);
const char *yml_type_name(const struct yml *y); /* "a list", … for sentences */
int yml_line(const struct yml *y);

/* Members and elements; NULL when absent, of another type, or when `y` is NULL. yml_next walks both kinds. */
const struct yml *yml_get(const struct yml *map, const char *key);
const struct yml *yml_first(const struct yml *y);
const struct yml *yml_next(const struct yml *y);
const char *yml_key(const struct yml *y); /* NULL for elements */
size_t yml_len(const struct yml *y);

/* Scalars. A quoted scalar is text and never null, a number or a truth value. */
const char *yml_text(const struct yml *y);                /* NULL unless YML_TEXT */
bool yml_is_null(const struct yml *y);                    /* absent, empty, ~ or null */
bool yml_number(const struct yml *y, double *out);        /* a plain decimal number that is finite */
bool yml_whole(const struct yml *y, long max, long *out); /* 0 … max */
bool yml_bool(const struct yml *y, bool *out); /* true, false, yes, no, on, off as YAML 1.1 has them */

/* Appends text as a double-quoted scalar that any YAML reader reads back the same; invalid UTF-8 becomes U+FFFD. */
void yml_quote(struct buf *out, const char *text);

#endif
