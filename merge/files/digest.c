#include "merge/files/digest.h"

#include "merge/files/once.h"
#include "proto/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK (1u << 20) /* bytes hashed at a time: fits the caches */
#define TICK_BYTES (16u << 20)
#define CONFIG_TEXT_MAX (4u << 20)

/* --- the cache --- */

static void destroy(void *value)
{
    digest_fini(value);
    mem_free(value);
}

static struct once cache = ONCE_INIT(destroy);

static void copy(const struct digest *from, struct digest *to)
{
    *to = *from;
    to->tensors = mem_copy(from->tensors, from->n * sizeof *from->tensors);
}

/* A copy for the cache. */
static struct digest *kept(const struct digest *digest)
{
    struct digest *value = mem_zero(1, sizeof *value);
    copy(digest, value);
    return value;
}

/* --- config.json --- */

static bool says_nothing(const char *key)
{
    return strcmp(key, "_name_or_path") == 0 || strcmp(key, "transformers_version") == 0 ||
           strcmp(key, "torch_dtype") == 0 || strcmp(key, "dtype") == 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(json_key(*(const struct json *const *)a), json_key(*(const struct json *const *)b));
}

static void write_sorted(const struct json *j, struct json_out *out);

static void write_members(const struct json *object, struct json_out *out)
{
    size_t n = 0;
    const struct json **members = mem_zero(json_len(object), sizeof *members);
    for (const struct json *m = json_first(object); m; m = json_next(m))
        if (!says_nothing(json_key(m)))
            members[n++] = m;
    qsort(members, n, sizeof *members, by_key);
    json_object(out);
    for (size_t i = 0; i < n; i++) {
        json_name(out, json_key(members[i]));
        write_sorted(members[i], out);
    }
    json_end_object(out);
    mem_free(members);
}

/* Numbers by their value: 10000 and 10000.0 are the same. The depth is bounded by JSON_DEPTH_MAX. */
static void write_sorted(const struct json *j, struct json_out *out)
{
    switch (json_type(j)) {
    case JSON_OBJECT:
        write_members(j, out);
        break;
    case JSON_ARRAY:
        json_array(out);
        for (const struct json *e = json_first(j); e; e = json_next(e))
            write_sorted(e, out);
        json_end_array(out);
        break;
    case JSON_STRING:
        json_text(out, json_string_or(j, ""));
        break;
    case JSON_NUMBER:
        json_double(out, json_number_or(j, 0));
        break;
    case JSON_BOOL:
        json_bool(out, json_bool_or(j, false));
        break;
    case JSON_NULL:
        json_null(out);
        break;
    }
}

static struct hash128 hash_config(const struct json *config)
{
    struct buf text;
    struct json_out out;
    buf_init(&text, CONFIG_TEXT_MAX);
    json_begin(&out, &text);
    write_sorted(config, &out);
    struct hash128 hash = hash_bytes(buf_str(&text), text.len);
    buf_fini(&text);
    return hash;
}

/* --- the whole --- */

static void add_line(struct hash_stream *stream, const struct st_tensor *tensor, struct hash128 hash)
{
    struct buf line;
    char hex[HASH_TEXT_MAX];
    hash_print(hash, hex);
    buf_init(&line, ST_HEADER_MAX + 1024u);
    buf_printf(&line, "%s %s [", tensor->name, st_dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++)
        buf_printf(&line, i ? ",%llu" : "%llu", (unsigned long long)tensor->shape[i]);
    buf_printf(&line, "] %s\n", hex);
    hash_add(stream, buf_str(&line), line.len);
    buf_fini(&line);
}

static void finish(const struct checkpoint *ckpt, struct digest *digest)
{
    char hex[HASH_TEXT_MAX], line[HASH_TEXT_MAX + 16];
    struct hash_stream *stream = hash_create();
    for (size_t i = 0; i < digest->n; i++)
        add_line(stream, checkpoint_at(ckpt, i), digest->tensors[i]);
    digest->config = hash_config(checkpoint_config(ckpt));
    hash_print(digest->config, hex);
    snprintf(line, sizeof line, "config %s\n", hex);
    hash_add(stream, line, strlen(line));
    digest->whole = hash_value(stream);
    hash_destroy(stream);
}

