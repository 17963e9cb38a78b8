/* The header scanner. A general JSON parser would not do: offsets are 64-bit whole numbers that doubles lose,
 * a name twice must be seen, and a header may have 100 MB, of which a tree would make gigabytes. */
#include "merge/files/safetensors_internal.h"
#include "proto/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NESTING_MAX 64 /* of values we do not know and skip */

struct scan {
    const char *path;
    const char *text;
    size_t len;
    size_t at;   /* next byte to read, 0 … len */
    char *names; /* decoded strings, each with its 0 */
    size_t used;
    const char *tensor; /* whose record is being read, NULL outside */
    struct err *err;
};

static int fail(struct scan *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct scan *s, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const char *path = st_show_path(s->path);
    if (s->tensor)
        return err_set(s->err, ERR_CORRUPT, "%s: tensor \"%s\": %s (header byte %zu)", path,
                       st_show(s->tensor).text, what, s->at);
    return err_set(s->err, ERR_CORRUPT, "%s: the header is not valid: %s (header byte %zu)", path, what,
                   s->at);
}

static void blanks(struct scan *s)
{
    while (s->at < s->len) {
        char c = s->text[s->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return;
        s->at++;
    }
}

/* The next byte after blanks, -1 at the end. */
static int peek(struct scan *s)
{
    blanks(s);
    return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static bool take(struct scan *s, char c)
{
    if (peek(s) != (unsigned char)c)
        return false;
    s->at++;
    return true;
}

static int expect(struct scan *s, char c, const char *where)
{
    return take(s, c) ? 0 : fail(s, "expected '%c' %s", c, where);
}

/* --- strings --- */

static int hex4(struct scan *s, unsigned *out)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = s->at < s->len ? s->text[s->at] : 0;
        if (c >= '0' && c <= '9')
            value = value * 16 + (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            value = value * 16 + (unsigned)((c | 32) - 'a' + 10);
        else
            return fail(s, "\\u needs four hexadecimal digits");
        s->at++;
    }
    *out = value;
    return 0;
}

static void put_utf8(struct scan *s, unsigned point)
{
    char *out = s->names + s->used;
    if (point < 0x80) {
        out[0] = (char)point;
        s->used += 1;
    } else if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        s->used += 2;
    } else if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        s->used += 3;
    } else {
        out[0] = (char)(0xF0 | point >> 18);
        out[1] = (char)(0x80 | (point >> 12 & 0x3F));
        out[2] = (char)(0x80 | (point >> 6 & 0x3F));
        out[3] = (char)(0x80 | (point & 0x3F));
        s->used += 4;
    }
}

/* After "\u": four digits, or a surrogate pair. */
static int unicode_escape(struct scan *s)
{
    unsigned point = 0, low = 0;
    int rc = hex4(s, &point);
    if (rc)
        return rc;
    if (point == 0)
        return fail(s, "the escape \\u0000 is refused, because a name cannot hold a zero byte");
    if (point >= 0xDC00 && point <= 0xDFFF)
        return fail(s, "a low surrogate without its high one");
    if (point >= 0xD800 && point <= 0xDBFF) {
        if (s->len - s->at < 2 || s->text[s->at] != '\\' || s->text[s->at + 1] != 'u')
            return fail(s, "a high surrogate without its low one");
        s->at += 2;
        rc = hex4(s, &low);
        if (rc)
            return rc;
        if (low < 0xDC00 || low > 0xDFFF)
            return fail(s, "a high surrogate without its low one");
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    put_utf8(s, point);
    return 0;
}

static int escape(struct scan *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = s->at < s->len ? s->text[s->at++] : 0;
    if (c == 'u')
        return unicode_escape(s);
    const char *which = c ? strchr(from, c) : NULL;
    if (!which)
        return fail(s, "an escape that JSON does not know");
    s->names[s->used++] = to[which - from];
    return 0;
}

/* Reads a string and decodes it behind the names so far. The caller keeps it, or forgets it by setting
 * s->used back. There is always room: a decoded string with its 0 is shorter than the quoted one. */
static int string(struct scan *s, const char *what, const char **out)
{
    if (!take(s, '"'))
        return fail(s, "expected %s as a string", what);
    char *start = s->names + s->used;
    for (;;) {
        if (s->at == s->len)
            return fail(s, "a string without its end");
        unsigned char c = (unsigned char)s->text[s->at++];
        if (c == '"')
            break;
        if (c < 0x20)
            return fail(s, "a control character in a string");
        if (c == '\\') {
            int rc = escape(s);
            if (rc)
                return rc;
        } else {
            s->names[s->used++] = (char)c;
        }
    }
    s->names[s->used++] = 0;
    assert(s->used <= s->at);
    *out = start;
    return 0;
}

static int skip_string(struct scan *s, const char *what)
{
    size_t used = s->used;
    const char *unused;
    int rc = string(s, what, &unused);
    s->used = used;
    return rc;
}

/* --- values of no interest --- */

static bool digits(struct scan *s)
{
    size_t start = s->at;
    while (s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9')
        s->at++;
    return s->at > start;
}

static bool at_byte(const struct scan *s, char a, char b)
{
    return s->at < s->len && (s->text[s->at] == a || s->text[s->at] == b);
}

static int skip_number(struct scan *s)
{
    if (at_byte(s, '-', '-'))
        s->at++;
    bool zero = at_byte(s, '0', '0');
    size_t start = s->at;
    bool ok = digits(s) && !(zero && s->at - start > 1);
    if (ok && at_byte(s, '.', '.')) {
        s->at++;
        ok = digits(s);
    }
    if (ok && at_byte(s, 'e', 'E')) {
        s->at++;
        if (at_byte(s, '+', '-'))
            s->at++;
        ok = digits(s);
    }
    return ok ? 0 : fail(s, "not a JSON value");
}

static int skip_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);
    if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return fail(s, "not a JSON value");
    s->at += n;
    return 0;
}

