#include "client/text.h"

#include "proto/limits.h"
#include "proto/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t text_width(const char *text)
{
    size_t width = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        width += (*p & 0xC0) != 0x80;
    return width;
}

void text_clean(struct buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        /* U+0080 … U+009F, two bytes in UTF-8, are controls too: U+009B starts an escape sequence. */
        if (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0) {
            buf_text(out, "?");
            p++;
        } else if (*p < 0x20 || *p == 0x7F)
            buf_text(out, "?");
        else
            buf_add(out, p, 1);
    }
}

void text_cut(struct buf *out, const char *text, size_t columns)
{
    struct buf all;
    buf_init(&all, 2 * strlen(text) + 1);
    text_clean(&all, text);
    const char *start = buf_str(&all), *end = start;
    if (text_width(start) <= columns)
        end += strlen(start);
    else
        for (size_t left = columns; *end && left > 1; left--)
            do
                end++;
            while ((*end & 0xC0) == 0x80);
    buf_add(out, start, (size_t)(end - start));
    buf_text(out, *end && columns ? "…" : "");
    buf_fini(&all);
}

bool text_whole(const char *text, int64_t least, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    errno = 0;
    long long number = digits && !text[digits] ? strtoll(text, NULL, 10) : -1;
    if (number < least || errno)
        return false;
    *out = number;
    return true;
}

void text_number(char out[TEXT_NUMBER_MAX], double x)
{
    double size = fabs(x);
    if (isnan(x))
        snprintf(out, TEXT_NUMBER_MAX, "-");
    else if (x == 0 || (size >= 0.01 && size < 10000))
        snprintf(out, TEXT_NUMBER_MAX, "%.3f", x);
    else
        snprintf(out, TEXT_NUMBER_MAX, "%.4g", x);
}

void text_score(struct buf *out, double mean, double stderr_of)
{
    char number[TEXT_NUMBER_MAX];
    text_number(number, mean);
    buf_text(out, number);
    if (isnan(mean) || isnan(stderr_of))
        return;
    if (stderr_of > 0 && stderr_of < 0.01)
        snprintf(number, sizeof number, "%.2g", stderr_of); /* more digits of an error say nothing */
    else
        text_number(number, stderr_of);
    buf_printf(out, " ± %s", number);
}

void text_duration(char out[TEXT_NUMBER_MAX], double seconds)
{
    if (!isfinite(seconds) || seconds < 0) {
        snprintf(out, TEXT_NUMBER_MAX, "-");
        return;
    }
    if (seconds < 0.9995) {
        snprintf(out, TEXT_NUMBER_MAX, "%.0f ms", seconds * 1e3);
        return;
    }
    double whole = round(seconds); /* first, so that 59.7 s is not "60 s" beside "1 min 00 s" */
    if (whole < 60)
        snprintf(out, TEXT_NUMBER_MAX, "%.0f s", whole);
    else if (whole < 3600)
        snprintf(out, TEXT_NUMBER_MAX, "%.0f min %02.0f s", floor(whole / 60), fmod(whole, 60));
    else if (whole < 86400)
        snprintf(out, TEXT_NUMBER_MAX, "%.0f h %02.0f min", floor(whole / 3600),
                 floor(fmod(whole, 3600) / 60));
    else
        snprintf(out, TEXT_NUMBER_MAX, "%.0f d %02.0f h", floor(whole / 86400),
                 floor(fmod(whole, 86400) / 3600));
}

void text_bytes(char out[TEXT_NUMBER_MAX], double bytes)
{
    units_bytes(out, bytes);
}

bool text_ratios(struct buf *out, const double *ratios, const double *effective, size_t n, size_t most)
{
    bool any = false, hidden = false;
    for (size_t i = 0; i < n; i++) {
        bool strays = effective && fabs(effective[i] - ratios[i]) > LIMIT_RATIO_ERROR; /* false for NaN */
        any |= strays;
        hidden |= strays && i >= most;
        if (i < most)
            buf_printf(out, "%s%.2f", i ? " " : "", ratios[i]);
        if (i < most && strays)
            buf_printf(out, "→%.2f*", effective[i]);
    }
    if (most < n)
        buf_printf(out, " … of %zu%s", n, hidden ? "*" : "");
    return any;
}

void text_ratios_note(struct buf *out)
{
    buf_printf(
        out,
        "* asked for→what came out, where they are more than %g apart: see \"output\" in docs/SEARCH.md\n",
        LIMIT_RATIO_ERROR);
}

void text_end_line(struct buf *out)
{
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = 0;
    buf_text(out, "\n");
}

void text_csv(struct buf *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        buf_text(out, text);
        return;
    }
    buf_text(out, "\"");
    for (const char *p = text; *p; p++)
        buf_text(out, (char[3]){*p, *p == '"' ? '"' : 0, 0});
    buf_text(out, "\"");
}
