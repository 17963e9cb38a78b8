/* WHAT   A growable byte buffer that never passes its maximum.
 * WHO    Everybody who collects bytes.
 * UNITS  Bytes.
 * MEMORY buf_init takes none; buf_fini frees; buf_take moves the bytes to the caller.
 * ERRORS ERR_TOO_LARGE: the buffer is unchanged by the call and remembers in `full` that something was
 *        refused.
 * STATE  data[len] is always 0, so text can be read as a string. */
#ifndef PROTO_BUF_H
#define PROTO_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* NULL until the first byte */
    size_t len;
    size_t cap;
    size_t max;
    bool full; /* an addition was refused since buf_init or buf_clear */
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */
int buf_add(struct buf *buf, const void *bytes, size_t n);
int buf_text(struct buf *buf, const char *text);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *buf_str(const struct buf *buf); /* never NULL; valid until the next change */
char *buf_take(struct buf *buf);            /* the caller's, mem_free; the buffer is empty after */

#endif
