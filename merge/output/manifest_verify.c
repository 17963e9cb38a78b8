/* Whether a directory is still what its manifest says. */
#include "merge/output/manifest.h"

#include "merge/files/checkpoint.h"
#include "merge/output/companions.h"
#include "merge/output/outdir.h"
#include "proto/json.h"
#include "proto/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_MAX (32u << 20)
#define BLOCK (1u << 20)

/* A run of manifest_verify. */
struct verify {
    const char *directory;
    const struct verify_calls *calls;
    struct verify_result *result;
    struct json *json;           /* names borrow from it */
    struct manifest_file *files; /* [n], ascending name */
    size_t n;
    uint64_t done, total;
    char first[400]; /* the first finding */
};

__attribute__((format(printf, 2, 3))) static void wrong(struct verify *verify, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_line(text);
    if (verify->result->wrong_n++ == 0)
        memcpy(verify->first, text, sizeof text);
    if (verify->calls && verify->calls->wrong)
        verify->calls->wrong(verify->calls->ctx, text);
}

static int tick(struct verify *verify, struct err *err)
{
    const struct verify_calls *calls = verify->calls;
    if (calls && calls->tick && calls->tick(calls->ctx, verify->done, verify->total))
        return err_set(err, ERR_CANCELLED, "the check was stopped");
    return 0;
}

/* --- the manifest --- */

static int malformed(const struct verify *verify, struct err *err, const char *what, const char *name)
{
    return err_set(err, ERR_CORRUPT, "%s/" MANIFEST_NAME ": %s%s%.100s%s; it is not what an export wrote",
                   verify->directory, what, name ? " \"" : "", name ? name : "", name ? "\"" : "");
}

static bool plain_name(const char *name)
{
    return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && !strstr(name, "..") &&
           strcmp(name, MANIFEST_NAME) != 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct manifest_file *)a)->name, ((const struct manifest_file *)b)->name);
}

static int read_file(struct verify *verify, const struct json *json, struct err *err)
{
    struct manifest_file file = {.name = json_string_or(json_get(json, "name"), NULL)};
    int64_t bytes = 0;
    if (!json_is(json, JSON_OBJECT) || !file.name)
        return malformed(verify, err, "a member of files has no name", NULL);
    if (!plain_name(file.name))
        return malformed(verify, err, "must name files beside it, not", file.name);
    if (json_len(json) != 3 || !json_whole(json_get(json, "bytes"), 0, INT64_MAX, &bytes) ||
        !hash_read(json_string_or(json_get(json, "hash"), ""), &file.hash))
        return malformed(verify, err, "bytes or hash cannot be read, of", file.name);
    file.bytes = (uint64_t)bytes;
    if (verify->total > UINT64_MAX - file.bytes)
        return malformed(verify, err, "the files are too large", NULL);
    verify->total += file.bytes;
    verify->files[verify->n++] = file;
    return 0;
}

static int read_files(struct verify *verify, struct err *err)
{
    const struct json *files = json_get(verify->json, "files");
    const char *hash = json_string_or(json_get(verify->json, "hash"), "");
    const char *format = json_string_or(json_get(verify->json, "format"), "");
    if (strncmp(format, "paretod-manifest-", 17) == 0 && strcmp(format, "paretod-manifest-1") != 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s/" MANIFEST_NAME ": has format %.40s; a later paretoctl reads it",
                       verify->directory, format);
    if (strcmp(format, "paretod-manifest-1") != 0 || strcmp(hash, "xxh128") != 0)
        return malformed(verify, err, "format must be paretod-manifest-1 and hash xxh128", NULL);
    if (!json_is(files, JSON_ARRAY) || json_len(files) == 0)
        return malformed(verify, err, "files is missing or empty", NULL);
    verify->files = mem_zero(json_len(files), sizeof *verify->files);
    for (const struct json *file = json_first(files); file; file = json_next(file)) {
        int rc = read_file(verify, file, err);
        if (rc)
            return rc;
    }
    qsort(verify->files, verify->n, sizeof *verify->files, by_name);
    for (size_t i = 1; i < verify->n; i++)
        if (strcmp(verify->files[i - 1].name, verify->files[i].name) == 0)
            return malformed(verify, err, "names twice", verify->files[i].name);
    return 0;
}

