/* WHAT   A table of text: a heading, rows, columns as wide as their widest cell, two blanks between.
 * WHO    The commands.
 * UNITS  Columns of a terminal.
 * MEMORY init/fini; cells are copied and cleaned of control characters.
 * ERRORS None: more cells than columns * rows is our bug and asserts.
 * STATE  Cells are added from left to right, row after row. */
#ifndef CLIENT_TABLE_H
#define CLIENT_TABLE_H

#include "proto/buf.h"

#include <stdbool.h>

#define TABLE_COLUMNS_MAX 32

enum table_side { TABLE_LEFT, TABLE_RIGHT };

struct table {
    char *heads[TABLE_COLUMNS_MAX];
    enum table_side sides[TABLE_COLUMNS_MAX];
    int columns_n;
    char **cells; /* [cells_n], rows one after the other */
    size_t cells_n, cells_cap;
};

void table_init(struct table *table);
void table_fini(struct table *table);
/* All columns before the first cell. */
void table_column(struct table *table, const char *head, enum table_side side);
void table_cell(struct table *table, const char *text); /* NULL is "-" */
void table_cellf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Columns of the widest line. */
size_t table_width(const struct table *table);
void table_print(const struct table *table, struct buf *out);

#endif
