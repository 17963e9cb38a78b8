#include "rtuning/rows_internal.h"

#include "proto/mem.h"

#include <string.h>
#include <strings.h>

bool rows_csv_is(const char *name)
{
    size_t n = strlen(name);
    return n >= 4 && strcasecmp(name + n - 4, ".csv") == 0;
}

/* The next field; *last when the record ends with it, *whole false when its quotes do not, or a text cannot hold it.
 * The caller's. */
static char *csv_field(struct rows *rows, bool *last, bool *whole)
{
    struct buf out;
    bool quoted = rows_is_next(rows, '"'), inside = quoted;
    buf_init(&out, SIZE_MAX);
    if (quoted)
        rows_step(rows);
    for (; rows->at < rows->len; rows_step(rows)) {
        char c = rows->text[rows->at];
        if (inside && c == '"') {
            if (rows->at + 1 < rows->len && rows->text[rows->at + 1] == '"')
                rows_step(rows); /* "" is a quote */
            else {
                inside = false;
                continue;
            }
        } else if (!inside && (c == ',' || c == '\n'))
            break;
        else if (!inside && c == '\r')
            continue;
        *whole = *whole && c; /* a text would end at a NUL */
        buf_add(&out, &c, 1);
    }
    *whole = *whole && !inside;
    *last = !rows_is_next(rows, ',');
    if (rows->at < rows->len)
        rows_step(rows);
    char *text = out.data ? buf_take(&out) : mem_strdup("");
    buf_fini(&out);
    return text;
}

void rows_csv_heads(struct rows *rows)
{
    bool last = rows->at >= rows->len, whole = true;
    while (!last) {
        rows->heads = mem_grow(rows->heads, rows->heads_n + 1, sizeof *rows->heads);
        rows->heads[rows->heads_n++] = csv_field(rows, &last, &whole);
    }
}

/* A record as the text of an object, so that there is one kind of row; or what is wrong with it. */
static const char *csv_object(struct rows *rows, struct buf *out)
{
    struct json_out json;
    size_t n = 0;
    bool last = false, whole = true;
    json_begin(&json, out);
    json_object(&json);
    for (; !last; n++) {
        char *field = csv_field(rows, &last, &whole);
        if (n < rows->heads_n)
            json_put_text(&json, rows->heads[n], field);
        mem_free(field);
    }
    json_end_object(&json);
    if (!whole)
        return "has a field whose quotes do not end, and swallow the rest of the file, or one with a NUL "
               "byte";
    return n == rows->heads_n ? NULL : "has not as many fields as the first line has names";
}

bool rows_csv_next(struct rows *rows, struct bad_rows *bad, struct json **row)
{
    for (;;) {
        struct buf text;
        struct err err = {0};
        rows_skip_blanks(rows);
        rows->row_line = rows->line;
        if (rows->at >= rows->len)
            return false;
        buf_init(&text, SIZE_MAX);
        const char *fault = csv_object(rows, &text);
        if (!fault && json_parse(buf_str(&text), text.len, row, &err))
            fault = err.text;
        if (fault)
            rows_bad(rows, bad, fault);
        buf_fini(&text);
        if (!fault)
            return true;
    }
}
