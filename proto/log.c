#include "proto/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static enum log_level threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
    threshold = level;
}

void log_event(enum log_level level, const char *event, const char *details, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (level < threshold)
        return;
    char line[2048];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ %s %s", now.tv_nsec / 1000000, names[level],
                          event);
    if (details && *details && n < sizeof line - 2) {
        line[n++] = ' ';
        va_list args;
        va_start(args, details);
        vsnprintf(line + n, sizeof line - n, details, args);
        va_end(args);
    }
    /* a line break from outside must not be able to forge a line */
    for (unsigned char *c = (unsigned char *)line; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    fprintf(stderr, "%s\n", line); /* one call a line, so that lines of threads do not mix */
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

const char *log_quote(const char *text, char out[LOG_VALUE_MAX])
{
    size_t n = 0;
    const char *c = text ? text : "";
    out[n++] = '"';
    for (; *c && n + 4 <= LOG_VALUE_MAX; c++) { /* two of an escaped byte, the closing quote, 0 */
        if (*c == '"' || *c == '\\')
            out[n++] = '\\';
        out[n++] = *c;
    }
    if (continues(*c)) { /* never half a character of UTF-8 */
        while (continues(out[n - 1]))
            n--;
        n--;
    }
    out[n++] = '"';
    out[n] = 0;
    return out;
}