static int skip_value(struct scan *s, int depth);

static int skip_members(struct scan *s, bool object, int depth)
{
    char end = object ? '}' : ']';
    if (depth > NESTING_MAX)
        return fail(s, "nested more than %d deep", NESTING_MAX);
    if (take(s, end))
        return 0;
    do {
        int rc = object ? skip_string(s, "a key") : 0;
        if (!rc && object)
            rc = expect(s, ':', "after a key");
        if (!rc)
            rc = skip_value(s, depth);
        if (rc)
            return rc;
    } while (take(s, ','));
    return expect(s, end, "at the end of a value");
}

static int skip_value(struct scan *s, int depth)
{
    switch (peek(s)) {
    case '"':
        return skip_string(s, "a value");
    case '{':
    case '[': {
        bool object = s->text[s->at++] == '{';
        return skip_members(s, object, depth + 1);
    }
    case 't':
        return skip_word(s, "true");
    case 'f':
        return skip_word(s, "false");
    case 'n':
        return skip_word(s, "null");
    default:
        return skip_number(s);
    }
}

/* --- records --- */

static int whole(struct scan *s, const char *what, uint64_t *out)
{
    uint64_t value = 0;
    blanks(s);
    size_t start = s->at;
    while (s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9') {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s->text[s->at] - '0'), &value))
            return fail(s, "%s does not fit in 64 bits", what);
        s->at++;
    }
    if (s->at == start || at_byte(s, '.', '.') || at_byte(s, 'e', 'E'))
        return fail(s, "%s must be plain whole numbers, 0 or more", what);
    if (s->text[start] == '0' && s->at - start > 1)
        return fail(s, "%s has a leading zero", what);
    *out = value;
    return 0;
}

static int read_dtype(struct scan *s, struct st_tensor *tensor)
{
    size_t used = s->used;
    const char *name;
    int rc = string(s, "dtype", &name);
    s->used = used;
    if (rc)
        return rc;
    for (int i = 0; i < ST_DTYPES_N; i++)
        if (strcmp(name, st_dtype_name((enum st_dtype)i)) == 0) {
            tensor->dtype = (enum st_dtype)i;
            return 0;
        }
    return fail(s, "\"%s\" is not a dtype of the format", st_show(name).text);
}

static int read_shape(struct scan *s, struct st_tensor *tensor)
{
    int rc = expect(s, '[', "before the numbers of shape");
    if (rc || take(s, ']'))
        return rc;
    do {
        if (tensor->rank == ST_RANK_MAX)
            return err_set(s->err, ERR_UNSUPPORTED, "%s: tensor \"%s\" has more than %d dimensions",
                           st_show_path(s->path), st_show(s->tensor).text, ST_RANK_MAX);
        rc = whole(s, "the numbers of shape", &tensor->shape[tensor->rank++]);
        if (rc)
            return rc;
    } while (take(s, ','));
    return expect(s, ']', "after the numbers of shape");
}

static int read_offsets(struct scan *s, struct st_record *record)
{
    int rc = expect(s, '[', "before data_offsets");
    if (!rc)
        rc = whole(s, "data_offsets", &record->begin);
    if (!rc)
        rc = expect(s, ',', "between the two data_offsets");
    if (!rc)
        rc = whole(s, "data_offsets", &record->end);
    if (!rc)
        rc = expect(s, ']', "after the two data_offsets");
    return rc;
}

static int check_size(struct scan *s, struct st_record *record)
{
    struct st_tensor *tensor = &record->tensor;
    if (st_size(tensor->dtype, tensor->rank, tensor->shape, &tensor->elements, &tensor->bytes))
        return fail(s, "the shape makes more bytes than 64 bits can count, or does not fill its last byte");
    if (record->end < record->begin)
        return fail(s, "data_offsets end before they begin");
    if (record->end - record->begin != tensor->bytes)
        return fail(s, "data_offsets hold %llu bytes, but dtype and shape make %llu",
                    (unsigned long long)(record->end - record->begin), (unsigned long long)tensor->bytes);
    return 0;
}

