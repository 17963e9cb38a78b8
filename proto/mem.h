/* WHAT   Allocation that cannot fail: out of memory is logged and aborts (restart and replay mend it).
 * WHO    Everybody.
 * UNITS  Bytes and elements.
 * MEMORY The caller owns what it gets and gives it to mem_free.
 * ERRORS None: aborts.
 * STATE  None. */
#ifndef PROTO_MEM_H
#define PROTO_MEM_H

#include <stddef.h>

void *mem_zero(size_t n, size_t size);            /* n elements, zeroed; n * size is checked */
void *mem_grow(void *old, size_t n, size_t size); /* to n elements; new bytes are not zeroed */
void *mem_copy(const void *bytes, size_t size);   /* a copy of size bytes */
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t max);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *p); /* NULL is fine */

#endif
