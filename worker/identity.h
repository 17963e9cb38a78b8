/* WHAT   Are the checkpoints on this machine those that a search was submitted with?
 * WHO    worker/slot.
 * UNITS  None.
 * MEMORY None that outlives a call, but the cache of merge/files/digest.
 * ERRORS ERR_CONFLICT: other files, or none that can be read; the sentence names the tensor or file and says what to do.
 *        ERR_CANCELLED.
 * STATE  None. */
#ifndef WORKER_IDENTITY_H
#define WORKER_IDENTITY_H

#include "worker/lease.h"

#include "merge/files/hash.h"

#include <stdatomic.h>

/* The digests that are asked for, and what the files look like from outside: names, devices, inodes, sizes, times of the
 * last change of content and of inode (which nobody can set back) of everything in both directories that a checkpoint is
 * made of. Costs a stat a file. Zero for a search without digests. */
struct hash128 identity_stamp(const struct lease *lease);

/* How the hash of every tensor is asked for when a checkpoint is another one: the daemon's answer to GET digests. */
struct identity_source {
    int (*get)(void *ctx, struct json **out, struct err *err);
    void *ctx;
};

/* Reads both checkpoints to their end, unless they were read before. 0 also for a search without digests. */
int identity_check(const struct lease *lease, const struct identity_source *source, const atomic_bool *cancel,
                   struct err *err);

#endif
