#include "proto/json_scan.h"

#include "proto/json.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct scan {
    const unsigned char *s;
    size_t n, at;
    int depth;
    struct err *err;
};

/* Lines and columns from 1, as editors count; a column is a character. */
static int refuse(struct scan *scan, const char *what)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < scan->at && i < scan->n; i++) {
        bool ends = scan->s[i] == '\n';
        line += ends;
        column = ends ? 1 : column + ((scan->s[i] & 0xc0) != 0x80);
    }
    return err_set(scan->err, ERR_INVALID, "not valid JSON at line %zu, column %zu (byte %zu): %s", line,
                   column, scan->at, what);
}

static int peek(const struct scan *scan)
{
    return scan->at < scan->n ? scan->s[scan->at] : -1;
}

static void blanks(struct scan *scan)
{
    while (scan->at < scan->n && strchr(" \t\r\n", scan->s[scan->at]) && scan->s[scan->at])
        scan->at++;
}

size_t utf8_sequence(const unsigned char *s, size_t n)
{
    if (n == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) /* overlong */
        return 0;
    if (s[0] == 0xed && s[1] > 0x9f) /* surrogate */
        return 0;
    if (s[0] == 0xf0 && s[1] < 0x90) /* overlong */
        return 0;
    if (s[0] == 0xf4 && s[1] > 0x8f) /* beyond U+10FFFF */
        return 0;
    return len;
}

/* Four hex digits at `at`; -1 when they are not there. */
static int hex4(const struct scan *scan, size_t at)
{
    int value = 0;
    if (scan->n - at < 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        int c = tolower(scan->s[i]);
        if (!isxdigit(c))
            return -1;
        value = value * 16 + (isdigit(c) ? c - '0' : c - 'a' + 10);
    }
    return value;
}

static int scan_unicode_escape(struct scan *scan)
{
    int unit = hex4(scan, scan->at + 2);
    if (unit < 0)
        return refuse(scan, "\\u needs four hexadecimal digits");
    if (unit == 0)
        return refuse(scan, "\\u0000 is not allowed in a string");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return refuse(scan, "a lone surrogate");
    scan->at += 6;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        bool pair = scan->n - scan->at >= 6 && scan->s[scan->at] == '\\' && scan->s[scan->at + 1] == 'u';
        int low = pair ? hex4(scan, scan->at + 2) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return refuse(scan, "a lone surrogate");
        scan->at += 6;
    }
    return 0;
}

static int scan_string(struct scan *scan)
{
    scan->at++;
    for (;;) {
        int c = peek(scan);
        if (c < 0)
            return refuse(scan, "the string does not end");
        if (c == '"') {
            scan->at++;
            return 0;
        }
        if (c < 0x20)
            return refuse(scan, "a control character in a string; write it as an escape");
        if (c == '\\') {
            int kind = scan->at + 1 < scan->n ? scan->s[scan->at + 1] : 0;
            if (kind == 'u') {
                int rc = scan_unicode_escape(scan);
                if (rc)
                    return rc;
                continue;
            }
            if (!kind || !strchr("\"\\/bfnrt", kind))
                return refuse(scan, "an unknown escape");
            scan->at += 2;
            continue;
        }
        size_t len = utf8_sequence(scan->s + scan->at, scan->n - scan->at);
        if (!len)
            return refuse(scan, "bytes that are not UTF-8");
        scan->at += len;
    }
}

static size_t digits(struct scan *scan)
{
    size_t from = scan->at;
    while (isdigit(peek(scan)))
        scan->at++;
    return scan->at - from;
}

static int scan_number(struct scan *scan)
{
    if (peek(scan) == '-')
        scan->at++;
    bool zero = peek(scan) == '0';
    size_t n = digits(scan);
    if (n == 0 || (zero && n > 1))
        return refuse(scan, "not a JSON number");
    if (peek(scan) == '.') {
        scan->at++;
        if (digits(scan) == 0)
            return refuse(scan, "a number needs digits after its point");
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        if (digits(scan) == 0)
            return refuse(scan, "a number needs digits in its exponent");
    }
    return 0;
}

static int scan_value(struct scan *scan);

static int scan_member(struct scan *scan)
{
    if (peek(scan) != '"')
        return refuse(scan, "a key in double quotes is expected");
    int rc = scan_string(scan);
    if (rc)
        return rc;
    blanks(scan);
    if (peek(scan) != ':')
        return refuse(scan, "a colon is expected after a key");
    scan->at++;
    return scan_value(scan);
}

/* Object or array: `close` is its last character. */
static int scan_inner(struct scan *scan, int close)
{
    if (++scan->depth > JSON_DEPTH_MAX)
        return refuse(scan, "nested too deep");
    scan->at++;
    blanks(scan);
    if (peek(scan) == close) {
        scan->at++;
        scan->depth--;
        return 0;
    }
    for (;;) {
        blanks(scan);
        int rc = close == '}' ? scan_member(scan) : scan_value(scan);
        if (rc)
            return rc;
        blanks(scan);
        int c = peek(scan);
        scan->at++;
        if (c == close) {
            scan->depth--;
            return 0;
        }
        if (c != ',') {
            scan->at--;
            return refuse(scan, close == '}' ? "a comma or } is expected" : "a comma or ] is expected");
        }
    }
}

static int scan_word(struct scan *scan, const char *word)
{
    size_t len = strlen(word);
    if (scan->n - scan->at < len || memcmp(scan->s + scan->at, word, len) != 0)
        return refuse(scan, "a value is expected");
    scan->at += len;
    return 0;
}

static int scan_value(struct scan *scan)
{
    blanks(scan);
    switch (peek(scan)) {
    case -1:
        return refuse(scan, "the text ends where a value is expected");
    case '{':
        return scan_inner(scan, '}');
    case '[':
        return scan_inner(scan, ']');
    case '"':
        return scan_string(scan);
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    case 'n':
        return scan_word(scan, "null");
    default:
        return scan_number(scan);
    }
}

int json_scan(const char *text, size_t len, struct err *err)
{
    struct scan scan = {.s = (const unsigned char *)text, .n = len, .err = err};
    int rc = scan_value(&scan);
    if (rc)
        return rc;
    blanks(&scan);
    if (scan.at != len)
        return refuse(&scan, "something follows the value");
    return 0;
}
