#include "client/table.h"

#include "client/text.h"
#include "proto/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define CELL_MAX_BYTES 8192

void table_init(struct table *table)
{
    *table = (struct table){0};
}

void table_fini(struct table *table)
{
    if (!table)
        return;
    for (int i = 0; i < table->columns_n; i++)
        mem_free(table->heads[i]);
    for (size_t i = 0; i < table->cells_n; i++)
        mem_free(table->cells[i]);
    mem_free(table->cells);
    *table = (struct table){0};
}

static char *clean(const char *text)
{
    struct buf cell;
    buf_init(&cell, CELL_MAX_BYTES);
    text_clean(&cell, text);
    return buf_take(&cell);
}

void table_column(struct table *table, const char *head, enum table_side side)
{
    assert(table->columns_n < TABLE_COLUMNS_MAX && table->cells_n == 0);
    table->heads[table->columns_n] = clean(head);
    table->sides[table->columns_n++] = side;
}

void table_cell(struct table *table, const char *text)
{
    assert(table->columns_n > 0);
    if (table->cells_n == table->cells_cap) {
        table->cells_cap = table->cells_cap ? 2 * table->cells_cap : 64;
        table->cells = mem_grow(table->cells, table->cells_cap, sizeof *table->cells);
    }
    table->cells[table->cells_n++] = clean(text ? text : "-");
}

void table_cellf(struct table *table, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table_cell(table, text);
}

/* One line of columns_n cells, without blanks at its end. */
static void print_row(const struct table *table, char *const *cells, const size_t *widths, struct buf *out)
{
    for (int i = 0; i < table->columns_n; i++) {
        int blanks = (int)(widths[i] - text_width(cells[i]));
        bool right = table->sides[i] == TABLE_RIGHT;
        buf_printf(out, "%s%*s%s%*s", i ? "  " : "", right ? blanks : 0, "", cells[i], right ? 0 : blanks,
                   "");
    }
    text_end_line(out);
}

/* Of each column; returns how many columns there are. */
static size_t measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
    size_t columns = (size_t)table->columns_n;
    assert(columns && table->cells_n % columns == 0);
    for (size_t i = 0; i < columns; i++)
        widths[i] = text_width(table->heads[i]);
    for (size_t i = 0; i < table->cells_n; i++) {
        size_t width = text_width(table->cells[i]);
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    return columns;
}

size_t table_width(const struct table *table)
{
    size_t widths[TABLE_COLUMNS_MAX];
    size_t columns = measure(table, widths), total = 2 * (columns - 1);
    for (size_t i = 0; i < columns; i++)
        total += widths[i];
    return total;
}

void table_print(const struct table *table, struct buf *out)
{
    size_t widths[TABLE_COLUMNS_MAX];
    size_t columns = measure(table, widths);
    print_row(table, table->heads, widths, out);
    for (size_t i = 0; i < table->cells_n; i += columns)
        print_row(table, &table->cells[i], widths, out);
}