/* --- reading --- */

/* One pass over a checkpoint. */
struct reading {
    const struct checkpoint *ckpt;
    const struct digest_progress *progress;
    uint64_t done, total, told;
    struct hash_stream *stream;
    char *room; /* [CHUNK] */
};

static int advance(struct reading *reading, uint64_t bytes, struct err *err)
{
    const struct digest_progress *progress = reading->progress;
    reading->done += bytes;
    if (!progress || !progress->tick ||
        (reading->done - reading->told < TICK_BYTES && reading->done < reading->total))
        return 0;
    reading->told = reading->done;
    return progress->tick(progress->ctx, reading->done, reading->total)
               ? err_set(err, ERR_CANCELLED, "%s: reading was stopped", checkpoint_directory(reading->ckpt))
               : 0;
}

static int hash_tensor(struct reading *reading, const struct st_tensor *tensor, struct hash128 *out,
                       struct err *err)
{
    hash_reset(reading->stream);
    for (uint64_t at = 0; at < tensor->bytes; at += CHUNK) {
        uint64_t left = tensor->bytes - at;
        size_t n = left < CHUNK ? (size_t)left : CHUNK;
        const void *bytes = st_read(tensor, at, n, reading->room, err);
        if (!bytes)
            return err ? err->code : ERR_IO;
        hash_add(reading->stream, bytes, n);
        st_behind(tensor, at, n);
        int rc = advance(reading, n, err);
        if (rc)
            return rc;
    }
    *out = hash_value(reading->stream);
    return 0;
}

struct place {
    const struct st_tensor *tensor;
    size_t i;
};

