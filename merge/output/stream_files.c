#include "merge/output/stream_internal.h"

#include "proto/files.h"
#include "proto/mem.h"
#include "proto/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int *fd_of(struct stream_files *files, size_t c, size_t shard)
{
    return &files->fds[c * files->job->shards->n + shard];
}

struct left {
    char path[256];
};

static void note_left(void *ctx, const char *path)
{
    struct left *left = ctx;
    if (strlen(path) < sizeof left->path)
        strcpy(left->path, path);
}

/* No room for all of it: says how much, and who may be in the way. */
static int no_room(const struct stream_job *job, const struct outdir *dir, int why, struct err *err)
{
    struct left left = {""};
    struct statvfs disk;
    char needs[UNITS_TEXT_MAX], free_text[UNITS_TEXT_MAX], are[UNITS_TEXT_MAX + 16] = "";
    units_bytes(needs, (double)job->shards->total * (double)job->k);
    if (statvfs(dir->partial, &disk) == 0) {
        units_bytes(free_text, (double)disk.f_bavail * (double)disk.f_frsize);
        snprintf(are, sizeof are, " (%s are free)", free_text);
    }
    outdir_leftovers(dir->target, note_left, &left);
    return err_set(err, ERR_IO, "%s: no room for %s%s: %s%s%s%s", dir->target, needs, are, strerror(why),
                   left.path[0] ? "; " : "", left.path,
                   left.path[0] ? " is what an export that was killed left, remove it" : "");
}

static int open_one(struct stream_files *files, size_t c, size_t s, struct err *err)
{
    const struct stream_job *job = files->job;
    const struct shard *shard = &job->shards->shards[s];
    struct outdir *dir = &job->dirs[c];
    int *fd = fd_of(files, c, s);
    int rc = outdir_create(dir, shard->name, fd, err);
    if (rc)
        return rc;
    /* Claims the room now, so that a full disk says so before the work. Not every file system can. */
    rc = fallocate(*fd, 0, 0, (off_t)shard->bytes);
    if (rc && (errno == ENOSPC || errno == EDQUOT))
        return no_room(job, dir, errno, err);
    if (rc && errno == EFBIG)
        return outdir_fail(dir, shard->name, "cannot be as large as it must", err);
    return 0;
}

/* The headers in front of the next shard's data, into files and hashes. */
static int begin_shard(struct stream_files *files, size_t s, struct err *err)
{
    const struct stream_job *job = files->job;
    const struct buf *header = &job->shards->shards[s].header;
    for (size_t c = 0; c < job->k; c++) {
        int rc = stream_files_write(files, c, s, 0, header->data, header->len, err);
        if (rc)
            return rc;
    }
    return 0;
}

static void hash_header(struct stream_files *files, size_t s)
{
    const struct stream_job *job = files->job;
    for (size_t c = 0; s < job->shards->n && c < job->k; c++) {
        hash_reset(files->hashes[c]);
        hash_add(files->hashes[c], job->shards->shards[s].header.data, job->shards->shards[s].header.len);
    }
}

int stream_files_open(struct stream_files *files, const struct stream_job *job, struct err *err)
{
    size_t n = job->k * job->shards->n;
    *files = (struct stream_files){.job = job};
    files->fds = mem_zero(n, sizeof *files->fds);
    files->hashes = mem_zero(job->k, sizeof(struct hash_stream *));
    for (size_t i = 0; i < n; i++)
        files->fds[i] = -1;
    for (size_t c = 0; c < job->k; c++)
        files->hashes[c] = hash_create();
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = open_one(files, i / job->shards->n, i % job->shards->n, err);
    for (size_t s = 0; !rc && s < job->shards->n; s++)
        rc = begin_shard(files, s, err);
    hash_header(files, 0);
    return rc;
}

int stream_files_write(struct stream_files *files, size_t c, size_t shard, uint64_t offset, const void *bytes,
                       size_t n, struct err *err)
{
    const struct stream_job *job = files->job;
    int fd = *fd_of(files, c, shard);
    if (files_put(fd, bytes, n, offset))
        return outdir_fail(&job->dirs[c], job->shards->shards[shard].name, "cannot be written", err);
    /* The disk works while we merge, so that the fsync at the end is short. */
    if (job->dirs[c].durable)
        sync_file_range(fd, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
    return 0;
}

void stream_files_retire(struct stream_files *files, size_t s)
{
    const struct stream_job *job = files->job;
    const struct shard *shard = &job->shards->shards[s];
    for (size_t c = 0; c < job->k; c++)
        outdir_record(&job->dirs[c], shard->name, shard->bytes, hash_value(files->hashes[c]));
    hash_header(files, s + 1);
}

int stream_files_close(struct stream_files *files, int rc, struct err *err)
{
    const struct stream_job *job = files->job;
    for (size_t i = 0; i < job->k * job->shards->n; i++) {
        size_t c = i / job->shards->n;
        if (files->fds[i] >= 0)
            rc = outdir_finish(&job->dirs[c], job->shards->shards[i % job->shards->n].name, files->fds[i], rc,
                               err);
    }
    for (size_t c = 0; c < job->k; c++)
        hash_destroy(files->hashes[c]);
    mem_free(files->hashes);
    mem_free(files->fds);
    return rc;
}
