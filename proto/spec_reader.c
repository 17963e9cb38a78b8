#include "proto/spec_reader.h"

#include "proto/spec_words.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 63

/* Levenshtein distance of words of at most WORD_MAX bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t la = strlen(a), lb = strlen(b);
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[lb];
}

const char *spec_nearest(const char *word, const char *const *words, size_t n)
{
    const char *nearest = NULL;
    size_t best = (strlen(word) + 2) / 3 + 1; /* further than a third of the word is another word */
    if (strlen(word) > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t d = strlen(words[i]) > WORD_MAX ? WORD_MAX : distance(word, words[i]);
        if (d < best) {
            best = d;
            nearest = words[i];
        }
    }
    return nearest;
}

void reader_error(const struct reader *r, const char *key, const char *format, ...)
{
    struct spec_errors *errors = r->errors;
    if (errors->n == SPEC_ERRORS_MAX) {
        errors->more++;
        return;
    }
    int i = errors->n++;
    const char *dot = *r->path && *key && *key != '[' ? "." : "";
    snprintf(errors->item[i].field, sizeof errors->item[i].field, "%s%s%.30s", r->path, dot, key);
    va_list args;
    va_start(args, format);
    vsnprintf(errors->item[i].text, sizeof errors->item[i].text, format, args);
    va_end(args);
    err_line(errors->item[i].field);
    err_line(errors->item[i].text);
}

static void name_inner(const struct reader *r, const char *key, struct reader *inner)
{
    inner->errors = r->errors;
    snprintf(inner->path, sizeof inner->path, "%.56s%s%.30s", r->path, *r->path ? "." : "", key);
}

void reader_inner(const struct reader *r, const char *key, struct reader *inner)
{
    const struct json *j = json_get(r->object, key);
    name_inner(r, key, inner);
    inner->object = json_is(j, JSON_OBJECT) ? j : NULL;
    if (j && !inner->object)
        reader_error(r, key, "must be an object, not %s", json_type_name(json_type(j)));
}

void reader_element(const struct reader *r, const char *key, size_t i, const struct json *element,
                    struct reader *inner)
{
    char name[64];
    snprintf(name, sizeof name, "%s[%zu]", key, i);
    name_inner(r, name, inner);
    inner->object = json_is(element, JSON_OBJECT) ? element : NULL;
    if (!inner->object)
        reader_error(r, name, "must be an object, not %s", json_type_name(json_type(element)));
}

/* "a, b or c" of the words whose bit is set; a long list is cut. */
static void list_types(unsigned set, const char *const *words, size_t n, char *out, size_t size)
{
    size_t used = 0;
    *out = 0;
    for (size_t i = 0; i < n && used < size; i++)
        if (set & (1u << i))
            used += (size_t)snprintf(out + used, size - used, "%s\"%s\"", used ? " or " : "", words[i]);
}

static const char *alias_of(const char *word, const struct spec_object *object, const char *const *known,
                            size_t n)
{
    for (size_t i = 0; i < sizeof spec_aliases / sizeof *spec_aliases; i++) {
        const struct spec_alias *alias = &spec_aliases[i];
        if (strcmp(alias->word, word) != 0)
            continue;
        if (strchr(alias->key, '.') && !*object->path)
            return alias->key; /* an inner key that stands one level too high */
        for (size_t k = 0; k < n; k++)
            if (strcmp(known[k], alias->key) == 0)
                return alias->key;
    }
    return NULL;
}

static void unknown_key(const struct reader *r, const struct spec_object *object, const char *key,
                        const char *const *known, size_t n)
{
    char list[240] = "";
    if (r->errors->n == SPEC_ERRORS_MAX) {
        r->errors->more++;
        return; /* nothing more is noted, so nothing need be looked for */
    }
    const char *near = alias_of(key, object, known, n);
    if (!near)
        near = spec_nearest(key, known, n);
    if (near) {
        reader_error(r, key, "is not a known key; did you mean \"%s\"?", near);
        return;
    }
    size_t used = 0;
    for (size_t i = 0; i < n && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", known[i]);
    reader_error(r, key, "is not a known key; known here: %s", list);
}

void reader_known(const struct reader *r, const struct spec_object *object, const char *const *types,
                  size_t types_n, size_t type)
{
    const char *known[SPEC_KEYS_MAX];
    size_t n = 0;
    for (const struct spec_key *k = object->keys; k < object->keys + SPEC_KEYS_MAX && k->key; k++)
        if (k->types & (1u << type))
            known[n++] = k->key;
    for (const struct json *c = json_first(r->object); c; c = json_next(c)) {
        const struct spec_key *k = object->keys;
        while (k < object->keys + SPEC_KEYS_MAX && k->key && strcmp(k->key, json_key(c)) != 0)
            k++;
        if (k == object->keys + SPEC_KEYS_MAX || !k->key) {
            unknown_key(r, object, json_key(c), known, n);
        } else if (!(k->types & (1u << type))) {
            char owners[100];
            list_types(k->types, types, types_n, owners, sizeof owners);
            reader_error(r, json_key(c), "belongs to type %s; this one is \"%s\"", owners, types[type]);
        }
    }
}

/* The member, noted as missing or of the wrong type when it is. */
static const struct json *member(const struct reader *r, const char *key, bool required, enum json_type type)
{
    const struct json *j = json_get(r->object, key);
    if (!j && required)
        reader_error(r, key, "is missing; it must be %s", json_type_name(type));
    if (j && json_type(j) != type) {
        reader_error(r, key, "must be %s, not %s", json_type_name(type), json_type_name(json_type(j)));
        return NULL;
    }
    return j;
}

bool reader_text(const struct reader *r, const char *key, bool required, char *out, size_t size)
{
    const struct json *j = member(r, key, required, JSON_STRING);
    if (!j)
        return false;
    const char *text = json_string_or(j, "");
    if (!*text || strlen(text) >= size) {
        reader_error(r, key, "must have 1 to %zu bytes", size - 1);
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

bool reader_number(const struct reader *r, const char *key, double min, double max, double *out)
{
    const struct json *j = member(r, key, false, JSON_NUMBER);
    if (!j)
        return false;
    double x = json_number_or(j, NAN);
    if (!(x >= min && x <= max)) {
        reader_error(r, key, "must be from %g to %g, not %g", min, max, x);
        return false;
    }
    *out = x;
    return true;
}

bool reader_whole(const struct reader *r, const char *key, int64_t min, int64_t max, int64_t *out)
{
    const struct json *j = member(r, key, false, JSON_NUMBER);
    if (!j)
        return false;
    if (!json_whole(j, min, max, out)) {
        reader_error(r, key, "must be a whole number from %lld to %lld, not %.17g", (long long)min,
                     (long long)max, json_number_or(j, NAN));
        return false;
    }
    return true;
}

bool reader_bool(const struct reader *r, const char *key, bool *out)
{
    const struct json *j = member(r, key, false, JSON_BOOL);
    if (j)
        *out = json_bool_or(j, false);
    return j != NULL;
}

bool reader_choice(const struct reader *r, const char *key, const char *const *words, size_t n, size_t *out)
{
    const struct json *j = member(r, key, false, JSON_STRING);
    if (!j)
        return false;
    const char *text = json_string_or(j, "");
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return true;
        }
    char list[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < n && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s\"%s\"", i ? ", " : "", words[i]);
    const char *near = spec_nearest(text, words, n);
    reader_error(r, key, "\"%.40s\" is not one of %s%s%s%s", text, list, near ? "; did you mean \"" : "",
                 near ? near : "", near ? "\"?" : "");
    return false;
}