/* As the tensors lie in their files. */
static int by_place(const void *a, const void *b)
{
    const struct st_tensor *x = ((const struct place *)a)->tensor, *y = ((const struct place *)b)->tensor;
    if (x->disk != y->disk)
        return (uintptr_t)x->disk < (uintptr_t)y->disk ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int hash_tensors(struct reading *reading, struct hash128 *out, struct err *err)
{
    size_t n = checkpoint_count(reading->ckpt);
    struct place *places = mem_zero(n, sizeof *places);
    for (size_t i = 0; i < n; i++) {
        places[i] = (struct place){checkpoint_at(reading->ckpt, i), i};
        reading->total += places[i].tensor->bytes;
    }
    qsort(places, n, sizeof *places, by_place);
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = hash_tensor(reading, places[i].tensor, &out[places[i].i], err);
    mem_free(places);
    return rc;
}

/* A file that changed meanwhile has been read half old, half new. */
static int check_still(const struct checkpoint *ckpt, struct err *err)
{
    struct checkpoint *now;
    struct err gone = {0};
    bool same = checkpoint_open(checkpoint_directory(ckpt), &now, &gone) == 0 &&
                hash_equal(checkpoint_identity(ckpt), checkpoint_identity(now));
    checkpoint_close(now);
    return same ? 0
                : err_set(err, ERR_IO,
                          "%s: files were changed while they were read; wait until they are complete",
                          checkpoint_directory(ckpt));
}

static int make(const struct checkpoint *ckpt, const struct digest_progress *progress, struct digest *out,
                struct err *err)
{
    struct reading reading = {.ckpt = ckpt, .progress = progress};
    reading.stream = hash_create();
    reading.room = mem_zero(CHUNK, 1);
    *out = (struct digest){.n = checkpoint_count(ckpt)};
    out->tensors = mem_zero(out->n, sizeof *out->tensors);
    int rc = hash_tensors(&reading, out->tensors, err);
    if (!rc)
        rc = check_still(ckpt, err);
    if (rc)
        digest_fini(out);
    else
        finish(ckpt, out);
    hash_destroy(reading.stream);
    mem_free(reading.room);
    return rc;
}

int digest_make(const struct checkpoint *ckpt, const struct digest_progress *progress, struct digest *out,
                struct err *err)
{
    struct hash128 files = checkpoint_identity(ckpt);
    struct digest *value = once_hold(&cache, files);
    int rc = 0;
    *out = (struct digest){0};
    if (value)
        copy(value, out);
    else {
        rc = make(ckpt, progress, out, err);
        value = rc ? NULL : kept(out);
        once_settle(&cache, files, value);
    }
    once_release(&cache, value);
    return rc;
}

int digest_keep(const struct checkpoint *ckpt, const struct hash128 *tensors, struct err *err)
{
    struct hash128 files = checkpoint_identity(ckpt);
    int rc = check_still(ckpt, err);
    if (rc)
        return rc;
    struct digest *value = once_hold(&cache, files);
    if (!value) {
        value = mem_zero(1, sizeof *value);
        value->n = checkpoint_count(ckpt);
        value->tensors = mem_copy(tensors, value->n * sizeof *tensors);
        finish(ckpt, value);
        once_settle(&cache, files, value);
    }
    once_release(&cache, value);
    return 0;
}

void digest_fini(struct digest *digest)
{
    if (!digest)
        return;
    mem_free(digest->tensors);
    *digest = (struct digest){0};
}

/* --- JSON --- */

static void put_hash(struct json_out *out, const char *key, struct hash128 hash)
{
    char hex[HASH_TEXT_MAX];
    hash_print(hash, hex);
    json_put_text(out, key, hex);
}

void digest_write(const struct checkpoint *ckpt, const struct digest *digest, struct json_out *out)
{
    json_object(out);
    put_hash(out, "digest", digest->whole);
    put_hash(out, "config", digest->config);
    json_name(out, "tensors");
    json_array(out);
    for (size_t i = 0; i < digest->n; i++) {
        json_object(out);
        json_put_text(out, "name", checkpoint_at(ckpt, i)->name);
        put_hash(out, "hash", digest->tensors[i]);
        json_end_object(out);
    }
    json_end_array(out);
    json_end_object(out);
}

static bool same_hash(const struct json *text, struct hash128 ours)
{
    struct hash128 theirs;
    return hash_read(json_string_or(text, ""), &theirs) && hash_equal(ours, theirs);
}

/* Walks both sorted lists side by side; 0 when they hold the same. */
static int compare_tensors(const char *what, const struct checkpoint *ckpt, const struct digest *ours,
                           const struct json *theirs, struct err *err)
{
    const char *directory = checkpoint_directory(ckpt);
    const struct json *line = json_first(theirs);
    for (size_t i = 0; i < ours->n || line; i++, line = json_next(line)) {
        const struct st_tensor *tensor = i < ours->n ? checkpoint_at(ckpt, i) : NULL;
        const char *name = line ? json_string_or(json_get(line, "name"), "") : NULL;
        int order = !tensor ? 1 : !name ? -1 : strcmp(tensor->name, name);
        if (order > 0)
            return err_set(err, ERR_CONFLICT, "%s: %s lacks tensor \"%.150s\" that the search was made with",
                           what, directory, name);
        if (order < 0)
            return err_set(err, ERR_CONFLICT,
                           "%s: %s holds tensor \"%.150s\" that the search was made without", what, directory,
                           tensor->name);
        if (!same_hash(json_get(line, "hash"), ours->tensors[i]))
            return err_set(err, ERR_CONFLICT,
                           "%s: tensor \"%.150s\" in %s differs from the one the search was made with", what,
                           tensor->name, directory);
    }
    return 0;
}

int digest_compare(const char *what, const struct checkpoint *ckpt, const struct digest *ours,
                   const struct json *theirs, struct err *err)
{
    const char *directory = checkpoint_directory(ckpt);
    char hex[HASH_TEXT_MAX];
    if (same_hash(json_get(theirs, "digest"), ours->whole))
        return 0;
    if (json_is(json_get(theirs, "tensors"), JSON_ARRAY)) {
        int rc = compare_tensors(what, ckpt, ours, json_get(theirs, "tensors"), err);
        if (rc)
            return rc;
        if (!same_hash(json_get(theirs, "config"), ours->config))
            return err_set(err, ERR_CONFLICT,
                           "%s: %s/config.json differs from the one the search was made with", what,
                           directory);
    }
    hash_print(ours->whole, hex);
    return err_set(err, ERR_CONFLICT,
                   "%s: %s is another checkpoint than the search was made with (digest %s, not %.32s)", what,
                   directory, hex, json_string_or(json_get(theirs, "digest"), "known"));
}
