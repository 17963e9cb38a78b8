/* WHAT   Words and numbers as people read them: widths, clean text, scores, durations, sizes.
 * WHO    table, plot, progress, the commands.
 * UNITS  Columns of a terminal; seconds; bytes.
 * MEMORY Appends to the caller's buffer, or fills the caller's array.
 * ERRORS None; a full buffer remembers it.
 * STATE  None.
 *
 * Known weakness: a code point counts as one column, so wide scripts and combining marks shift a table. */
#ifndef CLIENT_TEXT_H
#define CLIENT_TEXT_H

#include "proto/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Long enough for every number below. */
#define TEXT_NUMBER_MAX 32

size_t text_width(const char *text);

/* Appends text with control characters made '?': names and reasons come from others and reach a terminal. */
void text_clean(struct buf *out, const char *text);

/* Appends text cleaned, and cut to `columns` columns with "…" as the last when it is longer. */
void text_cut(struct buf *out, const char *text, size_t columns);

/* Decimal digits alone, and a number of `least` or more: true, and *out is set. least: 0 or more. */
bool text_whole(const char *text, int64_t least, int64_t *out);

/* A score of everyday size with three decimals, others with four significant digits. NaN becomes "-". */
void text_number(char out[TEXT_NUMBER_MAX], double x);

/* Appends "0.812 ± 0.011"; without the second half when stderr_of is NaN. */
void text_score(struct buf *out, double mean, double stderr_of);

/* "850 ms", "12 s", "3 min 05 s", "2 h 07 min", "3 d 04 h"; "-" for NaN. */
void text_duration(char out[TEXT_NUMBER_MAX], double seconds);

/* "512 B", "1.5 kB", "2.0 GB": powers of 1000. */
void text_bytes(char out[TEXT_NUMBER_MAX], double bytes);

/* Appends at most `most` ratios, two decimals each, with blanks between, then "… of N" when there are more. effective
 * [n], or NULL: what came out; where it is further from the ratio than LIMIT_RATIO_ERROR, "0.40→0.01*" is written, and
 * "… of N*" when that is among those left out. True when there was such a one: text_ratios_note says what it means. */
bool text_ratios(struct buf *out, const double *ratios, const double *effective, size_t n, size_t most);
void text_ratios_note(struct buf *out); /* a line */

/* Appends a newline after taking away the blanks before it. */
void text_end_line(struct buf *out);

/* Appends a field of a CSV file (RFC 4180): quoted only where it must be. */
void text_csv(struct buf *out, const char *text);

#endif
