#include "worker/scratch.h"

#include "proto/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "paretod-job-"

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    remove(path); /* what stays is tried again by the next sweep */
    return 0;
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* The lock of a directory that still exists, or -1: a sweep may have been faster. */
static int lock_directory(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &info) == 0 && info.st_nlink > 0)
        return fd;
    close(fd);
    return -1;
}

int scratch_make(const char *parent, struct scratch *out, struct err *err)
{
    *out = (struct scratch){.lock_fd = -1};
    char *whole = realpath(parent, NULL);
    if (!whole)
        return err_set(err, ERR_IO, "cannot use the scratch directory %s: %s", parent, strerror(errno));
    for (int i = 0; i < 10 && out->lock_fd < 0; i++) {
        mem_free(out->path);
        out->path = mem_printf("%s/" PREFIX "XXXXXX", whole);
        if (!mkdtemp(out->path)) {
            err_set(err, ERR_IO, "cannot make %s: %s", out->path, strerror(errno));
            break;
        }
        out->lock_fd = lock_directory(out->path);
        if (out->lock_fd < 0)
            err_set(err, ERR_IO, "cannot lock %s", out->path);
    }
    free(whole);
    if (out->lock_fd >= 0)
        return 0;
    mem_free(out->path);
    out->path = NULL;
    return ERR_IO;
}

void scratch_fini(struct scratch *scratch)
{
    if (!scratch->path)
        return;
    remove_tree(scratch->path);
    close(scratch->lock_fd);
    mem_free(scratch->path);
    *scratch = (struct scratch){.lock_fd = -1};
}

void scratch_sweep(const char *parent)
{
    DIR *directory = opendir(parent);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        char *path = mem_printf("%s/%s", parent, entry->d_name);
        int fd = lock_directory(path);
        if (fd >= 0) {
            remove_tree(path);
            close(fd);
        }
        mem_free(path);
    }
    closedir(directory);
}
