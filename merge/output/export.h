/* WHAT   Writes the merged checkpoints of ratio vectors as Hugging Face directories.
 * WHO    client (export), worker (evaluator commands that want a directory).
 * UNITS  Bytes.
 * MEMORY A few blocks a thread, whatever the size of the tensors.
 * ERRORS ERR_IO (disk full, …), ERR_CONFLICT (the directory exists), ERR_CANCELLED (by tick), and those of merge.h.
 * STATE  Either no directory or a whole one: written beside the target as "NAME.partial-PID", fsynced, renamed. What a
 *        killed export leaves under that name can be deleted.
 *
 * A directory holds the weights (model.safetensors, or shards and model.safetensors.index.json as Hugging Face makes
 * them), the files that tuned has beside its weights, paretod.json (lineage), README.md (model card) and
 * paretod.manifest.json (size and hash of every other file). The same arguments give the same bytes on any machine and
 * in any version: no path, time or version that the caller did not give is written. */
#ifndef MERGE_EXPORT_H
#define MERGE_EXPORT_H

#include "merge/merge.h"

#define EXPORT_SHARD_BYTES 5000000000u /* Hugging Face's default */

struct export_progress {
    /* Often, and after the last byte. Non-zero stops the export: ERR_CANCELLED, nothing is left. May be NULL. Called
     * from one thread at a time. */
    int (*tick)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
    void *ctx;
};

struct export_score {
    const char *name;     /* of the objective */
    double mean, stderr_; /* NaN: not known */
    const char *goal;     /* "max", "min"; NULL: not known */
};

/* What lineage and model card say beside plan and ratios. All of it may be NULL, 0 or -1: then it is left out. */
struct export_lineage {
    const char *search;                     /* its name */
    int trial;                              /* -1: none */
    const char *base, *tuned;               /* as the search names them */
    const char *base_digest, *tuned_digest; /* of digest.h */
    const struct export_score *scores;
    size_t scores_n;
};

struct export_target {
    const char *directory;
    const double *ratios;                 /* [plan->ratios_n] */
    const struct export_lineage *lineage; /* may be NULL */
    double *effective;                    /* [plan->ratios_n] out, or NULL */
};

struct export_options {
    struct merge_how how;
    uint64_t shard_bytes; /* 0: EXPORT_SHARD_BYTES; a larger tensor has a shard for itself */
    int threads;          /* 0: as many as the machine has, at most 8 */
    bool scratch;         /* a directory for minutes: nothing is fsynced, no model card, no manifest */
};

/* All targets in one pass over the pair; on failure none of them is there. options, progress: may be NULL. */
int export_checkpoints(const struct checkpoint *base, const struct checkpoint *tuned, const struct plan *plan,
                       const struct export_target *targets, size_t n, const struct export_options *options,
                       const struct export_progress *progress, struct err *err);

#endif
