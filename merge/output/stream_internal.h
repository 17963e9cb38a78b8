/* WHAT   What the two sources of the stream share.
 * WHO    merge/output/stream.c (the blocks), merge/output/stream_files.c (the files they go to).
 * UNITS  Bytes, elements.
 * MEMORY stream.c's.
 * ERRORS As stream.h.
 * STATE  struct stream_files: open -> finish. */
#ifndef MERGE_STREAM_INTERNAL_H
#define MERGE_STREAM_INTERNAL_H

#include "merge/output/stream.h"

/* The weight files of all targets. */
struct stream_files {
    const struct stream_job *job;
    int *fds;                    /* [k][shards->n], -1: not open */
    struct hash_stream **hashes; /* [k], of the shard that is being retired */
};

/* Creates all files with their room and headers. The disk that is full says so here, before the work. */
int stream_files_open(struct stream_files *files, const struct stream_job *job, struct err *err);
/* Writes bytes of a shard of target c and starts their way to the disk. */
int stream_files_write(struct stream_files *files, size_t c, size_t shard, uint64_t offset, const void *bytes,
                       size_t n, struct err *err);
/* All bytes of the shard are hashed: records it in every directory, makes ready for the next one. */
void stream_files_retire(struct stream_files *files, size_t shard);
/* Finishes what is open; rc is what happened before and wins. */
int stream_files_close(struct stream_files *files, int rc, struct err *err);

#endif
