#include "merge/output/outdir.h"

#include "proto/files.h"
#include "proto/mem.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- files --- */

int outdir_fail(const struct outdir *dir, const char *name, const char *what, struct err *err)
{
    const char *advice = errno == EMFILE
                             ? "; choose larger shards, fewer trials at once, or a higher limit (ulimit -n)"
                         : errno == EFBIG ? "; choose smaller shards, or a higher limit (ulimit -f)"
                                          : "";
    return err_set(err, ERR_IO, "%s/%s: %s: %s%s", dir->target, name, what, strerror(errno), advice);
}

int outdir_create(struct outdir *dir, const char *name, int *fd, struct err *err)
{
    char *path = mem_printf("%s/%s", dir->partial, name);
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    mem_free(path);
    if (*fd < 0)
        return outdir_fail(dir, name, "cannot be created", err);
    dir->files = mem_grow(dir->files, dir->files_n + 1, sizeof *dir->files);
    dir->files[dir->files_n++] = (struct manifest_file){.name = mem_strdup(name)};
    return 0;
}

int outdir_finish(struct outdir *dir, const char *name, int fd, int rc, struct err *err)
{
    if (!rc && dir->durable && fsync(fd) != 0)
        rc = outdir_fail(dir, name, "cannot be brought to the disk", err);
    if (close(fd) != 0 && !rc)
        rc = outdir_fail(dir, name, "cannot be closed", err);
    return rc;
}

void outdir_record(struct outdir *dir, const char *name, uint64_t bytes, struct hash128 hash)
{
    for (size_t i = 0; i < dir->files_n; i++) {
        if (strcmp(dir->files[i].name, name) != 0)
            continue;
        dir->files[i].bytes = bytes;
        dir->files[i].hash = hash;
        return;
    }
    assert(!"a file that was created");
}

int outdir_put(struct outdir *dir, const char *name, const void *bytes, size_t n, struct err *err)
{
    int fd, rc = outdir_create(dir, name, &fd, err);
    if (rc)
        return rc;
    if (files_put(fd, bytes, n, 0))
        rc = outdir_fail(dir, name, "cannot be written", err);
    rc = outdir_finish(dir, name, fd, rc, err);
    if (!rc)
        outdir_record(dir, name, n, hash_bytes(bytes, n));
    return rc;
}

/* --- the directory --- */

static int sync_directory(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0
                 ? 0
                 : err_set(err, ERR_IO, "%s: cannot be brought to the disk: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

static int exists(const char *target, struct err *err)
{
    if (outdir_is_partial(target))
        return err_set(err, ERR_CONFLICT,
                       "%s: exists already: it is what an export that was killed left behind; remove it",
                       target);
    return err_set(err, ERR_CONFLICT, "%s: exists already; choose another directory or remove it", target);
}

/* A new directory beside the target. A number is added where an earlier process of our id left one behind. */
static int make_partial(struct outdir *dir, struct err *err)
{
    for (int i = 0; i < 100; i++) {
        char *path = i ? mem_printf("%s.partial-%d-%d", dir->target, (int)getpid(), i)
                       : mem_printf("%s.partial-%d", dir->target, (int)getpid());
        if (mkdir(path, 0777) == 0) {
            dir->partial = path;
            return 0;
        }
        int why = errno;
        mem_free(path);
        errno = why;
        if (why != EEXIST)
            break;
    }
    return err_set(err, ERR_IO, "%s: cannot be created beside its place: %s", dir->target, strerror(errno));
}

/* Without slashes at the end, so that the partial directory lies beside the target and not in it. */
static char *trim(const char *directory)
{
    size_t n = strlen(directory);
    while (n > 1 && directory[n - 1] == '/')
        n--;
    return mem_strndup(directory, n);
}

int outdir_open(struct outdir *dir, const char *directory, bool durable, struct err *err)
{
    struct stat st;
    *dir = (struct outdir){.target = trim(directory), .durable = durable};
    int rc = lstat(dir->target, &st) == 0 ? exists(dir->target, err) : 0;
    return rc ? rc : make_partial(dir, err);
}

static void discard(struct outdir *dir)
{
    for (size_t i = 0; i < dir->files_n; i++) {
        char *path = mem_printf("%s/%s", dir->partial, dir->files[i].name);
        unlink(path);
        mem_free(path);
    }
    rmdir(dir->partial);
}

void outdir_close(struct outdir *dir)
{
    if (dir->partial && !dir->published)
        discard(dir);
    for (size_t i = 0; i < dir->files_n; i++)
        mem_free((char *)(uintptr_t)dir->files[i].name);
    mem_free(dir->files);
    mem_free(dir->partial);
    mem_free(dir->target);
    *dir = (struct outdir){0};
}

/* The directory that a path lies in; the caller frees. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_strdup(".");
    return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Renames, never over something. rename alone would replace an empty directory. */
static int rename_new(const struct outdir *dir, struct err *err)
{
    struct stat st;
    if (renameat2(AT_FDCWD, dir->partial, AT_FDCWD, dir->target, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EINVAL || errno == ENOSYS) { /* a file system without it: look, then rename */
        if (lstat(dir->target, &st) == 0)
            return exists(dir->target, err);
        if (rename(dir->partial, dir->target) == 0)
            return 0;
    }
    if (errno == EEXIST || errno == ENOTEMPTY)
        return exists(dir->target, err);
    return err_set(err, ERR_IO, "%s: cannot be renamed: %s", dir->target, strerror(errno));
}

int outdir_publish(struct outdir *dir, struct err *err)
{
    int rc = dir->durable ? sync_directory(dir->partial, err) : 0;
    if (!rc)
        rc = rename_new(dir, err);
    if (rc)
        return rc;
    dir->published = true;
    char *parent = parent_of(dir->target);
    rc = dir->durable ? sync_directory(parent, err) : 0;
    mem_free(parent);
    return rc;
}

void outdir_withdraw(struct outdir *dir)
{
    /* Nothing but a rename, which a full disk allows too. */
    if (dir->published && rename(dir->target, dir->partial) == 0)
        dir->published = false;
}

/* --- what others left --- */

/* The process id in a partial directory's name, 0 when it is none. */
static long partial_pid(const char *name)
{
    const char *mark = NULL;
    for (const char *p = name; (p = strstr(p, ".partial-")); p++)
        mark = p;
    if (!mark || mark[9] < '1' || mark[9] > '9')
        return 0;
    char *end;
    long pid = strtol(mark + 9, &end, 10);
    if (*end == '-' && end[1] >= '1' && end[1] <= '9')
        strtol(end + 1, &end, 10);
    return *end ? 0 : pid;
}

bool outdir_is_partial(const char *name)
{
    char *trimmed = trim(name);
    bool is = partial_pid(trimmed) > 0;
    mem_free(trimmed);
    return is;
}

void outdir_leftovers(const char *directory, void (*found)(void *ctx, const char *path), void *ctx)
{
    char *target = trim(directory), *parent = parent_of(target);
    const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
    size_t n = strlen(name);
    DIR *list = opendir(parent);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        long pid = partial_pid(entry->d_name);
        if (pid <= 0 || strncmp(entry->d_name, name, n) != 0 ||
            strncmp(entry->d_name + n, ".partial-", 9) != 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
            continue;
        char *path = slash ? mem_printf("%.*s/%s", (int)(slash - target), target, entry->d_name)
                           : mem_strdup(entry->d_name);
        found(ctx, path);
        mem_free(path);
    }
    if (list)
        closedir(list);
    mem_free(parent);
    mem_free(target);
}