static int read_manifest(struct verify *verify, struct err *err)
{
    struct stat st;
    if (outdir_is_partial(verify->directory))
        return err_set(err, ERR_CORRUPT,
                       "%s: is what an export that was killed left behind, not a checkpoint; remove it",
                       verify->directory);
    if (stat(verify->directory, &st) != 0 || !S_ISDIR(st.st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s: there is no such directory", verify->directory);
    char *path = mem_printf("%s/" MANIFEST_NAME, verify->directory);
    int rc =
        access(path, F_OK) != 0 && errno == ENOENT
            ? err_set(err, ERR_NOT_FOUND,
                      "%s: holds no " MANIFEST_NAME "; only directories that an export made can be verified",
                      verify->directory)
            : json_parse_file(path, MANIFEST_MAX, &verify->json, err);
    mem_free(path);
    if (rc == ERR_INVALID)
        rc = err ? (err->code = ERR_CORRUPT) : ERR_CORRUPT;
    return rc ? rc : read_files(verify, err);
}

/* --- files --- */

/* Reads as many bytes as the manifest says; the file had them a moment ago. */
static int hash_file(struct verify *verify, const struct manifest_file *file, int fd, char *block,
                     struct err *err)
{
    struct hash_stream *stream = hash_create();
    uint64_t got = 0;
    int rc = 0;
    while (!rc && got < file->bytes) {
        ssize_t n = read(fd, block, file->bytes - got < BLOCK ? (size_t)(file->bytes - got) : BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            wrong(verify, "%s: cannot be read: %s", file->name, strerror(errno));
        if (n == 0)
            wrong(verify, "%s: became shorter while it was read", file->name);
        if (n <= 0)
            break;
        hash_add(stream, block, (size_t)n);
        got += (uint64_t)n;
        verify->done += (uint64_t)n;
        rc = tick(verify, err);
    }
    if (!rc && got == file->bytes && !hash_equal(hash_value(stream), file->hash))
        wrong(verify, "%s: has other bytes than were written: its hash differs", file->name);
    hash_destroy(stream);
    return rc;
}

static int check_file(struct verify *verify, const struct manifest_file *file, char *block, struct err *err)
{
    uint64_t before = verify->done;
    struct stat st;
    int rc = 0;
    char *path = mem_printf("%s/%s", verify->directory, file->name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        wrong(verify, "%s: is missing", file->name);
    else if (fd < 0)
        wrong(verify, "%s: cannot be opened: %s", file->name, strerror(errno));
    else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        wrong(verify, "%s: is not a regular file", file->name);
    else if ((uint64_t)st.st_size != file->bytes)
        wrong(verify, "%s: has %llu bytes, %llu were written%s", file->name, (unsigned long long)st.st_size,
              (unsigned long long)file->bytes, (uint64_t)st.st_size < file->bytes ? "; it is cut short" : "");
    else
        rc = hash_file(verify, file, fd, block, err);
    if (fd >= 0)
        close(fd);
    mem_free(path);
    verify->done = before + file->bytes;
    return rc ? rc : tick(verify, err);
}

/* What a loader would take for weights, for a part of the model, or run. */
static bool is_loaded(const char *name)
{
    static const char *const ends[] = {".safetensors", ".index.json", ".bin",   ".pt",
                                       ".pth",         ".gguf",       ".jinja", ".py"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t m = strlen(ends[i]);
        if (n > m && strcmp(name + n - m, ends[i]) == 0)
            return true;
    }
    return companions_is(name);
}

static int check_extra(struct verify *verify, struct err *err)
{
    DIR *list = opendir(verify->directory);
    if (!list)
        return err_set(err, ERR_IO, "%s: cannot be listed: %s", verify->directory, strerror(errno));
    for (struct dirent *entry; (entry = readdir(list));) {
        struct manifest_file key = {.name = entry->d_name};
        if (!is_loaded(entry->d_name) ||
            bsearch(&key, verify->files, verify->n, sizeof *verify->files, by_name))
            continue;
        verify->result->stray_n++;
        wrong(verify, "%s: is not of this export; a program that loads the directory may take it",
              entry->d_name);
    }
    closedir(list);
    return 0;
}

/* The hashes hold, so this finds a bad export rather than a bad disk. What keeps us from looking is no finding. */
static int check_opens(struct verify *verify, struct err *err)
{
    struct checkpoint *ckpt = NULL;
    struct err why = {0};
    int rc = verify->result->wrong_n ? 0 : checkpoint_open(verify->directory, &ckpt, &why);
    checkpoint_close(ckpt);
    if (rc == ERR_IO)
        return err_set(err, rc, "%s", why.text);
    if (rc)
        wrong(verify, "%s", why.text);
    return 0;
}

static int check_all(struct verify *verify, struct err *err)
{
    char *block = mem_zero(BLOCK, 1);
    int rc = 0;
    for (size_t i = 0; !rc && i < verify->n; i++)
        rc = check_file(verify, &verify->files[i], block, err);
    mem_free(block);
    if (!rc)
        rc = check_extra(verify, err);
    if (!rc)
        rc = check_opens(verify, err);
    size_t n = verify->result->wrong_n;
    if (rc || !n)
        return rc;
    bool stray = n == verify->result->stray_n;
    if (n == 1)
        return err_set(err, ERR_CORRUPT, "%s: %s; %s", verify->directory, verify->first,
                       stray ? "remove it" : "export it again");
    return err_set(err, ERR_CORRUPT, "%s: %zu files are not what was exported, first %s; %s",
                   verify->directory, n, verify->first, stray ? "remove them" : "export it again");
}

int manifest_verify(const char *directory, const struct verify_calls *calls, struct verify_result *result,
                    struct err *err)
{
    *result = (struct verify_result){0};
    struct verify verify = {.directory = directory, .calls = calls, .result = result};
    int rc = read_manifest(&verify, err);
    if (!rc) {
        result->files_n = verify.n;
        result->bytes = verify.total;
        rc = check_all(&verify, err);
    }
    mem_free(verify.files);
    json_free(verify.json);
    return rc;
}
