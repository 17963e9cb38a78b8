#include "proto/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *p)
{
    if (!p) {
        fputs("error out_of_memory\n", stderr);
        abort();
    }
    return p;
}

void *mem_zero(size_t n, size_t size)
{
    return check(calloc(n ? n : 1, size ? size : 1));
}

void *mem_grow(void *old, size_t n, size_t size)
{
    return check(reallocarray(old, n ? n : 1, size ? size : 1));
}

void *mem_copy(const void *bytes, size_t size)
{
    void *copy = check(malloc(size ? size : 1));
    if (size)
        memcpy(copy, bytes, size);
    return copy;
}

char *mem_strdup(const char *text)
{
    return check(strdup(text));
}

char *mem_strndup(const char *text, size_t max)
{
    return check(strndup(text, max));
}

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return check(n < 0 ? NULL : text);
}

void mem_free(void *p)
{
    free(p);
}
