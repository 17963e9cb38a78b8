/* WHAT   What the readers of rows share: the text and the place in it; and rows of a CSV file.
 * WHO    rtuning/rows*.c. Nobody else includes it.
 * UNITS  Places in bytes from 0, lines from 1.
 * MEMORY rows_close frees all that is in struct rows.
 * ERRORS Bad rows are added to the caller's list.
 * STATE  struct rows is where its reader is. */
#ifndef RTUNING_ROWS_INTERNAL_H
#define RTUNING_ROWS_INTERNAL_H

#include "rtuning/rows.h"

enum rows_shape { ROWS_LINES, ROWS_ARRAY, ROWS_MEMBERS, ROWS_CSV };

struct rows {
    char *name, *text;
    size_t len, at;
    size_t line;     /* of `at` */
    size_t row_line; /* of the row given last */
    size_t row_nth;  /* which it is of the rows of an array that begin on its line, from 1 */
    enum rows_shape shape;
    bool in_array; /* ROWS_MEMBERS: inside an array, and key is its name */
    bool is_over;  /* nothing more can be read */
    char *under;   /* ROWS_MEMBERS: the one member, NULL for all */
    char *key;
    char **heads; /* ROWS_CSV: [heads_n] */
    size_t heads_n;
};

static inline bool rows_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline void rows_step(struct rows *rows)
{
    rows->line += rows->text[rows->at++] == '\n';
}

static inline void rows_skip_blanks(struct rows *rows)
{
    while (rows->at < rows->len && rows_is_blank(rows->text[rows->at]))
        rows_step(rows);
}

static inline bool rows_is_next(const struct rows *rows, char c)
{
    return rows->at < rows->len && rows->text[rows->at] == c;
}

/* The name ends in ".csv". */
bool rows_csv_is(const char *name);
/* The first line: the names of the fields. */
void rows_csv_heads(struct rows *rows);
/* The next good record as an object; bad ones before it are added to `bad`. False at the end. */
bool rows_csv_next(struct rows *rows, struct bad_rows *bad, struct json **row);

#endif
