/* WHAT   UTF-8 text as code points, with the few character classes that the metrics need.
 * WHO    worker/metrics, worker/bleu.
 * UNITS  Code points.
 * MEMORY text_next reads in place.
 * ERRORS None: bytes that are not UTF-8 come one by one as U+FFFD. (Bundles are UTF-8: the JSON door checks.)
 * STATE  None.
 *
 * Known weakness: lower case and word characters beyond ASCII follow a short list of regular ranges (Latin,
 * Greek, Cyrillic, Armenian), not the Unicode tables. Danger: exact match of other cased scripts heeds case. */
#ifndef WORKER_TEXT_H
#define WORKER_TEXT_H

#include "proto/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* The code point at *p, and moves *p past it. 0 at the end, without moving. */
uint32_t text_next(const char **p);
void text_put(struct buf *buf, uint32_t c);

bool text_space(uint32_t c); /* what Python's str.split() splits at */
bool text_word(uint32_t c);  /* \w */
uint32_t text_lower(uint32_t c);

#endif
