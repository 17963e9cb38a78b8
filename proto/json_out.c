/* The writing half of proto/json.h. */
#include "proto/json.h"

#include "proto/json_scan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_begin(struct json_out *out, struct buf *buf)
{
    *out = (struct json_out){.buf = buf};
}

static void lead(struct json_out *out)
{
    if (out->comma)
        buf_add(out->buf, ",", 1);
    out->comma = true;
}

static void open_inner(struct json_out *out, const char *bracket)
{
    lead(out);
    buf_text(out->buf, bracket);
    out->comma = false;
}

static void close_inner(struct json_out *out, const char *bracket)
{
    buf_text(out->buf, bracket);
    out->comma = true;
}

void json_object(struct json_out *out)
{
    open_inner(out, "{");
}

void json_end_object(struct json_out *out)
{
    close_inner(out, "}");
}

void json_array(struct json_out *out)
{
    open_inner(out, "[");
}

void json_end_array(struct json_out *out)
{
    close_inner(out, "]");
}

/* Escapes as most writers of JSON do, the safetensors package among them: the short form where there is one. */
static void quote(struct buf *buf, const char *text)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const unsigned char *s = (const unsigned char *)text;
    size_t left = strlen(text);
    buf_add(buf, "\"", 1);
    while (left) {
        size_t n = utf8_sequence(s, left);
        if (n == 0) {
            buf_text(buf, "\xef\xbf\xbd");
            n = 1;
        } else if (strchr(plain, *s)) {
            buf_printf(buf, "\\%c", letter[strchr(plain, *s) - plain]);
        } else if (*s < 0x20) {
            buf_printf(buf, "\\u%04x", *s);
        } else {
            buf_add(buf, s, n);
        }
        s += n;
        left -= n;
    }
    buf_add(buf, "\"", 1);
}

void json_name(struct json_out *out, const char *key)
{
    lead(out);
    quote(out->buf, key);
    buf_add(out->buf, ":", 1);
    out->comma = false;
}

void json_text(struct json_out *out, const char *text)
{
    if (!text) {
        json_null(out);
        return;
    }
    lead(out);
    quote(out->buf, text);
}

void json_double(struct json_out *out, double x)
{
    char text[40];
    if (!isfinite(x)) {
        json_null(out);
        return;
    }
    /* the shortest of 15, 16 or 17 digits that reads back to the same bits; 17 always does */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        double back = strtod(text, NULL);
        if (memcmp(&back, &x, sizeof x) == 0)
            break;
    }
    lead(out);
    buf_text(out->buf, text);
}

void json_int(struct json_out *out, int64_t x)
{
    lead(out);
    buf_printf(out->buf, "%" PRId64, x);
}

void json_bool(struct json_out *out, bool x)
{
    lead(out);
    buf_text(out->buf, x ? "true" : "false");
}

void json_null(struct json_out *out)
{
    lead(out);
    buf_text(out->buf, "null");
}

void json_raw(struct json_out *out, const char *json)
{
    lead(out);
    buf_text(out->buf, json);
}

void json_put_text(struct json_out *out, const char *key, const char *text)
{
    json_name(out, key);
    json_text(out, text);
}

void json_put_double(struct json_out *out, const char *key, double x)
{
    json_name(out, key);
    json_double(out, x);
}

void json_put_int(struct json_out *out, const char *key, int64_t x)
{
    json_name(out, key);
    json_int(out, x);
}

void json_put_bool(struct json_out *out, const char *key, bool x)
{
    json_name(out, key);
    json_bool(out, x);
}

void json_put_doubles(struct json_out *out, const char *key, const double *x, size_t n)
{
    json_name(out, key);
    json_array(out);
    for (size_t i = 0; i < n; i++)
        json_double(out, x[i]);
    json_end_array(out);
}

static void write_value(struct json_out *out, const struct json *j)
{
    switch (json_type(j)) {
    case JSON_NULL:
        json_null(out);
        break;
    case JSON_BOOL:
        json_bool(out, json_bool_or(j, false));
        break;
    case JSON_NUMBER:
        json_double(out, json_number_or(j, 0));
        break;
    case JSON_STRING:
        json_text(out, json_string_or(j, ""));
        break;
    case JSON_ARRAY:
        json_array(out);
        for (const struct json *c = json_first(j); c; c = json_next(c))
            write_value(out, c);
        json_end_array(out);
        break;
    case JSON_OBJECT:
        json_object(out);
        for (const struct json *c = json_first(j); c; c = json_next(c)) {
            json_name(out, json_key(c));
            write_value(out, c);
        }
        json_end_object(out);
        break;
    }
}

int json_write(struct buf *buf, const struct json *j)
{
    struct json_out out;
    json_begin(&out, buf);
    write_value(&out, j);
    return buf->full ? ERR_TOO_LARGE : 0;
}
