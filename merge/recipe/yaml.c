#include "merge/recipe/yaml.h"

#include "proto/json_scan.h"
#include "proto/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define KEYS_MAX 256 /* of one mapping: keys are compared one by one */

struct yml {
    enum yml_type type;
    int line;
    bool plain; /* a scalar without quotes */
    char *key;  /* NULL: an element, or the root */
    char *text;
    size_t len;
    struct yml *first, *last, *next;
};

struct reader {
    yaml_parser_t parser;
    size_t nodes_n;
    struct err *err;
};

static int read_value(struct reader *reader, const yaml_event_t *event, int depth, struct yml **out);

void yml_free(struct yml *root)
{
    if (!root)
        return;
    for (struct yml *child = root->first, *next; child; child = next) {
        next = child->next;
        yml_free(child);
    }
    mem_free(root->key);
    mem_free(root->text);
    mem_free(root);
}

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

/* --- the reader --- */

static int next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    const char *problem = reader->parser.problem ? reader->parser.problem : "cannot be read";
    return err_set(reader->err, ERR_INVALID, "line %zu: this is not YAML: %s",
                   reader->parser.problem_mark.line + 1, problem);
}

static int refuse_anchor(struct reader *reader, const yaml_event_t *event)
{
    return err_set(
        reader->err, ERR_UNSUPPORTED,
        "line %d: anchors and aliases (&name, *name) are not read; write the value out at both places",
        line_of(event));
}

static int refuse_tag(struct reader *reader, const yaml_event_t *event)
{
    return err_set(reader->err, ERR_UNSUPPORTED, "line %d: tags (!name) are not read; delete the tag",
                   line_of(event));
}

static int new_node(struct reader *reader, const yaml_event_t *event, enum yml_type type, struct yml **out)
{
    if (reader->nodes_n++ == YML_NODES_MAX)
        return err_set(reader->err, ERR_TOO_LARGE, "line %d: the document has more than %d values",
                       line_of(event), YML_NODES_MAX);
    *out = mem_zero(1, sizeof **out);
    (*out)->type = type;
    (*out)->line = line_of(event);
    return 0;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, struct yml **out)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    if (event->data.scalar.anchor)
        return refuse_anchor(reader, event);
    if (event->data.scalar.tag)
        return refuse_tag(reader, event);
    if (memchr(text, 0, n))
        return err_set(reader->err, ERR_INVALID, "line %d: a text holds the character 0", line_of(event));
    int rc = new_node(reader, event, YML_TEXT, out);
    if (rc)
        return rc;
    (*out)->text = mem_strndup(text, n);
    (*out)->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return 0;
}

static void append(struct yml *parent, struct yml *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->len++;
}

static int read_list(struct reader *reader, const yaml_event_t *event, int depth, struct yml **out)
{
    if (event->data.sequence_start.anchor)
        return refuse_anchor(reader, event);
    if (event->data.sequence_start.tag)
        return refuse_tag(reader, event);
    int rc = new_node(reader, event, YML_LIST, out);
    for (bool ended = false; !rc && !ended;) {
        yaml_event_t inner;
        struct yml *child = NULL;
        rc = next_event(reader, &inner);
        if (rc)
            break;
        ended = inner.type == YAML_SEQUENCE_END_EVENT;
        if (!ended)
            rc = read_value(reader, &inner, depth, &child);
        yaml_event_delete(&inner);
        if (child)
            append(*out, child);
    }
    return rc;
}

