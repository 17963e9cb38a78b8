#include "rtuning/rows_internal.h"

#include "proto/mem.h"
#include "proto/search_spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- bad rows ---- */

void bad_rows_add(struct bad_rows *bad, const char *file, size_t line, const char *sentence)
{
    if (bad->n < BAD_ROWS_KEPT) {
        bad->first[bad->n].line = line;
        bad->first[bad->n].text = mem_printf("%s:%zu: %s", file, line, sentence);
        err_line(bad->first[bad->n].text);
    }
    bad->n++;
}

void bad_rows_fini(struct bad_rows *bad)
{
    for (size_t i = 0; i < bad->n && i < BAD_ROWS_KEPT; i++)
        mem_free(bad->first[i].text);
    *bad = (struct bad_rows){0};
}

int row_check_keys(const struct json *row, const char *const *known, size_t n, struct err *err)
{
    for (const struct json *c = json_first(row); c; c = json_next(c)) {
        bool is_known = false;
        for (size_t i = 0; i < n && !is_known; i++)
            is_known = strcmp(known[i], json_key(c)) == 0;
        if (is_known)
            continue;
        const char *near = spec_nearest(json_key(c), known, n);
        return err_set(err, ERR_INVALID, "unknown key \"%s\"%s%s%s", json_key(c),
                       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return 0;
}

/* ---- where a value ends ---- */

/* Moves over a string, whose opening quote is next; false when the file ends first. */
static bool skip_string(struct rows *rows)
{
    rows_step(rows);
    while (rows->at < rows->len && rows->text[rows->at] != '"') {
        if (rows->text[rows->at] == '\\' && rows->at + 1 < rows->len)
            rows_step(rows);
        rows_step(rows);
    }
    if (rows->at >= rows->len)
        return false;
    rows_step(rows);
    return true;
}

/* Moves over one value, good or bad, up to the comma or bracket that ends it; false when the file ends first. */
static bool skip_value(struct rows *rows)
{
    size_t depth = 0;
    while (rows->at < rows->len) {
        char c = rows->text[rows->at];
        if (c == '"') {
            if (!skip_string(rows))
                return false;
            continue;
        }
        if (depth == 0 && (c == ',' || c == ']' || c == '}'))
            return true;
        depth += c == '[' || c == '{';
        depth -= c == ']' || c == '}';
        rows_step(rows);
    }
    return false;
}

/* ---- opening ---- */

/* The first value is an array and nothing but blanks follows it. */
static bool is_one_array(const struct rows *rows)
{
    struct rows look = *rows;
    if (!rows_is_next(&look, '['))
        return false;
    rows_step(&look);
    for (;;) {
        if (!skip_value(&look))
            return true; /* an array that is cut short: its rows are good, its end is reported */
        if (rows_is_next(&look, ']'))
            break;
        rows_step(&look);
    }
    rows_step(&look);
    rows_skip_blanks(&look);
    return look.at >= look.len;
}

/* Reads `"KEY" :` and stops before the value; false when it is not there. key: the caller's. */
static bool read_key(struct rows *rows, char **key)
{
    size_t from = rows->at;
    struct json *j = NULL;
    *key = NULL;
    if (!rows_is_next(rows, '"') || !skip_string(rows) ||
        json_parse(rows->text + from, rows->at - from, &j, NULL))
        return false;
    *key = mem_strdup(json_string_or(j, ""));
    json_free(j);
    rows_skip_blanks(rows);
    if (!rows_is_next(rows, ':'))
        return false;
    rows_step(rows);
    rows_skip_blanks(rows);
    return true;
}

/* True when the value at rows->at is an object with an array called rows->under. */
static bool has_member(const struct rows *rows)
{
    struct rows look = *rows;
    if (!rows_is_next(&look, '{'))
        return false;
    rows_step(&look);
    for (;;) {
        char *key;
        rows_skip_blanks(&look);
        bool is_key = read_key(&look, &key);
        bool is_it = is_key && strcmp(key, rows->under) == 0 && rows_is_next(&look, '[');
        mem_free(key);
        if (is_it)
            return true;
        if (!is_key || !skip_value(&look) || !rows_is_next(&look, ','))
            return false;
        rows_step(&look);
    }
}

static void begin(struct rows *rows, const char *under)
{
    if (rows->len >= 3 && memcmp(rows->text, "\xEF\xBB\xBF", 3) == 0)
        rows->at = 3;
    rows->line = 1;
    if (rows_csv_is(rows->name)) {
        rows->shape = ROWS_CSV;
        rows_csv_heads(rows);
        return;
    }
    rows_skip_blanks(rows);
    if (under && strcmp(under, "*") != 0)
        rows->under = mem_strdup(under);
    if (under && (rows->under ? has_member(rows) : rows_is_next(rows, '{'))) {
        rows->shape = ROWS_MEMBERS;
        rows_step(rows);
    } else if (is_one_array(rows)) {
        rows->shape = ROWS_ARRAY;
        rows_step(rows);
    }
}

int rows_open_text(const char *name, const char *text, size_t len, const char *under, struct rows **out,
                   struct err *err)
{
    (void)err;
    struct rows *rows = mem_zero(1, sizeof *rows);
    rows->name = mem_strdup(name);
    rows->text = mem_copy(text, len);
    rows->len = len;
    begin(rows, under);
    *out = rows;
    return 0;
}

int rows_open(const char *path, const char *under, struct rows **out, struct err *err)
{
    char block[1 << 16];
    struct buf buf;
    int rc = 0;
    *out = NULL;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: cannot be opened: %s", path,
                       strerror(errno));
    buf_init(&buf, ROWS_BYTES_MAX);
    for (size_t n; !rc && (n = fread(block, 1, sizeof block, file)) > 0;)
        if (buf_add(&buf, block, n))
            rc = err_set(err, ERR_TOO_LARGE, "%s: larger than the %zu bytes we read", path, buf.max);
    if (!rc && ferror(file))
        rc = err_set(err, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    fclose(file);
    if (!rc) {
        struct rows *rows = mem_zero(1, sizeof *rows);
        rows->name = mem_strdup(path);
        rows->len = buf.len;
        rows->text = buf.data ? buf_take(&buf) : mem_strdup("");
        begin(rows, under);
        *out = rows;
    }
    buf_fini(&buf);
    return rc;
}

void rows_close(struct rows *rows)
{
    if (!rows)
        return;
    for (size_t i = 0; i < rows->heads_n; i++)
        mem_free(rows->heads[i]);
    mem_free(rows->heads);
    mem_free(rows->name);
    mem_free(rows->text);
    mem_free(rows->under);
    mem_free(rows->key);
    mem_free(rows);
}

/* ---- reading ---- */

void rows_bad(const struct rows *rows, struct bad_rows *bad, const char *sentence)
{
    char *whole = rows->row_nth > 1 ? mem_printf("row %zu of the line: %s", rows->row_nth, sentence) : NULL;
    bad_rows_add(bad, rows->name, rows->row_line, whole ? whole : sentence);
    mem_free(whole);
}

/* What is read next, a row of an array or what stands between rows, begins here. */
static void note_line(struct rows *rows)
{
    if (rows->row_line != rows->line)
        rows->row_nth = 0;
    rows->row_line = rows->line;
}

/* A piece of the text as a row; false when it is none, which has been noted. */
static bool parse(struct rows *rows, size_t from, size_t to, struct bad_rows *bad, struct json **row)
{
    struct err err = {0};
    while (to > from && rows_is_blank(rows->text[to - 1]))
        to--;
    if (json_parse(rows->text + from, to - from, row, &err) == 0)
        return true;
    rows_bad(rows, bad, err.text);
    return false;
}

static bool next_line(struct rows *rows, struct bad_rows *bad, struct json **row)
{
    for (;;) {
        rows_skip_blanks(rows);
        if (rows->at >= rows->len)
            return false;
        size_t from = rows->at;
        const char *end = memchr(rows->text + from, '\n', rows->len - from);
        size_t to = end ? (size_t)(end - rows->text) : rows->len;
        rows->row_line = rows->line;
        rows->at = to;
        if (parse(rows, from, to, bad, row))
            return true;
    }
}

static bool next_element(struct rows *rows, struct bad_rows *bad, struct json **row)
{
    for (;;) {
        rows_skip_blanks(rows);
        note_line(rows);
        if (rows->at >= rows->len) {
            bad_rows_add(bad, rows->name, rows->row_line, "the array does not end; is the file whole?");
            rows->is_over = true;
            return false;
        }
        if (rows_is_next(rows, ']')) {
            rows_step(rows);
            return false;
        }
        if (rows_is_next(rows, ',') || rows_is_next(rows, '}')) {
            rows_step(rows);
            continue;
        }
        size_t from = rows->at;
        rows->row_nth++;
        if (!skip_value(rows)) {
            rows_bad(rows, bad, "the row does not end; is the file whole?");
            rows->is_over = true;
            return false;
        }
        if (parse(rows, from, rows->at, bad, row))
            return true;
    }
}

/* Moves into the next array that is wanted; false at the end of the object. */
static bool enter_member(struct rows *rows, struct bad_rows *bad)
{
    for (;;) {
        char *key;
        rows_skip_blanks(rows);
        while (rows_is_next(rows, ',')) {
            rows_step(rows);
            rows_skip_blanks(rows);
        }
        note_line(rows);
        if (rows_is_next(rows, '}')) {
            rows_step(rows);
            rows_skip_blanks(rows);
            note_line(rows);
            if (rows->at < rows->len)
                bad_rows_add(
                    bad, rows->name, rows->row_line,
                    "more follows the object of arrays and is not read; give it in a file of its own");
            return false;
        }
        bool is_key = read_key(rows, &key);
        if (is_key && rows_is_next(rows, '[') && (!rows->under || strcmp(rows->under, key) == 0)) {
            rows_step(rows);
            mem_free(rows->key);
            rows->key = key;
            return rows->in_array = true;
        }
        if (is_key && !rows->under)
            bad_rows_add(bad, rows->name, rows->row_line, "a member that is no array of rows");
        mem_free(key);
        if (!is_key || !skip_value(rows)) {
            bad_rows_add(bad, rows->name, rows->row_line,
                         "the object does not go on as one; is the file whole?");
            return false;
        }
    }
}

static bool next_member(struct rows *rows, struct bad_rows *bad, struct json **row)
{
    for (;;) {
        if (!rows->in_array && !enter_member(rows, bad)) {
            rows->is_over = true;
            return false;
        }
        if (next_element(rows, bad, row))
            return true;
        rows->in_array = false;
        if (rows->is_over)
            return false;
    }
}

bool rows_next(struct rows *rows, struct bad_rows *bad, struct json **row)
{
    static bool (*const next[])(struct rows *, struct bad_rows *, struct json **) = {
        [ROWS_LINES] = next_line,
        [ROWS_ARRAY] = next_element,
        [ROWS_MEMBERS] = next_member,
        [ROWS_CSV] = rows_csv_next,
    };
    *row = NULL;
    if (rows->is_over)
        return false;
    bool found = next[rows->shape](rows, bad, row);
    rows->is_over = rows->is_over || !found;
    return found;
}

size_t rows_line(const struct rows *rows)
{
    return rows->row_line;
}

const char *rows_key(const struct rows *rows)
{
    return rows->key;
}

const char *rows_name(const struct rows *rows)
{
    return rows->name;
}
