/* WHAT   The engine of an export: reads a pair once and writes k merged checkpoints, block by block.
 * WHO    merge/output/export.
 * UNITS  Bytes, elements. A block is a part of one tensor, at most STREAM_BLOCK bytes of its wider side.
 * MEMORY At most STREAM_MEMORY for blocks, whatever the size of tensors and models, and the pages of a few blocks where
 *        the pair is read through a map.
 * ERRORS ERR_IO, ERR_CANCELLED, and those of st_read and merge_span.
 * STATE  Runs `threads` threads, the caller's among them, and ends them before it returns.
 *
 *     take            work (any thread)              retire (one thread at a time, in order)
 *     next block  ->  read, merge, write its bytes -> hash, add up effects, tick
 *
 * 1. Blocks are taken in the order of the files that are written, which is that of the files that are read when those
 *    were written as the format's own library does it: by dtype, then name.
 * 2. A block's bytes and effects do not depend on threads, targets or order, and retiring is in order. So neither do
 *    files, hashes and effective ratios.
 * 3. A block's room is not used again before it is retired. */
#ifndef MERGE_STREAM_H
#define MERGE_STREAM_H

#include "merge/output/export.h"
#include "merge/output/outdir.h"
#include "merge/output/shards.h"

/* Two inputs and an output of a block fit the second cache of a core, so that what is written to the file is still there. */
#define STREAM_BLOCK (512u << 10)
/* So many blocks are asked of the file system before they are read. */
#define STREAM_AHEAD 16
#define STREAM_MEMORY (256u << 20)
/* So many bytes of base, and of tuned, are let go at once. */
#define STREAM_BEHIND (16u << 20)

struct stream_job {
    const struct checkpoint *base, *tuned;
    const struct plan *plan;
    const struct merge_how *how;
    const struct shards *shards;
    size_t k; /* targets */
    const struct export_target *targets;
    struct outdir *dirs;          /* [k], open */
    struct merge_effect *effects; /* [k][plan->entries_n], zero; added to */
    int threads;
    const struct export_progress *progress;
};

/* Creates the weight files of every directory, claims their room, fills, finishes and records them. */
int stream_run(const struct stream_job *job, struct err *err);

#endif
