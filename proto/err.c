#include "proto/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_line(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7F)
            *c = '?';
}

int err_set(struct err *err, int code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        err_line(err->text);
    }
    return code;
}

int err_prefix(struct err *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", old);
    err_line(err->text);
    return err->code ? err->code : code;
}

const char *err_name(int code)
{
    switch (code) {
    case ERR_OK:
        return "ok";
#define X(name, value, text)                                                                                 \
    case value:                                                                                              \
        return text;
        ERR_CODES(X)
#undef X
    }
    return "unknown";
}