enum { FIELD_DTYPE, FIELD_SHAPE, FIELD_OFFSETS, FIELDS_N };
static const char *const fields[FIELDS_N] = {"dtype", "shape", "data_offsets"};

/* One `"key": value` of a record; seen[FIELDS_N] tells which fields have come. */
static int read_field(struct scan *s, struct st_record *record, bool *seen)
{
    size_t used = s->used;
    const char *key;
    int rc = string(s, "a field name", &key);
    s->used = used;
    if (rc)
        return rc;
    int field = 0;
    while (field < FIELDS_N && strcmp(key, fields[field]) != 0)
        field++;
    rc = expect(s, ':', "after a field name");
    if (rc)
        return rc;
    if (field == FIELDS_N)
        return skip_value(s, 2); /* unknown fields are the format's room to grow */
    if (seen[field])
        return fail(s, "%s stands twice", fields[field]);
    seen[field] = true;
    if (field == FIELD_DTYPE)
        return read_dtype(s, &record->tensor);
    return field == FIELD_SHAPE ? read_shape(s, &record->tensor) : read_offsets(s, record);
}

static int read_record(struct scan *s, struct st_record *record)
{
    bool seen[FIELDS_N] = {false};
    if (peek(s) == '[')
        return fail(s, "the array form of a record is not read here; write it as {\"dtype\":…}");
    int rc = expect(s, '{', "before the record");
    if (rc)
        return rc;
    if (!take(s, '}')) {
        do {
            rc = read_field(s, record, seen);
            if (rc)
                return rc;
        } while (take(s, ','));
        rc = expect(s, '}', "at the end of the record");
        if (rc)
            return rc;
    }
    for (int i = 0; i < FIELDS_N; i++)
        if (!seen[i])
            return fail(s, "%s is missing", fields[i]);
    return check_size(s, record);
}

/* Strings by name, or null. Nothing of ours depends on them, so they are checked and forgotten. */
static int read_metadata(struct scan *s)
{
    if (peek(s) == 'n')
        return skip_word(s, "null");
    int rc = expect(s, '{', "at the start of __metadata__");
    if (rc || take(s, '}'))
        return rc;
    do {
        rc = skip_string(s, "a key of __metadata__");
        if (!rc)
            rc = expect(s, ':', "after a key of __metadata__");
        if (!rc)
            rc = skip_string(s, "every value of __metadata__");
        if (rc)
            return rc;
    } while (take(s, ','));
    return expect(s, '}', "at the end of __metadata__");
}

static struct st_record *add(struct st_header *header)
{
    if (header->n == header->cap) {
        header->cap = header->cap ? header->cap * 2 : 64;
        header->records = mem_grow(header->records, header->cap, sizeof *header->records);
    }
    struct st_record *record = &header->records[header->n++];
    *record = (struct st_record){0};
    return record;
}

/* One member of the header: a tensor or the metadata. */
static int read_member(struct scan *s, struct st_header *header, bool *metadata)
{
    size_t used = s->used;
    const char *name;
    int rc = string(s, "a tensor name", &name);
    if (!rc)
        rc = expect(s, ':', "after a tensor name");
    if (rc)
        return rc;
    if (strcmp(name, "__metadata__") == 0) {
        s->used = used;
        if (*metadata)
            return fail(s, "__metadata__ stands twice");
        *metadata = true;
        return read_metadata(s);
    }
    struct st_record *record = add(header);
    record->tensor.name = name;
    s->tensor = name;
    rc = read_record(s, record);
    s->tensor = NULL;
    return rc;
}

int st_scan(const char *path, const char *text, size_t len, struct st_header *header, struct err *err)
{
    *header = (struct st_header){.names = mem_zero(len + 1, 1)};
    struct scan s = {.path = path, .text = text, .len = len, .names = header->names, .err = err};
    if (!st_utf8(text, len, &s.at))
        return fail(&s, "bytes that are not UTF-8");
    s.at = 0;
    int rc = expect(&s, '{', "at the start of the header");
    if (rc)
        return rc;
    bool metadata = false;
    if (!take(&s, '}')) {
        do {
            rc = read_member(&s, header, &metadata);
            if (rc)
                return rc;
        } while (take(&s, ','));
        rc = expect(&s, '}', "at the end of the header");
        if (rc)
            return rc;
    }
    return peek(&s) < 0 ? 0 : fail(&s, "bytes other than blanks after the closing '}'");
}

void st_header_fini(struct st_header *header)
{
    mem_free(header->records);
    mem_free(header->names);
    *header = (struct st_header){0};
}
