#include "proto/json.h"

#include "proto/json_scan.h"
#include "proto/mem.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A struct json is a cJSON under another name, so that no other file meets the library. */
static const cJSON *raw(const struct json *j)
{
    return (const cJSON *)j;
}

static const struct json *cooked(const cJSON *item)
{
    return (const struct json *)item;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Refuses an object that has a key twice. cJSON keeps both and finds the first. */
static int check_keys(const cJSON *object, struct err *err)
{
    size_t n = 0, i = 0;
    for (const cJSON *c = object->child; c; c = c->next)
        n++;
    const char **keys = mem_zero(n, sizeof *keys);
    for (const cJSON *c = object->child; c; c = c->next)
        keys[i++] = c->string;
    qsort(keys, n, sizeof *keys, compare_keys);
    int rc = 0;
    for (i = 1; i < n && !rc; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            rc = err_set(err, ERR_INVALID, "the key \"%s\" stands twice in one object; remove one", keys[i]);
    mem_free(keys);
    return rc;
}

/* Recursion is bounded by JSON_DEPTH_MAX, which the scan has checked. */
static int check_tree(const cJSON *item, struct err *err)
{
    if (cJSON_IsObject(item)) {
        int rc = check_keys(item, err);
        if (rc)
            return rc;
    }
    if (cJSON_IsNumber(item) && !isfinite(item->valuedouble))
        return err_set(err, ERR_INVALID, "a number is too large for a double");
    for (const cJSON *c = item->child; c; c = c->next) {
        int rc = check_tree(c, err);
        if (rc)
            return rc;
    }
    return 0;
}

int json_parse(const char *text, size_t len, struct json **out, struct err *err)
{
    *out = NULL;
    int rc = json_scan(text, len, err);
    if (rc)
        return rc;
    cJSON *root = cJSON_ParseWithLength(text, len);
    if (!root)
        return err_set(err, ERR_INVALID, "not valid JSON");
    rc = check_tree(root, err);
    if (rc) {
        cJSON_Delete(root);
        return rc;
    }
    *out = (struct json *)root;
    return 0;
}

/* Opened without waiting, then read with waiting: a pipe in place of a file, which nobody writes to, is empty and holds
 * nobody up; one that somebody writes to is read to its end. */
static FILE *open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    FILE *file = flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0 ? fdopen(fd, "rb") : NULL;
    if (!file && fd >= 0)
        close(fd);
    return file;
}

/* Reads up to max bytes; one byte more is asked for, so that a longer file is noticed. */
static int read_file(const char *path, size_t max, char **text, size_t *len, struct err *err)
{
    FILE *file = open_file(path);
    if (!file)
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
    struct stat st;
    struct buf buf;
    char block[65536];
    int rc = 0;
    buf_init(&buf, max);
    for (size_t n; !rc && (n = fread(block, 1, sizeof block, file)) > 0;)
        if (buf_add(&buf, block, n))
            rc = err_set(err, ERR_TOO_LARGE, "%s: larger than the %zu bytes we read", path, max);
    if (!rc && ferror(file))
        rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (!rc && buf.len == 0 && fstat(fileno(file), &st) == 0 && S_ISFIFO(st.st_mode))
        rc = err_set(err, ERR_IO, "%s: is a pipe that nobody writes to; give a file", path);
    fclose(file);
    *len = buf.len;
    *text = rc ? NULL : buf_take(&buf);
    buf_fini(&buf);
    return rc;
}

int json_parse_file(const char *path, size_t max, struct json **out, struct err *err)
{
    char *text;
    size_t len;
    *out = NULL;
    int rc = read_file(path, max, &text, &len, err);
    if (rc)
        return rc;
    rc = json_parse(text, len, out, err);
    mem_free(text);
    return rc ? err_prefix(err, rc, "%s", path) : 0;
}

void json_free(struct json *root)
{
    cJSON_Delete((cJSON *)root);
}

enum json_type json_type(const struct json *j)
{
    const cJSON *item = raw(j);
    if (cJSON_IsBool(item))
        return JSON_BOOL;
    if (cJSON_IsNumber(item))
        return JSON_NUMBER;
    if (cJSON_IsString(item))
        return JSON_STRING;
    if (cJSON_IsArray(item))
        return JSON_ARRAY;
    return cJSON_IsObject(item) ? JSON_OBJECT : JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {"null",     "true or false", "a number",
                                        "a string", "an array",      "an object"};
    return names[type];
}

const struct json *json_get(const struct json *object, const char *key)
{
    return cooked(json_is(object, JSON_OBJECT) ? cJSON_GetObjectItemCaseSensitive(raw(object), key) : NULL);
}

const struct json *json_first(const struct json *j)
{
    bool inner = json_is(j, JSON_OBJECT) || json_is(j, JSON_ARRAY);
    return cooked(inner ? raw(j)->child : NULL);
}

const struct json *json_next(const struct json *j)
{
    return cooked(raw(j)->next);
}

const char *json_key(const struct json *j)
{
    return raw(j)->string;
}

size_t json_len(const struct json *j)
{
    size_t n = 0;
    for (const struct json *c = json_first(j); c; c = json_next(c))
        n++;
    return n;
}

bool json_is(const struct json *j, enum json_type type)
{
    return j && json_type(j) == type;
}

const char *json_string_or(const struct json *j, const char *otherwise)
{
    return json_is(j, JSON_STRING) ? raw(j)->valuestring : otherwise;
}

double json_number_or(const struct json *j, double otherwise)
{
    return json_is(j, JSON_NUMBER) ? raw(j)->valuedouble : otherwise;
}

bool json_bool_or(const struct json *j, bool otherwise)
{
    return json_is(j, JSON_BOOL) ? cJSON_IsTrue(raw(j)) : otherwise;
}

bool json_whole(const struct json *j, int64_t min, int64_t max, int64_t *out)
{
    double x = json_number_or(j, NAN);
    /* beyond 2^53 a double no longer tells neighbours apart */
    if (!(fabs(x) <= 0x1p53) || x != floor(x) || x < (double)min || x > (double)max)
        return false;
    *out = (int64_t)x;
    return true;
}