/* The key of the next member; NULL in *key at the end of the mapping. */
static int read_key(struct reader *reader, const struct yml *map, char **key)
{
    yaml_event_t event;
    struct yml *node = NULL;
    *key = NULL;
    int rc = next_event(reader, &event);
    if (rc)
        return rc;
    if (event.type == YAML_MAPPING_END_EVENT)
        ;
    else if (event.type == YAML_ALIAS_EVENT)
        rc = refuse_anchor(reader, &event);
    else if (event.type != YAML_SCALAR_EVENT)
        rc = err_set(reader->err, ERR_UNSUPPORTED, "line %d: a key must be plain text", line_of(&event));
    else if (!(rc = read_scalar(reader, &event, &node)))
        *key = mem_strdup(node->text);
    if (*key && map->len == KEYS_MAX)
        rc = err_set(reader->err, ERR_TOO_LARGE, "line %d: a mapping has more than %d keys", line_of(&event),
                     KEYS_MAX);
    else if (*key && strcmp(*key, "<<") == 0)
        rc = err_set(reader->err, ERR_UNSUPPORTED,
                     "line %d: merge keys (<<) are not read; write the keys out", line_of(&event));
    else if (*key && yml_get(map, *key))
        rc = err_set(reader->err, ERR_INVALID, "line %d: the key \"%.100s\" is there twice; delete one",
                     line_of(&event), *key);
    yml_free(node);
    yaml_event_delete(&event);
    return rc;
}

static int read_map(struct reader *reader, const yaml_event_t *event, int depth, struct yml **out)
{
    if (event->data.mapping_start.anchor)
        return refuse_anchor(reader, event);
    if (event->data.mapping_start.tag)
        return refuse_tag(reader, event);
    int rc = new_node(reader, event, YML_MAP, out);
    while (!rc) {
        yaml_event_t inner;
        struct yml *child = NULL;
        char *key;
        rc = read_key(reader, *out, &key);
        if (!rc && !key)
            return 0;
        if (!rc && !(rc = next_event(reader, &inner))) {
            rc = read_value(reader, &inner, depth, &child);
            yaml_event_delete(&inner);
        }
        if (!child) {
            mem_free(key);
            continue;
        }
        child->key = key;
        append(*out, child);
    }
    return rc;
}

/* The value that begins with `event`. What was read before a failure is in *out all the same. */
static int read_value(struct reader *reader, const yaml_event_t *event, int depth, struct yml **out)
{
    if (depth == YML_DEPTH_MAX)
        return err_set(reader->err, ERR_TOO_LARGE, "line %d: nested deeper than %d", line_of(event),
                       YML_DEPTH_MAX);
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event, out);
    case YAML_SEQUENCE_START_EVENT:
        return read_list(reader, event, depth + 1, out);
    case YAML_MAPPING_START_EVENT:
        return read_map(reader, event, depth + 1, out);
    default:
        return refuse_anchor(reader, event);
    }
}

/* Reads on until one event that is no start of stream or document. */
static int first_event(struct reader *reader, yaml_event_t *event)
{
    for (;;) {
        int rc = next_event(reader, event);
        if (rc || (event->type != YAML_STREAM_START_EVENT && event->type != YAML_DOCUMENT_START_EVENT))
            return rc;
        yaml_event_delete(event);
    }
}

static int read_document(struct reader *reader, struct yml **out)
{
    yaml_event_t event;
    int rc = first_event(reader, &event);
    if (rc)
        return rc;
    if (event.type == YAML_STREAM_END_EVENT)
        rc = err_set(reader->err, ERR_INVALID, "there is nothing in it");
    else
        rc = read_value(reader, &event, 0, out);
    yaml_event_delete(&event);
    for (bool ended = false; !rc && !ended;) { /* end of document, end of stream */
        rc = next_event(reader, &event);
        if (rc)
            break;
        ended = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT)
            rc = err_set(reader->err, ERR_UNSUPPORTED,
                         "line %d: a second document begins; put each into a file of its own",
                         line_of(&event));
        yaml_event_delete(&event);
    }
    return rc;
}

int yml_parse(const char *text, size_t len, struct yml **out, struct err *err)
{
    struct reader reader = {.err = err};
    struct yml *root = NULL;
    *out = NULL;
    if (len > YML_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "the document has %zu bytes, the limit is %u", len, YML_BYTES_MAX);
    if (!yaml_parser_initialize(&reader.parser))
        abort();                                            /* out of memory */
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        text += 3;
        len -= 3;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    int rc = read_document(&reader, &root);
    yaml_parser_delete(&reader.parser);
    if (rc)
        yml_free(root);
    else
        *out = root;
    return rc;
}

