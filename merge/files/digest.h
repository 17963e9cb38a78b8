/* WHAT   What a checkpoint holds, as hashes: its identity wherever it lies and however it is sharded.
 * WHO    merge/preflight (at submit), worker (before it merges), client (before it exports), merge/output (lineage).
 * UNITS  Bytes.
 * MEMORY digest_make allocates; digest_fini.
 * ERRORS ERR_IO, ERR_CANCELLED (by tick), ERR_CONFLICT from digest_compare.
 * STATE  A cache of finished digests for the life of the process, by the identity of the files (device, inode, size,
 *        times), under a mutex: a worker of many slots reads a checkpoint once.
 *
 * whole = hash of the lines "NAME DTYPE [SHAPE] HASH\n" of all tensors by ascending name, then "config HASH\n". The
 * config's hash is that of config.json with its keys sorted and without those that say nothing about the function:
 * _name_or_path, transformers_version, torch_dtype, dtype. */
#ifndef MERGE_DIGEST_H
#define MERGE_DIGEST_H

#include "merge/files/checkpoint.h"
#include "merge/files/hash.h"

struct digest {
    struct hash128 whole, config;
    size_t n;
    struct hash128 *tensors; /* [n], of the data, in the order of checkpoint_at */
};

struct digest_progress {
    /* Every 16 MiB or so. Non-zero stops: ERR_CANCELLED. May be NULL. */
    int (*tick)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
    void *ctx;
};

int digest_make(const struct checkpoint *ckpt, const struct digest_progress *progress, struct digest *out,
                struct err *err);
void digest_fini(struct digest *digest);

/* Keeps the digest for later calls of digest_make, from the hashes of the tensors' data [checkpoint_count] that somebody
 * made in a pass of his own. ERR_IO when the files were changed meanwhile. */
int digest_keep(const struct checkpoint *ckpt, const struct hash128 *tensors, struct err *err);

/* {"digest":HEX,"config":HEX,"tensors":[{"name","hash"}]} */
void digest_write(const struct checkpoint *ckpt, const struct digest *digest, struct json_out *out);

/* Holds ours against what digest_write wrote. 0 when equal; ERR_CONFLICT names `what` ("models.base"), the directory
 * and the first tensor that differs, is missing or is too much, or config.json. */
int digest_compare(const char *what, const struct checkpoint *ckpt, const struct digest *ours,
                   const struct json *theirs, struct err *err);

#endif
