/* WHAT   Files of rows (JSON lines, an array, an array inside an object, CSV), read one row at a time with line numbers; and
 *        the rows that were bad, counted and the first ones kept with their sentences.
 * WHO    rtuning/question, rtuning/convert, the client.
 * UNITS  Lines count from 1.
 * MEMORY rows_open / rows_close; the whole file is held in memory. bad_rows: zeroed by the caller, bad_rows_fini.
 * ERRORS ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE of the file. A bad row is no failure: it is noted in bad_rows and the next one
 *        is read, so that nothing is dropped in silence and nothing hides what comes after it.
 * STATE  Where the next row begins. */
#ifndef RTUNING_ROWS_H
#define RTUNING_ROWS_H

#include "proto/json.h"

#include <stddef.h>

#define ROWS_BYTES_MAX ((size_t)4 << 30) /* of one file */
#define BAD_ROWS_KEPT 20

struct bad_rows {
    size_t n; /* all of them */
    struct {
        size_t line;
        char *text; /* "FILE:LINE: what is wrong" */
    } first[BAD_ROWS_KEPT];
};

void bad_rows_add(struct bad_rows *bad, const char *file, size_t line, const char *sentence);
void bad_rows_fini(struct bad_rows *bad);

/* ERR_INVALID, with the nearest that is known, when a row has a key that is none of known [n]. */
int row_check_keys(const struct json *row, const char *const *known, size_t n, struct err *err);

struct rows;

/* What a file's rows are is seen from its first bytes: "[" an array of rows, unless more values follow it;
 * a name that ends in .csv: rows after a line of names, each given as an object of strings; everything else a row a line.
 * under: NULL; or "name": when the first value is an object with an array under that name, its elements are the rows; or "*":
 * the file is one object of arrays and the elements of all of them are the rows. */
int rows_open(const char *path, const char *under, struct rows **out, struct err *err);
/* The same of a text in memory, which is copied. */
int rows_open_text(const char *name, const char *text, size_t len, const char *under, struct rows **out,
                   struct err *err);
void rows_close(struct rows *rows);

/* The next row that is JSON: true, and *row is the caller's (json_free). False at the end. Rows that are not JSON go to
 * `bad`. */
bool rows_next(struct rows *rows, struct bad_rows *bad, struct json **row);
size_t rows_line(const struct rows *rows); /* on which the row given last began */
/* Notes that the row given last is bad; where more than one row stands on its line, the sentence says which of them it is. */
void rows_bad(const struct rows *rows, struct bad_rows *bad, const char *sentence);
const char *
rows_key(const struct rows *rows); /* of the array that the row given last is in; NULL without "*" */
const char *rows_name(const struct rows *rows); /* the file's, for sentences */

#endif
