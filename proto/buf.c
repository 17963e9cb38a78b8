#include "proto/buf.h"

#include "proto/err.h"
#include "proto/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_fini(struct buf *buf)
{
    if (!buf)
        return;
    mem_free(buf->data);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->full = false;
    if (buf->data)
        buf->data[0] = 0;
}

/* Makes room for n more bytes and the closing 0. */
static int reserve(struct buf *buf, size_t n)
{
    if (n > buf->max || buf->len > buf->max - n) {
        buf->full = true;
        return ERR_TOO_LARGE;
    }
    size_t need = buf->len + n + 1;
    if (need > buf->cap) {
        size_t cap = buf->cap ? buf->cap : 64;
        while (cap < need)
            cap *= 2;
        buf->data = mem_grow(buf->data, cap, 1);
        buf->cap = cap;
    }
    return 0;
}

int buf_add(struct buf *buf, const void *bytes, size_t n)
{
    int rc = reserve(buf, n);
    if (rc)
        return rc;
    if (n)
        memcpy(buf->data + buf->len, bytes, n);
    buf->len += n;
    buf->data[buf->len] = 0;
    return 0;
}

int buf_text(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    int rc = n < 0 ? ERR_INVALID : reserve(buf, (size_t)n);
    if (!rc) {
        vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
    return rc;
}

const char *buf_str(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
    char *data = buf->data ? buf->data : mem_strdup("");
    size_t max = buf->max;
    *buf = (struct buf){.max = max};
    return data;
}
