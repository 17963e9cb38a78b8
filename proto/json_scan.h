/* WHAT   Checks that bytes are exactly one JSON value by RFC 8259, stricter than the library that reads it.
 * WHO    proto/json.c, proto/json_out.c; merge/files/safetensors.c (utf8_sequence).
 * UNITS  Byte offsets, from 0; lines and columns from 1.
 * MEMORY None.
 * ERRORS ERR_INVALID; the sentence names line, column and byte.
 * STATE  None. */
#ifndef PROTO_JSON_SCAN_H
#define PROTO_JSON_SCAN_H

#include "proto/err.h"

#include <stddef.h>

/* UTF-8 throughout (no overlong forms, no surrogates), no byte order mark, nothing after the value, nesting
 * at most JSON_DEPTH_MAX, no \u0000 and no lone surrogate in a string. */
int json_scan(const char *text, size_t len, struct err *err);

/* Length of the UTF-8 sequence at `s` (n bytes left), 0 when it is not valid. Unicode, table 3-7. */
size_t utf8_sequence(const unsigned char *s, size_t n);

#endif