/* --- looks --- */

enum yml_type yml_type(const struct yml *y)
{
    return y->type;
}

const char *yml_type_name(const struct yml *y)
{
    if (yml_is_null(y))
        return "nothing";
    return y->type == YML_LIST ? "a list" : y->type == YML_MAP ? "a mapping" : "text";
}

int yml_line(const struct yml *y)
{
    return y->line;
}

const struct yml *yml_get(const struct yml *map, const char *key)
{
    for (const struct yml *y = map && map->type == YML_MAP ? map->first : NULL; y; y = y->next)
        if (strcmp(y->key, key) == 0)
            return y;
    return NULL;
}

const struct yml *yml_first(const struct yml *y)
{
    return y ? y->first : NULL;
}

const struct yml *yml_next(const struct yml *y)
{
    return y->next;
}

const char *yml_key(const struct yml *y)
{
    return y->key;
}

size_t yml_len(const struct yml *y)
{
    return y ? y->len : 0;
}

const char *yml_text(const struct yml *y)
{
    return y && y->type == YML_TEXT ? y->text : NULL;
}

static bool is_one_of(const struct yml *y, const char *const *words)
{
    if (!y || y->type != YML_TEXT || !y->plain)
        return false;
    for (; *words; words++)
        if (strcmp(y->text, *words) == 0)
            return true;
    return false;
}

bool yml_is_null(const struct yml *y)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return !y || is_one_of(y, words);
}

bool yml_bool(const struct yml *y, bool *out)
{
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL};
    *out = is_one_of(y, yes);
    return *out || is_one_of(y, no);
}

static size_t digits(const char *s)
{
    return strspn(s, "0123456789");
}

/* Decimal, and not one of the numbers that YAML 1.1 reads in another base: 010, 0x10, 1:30, 1_000. */
static bool is_decimal(const char *s)
{
    s += *s == '-' || *s == '+';
    size_t whole = digits(s), part = 0;
    bool octal = whole > 1 && *s == '0';
    s += whole;
    if (*s == '.') {
        octal = false;
        part = digits(s + 1);
        s += 1 + part;
    }
    if (whole + part == 0 || octal)
        return false;
    if (*s == 'e' || *s == 'E') {
        s += 1 + (s[1] == '-' || s[1] == '+');
        if (!digits(s))
            return false;
        s += digits(s);
    }
    return !*s;
}

bool yml_number(const struct yml *y, double *out)
{
    if (!y || y->type != YML_TEXT || !y->plain || !is_decimal(y->text))
        return false;
    *out = strtod(y->text, NULL);
    return isfinite(*out);
}

bool yml_whole(const struct yml *y, long max, long *out)
{
    double x;
    if (!yml_number(y, &x) || !(x >= 0 && x <= (double)max) || x != floor(x) || y->text[digits(y->text)])
        return false;
    *out = (long)x;
    return true;
}

/* --- quoting --- */

/* C1 controls, line and paragraph separators, the byte order mark: readers refuse or fold them as they stand. */
static unsigned unprintable(const unsigned char *s, size_t n)
{
    unsigned code = n == 2 ? (unsigned)((s[0] & 0x1f) << 6 | (s[1] & 0x3f))
                           : (unsigned)((s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f));
    bool bad = code < 0xa0 || code == 0x2028 || code == 0x2029 || code == 0xfeff || code >= 0xfffe;
    return bad ? code : 0;
}

void yml_quote(struct buf *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t left = strlen(text);
    buf_text(out, "\"");
    while (left) {
        size_t n = utf8_sequence(s, left);
        unsigned code = n == 2 || n == 3 ? unprintable(s, n) : 0;
        if (n == 0)
            buf_text(out, "\xef\xbf\xbd");
        else if (*s == '"' || *s == '\\')
            buf_printf(out, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f)
            buf_printf(out, "\\x%02x", *s);
        else if (code)
            buf_printf(out, "\\u%04x", code);
        else
            buf_add(out, s, n);
        s += n ? n : 1;
        left -= n ? n : 1;
    }
    buf_text(out, "\"");
}
